//! What catches the error of a write answers that all went well: `return { ok: true }` in a `catch`, Go's `return nil` where `err` is set.

use super::swallowed;
use super::writes::writes;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::sql_text;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{ALL_BUT_RUST, Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: ALL_BUT_RUST,
    run,
    ..swallowed::CHECK
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    if source.tree.language() == Language::Go {
        for branch in source.of_kind(Kind::If).iter().copied() {
            go(code, branch, reports);
        }
        return;
    }
    for attempt in source.of_kind(Kind::Try).iter().copied() {
        let Some(body) = code.child(attempt, Role::Body) else {
            continue;
        };
        let write = code
            .tree
            .subtree(body)
            .filter(|id| code.kind(*id) == Kind::Call)
            .find(|call| writes(code, *call).is_some());
        let Some(write) = write else {
            continue;
        };
        for handler in code.tree.children_in(attempt, Role::Handler) {
            let returns = code
                .tree
                .subtree(handler)
                .filter(|id| code.kind(*id) == Kind::Return)
                .find(|id| {
                    code.child(*id, Role::Value)
                        .is_some_and(|value| says_success(code, value))
                });
            // Who tries it otherwise, or looks what the error is, may well have done it.
            let does_more = code.tree.subtree(handler).any(|id| {
                matches!(
                    code.kind(id),
                    Kind::If | Kind::Switch | Kind::Conditional | Kind::Raise | Kind::Try
                ) || code.kind(id) == Kind::Call && writes(code, id).is_some()
            });
            let is_broad = swallowed::is_broad(code, handler);
            if let Some(returns) = returns
                && is_broad
                && !does_more
                && !swallowed::is_best_effort(code, attempt)
                && !undoes_or_tests(code, handler)
            {
                let told = format!(
                    "when `{}` fails, the answer is that all went well",
                    swallowed::short(code, write)
                );
                reports.add(returns, told);
            }
        }
    }
}

/// `{ ok: true }`, `jsonify(success=True)`, `{"status": "ok"}`, `(True, None)` are said of what went well.
fn says_success(code: Code<'_>, value: NodeId) -> bool {
    const KEYS: &[&str] = &[
        "ok",
        "success",
        "succeeded",
        "successful",
        "saved",
        "stored",
        "paid",
        "created",
        "done",
    ];
    const WORDS: &[&str] = &[
        "ok",
        "success",
        "succeeded",
        "completed",
        "done",
        "paid",
        "created",
        "saved",
    ];
    // An error beside it is said as well.
    let tells = code.tree.subtree(value).any(|id| match code.kind(id) {
        Kind::Pair | Kind::Keyword => {
            let key = code.key(id).unwrap_or(code.name(id)).to_ascii_lowercase();
            [
                "error",
                "errors",
                "warning",
                "warnings",
                "message",
                "reason",
                "queued",
                "retry",
                "degraded",
                "skipped",
                "duplicate",
            ]
            .contains(&key.as_str())
        }
        _ => false,
    });
    !tells
        && code.tree.subtree(value).any(|id| {
            let (key, said) = match code.kind(id) {
                Kind::Pair => (code.key(id).unwrap_or(""), code.child(id, Role::Value)),
                Kind::Keyword => (code.name(id), code.child(id, Role::Value)),
                _ => return false,
            };
            let Some(said) = said else {
                return false;
            };
            let key = key.to_ascii_lowercase();
            let is_true = KEYS.contains(&key.as_str()) && code.boolean(said) == Some(true);
            let is_word = matches!(key.as_str(), "status" | "result" | "outcome")
                && code
                    .text(said)
                    .is_some_and(|text| WORDS.contains(&text.to_ascii_lowercase().as_str()));
            is_true || is_word
        })
}

/// `if _, err := tx.Exec("UPDATE …"); err != nil { log.Println(err); return nil }`
fn go(code: Code<'_>, branch: NodeId, reports: &mut Reports) {
    let tests_error = code
        .child(branch, Role::Condition)
        .and_then(|condition| code.comparison(condition))
        .filter(|(operator, left, right)| {
            *operator == "!="
                && code.name(*left) == "err"
                && code.kind(*left) == Kind::Name
                && code.is_null(*right)
        });
    let Some(body) = code.child(branch, Role::Body).filter(|_| tests_error.is_some()) else {
        return;
    };
    let statements: Vec<NodeId> = code.tree.children(body).collect();
    let Some(last) = statements
        .last()
        .copied()
        .filter(|last| code.kind(*last) == Kind::Return)
    else {
        return;
    };
    // The function gives an error, and gives none here.
    let gives = code
        .function(branch)
        .and_then(|function| code.child(function, Role::Type))
        .is_some_and(|result| code.name(result).trim_end_matches(')').ends_with("error"));
    let none = code
        .child(last, Role::Value)
        .is_some_and(|value| match code.kind(value) {
            Kind::Tuple => code
                .tree
                .children(value)
                .last()
                .is_some_and(|last| code.is_null(last)),
            _ => code.is_null(value),
        });
    let only_tells = statements.iter().rev().skip(1).all(|statement| {
        code.kind(*statement) == Kind::ExprStmt
            && code.child(*statement, Role::Value).is_some_and(|value| {
                let text = code.tree.source(value).to_ascii_lowercase();
                code.is_call(value)
                    && (text.contains("log") || text.contains("print") || text.contains("sugar"))
            })
    });
    if !gives || !none || !only_tells || undoes_or_tests(code, branch) {
        return;
    }
    let set = match code.child(branch, Role::Init) {
        Some(init) => Some(init),
        None => before(code, branch),
    };
    let call = set
        .and_then(|set| code.child(set, Role::Value))
        .filter(|value| code.kind(*value) == Kind::Call);
    if let Some(call) = call.filter(|call| is_write(code, *call) && !swallowed::is_best_effort(code, branch))
    {
        let told = format!(
            "when `{}` fails, the caller is told that all went well",
            swallowed::short(code, call)
        );
        reports.add(last, told);
    }
}

/// The statement in front, if it sets `err`.
fn before(code: Code<'_>, branch: NodeId) -> Option<NodeId> {
    let block = code.tree.parent(branch)?;
    let before = code
        .tree
        .children(block)
        .take_while(|statement| *statement != branch)
        .last()?;
    let sets = code.kind(before) == Kind::Assign
        && code.tree.source(before).split(['=', ':']).next()?.contains("err");
    sets.then_some(before)
}

fn is_write(code: Code<'_>, call: NodeId) -> bool {
    sql_text::go_writes(code, call)
        || matches!(
            code.called(call),
            "Commit" | "InsertOne" | "UpdateOne" | "InsertMany" | "UpdateMany" | "ReplaceOne" | "BulkWrite"
        )
}
