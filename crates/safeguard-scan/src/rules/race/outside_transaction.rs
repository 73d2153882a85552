//! A statement that goes past the transaction that its function has begun.

use super::transaction_on_pool;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::{bodies, sql_text};
use crate::language::Language;
use crate::matching::{Source, canonical};
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: &[
        Language::Go,
        Language::JavaScript,
        Language::Rust,
        Language::TypeScript,
    ],
    run,
    ..transaction_on_pool::CHECK
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    match source.tree.language() {
        Language::Go => go(code, reports),
        Language::Rust => rust(code, reports),
        _ => script(code, reports),
    }
}

/// `tx, err := db.BeginTx(…)`, and then `db.ExecContext(…)` before `tx.Commit()`.
fn go(code: Code<'_>, reports: &mut Reports) {
    for assign in code.source.of_kind(Kind::Assign).iter().copied() {
        let (Some(target), Some(value)) = (code.child(assign, Role::Target), code.child(assign, Role::Value))
        else {
            continue;
        };
        let begins = code.kind(value) == Kind::Call
            && matches!(code.called(value), "Begin" | "BeginTx" | "Beginx" | "BeginTxx");
        let (true, Kind::Tuple, Some(of)) = (begins, code.kind(target), code.receiver(value)) else {
            continue;
        };
        let (Some(tx), Some(function)) = (
            code.tree.children(target).next().map(|first| code.name(first)),
            code.function(assign),
        ) else {
            continue;
        };
        let of = canonical(code.tree, of);
        let nodes = bodies::body(code.tree, function);
        let commit = nodes.iter().copied().rfind(|id| {
            code.kind(*id) == Kind::Call
                && code.called(*id) == "Commit"
                && code.receiver(*id).is_some_and(|on| code.name(on) == tx)
        });
        let Some(commit) = commit else {
            continue;
        };
        for call in nodes {
            if code.kind(call) != Kind::Call || call < assign || call > commit || undoes_or_tests(code, call)
            {
                continue;
            }
            let on_pool = code
                .receiver(call)
                .is_some_and(|on| canonical(code.tree, on) == of);
            if on_pool && sql_text::go_writes(code, call) {
                reports.add(
                    call,
                    format!("this goes past the transaction `{tx}`: it stays when that is taken back, and may wait for it for ever"),
                );
            }
        }
    }
}

/// `let mut tx = pool.begin().await?;`, and then `.execute(&pool)` before `tx.commit()`.
fn rust(code: Code<'_>, reports: &mut Reports) {
    for begin in code.source.calls().iter().copied() {
        if code.called(begin) != "begin" || !code.args(begin).is_empty() {
            continue;
        }
        let (Some(of), Some(function)) = (code.receiver(begin), code.function(begin)) else {
            continue;
        };
        let pool = canonical(code.tree, of);
        let nodes = bodies::body(code.tree, function);
        let Some(commit) = nodes
            .iter()
            .copied()
            .rfind(|id| code.kind(*id) == Kind::Call && code.called(*id) == "commit" && *id > begin)
        else {
            continue;
        };
        for call in nodes {
            let runs = code.kind(call) == Kind::Call
                && call > begin
                && call < commit
                && matches!(
                    code.called(call),
                    "execute" | "fetch_one" | "fetch_optional" | "fetch_all"
                );
            let on_pool = runs
                && code
                    .arg(call, 0)
                    .is_some_and(|on| canonical(code.tree, code.bare(on)) == pool);
            let writes = on_pool
                && code.texts_in(call).any(|text| {
                    let lower = text.trim_start().to_ascii_lowercase();
                    ["insert", "update", "delete", "merge"]
                        .iter()
                        .any(|verb| lower.starts_with(verb))
                });
            if writes && !undoes_or_tests(code, call) {
                reports.add(
                    call,
                    "this goes past the transaction that was begun above: it stays when that is taken back, and may wait for it for ever",
                );
            }
        }
    }
}

/// `prisma.$transaction(async (tx) => { await prisma.order.create(…) })`
fn script(code: Code<'_>, reports: &mut Reports) {
    for call in code.source.of_kind(Kind::Call).iter().copied() {
        if !matches!(code.called(call), "$transaction" | "transaction") {
            continue;
        }
        let Some(of) = code
            .receiver(call)
            .filter(|of| matches!(code.kind(*of), Kind::Name | Kind::Member))
        else {
            continue;
        };
        let prisma = code.called(call) == "$transaction";
        let Some(lambda) = code
            .args(call)
            .into_iter()
            .find(|arg| code.kind(*arg) == Kind::Lambda)
        else {
            continue;
        };
        let Some(tx) = code
            .child(lambda, Role::Param)
            .map(|param| code.name(param))
            .filter(|tx| !tx.is_empty())
        else {
            continue;
        };
        let whole = code.tree.source(of);
        if tx == whole {
            continue;
        }
        for inner in code
            .tree
            .subtree(lambda)
            .filter(|id| code.kind(*id) == Kind::Call)
        {
            let text = code.tree.source(inner);
            let past = if prisma {
                text.starts_with(&format!("{whole}."))
                    && matches!(
                        code.called(inner),
                        "create"
                            | "createMany"
                            | "update"
                            | "updateMany"
                            | "upsert"
                            | "delete"
                            | "deleteMany"
                            | "$executeRaw"
                    )
            } else {
                // `db('orders').insert(…)` of knex, unless it is told its transaction.
                (code.imports("knex") || code.tree.text().contains("knex"))
                    && text.starts_with(&format!("{whole}("))
                    && matches!(
                        code.called(inner),
                        "insert" | "update" | "del" | "delete" | "increment" | "decrement"
                    )
                    && !around(code, inner, lambda).contains("transacting")
            };
            if past && !undoes_or_tests(code, inner) {
                reports.add(
                    inner,
                    format!("this goes past the transaction `{tx}`: it stays when that is taken back"),
                );
            }
        }
    }
}

/// The text of the statement around a call.
fn around<'s>(code: Code<'s>, call: NodeId, lambda: NodeId) -> &'s str {
    code.tree
        .ancestors(call)
        .take_while(|id| *id != lambda)
        .filter(|id| {
            matches!(
                code.kind(*id),
                Kind::ExprStmt | Kind::Assign | Kind::Return | Kind::Await
            )
        })
        .last()
        .map_or("", |statement| code.tree.source(statement))
}
