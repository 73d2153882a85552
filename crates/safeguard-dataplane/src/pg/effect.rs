//! The true effect of a transaction, read from PostgreSQL's own counters before it commits.
//!
//! The counters see what triggers, cascades and functions do. They hold what was not yet reported of earlier transactions,
//! so that only differences count; and what was done within a savepoint that was rolled back stays counted, which is the
//! safe side. What empties, drops or rewrites a table does not count its rows, but locks it against everybody.

use std::collections::{BTreeMap, BTreeSet};

use safeguard_api::UndoId;
use safeguard_api::guard::{RowBudget, StatementClass as Class};
use safeguard_guard::{Facts, NOT_COUNTED};

use super::frame::columns;
use super::taken::Taken;

/// Rows of the answer beyond this many are not read.
pub const ROWS_MAX: usize = 100_000;

pub const BEGIN: &str = "BEGIN";
pub const COMMIT: &str = "COMMIT";
pub const ROLLBACK: &str = "ROLLBACK";
/// Deferred triggers run at the commit, and could delete after the count.
pub const SETTLE: &str = "SET CONSTRAINTS ALL IMMEDIATE";
/// The tables that rows were written to. Which of them count is told apart when the answer is read: PostgreSQL plans the
/// question anew each time, and what it does not have to plan is quicker.
const ROWS: &str = "\
SELECT 'rows', c.oid::pg_catalog.text, \
(SELECT n.nspname FROM pg_catalog.pg_namespace n WHERE n.oid = c.relnamespace), c.relname, \
pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid)::pg_catalog.text, \
pg_catalog.pg_stat_get_xact_tuples_updated(c.oid)::pg_catalog.text, \
pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid)::pg_catalog.text \
FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'm', 'p') AND c.relpersistence <> 't' \
AND pg_catalog.pg_stat_get_xact_tuples_inserted(c.oid) + pg_catalog.pg_stat_get_xact_tuples_updated(c.oid) \
+ pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid) > 0";
/// Whether the server counts at all.
const COUNTS: &str = "SELECT 'counts', pg_catalog.current_setting('track_counts'), '', '', '0', '0', '0'";
/// What is locked against everybody. It is asked at the end alone: what was locked before is still locked then.
const LOCKED: &str = "\
SELECT 'locked', l.relation::pg_catalog.text, '', coalesce(c.relname, '?'), '0', '0', '0' \
FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_class c ON c.oid = l.relation \
WHERE l.pid = pg_catalog.pg_backend_pid() AND l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' \
AND (c.relpersistence IS NULL OR c.relpersistence <> 't')";

/// Large objects lie in these catalogs, `pg_largeobject` and its `pg_largeobject_metadata`.
const LARGE_OBJECTS: [u32; 2] = [2613, 2995];

/// Whether `safeguard undo` is installed, and drops tables into the trash for the proxy's role.
const KEEPS: &str = "\
SELECT 'keeps', EXISTS (SELECT FROM pg_catalog.pg_proc p WHERE p.pronamespace = n.oid AND p.proname = 'discard' \
AND pg_catalog.has_function_privilege(p.oid, 'EXECUTE') AND pg_catalog.has_schema_privilege(n.oid, 'USAGE'))::pg_catalog.text, \
'', '', '0', '0', '0' FROM pg_catalog.pg_namespace n WHERE n.nspname = 'safeguard_undo'";

/// What the session itself has set of that by which an approved text may name other rows than whoever read it thought.
const READ_BY: &str = "\
SELECT 'set', s.name, '', '', '0', '0', '0' FROM pg_catalog.pg_settings s WHERE s.setting <> s.reset_val \
AND s.name IN ('DateStyle', 'array_nulls', 'search_path', 'transform_null_equals')";

/// What the proxy asks the server for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purpose {
    /// The counts before the first statement that is measured, within a transaction of the proxy's where there is none.
    Baseline,
    /// The same before a statement that was approved, whose rows are kept under this id where the database keeps them.
    Undoable(UndoId),
    /// What a statement that takes whole tables would take, under the lock.
    List,
    /// How many rows those tables have.
    Rows,
    /// Moves those tables into the trash, in place of a `DROP TABLE`.
    Discard,
    /// What a statement will cost.
    Estimate,
    /// What the parameters of the client's statement are; that alone is asked.
    Types,
    /// The counts before the client's own commit.
    Check,
    /// The counts before the commit of the proxy's transaction.
    LastCheck,
    Commit,
    /// With what the client is told afterwards.
    Rollback(Vec<u8>),
}

