//! Having SQL run later, or beside the transaction.

use safeguard_api::guard::{GuardAnswer, StatementClass};

use super::{POLICY, Rule};

pub(super) static RULE: Rule = Rule {
    id: "deferred",
    page: include_str!("deferred.md"),
    classes: &[StatementClass::Deferred],
    sqlstate: POLICY,
    gives_way: true,
    answer: |_, _| GuardAnswer::Deny,
    why: "what runs later, or beside the transaction, can be neither measured nor taken back",
    instead: |_| "run the statement itself when it is due, so that it is judged",
};
