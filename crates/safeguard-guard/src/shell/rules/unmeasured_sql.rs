//! Statements that would be measured, where nothing measures.

use super::{CommandRule, POLICY, elsewhere};

pub(super) static RULE: CommandRule = CommandRule {
    id: "unmeasured-sql",
    page: include_str!("unmeasured_sql.md"),
    sqlstate: POLICY,
    why: "what a change of rows or a call really does shows only when it runs, and nothing stands behind this command to measure it",
    instead: "for a read, leave out the function that is not PostgreSQL's own; for a change, write a migration, or have a person run it",
    check: elsewhere,
};
