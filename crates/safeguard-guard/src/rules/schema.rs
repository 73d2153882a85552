//! Changing the schema.

use safeguard_api::Environment;
use safeguard_api::guard::{GuardAnswer, Principal, StatementClass};

use super::{POLICY, Rule};

pub(super) static RULE: Rule = Rule {
    id: "schema",
    page: include_str!("schema.md"),
    classes: &[
        StatementClass::Create,
        StatementClass::Alter,
        StatementClass::Comment,
        StatementClass::Temporary,
    ],
    sqlstate: POLICY,
    gives_way: true,
    answer: |class, asker| match (class, asker.principal, asker.environment) {
        (StatementClass::Comment | StatementClass::Temporary, _, _) | (_, Principal::Migration, _) => {
            GuardAnswer::Allow
        }
        (_, Principal::Person, Environment::Dev) => GuardAnswer::Allow,
        (StatementClass::Create, Principal::Person, _) => GuardAnswer::Allow,
        (_, Principal::Person, _) | (StatementClass::Create, Principal::Agent, Environment::Dev) => {
            GuardAnswer::Measure
        }
        (_, Principal::Agent | Principal::Service, _) => GuardAnswer::Deny,
    },
    why: "a schema changes by migrations, which walk through the stages like all code",
    instead: |_| "put it into a migration and release it",
};
