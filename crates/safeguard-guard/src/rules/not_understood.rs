//! What is not understood.

use safeguard_api::guard::{GuardAnswer, StatementClass};

use super::{NOT_SUPPORTED, Rule};

pub(super) static RULE: Rule = Rule {
    id: "not-understood",
    page: include_str!("not_understood.md"),
    classes: &[StatementClass::NotUnderstood],
    sqlstate: NOT_SUPPORTED,
    gives_way: false,
    answer: |_, _| GuardAnswer::Deny,
    why: "what is not understood is not run",
    instead: |_| "write one plain statement of SQL that PostgreSQL 13 to 18 would take",
};
