//! A statement in the code takes all rows, a table, a column or a database.

use safeguard_api::evidence::Severity;

use super::filled_over::filled_over_by;
use crate::analysis::code::Code;
use crate::analysis::meant::{asks_first, is_migration, named_so, undoes_or_tests};
use crate::analysis::sql_text::{self, Destroys, HOLE};
use crate::analysis::words::{has_word, words};
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "sql-destroys-data",
    failure: "X1",
    severity: Severity::Critical,
    confidence: Confidence::High,
    cwe: &["CWE-1057"],
    languages: crate::rules::ALL_LANGUAGES,
    run,
};

/// What takes a statement and runs it.
const RUNS: &[&str] = &[
    "execute",
    "executemany",
    "executescript",
    "execute_sql",
    "executeSql",
    "executeQuery",
    "executeUpdate",
    "executeLargeUpdate",
    "update",
    "batchUpdate",
    "createNativeQuery",
    "batch_execute",
    "query_as",
    "raw_sql",
    "sql_query",
    "execute_query",
    "execute_async",
    "executeRaw",
    "exec",
    "Exec",
    "ExecContext",
    "MustExec",
    "MustExecContext",
    "NamedExec",
    "NamedExecContext",
    "exec_driver_sql",
    "exec_sql",
    "execSQL",
    "execSql",
    "run_sql",
    "runSql",
    "run_query",
    "runQuery",
    "query",
    "Query",
    "QueryRow",
    "QueryContext",
    "QueryRowContext",
    "Queryx",
    "queryRaw",
    "$executeRaw",
    "$executeRawUnsafe",
    "$queryRaw",
    "$queryRawUnsafe",
    "raw",
    "Raw",
    "run",
    "all",
    "get",
    "fetch",
    "fetchval",
    "fetchrow",
    "fetch_all",
    "prepare",
    "Prepare",
    "PrepareContext",
    "scalar",
    "read_sql",
    "RunSQL",
    "do",
    "unsafe",
    "sql",
    "command",
    "SendBatch",
    "Queue",
];

/// Words of tables that are there to be thrown away.
pub const PASSING: &[&str] = &[
    "tmp",
    "temp",
    "temporary",
    "staging",
    "stage",
    "scratch",
    "test",
    "tests",
    "import",
    "imports",
    "new",
    "shadow",
    "dummy",
    "cache",
    "cached",
    "caches",
    "lock",
    "locks",
    "fts",
    "idx",
    "index",
    "mv",
    "materialized",
    "snapshotting",
    "work",
    "worktable",
    "benchmark",
    "bench",
];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let migration = is_migration(code);
    for call in code.calls() {
        if !RUNS.contains(&code.called(call)) {
            continue;
        }
        for arg in code.tree.children_in(call, Role::Arg).take(3) {
            for text in texts(code, arg) {
                judge(code, call, &text, migration, reports);
            }
        }
    }
    for tagged in source.of_kind(Kind::Tagged) {
        if let Some(text) = sql_text::text_of(code, *tagged) {
            judge(code, *tagged, &text, migration, reports);
        }
    }
}

/// The statements that an argument may be: itself, or each of a list that a loop goes through.
fn texts(code: Code<'_>, arg: NodeId) -> Vec<String> {
    let arg = match code.kind(arg) {
        Kind::Keyword if matches!(code.name(arg), "sql" | "query" | "statement" | "text" | "command") => {
            code.child(arg, Role::Value).unwrap_or(arg)
        }
        _ => arg,
    };
    if code.kind(arg) == Kind::Name
        && let Some(each) = looped(code, arg)
    {
        return each;
    }
    // What is added to a text later may be its condition.
    if code.kind(arg) == Kind::Name && is_added_to(code, arg) {
        return Vec::new();
    }
    if code.kind(arg) == Kind::List {
        return code
            .tree
            .children(arg)
            .filter_map(|one| sql_text::text_of(code, one))
            .collect();
    }
    if code.kind(arg) == Kind::Object {
        return ["text", "sql", "query", "statement"]
            .iter()
            .filter_map(|key| sql_text::text_of(code, code.entry(arg, key)?))
            .collect();
    }
    sql_text::text_of(code, arg).into_iter().collect()
}

fn looped(code: Code<'_>, name: NodeId) -> Option<Vec<String>> {
    let around = code.tree.ancestors(name).find(|around| {
        code.kind(*around) == Kind::ForEach
            && code
                .tree
                .children_in(*around, Role::Target)
                .flat_map(|target| code.tree.subtree(target))
                .any(|target| code.kind(target) == Kind::Name && code.name(target) == code.name(name))
    })?;
    let iter = code.child(around, Role::Iter)?;
    let list = code
        .set_to(iter)
        .map_or(code.literal(iter), |list| code.literal(list));
    matches!(code.kind(list), Kind::List | Kind::Tuple | Kind::Composite).then(|| {
        code.tree
            .children(list)
            .filter_map(|one| sql_text::text_of(code, one))
            .collect()
    })
}

