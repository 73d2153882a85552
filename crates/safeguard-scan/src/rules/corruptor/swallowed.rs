//! A loop sums amounts and goes on in silence where one can not be read.

use super::writes::writes;
use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::sql_text;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "swallowed-write-error",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-391", "CWE-390"],
    languages: ALL_LANGUAGES,
    run,
};

pub static SUM: Check = Check {
    id: "row-left-out-of-sum",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-390", "CWE-682"],
    languages: ALL_LANGUAGES,
    run: sums,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    if code.tree.language() == Language::Go {
        for call in source.of_kind(Kind::Call).iter().copied() {
            go(code, call, reports);
        }
        return;
    }
    for attempt in source.of_kind(Kind::Try).iter().copied() {
        let Some(body) = code.child(attempt, Role::Body) else {
            continue;
        };
        for handler in code.tree.children_in(attempt, Role::Handler) {
            if !is_broad(code, handler) || undoes_or_tests(code, handler) {
                continue;
            }
            let Some(silence) = silence(code, handler) else {
                continue;
            };
            let write = direct_calls(code, body)
                .filter_map(|call| Some((call, writes(code, call)?)))
                .max_by_key(|(_, sure)| *sure);
            let Some((write, sure)) = write else {
                continue;
            };
            // A message on the way, or a value that tells, is not silence.
            let told = format!("when `{}` fails, nobody gets to know", short(code, write));
            if sure && silence == Silence::Complete && !is_best_effort(code, attempt) {
                reports.add(handler, told);
            } else {
                reports.note(handler, told);
            }
        }
    }
    for call in source.of_kind(Kind::Call).iter().copied() {
        // `.catch(() => {})`, `contextlib.suppress(Exception)`
        if code.called(call) == "catch" && code.args(call).len() == 1 && !undoes_or_tests(code, call) {
            let empty = code.arg(call, 0).is_some_and(|handler| {
                code.kind(handler) == Kind::Lambda
                    && code
                        .child(handler, Role::Body)
                        .is_some_and(|body| match code.kind(body) {
                            Kind::Block => code.tree.children(body).next().is_none(),
                            Kind::Null => true,
                            Kind::Name => code.name(body) == "undefined",
                            _ => false,
                        })
            });
            if let Some(of) = code.receiver(call).filter(|_| empty)
                && code.kind(of) == Kind::Call
                && let Some(sure) = writes(code, of)
            {
                let told = format!("when `{}` fails, nobody gets to know", short(code, of));
                if sure && !is_best_effort(code, call) {
                    reports.add(call, told);
                } else {
                    reports.note(call, told);
                }
            }
        }
    }
    for with in source.of_kind(Kind::With).iter().copied() {
        let suppresses = code.tree.children_in(with, Role::Item).any(|item| {
            code.child(item, Role::Value).is_some_and(|value| {
                code.kind(value) == Kind::Call
                    && code.path(value) == "contextlib.suppress"
                    && code
                        .args(value)
                        .iter()
                        .any(|class| matches!(code.name(*class), "Exception" | "BaseException"))
            })
        });
        if let Some(body) = code.child(with, Role::Body).filter(|_| suppresses)
            && let Some(write) = direct_calls(code, body).find(|call| writes(code, *call) == Some(true))
            && !undoes_or_tests(code, with)
        {
            reports.add(
                with,
                format!("when `{}` fails, nobody gets to know", short(code, write)),
            );
        }
    }
}

pub(super) fn short(code: Code<'_>, call: NodeId) -> String {
    let callee = code
        .child(call, Role::Callee)
        .map_or("", |callee| code.tree.source(callee));
    let text: String = callee.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut short: String = text.chars().take(60).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}

