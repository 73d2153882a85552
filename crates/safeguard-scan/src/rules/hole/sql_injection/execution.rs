//! What executes statements.

use std::collections::BTreeMap;

use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::tree::{Kind, NodeId, Role, Tree};

/// Arguments that are executed as statements, and whether what executes them does nothing else.
pub(super) fn sinks(source: &Source) -> BTreeMap<NodeId, bool> {
    let tree = &source.tree;
    let mut sinks = BTreeMap::new();
    for call in source.of_kind(Kind::Call) {
        let name = tree.name_of_callee(*call);
        let Some(strong) = executes(name) else {
            if may_execute(name) {
                let statement = tree
                    .children_in(*call, Role::Arg)
                    .take(2)
                    .find(|argument| is_statement(tree, *argument));
                sinks.extend(statement.map(|argument| (argument, false)));
            }
            continue;
        };
        for (at, argument) in tree.children_in(*call, Role::Arg).take(3).enumerate() {
            let is_statement = match tree.kind(argument) {
                Kind::Keyword => matches!(
                    tree.name(argument),
                    "sql" | "statement" | "query" | "where" | "tables" | "operation" | "clause"
                ),
                _ if tree.language() == Language::Go => at == statement_at(tree, *call, name),
                _ => at == 0,
            };
            if is_statement {
                sinks.insert(argument, strong);
            }
        }
    }
    sinks
}

/// Which argument of a call in Go is the statement: a context may stand before it, and what the rows are put into.
fn statement_at(tree: &Tree, call: NodeId, name: &str) -> usize {
    let first = tree.child(call, Role::Arg).map_or("", |first| tree.source(first));
    let has_context = name.ends_with("Context")
        || first.ends_with("ctx")
        || first.ends_with("ontext()")
        || first.ends_with("Background()");
    let has_target = matches!(name, "Get" | "Select" | "GetContext" | "SelectContext");
    usize::from(has_context) + usize::from(has_target)
}

/// Whether a function of this name executes a statement; `true` if it can be nothing else.
fn executes(name: &str) -> Option<bool> {
    let strong = matches!(
        name,
        "execute"
            | "executemany"
            | "executescript"
            | "execute_sql"
            | "read_sql"
            | "read_sql_query"
            | "mogrify"
            | "raw"
            | "Raw"
            | "RawSQL"
            | "extra"
            | "$queryRawUnsafe"
            | "$executeRawUnsafe"
            | "whereRaw"
            | "orWhereRaw"
            | "andWhereRaw"
            | "orderByRaw"
            | "havingRaw"
            | "selectRaw"
            | "fromRaw"
            | "joinRaw"
            | "groupByRaw"
            | "andWhere"
            | "orWhere"
            | "QueryRow"
            | "QueryRowContext"
            | "QueryContext"
            | "ExecContext"
            | "QueryRowx"
            | "Queryx"
            | "NamedExec"
            | "NamedQuery"
            | "MustExec"
            | "Where"
            | "fetchrow"
            | "fetchval"
            | "fetch_all"
            | "fetch_one"
            | "where"
            | "having"
    );
    let weak = matches!(
        name,
        "exec"
            | "query"
            | "fetch"
            | "prepare"
            | "run"
            | "all"
            | "get"
            | "each"
            | "sql"
            | "text"
            | "literal"
            | "unsafe"
            | "where"
            | "having"
            | "Query"
            | "Exec"
            | "Prepare"
            | "PrepareContext"
            | "Select"
            | "Get"
            | "Having"
            | "Order"
            | "Joins"
            | "SelectContext"
            | "GetContext"
            | "iterate"
            | "stream"
            | "fetchone"
            | "fetchall"
            | "command"
            | "queryRaw"
    );
    let lower = name.to_ascii_lowercase();
    let by_name = ["query", "sql", "execute"]
        .iter()
        .any(|part| lower.contains(part))
        && !["build", "parse", "format", "log", "selector", "make", "builder"]
            .iter()
            .any(|part| lower.contains(part));
    if strong {
        Some(true)
    } else if weak || by_name {
        Some(false)
    } else {
        None
    }
}

/// Whether a function of a name that says nothing may execute a statement that it is given: what only writes or changes texts does not.
fn may_execute(name: &str) -> bool {
    const OTHERS: &[&str] = &[
        "log",
        "debug",
        "info",
        "warn",
        "warning",
        "error",
        "print",
        "println",
        "printf",
        "format",
        "sprintf",
        "append",
        "push",
        "trim",
        "trimspace",
        "dedent",
        "strip",
        "replace",
        "lower",
        "upper",
        "assert",
        "expect",
        "equal",
        "equals",
        "contains",
        "parse",
        "tokenize",
        "hash",
        "len",
        "str",
        "string",
        "join",
        "concat",
        "write",
        "raise",
        "errorf",
        "trace",
        "message",
        "comment",
        "highlight",
        "render",
        "echo",
        "cache",
        "encode",
        "build",
        "make",
        "new",
        "add",
        "insert",
    ];
    !name.is_empty()
        && !has_word(name, OTHERS)
        && !name.ends_with("f")
        && !name.starts_with(|first: char| first.is_ascii_uppercase() && name.ends_with("Error"))
}

/// Whether a text that is put together begins as a statement does.
fn is_statement(tree: &Tree, argument: NodeId) -> bool {
    let put_together = match tree.kind(argument) {
        Kind::Interp | Kind::Binary => true,
        Kind::Call => matches!(tree.name_of_callee(argument), "Sprintf" | "format"),
        _ => false,
    };
    put_together && {
        let first = tree
            .subtree(argument)
            .find(|part| tree.kind(*part) == Kind::Str)
            .map_or("", |part| tree.name(part).trim_start());
        let upper: String = first.chars().take(12).collect::<String>().to_ascii_uppercase();
        ["SELECT ", "INSERT INTO ", "UPDATE ", "DELETE FROM "]
            .iter()
            .any(|begin| upper.starts_with(begin))
    }
}
