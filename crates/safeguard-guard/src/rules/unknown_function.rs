//! Calling functions that somebody defined.

use safeguard_api::guard::{GuardAnswer, StatementClass};

use super::{POLICY, Rule};

pub(super) static RULE: Rule = Rule {
    id: "unknown-function",
    page: include_str!("unknown_function.md"),
    classes: &[StatementClass::UnknownFunction],
    sqlstate: POLICY,
    gives_way: true,
    answer: |_, _| GuardAnswer::Measure,
    why: "what a function of somebody's own does shows only when it runs",
    instead: |_| "call PostgreSQL's own functions, or let the call be measured",
};
