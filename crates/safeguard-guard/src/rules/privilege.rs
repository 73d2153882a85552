//! Changing who may do what, and what protects rows.

use safeguard_api::guard::{GuardAnswer, Principal, StatementClass};

use super::{POLICY, Rule};

pub(super) static RULE: Rule = Rule {
    id: "privilege",
    page: include_str!("privilege.md"),
    classes: &[
        StatementClass::Privilege,
        StatementClass::Protection,
        StatementClass::Role,
    ],
    sqlstate: POLICY,
    gives_way: true,
    answer: |class, asker| match (class, asker.principal) {
        (StatementClass::Privilege, Principal::Migration) => GuardAnswer::Allow,
        (_, Principal::Agent | Principal::Service | Principal::Person | Principal::Migration) => {
            GuardAnswer::Deny
        }
    },
    why: "who can widen rights, or switch off what protects rows, is bound by nothing",
    instead: |_| "have an administrator change roles outside of the guard; a migration may grant rights on objects",
};
