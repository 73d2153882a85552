//! A transaction is begun and written in, and nothing ever commits it: all of it is taken back.

use safeguard_api::evidence::Severity;

use crate::analysis::bodies;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "never-committed",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-664"],
    languages: ALL_LANGUAGES,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    if source.is_test() {
        return;
    }
    match source.tree.language() {
        Language::Go | Language::Rust => by_name(code, reports),
        Language::Java => java(code, reports),
        Language::Python => python(code, reports),
        _ => script(code, reports),
    }
}

/// `let mut tx = pool.begin().await?`, `tx, err := db.BeginTx(…)`: the name is only written through, and goes out of scope.
fn by_name(code: Code<'_>, reports: &mut Reports) {
    let is_go = code.tree.language() == Language::Go;
    for assign in code.source.of_kind(Kind::Assign).iter().copied() {
        let (Some(target), Some(value), Some(function)) = (
            code.child(assign, Role::Target),
            code.child(assign, Role::Value),
            code.function(assign),
        ) else {
            continue;
        };
        let value = plain(code, value);
        let begins = code.kind(value) == Kind::Call
            && match code.tree.language() {
                Language::Go => matches!(code.called(value), "Begin" | "BeginTx" | "Beginx" | "BeginTxx"),
                _ => {
                    code.called(value) == "begin"
                        && code.args(value).is_empty()
                        && code.tree.text().contains("sqlx")
                }
            };
        let first = match code.kind(target) {
            Kind::Tuple => code.tree.children(target).next(),
            Kind::Name => Some(target),
            _ => None,
        };
        let Some(name) = first
            .filter(|_| begins)
            .map(|first| code.name(first))
            .filter(|name| *name != "_")
        else {
            continue;
        };
        if undoes_or_tests(code, assign) {
            continue;
        }
        let uses: Vec<NodeId> = code
            .tree
            .subtree(function)
            .filter(|id| {
                *id > assign
                    && code.kind(*id) == Kind::Name
                    && code.name(*id) == name
                    && !code.tree.within(*id, target)
            })
            .collect();
        let writes = uses.iter().any(|id| is_write(code, *id));
        // What is given away whole may be committed by whoever has it.
        let ends = uses.iter().any(|id| ends_or_leaves(code, *id, is_go));
        if writes && !ends {
            reports.add(
                assign,
                format!("`{name}` is never committed: what is written in this transaction is taken back when the function ends"),
            );
        }
    }
}

/// Without `await` and `?`.
fn plain(code: Code<'_>, mut id: NodeId) -> NodeId {
    loop {
        let inner = match code.kind(id) {
            Kind::Await => code.child(id, Role::Value),
            Kind::Unary if code.name(id) == "?" => code.child(id, Role::Value),
            _ => None,
        };
        match inner {
            Some(inner) => id = inner,
            None => return id,
        }
    }
}

/// Whether a use of a transaction writes: by a method of it, or as what a query runs on, with a statement that changes something.
fn is_write(code: Code<'_>, id: NodeId) -> bool {
    code.tree
        .ancestors(id)
        .take_while(|around| !matches!(code.kind(*around), Kind::Block | Kind::Function | Kind::Lambda))
        .any(|around| {
            code.is_call(around)
                && code.tree.subtree(around).any(|part| {
                    matches!(code.kind(part), Kind::Str | Kind::Interp) && changes(code.tree.source(part))
                })
        })
}

fn changes(text: &str) -> bool {
    let text = text
        .trim_start_matches(|char: char| !char.is_ascii_alphabetic())
        .to_ascii_lowercase();
    let text = text.trim_start_matches("\"#r").trim_start();
    [
        "insert ", "update ", "delete ", "insert\n", "update\n", "delete\n", "merge ",
    ]
    .iter()
    .any(|word| text.starts_with(word) || text.starts_with(&format!("r#\"{word}")))
}

/// Whether a use commits, or hands the transaction itself to somebody else.
fn ends_or_leaves(code: Code<'_>, id: NodeId, is_go: bool) -> bool {
    let tree = code.tree;
    let Some(parent) = tree.parent(id) else {
        return true;
    };
    match code.kind(parent) {
        Kind::Member => {
            let name = code.name(parent);
            // Go's `defer tx.Rollback()` stands in every function; Rust's `rollback` says what is meant.
            matches!(name, "commit" | "Commit") || name == "rollback" && !is_go
        }
        // `&mut *tx`, `&mut tx` lend it.
        Kind::Unary => false,
        Kind::Call | Kind::New => tree.role(id) == Role::Arg,
        Kind::Return
        | Kind::Assign
        | Kind::Pair
        | Kind::Composite
        | Kind::Tuple
        | Kind::List
        | Kind::Keyword
        | Kind::Send => true,
        Kind::ExprStmt | Kind::Block => tree.role(id) != Role::Callee,
        _ => matches!(code.kind(parent), Kind::Other),
    }
}

