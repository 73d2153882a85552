//! Deleting rows.

use safeguard_api::Environment;
use safeguard_api::guard::{GuardAnswer, Principal, StatementClass};

use super::{POLICY, Rule};

pub(super) static RULE: Rule = Rule {
    id: "delete",
    page: include_str!("delete.md"),
    classes: &[StatementClass::Delete],
    sqlstate: POLICY,
    gives_way: true,
    answer: |_, asker| match (asker.principal, asker.environment) {
        (Principal::Person | Principal::Migration, Environment::Dev) => GuardAnswer::Allow,
        (Principal::Agent | Principal::Service, _) => GuardAnswer::Deny,
        (Principal::Person | Principal::Migration, _) => GuardAnswer::Measure,
    },
    why: "agents and AI-written services delete nothing, in any environment; persons and migrations within a budget of rows",
    instead: |asker| match asker.principal {
        Principal::Agent | Principal::Service => {
            "mark the rows instead (`UPDATE … SET deleted_at = now() WHERE id = …`), or have a person or a migration delete them"
        }
        Principal::Person | Principal::Migration => "delete fewer rows at a time, by key",
    },
};
