//! Adding and changing rows.

use safeguard_api::Environment;
use safeguard_api::guard::{GuardAnswer, Principal, StatementClass};

use super::{POLICY, Rule};

pub(super) static RULE: Rule = Rule {
    id: "write",
    page: include_str!("write.md"),
    classes: &[StatementClass::Write],
    sqlstate: POLICY,
    gives_way: true,
    answer: |_, asker| match (asker.principal, asker.environment) {
        (Principal::Person | Principal::Migration, Environment::Dev) => GuardAnswer::Allow,
        (Principal::Agent | Principal::Service | Principal::Person | Principal::Migration, _) => {
            GuardAnswer::Measure
        }
    },
    why: "what triggers and cascades add to a write shows only when it runs",
    instead: |_| "write fewer rows at a time",
};
