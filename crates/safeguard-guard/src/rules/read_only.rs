//! Writing in staging.

use safeguard_api::Environment;
use safeguard_api::guard::{GuardAnswer, Principal, StatementClass};

use super::{READ_ONLY, Rule};

pub(super) static RULE: Rule = Rule {
    id: "read-only",
    page: include_str!("read_only.md"),
    classes: &[
        StatementClass::Write,
        StatementClass::BulkWrite,
        StatementClass::Delete,
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
    ],
    sqlstate: READ_ONLY,
    gives_way: false,
    answer: |_, asker| {
        if asker.environment == Environment::Staging && asker.principal != Principal::Migration {
            GuardAnswer::Deny
        } else {
            GuardAnswer::Allow
        }
    },
    why: "staging holds data shaped like production's, for reading alone",
    instead: |_| "write in dev or qa; the schema of staging changes by migrations",
};
