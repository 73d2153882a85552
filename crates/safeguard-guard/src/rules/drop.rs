//! Dropping what holds data, and what defines it.

use safeguard_api::Environment;
use safeguard_api::guard::{GuardAnswer, Principal, StatementClass};

use super::{POLICY, Rule};

pub(super) static RULE: Rule = Rule {
    id: "drop",
    page: include_str!("drop.md"),
    classes: &[
        StatementClass::Drop,
        StatementClass::DropDefinition,
        StatementClass::DropEverything,
    ],
    sqlstate: POLICY,
    gives_way: true,
    answer: |class, asker| match (class, asker.principal, asker.environment) {
        (StatementClass::DropEverything, _, _) | (_, Principal::Agent | Principal::Service, _) => {
            GuardAnswer::Deny
        }
        (_, Principal::Person | Principal::Migration, Environment::Dev) => GuardAnswer::Allow,
        (StatementClass::DropDefinition, Principal::Person | Principal::Migration, _) => GuardAnswer::Allow,
        (_, Principal::Migration, _) => GuardAnswer::Measure,
        (_, Principal::Person, _) => GuardAnswer::Deny,
    },
    why: "what is dropped is gone with all its data, and comes back from a backup at best",
    instead: |asker| match asker.principal {
        Principal::Agent | Principal::Service => {
            "leave it as it is, and write a migration that drops it once nothing uses it"
        }
        Principal::Person | Principal::Migration => {
            "rename it and drop it in a later migration, once nothing has asked for it; whole databases go outside of the guard"
        }
    },
};