fn judge(code: Code<'_>, at: NodeId, text: &str, migration: bool, reports: &mut Reports) {
    let found = sql_text::destroys(text);
    if found.is_empty() || undoes_or_tests(code, at) {
        return;
    }
    for destroyed in found {
        let name = destroyed.of();
        if has_word(name, PASSING) || made_here(code, at, name) || name.starts_with('#') {
            continue;
        }
        let told = destroyed.told();
        if let Destroys::Values { table } = &destroyed
            && let Some(column) = filled_over_by(code, text, table)
        {
            reports.add(at, told_over(&told, &column));
            continue;
        }
        let unknown = !name.contains(|char: char| char.is_alphanumeric() && char != HOLE);
        let advice = match &destroyed {
            // A migration may fill a column, and take away what the code no longer uses: persons look at that.
            Destroys::Values { .. } => migration || one_row(name),
            Destroys::Table { .. } | Destroys::Column { .. } => migration && !holds_records(name),
            Destroys::Rows { .. } | Destroys::Truncates { .. } => migration && !holds_records(name),
            Destroys::Schema { .. } | Destroys::Database { .. } => false,
        };
        if advice || unknown && !is_loop_of_all(code, at) || asks_first(code, at) || named_so(code, at) {
            reports.note(at, format!("this statement {told}"));
        } else {
            reports.add(at, format!("this statement {told}"));
        }
    }
}

pub(super) fn told_over(told: &str, column: &str) -> String {
    format!("this statement {told}, also those that have a `{column}`: `WHERE {column} IS NULL` is missing")
}

/// Whether a loop over what the database itself lists is around: all tables.
fn is_loop_of_all(code: Code<'_>, at: NodeId) -> bool {
    code.tree.ancestors(at).any(|around| {
        code.kind(around) == Kind::ForEach
            && code.child(around, Role::Iter).is_some_and(|iter| {
                let from = code.set_to(iter).unwrap_or(iter);
                if matches!(
                    code.kind(code.literal(from)),
                    Kind::List | Kind::Tuple | Kind::Composite
                ) {
                    return true;
                }
                [iter, from].into_iter().any(|part| {
                    code.mentions(part, |name| has_word(name, &["tables", "table"]))
                        || code
                            .texts_in(part)
                            .any(|text| has_word(text, &["tables", "information_schema", "sqlite_master"]))
                })
            })
    })
}

pub fn is_added_to(code: Code<'_>, name: NodeId) -> bool {
    let scope = code.function(name).unwrap_or(NodeId::ROOT);
    code.tree.subtree(scope).any(|id| {
        code.kind(id) == Kind::Assign
            && code.name(id) == "+="
            && code
                .child(id, Role::Target)
                .is_some_and(|target| code.name(target) == code.name(name))
    })
}

/// Tables that have one row by their name.
pub fn one_row(name: &str) -> bool {
    has_word(
        name,
        &[
            "settings",
            "setting",
            "config",
            "configuration",
            "meta",
            "metadata",
            "counter",
            "counters",
            "state",
            "sequence",
            "sequences",
            "version",
        ],
    )
}

/// Tables whose rows tell what has happened, or what is owed.
pub fn holds_records(name: &str) -> bool {
    words(name).iter().any(|word| {
        let word = word.strip_suffix('s').unwrap_or(word);
        matches!(
            word,
            "audit"
                | "auditlog"
                | "log"
                | "history"
                | "backup"
                | "archive"
                | "payment"
                | "invoice"
                | "order"
                | "transaction"
                | "ledger"
                | "customer"
                | "user"
                | "account"
                | "balance"
                | "refund"
                | "subscription"
                | "event"
                | "record"
                | "historie"
        )
    })
}

/// Whether the same function has created the table before.
fn made_here(code: Code<'_>, at: NodeId, name: &str) -> bool {
    let Some(function) = code.function(at) else {
        return false;
    };
    let begin = code.tree.span(at).start;
    let name = name.to_ascii_lowercase();
    code.tree
        .subtree(function)
        .filter(|id| code.kind(*id) == Kind::Str && code.tree.span(*id).start < begin)
        .any(|id| {
            let text = code.name(id).to_ascii_lowercase();
            text.contains("create ")
                && text.contains("table")
                && words(&text).join(" ").contains(&words(&name).join(" "))
                && !text.contains("drop table")
        })
}
