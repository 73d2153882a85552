//! Reaching another database or server.

use safeguard_api::Environment;
use safeguard_api::guard::{GuardAnswer, StatementClass};

use super::{POLICY, Rule};

pub(super) static RULE: Rule = Rule {
    id: "outward",
    page: include_str!("outward.md"),
    classes: &[StatementClass::NamesDatabase, StatementClass::Outward],
    sqlstate: POLICY,
    gives_way: true,
    answer: |class, asker| match (class, asker.environment) {
        // PostgreSQL itself refuses every database but the one of the connection.
        (StatementClass::NamesDatabase, Environment::Production) => GuardAnswer::Allow,
        _ => GuardAnswer::Deny,
    },
    why: "one environment never reaches another, and no statement opens a way out of its database",
    instead: |_| "connect to the other database by itself, with credentials of its own",
};
