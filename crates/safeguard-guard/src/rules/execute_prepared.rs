//! Running what was prepared before.

use safeguard_api::guard::{GuardAnswer, StatementClass};

use super::{POLICY, Rule};

pub(super) static RULE: Rule = Rule {
    id: "execute-prepared",
    page: include_str!("execute_prepared.md"),
    classes: &[StatementClass::ExecutePrepared],
    sqlstate: POLICY,
    gives_way: true,
    answer: |_, _| GuardAnswer::Measure,
    why: "what was prepared elsewhere shows only when it runs",
    instead: |_| "prepare it in the same text to have it judged as it is written",
};
