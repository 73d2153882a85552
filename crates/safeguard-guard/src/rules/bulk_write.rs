//! Changing every row of a relation.

use safeguard_api::guard::{GuardAnswer, Principal, StatementClass};

use super::{POLICY, Rule};

pub(super) static RULE: Rule = Rule {
    id: "bulk-write",
    page: include_str!("bulk_write.md"),
    classes: &[StatementClass::BulkWrite],
    sqlstate: POLICY,
    gives_way: true,
    answer: |_, asker| match asker.principal {
        Principal::Agent | Principal::Service => GuardAnswer::Deny,
        Principal::Person | Principal::Migration => GuardAnswer::Measure,
    },
    why: "changing every row loses what was there, as deleting does",
    instead: |_| "name the rows in `WHERE`, by key and in batches; a migration may fill a new column",
};
