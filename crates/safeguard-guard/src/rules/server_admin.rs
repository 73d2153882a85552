//! Changing the server as a whole.

use safeguard_api::guard::{GuardAnswer, StatementClass};

use super::{POLICY, Rule};

pub(super) static RULE: Rule = Rule {
    id: "server-admin",
    page: include_str!("server_admin.md"),
    classes: &[StatementClass::ServerAdmin],
    sqlstate: POLICY,
    gives_way: true,
    answer: |_, _| GuardAnswer::Deny,
    why: "what changes the server changes every database on it",
    instead: |_| "have an administrator do it outside of the guard",
};
