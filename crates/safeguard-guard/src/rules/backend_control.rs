//! Ending the statements and sessions of others.

use safeguard_api::guard::{GuardAnswer, Principal, StatementClass};

use super::{POLICY, Rule};

pub(super) static RULE: Rule = Rule {
    id: "backend-control",
    page: include_str!("backend_control.md"),
    classes: &[StatementClass::BackendControl],
    sqlstate: POLICY,
    gives_way: true,
    answer: |_, asker| match asker.principal {
        Principal::Agent | Principal::Service | Principal::Migration => GuardAnswer::Deny,
        Principal::Person => GuardAnswer::Allow,
    },
    why: "who ends the work of others must be somebody who answers for it",
    instead: |_| "have a person end it, or set `statement_timeout` for your own statements",
};