/// The calls of a block that are not within functions or attempts of their own.
fn direct_calls(code: Code<'_>, block: NodeId) -> impl Iterator<Item = NodeId> + '_ {
    code.tree.subtree(block).filter(move |id| {
        code.kind(*id) == Kind::Call
            && !code
                .tree
                .ancestors(*id)
                .take_while(|around| *around != block)
                .any(|around| matches!(code.kind(around), Kind::Function | Kind::Lambda | Kind::Try))
    })
}

pub(super) fn is_broad(code: Code<'_>, handler: NodeId) -> bool {
    let mut types = code.tree.children_in(handler, Role::Type).peekable();
    types.peek().is_none()
        || types.any(|class| {
            matches!(
                code.tree.source(class).rsplit('.').next(),
                Some(
                    "Exception"
                        | "BaseException"
                        | "SQLAlchemyError"
                        | "Throwable"
                        | "RuntimeException"
                        | "SQLException"
                        | "DataAccessException"
                        | "PersistenceException"
                )
            )
        })
}

#[derive(PartialEq, Eq)]
pub(super) enum Silence {
    /// Nothing at all is done.
    Complete,
    /// It is logged or printed, and the function goes on.
    Told,
}

pub(super) fn silence(code: Code<'_>, handler: NodeId) -> Option<Silence> {
    let body = code.child(handler, Role::Body)?;
    let statements: Vec<NodeId> = code.tree.children(body).collect();
    let empty = statements.iter().all(|statement| match code.kind(*statement) {
        Kind::Pass | Kind::Continue => true,
        Kind::ExprStmt => code.child(*statement, Role::Value).is_some_and(|value| {
            matches!(code.kind(value), Kind::Str | Kind::Ellipsis) || code.kind(value) == Kind::Other
        }),
        Kind::Return => code
            .child(*statement, Role::Value)
            .is_some_and(|value| code.boolean(value) == Some(true)),
        _ => false,
    });
    if empty {
        return Some(Silence::Complete);
    }
    let logs = statements.iter().all(|statement| match code.kind(*statement) {
        Kind::ExprStmt => code.child(*statement, Role::Value).is_some_and(|value| {
            code.kind(value) == Kind::Call
                && (matches!(code.called(value), "print" | "log" | "debug" | "info"))
        }),
        Kind::Pass | Kind::Continue => true,
        _ => false,
    });
    logs.then_some(Silence::Told)
}

/// Whether what is written may be lost: metrics, caches, the last time that somebody was seen.
pub(super) fn is_best_effort(code: Code<'_>, id: NodeId) -> bool {
    const MINOR: &[&str] = &[
        "metric",
        "metrics",
        "telemetry",
        "analytics",
        "cache",
        "cached",
        "stats",
        "statistics",
        "seen",
        "optional",
        "best",
        "notify",
        "notification",
        "cleanup",
        "close",
        "shutdown",
        "exit",
        "del",
        "warm",
        "touch",
        "heartbeat",
        "presence",
        "tracking",
        "track",
        "temp",
        "rollback",
        "session",
    ];
    code.names_around(id)
        .into_iter()
        .any(|name| has_word(name, MINOR))
        || code.mentions(id, |name| {
            has_word(
                name,
                &[
                    "metrics",
                    "telemetry",
                    "analytics",
                    "cache",
                    "last_seen",
                    "heartbeat",
                ],
            )
        })
        || comment_says(code, id)
}

fn comment_says(code: Code<'_>, id: NodeId) -> bool {
    let span = code.tree.span(id);
    code.tree
        .comments()
        .iter()
        .filter(|comment| span.start <= comment.start && comment.end <= span.end)
        .filter_map(|comment| code.tree.text().get(comment.clone()))
        .any(|text| {
            text.to_ascii_lowercase().contains("best effort")
                || text.to_ascii_lowercase().contains("best-effort")
        })
}

/// Go: `tx.Commit()` with its error left out of account.
fn go(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    let name = code.called(call);
    let Some(receiver) = code.receiver(call) else {
        return;
    };
    let of = code.last_name(receiver);
    let db = has_word(
        of,
        &[
            "tx",
            "txn",
            "db",
            "conn",
            "stmt",
            "transaction",
            "pool",
            "collection",
            "coll",
        ],
    );
    let kind = match name {
        "Commit" => db && code.args(call).len() <= 1,
        "Exec" | "ExecContext" | "NamedExec" => {
            db && code
                .args(call)
                .into_iter()
                .take(2)
                .find_map(|arg| sql_text::text_of(code, arg))
                .is_some_and(|text| {
                    let lower = text.trim_start().to_ascii_lowercase();
                    ["insert", "update", "delete", "merge", "replace"]
                        .iter()
                        .any(|verb| lower.starts_with(verb))
                })
        }
        // What could not be read stays as it was: zero, or of the row before.
        "Scan" | "Decode" | "Unmarshal" | "ShouldBindJSON" | "BindJSON" | "StructScan" | "Bind" => {
            unread(code, call, reports);
            false
        }
        "InsertOne" | "UpdateOne" | "InsertMany" | "UpdateMany" | "ReplaceOne" | "DeleteOne"
        | "WriteMessages" | "BulkWrite" => true,
        _ => false,
    };
    if !kind || undoes_or_tests(code, call) {
        return;
    }
    let Some(parent) = code.tree.parent(call) else {
        return;
    };
    let told = || {
        format!(
            "when `{}` fails, nobody gets to know: its error is left out of account",
            short(code, call)
        )
    };
    match code.kind(parent) {
        Kind::ExprStmt
            // gorm's methods give the database back.
            if (name != "Exec" || !code.imports("gorm.io/gorm")) => {
                reports.add(call, told());
            }
        Kind::Assign => {
            let names: Vec<&str> = code
                .tree
                .children_in(parent, Role::Target)
                .flat_map(|target| code.tree.subtree(target))
                .filter(|target| code.kind(*target) == Kind::Name)
                .map(|target| code.name(target))
                .collect();
            if names.last() == Some(&"_") {
                if is_best_effort(code, call) {
                    reports.note(call, told());
                } else {
                    reports.add(call, told());
                }
            }
        }
        _ => {}
    }
    // `if err := tx.Commit(); err != nil {}`
    if code.kind(parent) == Kind::Assign
        && let Some(branch) = code.tree.parent(parent)
        && code.kind(branch) == Kind::If
        && code.tree.role(parent) == Role::Init
        && code
            .child(branch, Role::Body)
            .is_some_and(|body| code.tree.children(body).next().is_none())
        && code.child(branch, Role::Else).is_none()
    {
        reports.add(call, told());
    }
}

/// A loop that sums, and goes on with the next where a row fails.
fn sums(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for attempt in source.of_kind(Kind::Try).iter().copied() {
        let in_loop = code
            .tree
            .ancestors(attempt)
            .take_while(|around| !matches!(code.kind(*around), Kind::Function | Kind::Lambda))
            .any(|around| matches!(code.kind(around), Kind::ForEach | Kind::For | Kind::While));
        let Some(body) = code.child(attempt, Role::Body).filter(|_| in_loop) else {
            continue;
        };
        let sum = code.tree.subtree(body).find(|id| {
            code.kind(*id) == Kind::Assign
                && code.name(*id) == "+="
                && !code.tree.flags(*id).has(crate::tree::Flags::STEP)
                && code.tree.source(*id).contains("+=")
                && code.child(*id, Role::Target).is_some_and(|target| {
                    has_word(
                        code.last_name(target),
                        &[
                            "total", "sum", "balance", "subtotal", "amount", "revenue", "totals", "debit",
                            "credit", "price", "cost", "tax", "due",
                        ],
                    ) && !has_word(
                        code.last_name(target),
                        &["count", "bytes", "size", "rows", "time"],
                    )
                })
                && code.child(*id, Role::Value).is_some_and(|value| {
                    code.tree.subtree(value).any(|part| {
                        code.kind(part) == Kind::Call
                            && (matches!(
                                code.called(part),
                                "int" | "float" | "Decimal" | "BigInt" | "Number"
                            ) || code.called(part).to_ascii_lowercase().starts_with("parse"))
                    })
                })
        });
        let Some(sum) = sum else {
            continue;
        };
        for handler in code.tree.children_in(attempt, Role::Handler) {
            if silence(code, handler) == Some(Silence::Complete) && !undoes_or_tests(code, handler) {
                let target = code
                    .child(sum, Role::Target)
                    .map_or("", |target| code.tree.source(target));
                reports.add(
                    handler,
                    format!("a row that can not be read is missing in `{target}`, and nobody gets to know"),
                );
            }
        }
    }
}

/// Go: `rows.Scan(&name)`, `json.Unmarshal(body, &order)` whose error is not even named.
fn unread(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    let args = code.args(call);
    let into = args
        .last()
        .is_some_and(|last| code.kind(*last) == Kind::Unary && code.name(*last) == "&");
    let alone = code
        .tree
        .parent(call)
        .is_some_and(|parent| code.kind(parent) == Kind::ExprStmt);
    // A scanner of one's own may have no error; those of the standard library all have.
    let known = match code.called(call) {
        "Scan" | "StructScan" => code.imports("database/sql") || code.imports("github.com/jackc"),
        "Unmarshal" => matches!(
            code.path(call),
            "json.Unmarshal" | "xml.Unmarshal" | "encoding/json.Unmarshal" | "yaml.Unmarshal"
        ),
        "Decode" => code.imports("encoding/json") || code.imports("encoding/xml"),
        _ => code.imports("github.com/gin-gonic/gin") || code.imports("github.com/labstack/echo"),
    };
    if into && alone && known && !undoes_or_tests(code, call) {
        reports.add(
            call,
            format!(
                "when `{}` fails, nobody gets to know, and what was to be read stays empty",
                short(code, call)
            ),
        );
    }
}
