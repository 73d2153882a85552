//! Tending tables and indexes.

use safeguard_api::guard::{GuardAnswer, Principal, StatementClass};

use super::{POLICY, Rule};

pub(super) static RULE: Rule = Rule {
    id: "maintenance",
    page: include_str!("maintenance.md"),
    classes: &[StatementClass::Maintenance, StatementClass::ExclusiveMaintenance],
    sqlstate: POLICY,
    gives_way: true,
    answer: |class, asker| match (class, asker.principal) {
        (_, Principal::Person | Principal::Migration) => GuardAnswer::Allow,
        (StatementClass::Maintenance, Principal::Agent | Principal::Service) => GuardAnswer::Allow,
        (_, Principal::Agent | Principal::Service) => GuardAnswer::Deny,
    },
    why: "writing a table again keeps everybody else out of it until the end",
    instead: |_| "use `VACUUM` without `FULL`, or `REINDEX CONCURRENTLY`",
};
