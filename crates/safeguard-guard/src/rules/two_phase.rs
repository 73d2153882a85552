//! Handing a transaction to another session.

use safeguard_api::guard::{GuardAnswer, StatementClass};

use super::{POLICY, Rule};

pub(super) static RULE: Rule = Rule {
    id: "two-phase",
    page: include_str!("two_phase.md"),
    classes: &[StatementClass::TwoPhase],
    sqlstate: POLICY,
    gives_way: true,
    answer: |_, _| GuardAnswer::Deny,
    why: "a transaction that another session commits can not be measured before it is",
    instead: |_| "commit in the session that did the work",
};
