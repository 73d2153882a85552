//! Emptying tables.

use safeguard_api::Environment;
use safeguard_api::guard::{GuardAnswer, Principal, StatementClass};

use super::{POLICY, Rule};

pub(super) static RULE: Rule = Rule {
    id: "truncate",
    page: include_str!("truncate.md"),
    classes: &[StatementClass::Truncate],
    sqlstate: POLICY,
    gives_way: true,
    answer: |_, asker| match (asker.principal, asker.environment) {
        (Principal::Person | Principal::Migration, Environment::Dev) => GuardAnswer::Allow,
        (Principal::Agent | Principal::Service | Principal::Person | Principal::Migration, _) => {
            GuardAnswer::Deny
        }
    },
    why: "TRUNCATE takes every row and leaves no count of them",
    instead: |asker| match asker.principal {
        Principal::Agent | Principal::Service => {
            "leave the rows, or mark them; a person or a migration may delete some within a budget"
        }
        Principal::Person | Principal::Migration => {
            "use `DELETE` with a `WHERE`, in batches, so that the rows are counted"
        }
    },
};
