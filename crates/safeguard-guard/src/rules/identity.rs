//! Taking on another role.

use safeguard_api::guard::{GuardAnswer, Principal, StatementClass};

use super::{POLICY, Rule};

pub(super) static RULE: Rule = Rule {
    id: "identity",
    page: include_str!("identity.md"),
    classes: &[StatementClass::Identity, StatementClass::IdentityReset],
    sqlstate: POLICY,
    gives_way: true,
    answer: |class, asker| match (class, asker.principal) {
        (_, Principal::Person | Principal::Migration) => GuardAnswer::Allow,
        (StatementClass::IdentityReset, Principal::Service) => GuardAnswer::Allow,
        (_, Principal::Agent | Principal::Service) => GuardAnswer::Deny,
    },
    why: "who asks is settled at login, and not by what is asked",
    instead: |_| "log in as the role that the work needs",
};
