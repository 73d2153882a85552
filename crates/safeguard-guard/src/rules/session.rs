//! Reading, and what concerns the session alone.

use safeguard_api::guard::{GuardAnswer, StatementClass};

use super::{POLICY, Rule};

pub(super) static RULE: Rule = Rule {
    id: "session",
    page: include_str!("session.md"),
    classes: &[
        StatementClass::Read,
        StatementClass::Session,
        StatementClass::Transaction,
    ],
    sqlstate: POLICY,
    gives_way: true,
    answer: |_, _| GuardAnswer::Allow,
    why: "reading, and what concerns the session alone, is free",
    instead: |_| "nothing is to be done instead",
};