impl Purpose {
    /// What is asked, in SQL.
    pub fn statements(&self, begin: bool) -> &'static [&'static str] {
        match self {
            Purpose::Baseline if begin => &[BEGIN, ROWS, COUNTS],
            Purpose::Baseline => &[ROWS, COUNTS],
            Purpose::Check | Purpose::LastCheck => &[SETTLE, ROWS, COUNTS, LOCKED],
            Purpose::Undoable(_) => &[BEGIN, KEEPS, READ_BY, ROWS, COUNTS],
            Purpose::Estimate | Purpose::Types | Purpose::List | Purpose::Rows | Purpose::Discard => &[],
            Purpose::Commit => &[COMMIT],
            Purpose::Rollback(_) => &[ROLLBACK],
        }
    }

    /// What is asked besides, which is another text each time.
    pub fn setting(&self) -> Option<String> {
        match self {
            // An id has letters and digits alone.
            Purpose::Undoable(undo) => Some(format!("SET LOCAL safeguard.undo = '{undo}'")),
            _ => None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Rows {
    changed: u64,
    deleted: u64,
}

/// What the counters say at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Counts {
    /// By the table's number, with its name as SQL may name it.
    tables: BTreeMap<u32, (String, Rows)>,
    /// By the relation's number.
    pub locked: BTreeMap<u32, String>,
    /// The database keeps rows of transactions with an undo id.
    pub keeps: bool,
    /// And has a trash that the proxy may drop tables into.
    pub discards: bool,
    /// A setting of the session's own by which texts are read otherwise.
    pub read_by: Option<String>,
}

impl Counts {
    /// Reads the rows of the answers to [`ROWS`], [`COUNTS`] and [`LOCKED`]; none when they are not what was asked for.
    pub fn read(rows: &[Vec<u8>]) -> Option<Counts> {
        let mut counts = Counts::default();
        let mut counted = false;
        for row in rows {
            let columns: Option<Vec<&str>> = columns(row)?
                .into_iter()
                .map(|column| std::str::from_utf8(column?).ok())
                .collect();
            let columns = columns?;
            let [kind, first, schema, name, inserted, updated, deleted] = columns.as_slice() else {
                return None;
            };
            match *kind {
                "rows" => {
                    let number = |text: &str| text.parse::<u64>().ok();
                    let rows = Rows {
                        changed: number(inserted)?.saturating_add(number(updated)?),
                        deleted: number(deleted)?,
                    };
                    let number = first.parse().ok()?;
                    if is_counted(schema, number, rows) {
                        let table = (format!("{schema}.{name}"), rows);
                        counts.tables.insert(number, table);
                    }
                }
                "counts" => counted = *first == "on",
                "locked" => {
                    counts.locked.insert(first.parse().ok()?, (*name).to_owned());
                }
                "keeps" => {
                    counts.keeps = true;
                    counts.discards = *first == "true";
                }
                "set" => counts.read_by = Some((*first).to_owned()),
                _ => return None,
            }
        }
        counted.then_some(counts)
    }
}

/// Whether what is written to a table is an effect. That of a statement which changes the schema is judged by the statement, and
/// not by rows of the catalog; and what `safeguard undo` keeps of a transaction is none of its effect, but what is taken from there is.
fn is_counted(schema: &str, table: u32, rows: Rows) -> bool {
    match schema {
        "pg_catalog" | "information_schema" => LARGE_OBJECTS.contains(&table),
        "safeguard_undo" => rows.deleted > 0,
        _ => true,
    }
}

/// What a transaction did since the first count.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Effect {
    pub rows_changed: u64,
    pub rows_deleted: u64,
    tables_changed: usize,
    tables_deleted: usize,
    /// Of those, the ones that no statement names as what it changes.
    tables_by_cascade: usize,
    /// A table that was locked against everybody, though no statement says that it changes the schema.
    locked: Option<String>,
}

