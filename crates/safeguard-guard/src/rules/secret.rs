//! Reading passwords.

use safeguard_api::guard::{GuardAnswer, Principal, StatementClass};

use super::{POLICY, Rule};

pub(super) static RULE: Rule = Rule {
    id: "secret",
    page: include_str!("secret.md"),
    classes: &[StatementClass::Secret],
    sqlstate: POLICY,
    gives_way: true,
    answer: |_, asker| match asker.principal {
        Principal::Agent | Principal::Service => GuardAnswer::Deny,
        Principal::Person | Principal::Migration => GuardAnswer::Allow,
    },
    why: "passwords and connection texts of the server are nobody's data",
    instead: |_| "read `pg_roles`, `pg_stat_activity` or `pg_settings`, which keep secrets out",
};
