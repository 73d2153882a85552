//! Changing production while it is frozen.

use safeguard_api::Environment;
use safeguard_api::guard::{GuardAnswer, StatementClass};

use super::{READ_ONLY, Rule};

pub(super) static RULE: Rule = Rule {
    id: "freeze",
    page: include_str!("freeze.md"),
    classes: &[
        StatementClass::BulkWrite,
        StatementClass::Truncate,
        StatementClass::Drop,
        StatementClass::DropDefinition,
        StatementClass::DropEverything,
        StatementClass::Create,
        StatementClass::Alter,
        StatementClass::Code,
        StatementClass::Comment,
        StatementClass::Protection,
        StatementClass::Privilege,
        StatementClass::Role,
        StatementClass::Extension,
        StatementClass::DynamicSql,
        StatementClass::ExclusiveMaintenance,
    ],
    sqlstate: READ_ONLY,
    gives_way: false,
    answer: |_, asker| {
        if asker.frozen && asker.environment == Environment::Production {
            GuardAnswer::Deny
        } else {
            GuardAnswer::Allow
        }
    },
    why: "while production is frozen, nothing moves towards it",
    instead: |_| "wait until the freeze ends (`safeguard freeze list`); what takes a release off is never held",
};