/// `setAutoCommit(false)` in a file that never says `commit`.
fn java(code: Code<'_>, reports: &mut Reports) {
    let commits = code.source.of_kind(Kind::Call).iter().any(|call| {
        let name = code.called(*call);
        name.to_ascii_lowercase().contains("commit") && name != "setAutoCommit" && name != "getAutoCommit"
            || name == "setAutoCommit"
                && code
                    .arg(*call, 0)
                    .is_some_and(|arg| code.boolean(arg) != Some(false))
    });
    if commits {
        return;
    }
    for call in code.source.of_kind(Kind::Call).iter().copied() {
        let off = code.called(call) == "setAutoCommit"
            && code
                .arg(call, 0)
                .is_some_and(|arg| code.boolean(arg) == Some(false));
        let writes = || {
            code.function(call)
                .is_some_and(|function| code.texts_in(function).any(changes))
        };
        if off && writes() && !undoes_or_tests(code, call) {
            reports.add(
                call,
                "nothing in this file commits: what is written is taken back when the connection is closed",
            );
        }
    }
}

/// A connection that is opened in the file, is written through, and is never committed, nor left to `with`.
fn python(code: Code<'_>, reports: &mut Reports) {
    const OPENS: &[&str] = &[
        "psycopg2.connect",
        "psycopg.connect",
        "sqlite3.connect",
        "pymysql.connect",
        "MySQLdb.connect",
        "mysql.connector.connect",
        "cx_Oracle.connect",
        "oracledb.connect",
    ];
    let text = code.tree.text();
    let lower = text.to_ascii_lowercase();
    if ["commit", "isolation_level", "executescript"]
        .iter()
        .any(|word| lower.contains(word))
    {
        return;
    }
    let opened = code
        .source
        .of_kind(Kind::Call)
        .iter()
        .copied()
        .find(|call| OPENS.contains(&code.path(*call)));
    let Some(opened) = opened else {
        return;
    };
    // `with connection:` commits, and so does `with sqlite3.connect(…) as connection:`.
    let names: Vec<&str> = code
        .source
        .of_kind(Kind::Assign)
        .iter()
        .filter(|assign| {
            code.child(**assign, Role::Value)
                .is_some_and(|value| value == opened)
        })
        .filter_map(|assign| code.child(*assign, Role::Target))
        .map(|target| code.name(target))
        .collect();
    let by_with = code.source.of_kind(Kind::WithItem).iter().any(|item| {
        code.child(*item, Role::Value)
            .is_some_and(|value| code.tree.within(opened, value) || names.contains(&code.name(value)))
    });
    let given_away = names.is_empty()
        || code.source.of_kind(Kind::Return).iter().any(|id| {
            code.child(*id, Role::Value).is_some_and(|value| {
                matches!(code.kind(value), Kind::Name | Kind::Member) && names.contains(&code.name(value))
            })
        });
    if by_with || given_away {
        return;
    }
    for call in code.source.of_kind(Kind::Call).iter().copied() {
        let writes = matches!(code.called(call), "execute" | "executemany")
            && code
                .arg(call, 0)
                .is_some_and(|sql| code.text(sql).is_some_and(changes) || changes(code.tree.source(sql)));
        if writes && !undoes_or_tests(code, call) {
            reports.add(call, "this connection commits nothing by itself, and nothing in this file does: what is written is taken back when it is closed");
            return;
        }
    }
}

/// `client.query('BEGIN')` in a function that sends no `COMMIT`.
fn script(code: Code<'_>, reports: &mut Reports) {
    for call in code.source.of_kind(Kind::Call).iter().copied() {
        let says = |id: NodeId, word: &str| {
            code.called(id) == "query"
                && code.arg(id, 0).and_then(|sql| code.text(sql)).is_some_and(|sql| {
                    sql.trim()
                        .trim_end_matches(';')
                        .to_ascii_uppercase()
                        .starts_with(word)
                })
        };
        let Some(function) = code
            .function(call)
            .filter(|_| says(call, "BEGIN") || says(call, "START TRANSACTION"))
        else {
            continue;
        };
        let nodes: Vec<NodeId> = bodies::body(code.tree, function);
        let commits = code.tree.text().to_ascii_uppercase().contains("COMMIT");
        let writes = nodes.iter().any(|id| {
            code.kind(*id) == Kind::Call
                && code.called(*id) == "query"
                && code
                    .arg(*id, 0)
                    .is_some_and(|sql| code.text(sql).is_some_and(changes))
        });
        if writes && !commits && !undoes_or_tests(code, call) {
            reports.add(call, "nothing in this file sends `COMMIT`: what is written is taken back when the connection is given up");
        }
    }
}
