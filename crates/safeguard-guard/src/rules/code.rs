//! Leaving code behind that runs later: functions, triggers, rules.

use safeguard_api::Environment;
use safeguard_api::guard::{GuardAnswer, Principal, StatementClass};

use super::{POLICY, Rule};

pub(super) static RULE: Rule = Rule {
    id: "code",
    page: include_str!("code.md"),
    classes: &[StatementClass::Code],
    sqlstate: POLICY,
    gives_way: true,
    answer: |_, asker| match (asker.principal, asker.environment) {
        (Principal::Person, Environment::Dev) => GuardAnswer::Allow,
        (Principal::Agent | Principal::Service, _) => GuardAnswer::Deny,
        (Principal::Person, _) => GuardAnswer::Measure,
        (Principal::Migration, _) => GuardAnswer::Allow,
    },
    why: "what a definition does later, it does unasked and unseen",
    instead: |_| "put it into a migration, which is reviewed and walks through the stages",
};