impl Effect {
    pub fn between(before: &Counts, after: &Counts, watch: &Watch) -> Effect {
        let mut effect = Effect::default();
        for (table, (name, rows)) in &after.tables {
            let earlier = before
                .tables
                .get(table)
                .map_or_else(Rows::default, |(_, rows)| *rows);
            let changed = rows.changed.saturating_sub(earlier.changed);
            let deleted = rows.deleted.saturating_sub(earlier.deleted);
            effect.rows_changed = effect.rows_changed.saturating_add(changed);
            effect.rows_deleted = effect.rows_deleted.saturating_add(deleted);
            effect.tables_changed += usize::from(changed > 0);
            effect.tables_deleted += usize::from(deleted > 0);
            effect.tables_by_cascade += usize::from(deleted > 0 && !watch.names(name));
        }
        if !watch.may_lock() {
            effect.locked = after.locked.values().next().cloned();
        }
        effect
    }

    /// Of what takes rows without counting them.
    pub fn of_rows_deleted(rows_deleted: u64) -> Effect {
        Effect {
            rows_deleted,
            ..Effect::default()
        }
    }

    /// Adds what was counted before a statement took whole tables; what it locked besides them is unsaid.
    pub fn take(&mut self, taken: &Taken, after: &Counts) {
        self.rows_deleted = self.rows_deleted.saturating_add(taken.rows());
        self.locked = taken.unlisted(&after.locked).map(str::to_owned);
    }

    /// What is over the budget, in one sentence; none when it is within.
    pub fn over(&self, budget: RowBudget) -> Option<String> {
        if let Some(table) = &self.locked {
            return Some(format!(
                "would empty, drop or rewrite `{table}`, and how many rows that takes is not counted"
            ));
        }
        if self.rows_deleted > budget.rows_deleted_max {
            let cascade = match self.tables_by_cascade {
                0 => String::new(),
                tables => format!(", {tables} by cascade"),
            };
            return Some(format!(
                "would delete {} in {}{cascade} (limit {})",
                counted(self.rows_deleted, "row"),
                counted(self.tables_deleted as u64, "table"),
                grouped(budget.rows_deleted_max)
            ));
        }
        (self.rows_changed > budget.rows_changed_max).then(|| {
            format!(
                "would change {} in {} (limit {})",
                counted(self.rows_changed, "row"),
                counted(self.tables_changed as u64, "table"),
                grouped(budget.rows_changed_max)
            )
        })
    }
}

/// What a transaction's statements said that they would do.
#[derive(Debug, Clone, Default)]
pub struct Watch {
    pub targets: BTreeSet<String>,
    pub classes: BTreeSet<Class>,
    /// Whether a statement changes the schema, which locks.
    has_schema: bool,
    /// Whether a statement may do what its text does not show.
    has_hidden: bool,
}

impl Watch {
    pub fn add(&mut self, facts: &Facts) {
        for relation in facts.relations.iter().filter(|relation| relation.target) {
            let last = relation.name.rsplit('.').next().unwrap_or(&relation.name);
            self.targets.insert(last.trim_matches('"').to_owned());
        }
        for act in &facts.acts {
            self.classes.insert(act.class);
            self.has_schema |= CHANGES_SCHEMA.contains(&act.class);
            self.has_hidden |= HIDES.contains(&act.class);
        }
    }

    /// Whether a text says that it changes the schema.
    pub fn is_schema(facts: &Facts) -> bool {
        facts.acts.iter().any(|act| CHANGES_SCHEMA.contains(&act.class))
    }

    fn names(&self, table: &str) -> bool {
        table
            .rsplit('.')
            .next()
            .is_some_and(|last| self.targets.contains(last))
    }

    fn may_lock(&self) -> bool {
        self.has_schema && !self.has_hidden
    }
}

const CHANGES_SCHEMA: &[Class] = &[
    Class::Truncate,
    Class::Drop,
    Class::DropDefinition,
    Class::Create,
    Class::Alter,
    Class::Code,
    Class::Protection,
    Class::Maintenance,
    Class::ExclusiveMaintenance,
    Class::Lock,
];

