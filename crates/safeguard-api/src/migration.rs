//! Migrations: what is dangerous in their text, and what one did to a copy of the data.

use serde::{Deserialize, Serialize};

use crate::evidence::Severity;
use crate::time::Span;

/// What is dangerous in a migration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MigrationFinding {
    pub rule: String,
    pub severity: Severity,
    /// Counted from 1, as the column is.
    pub line: usize,
    pub column: usize,
    pub message: String,
    /// What to do instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// What a migration did to a copy, and whether it could be taken back; it does not judge.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Rehearsal {
    /// From its first statement to its commit.
    pub took: Span,
    /// False where one of its statements can not run in a transaction: then locks were not seen.
    pub in_transaction: bool,
    /// Locks that stop writers or readers, on tables that were there before, until the commit.
    pub locks: Vec<LockHeld>,
    /// Tables that were written anew, whole.
    pub rewritten: Vec<String>,
    /// Of all tables.
    pub rows_before: u64,
    pub rows_after: u64,
    pub rows_lost: Vec<RowsLost>,
    pub values_lost: Vec<ValuesLost>,
    pub types_changed: Vec<TypeChanged>,
    /// What differs after the way down, a line each; none where there is no way down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub differs_after_down: Option<Vec<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockHeld {
    pub table: String,
    /// As PostgreSQL calls it, such as `AccessExclusiveLock`.
    pub mode: String,
    pub rows: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowsLost {
    pub table: String,
    pub before: u64,
    /// 0 also where the table is gone.
    pub after: u64,
}

/// A column that is gone, with what was in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ValuesLost {
    pub table: String,
    pub column: String,
    pub values: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypeChanged {
    pub table: String,
    pub column: String,
    pub from: String,
    pub to: String,
    /// Whether the values read otherwise afterwards.
    pub values_differ: bool,
}
