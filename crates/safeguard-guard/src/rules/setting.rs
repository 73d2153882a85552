//! Settings that change how statements are read or counted.

use safeguard_api::guard::{GuardAnswer, StatementClass};

use super::{POLICY, Rule};

pub(super) static RULE: Rule = Rule {
    id: "setting",
    page: include_str!("setting.md"),
    classes: &[StatementClass::Setting],
    sqlstate: POLICY,
    gives_way: true,
    answer: |_, _| GuardAnswer::Deny,
    why: "the setting changes how statements are read, checked or counted, and with it what the guard sees",
    instead: |_| "leave it as the server has it",
};