const HIDES: &[Class] = &[Class::UnknownFunction, Class::DynamicSql, Class::ExecutePrepared];

/// Why a text can not be measured, as the second half of "a statement that …"; none when it can.
pub fn not_measured(facts: &Facts) -> Option<&str> {
    let act = facts.acts.iter().find(|act| NOT_COUNTED.contains(&act.class));
    act.map(|act| &*act.does)
}

pub fn counted(count: u64, noun: &str) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{} {noun}{end}", grouped(count))
}

/// Digits in groups of three.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn row(columns: [&str; 7]) -> Vec<u8> {
        let mut row = 7_u16.to_be_bytes().to_vec();
        for column in columns {
            row.extend(u32::try_from(column.len()).unwrap().to_be_bytes());
            row.extend(column.as_bytes());
        }
        row
    }

    fn counts(rows: &[[&str; 7]]) -> Counts {
        let mut rows: Vec<Vec<u8>> = rows.iter().map(|columns| row(*columns)).collect();
        rows.push(row(["counts", "on", "", "", "0", "0", "0"]));
        Counts::read(&rows).unwrap()
    }

    const BUDGET: RowBudget = RowBudget {
        rows_changed_max: 10,
        rows_deleted_max: 5,
    };

    #[test]
    fn only_what_was_added_since_counts() {
        let before = counts(&[["rows", "1", "public", "users", "7", "7", "7"]]);
        let after = counts(&[
            ["rows", "1", "public", "users", "7", "7", "8"],
            ["rows", "2", "public", "orders", "0", "0", "41234"],
        ]);
        let mut watch = Watch::default();
        watch.add(&safeguard_guard::read("DELETE FROM users WHERE id = 7"));
        let effect = Effect::between(&before, &after, &watch);
        assert_eq!(
            effect.over(BUDGET).unwrap(),
            "would delete 41,235 rows in 2 tables, 1 by cascade (limit 5)"
        );
        assert_eq!(Effect::between(&after, &after, &watch).over(BUDGET), None);
    }

    #[test]
    fn the_servers_own_tables_count_where_they_hold_what_clients_keep() {
        let after = counts(&[
            ["rows", "1259", "pg_catalog", "pg_class", "0", "9", "9"],
            [
                "rows",
                "13000",
                "information_schema",
                "sql_features",
                "0",
                "0",
                "9",
            ],
            ["rows", "9000", "safeguard_undo", "kept", "9", "9", "0"],
            ["rows", "2613", "pg_catalog", "pg_largeobject", "0", "1", "0"],
            [
                "rows",
                "2995",
                "pg_catalog",
                "pg_largeobject_metadata",
                "0",
                "0",
                "1",
            ],
            ["rows", "9001", "safeguard_undo", "kept", "0", "0", "2"],
            ["rows", "9002", "pg_catalogue", "of_a_client", "4", "0", "0"],
        ]);
        let effect = Effect::between(&Counts::default(), &after, &Watch::default());
        assert_eq!((effect.rows_changed, effect.rows_deleted), (5, 3));
    }

    #[test]
    fn what_was_locked_unsaid_is_over_any_budget() {
        let after = counts(&[["locked", "1", "", "users", "0", "0", "0"]]);
        let effect = |sql: &str| {
            let mut watch = Watch::default();
            watch.add(&safeguard_guard::read(sql));
            Effect::between(&Counts::default(), &after, &watch).over(BUDGET)
        };
        assert!(effect("SELECT wipe()").is_some());
        assert!(effect("INSERT INTO t VALUES (1)").is_some());
        assert!(effect("ALTER TABLE users ADD COLUMN a int DEFAULT wipe()").is_some());
        assert_eq!(effect("ALTER TABLE users ADD COLUMN a int"), None);
    }

    #[test]
    fn a_server_that_does_not_count_is_no_answer() {
        assert_eq!(
            Counts::read(&[row(["counts", "off", "", "", "0", "0", "0"])]),
            None
        );
        assert_eq!(Counts::read(&[]), None);
        assert_eq!(Counts::read(&[vec![0, 9]]), None);
    }
}
