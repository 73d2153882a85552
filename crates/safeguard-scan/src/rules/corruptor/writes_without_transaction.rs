//! Rows of several tables are written one after the other, where the rest of the class does that in a transaction.

use std::collections::BTreeSet;

use safeguard_api::evidence::Severity;

use super::multiple::is_in_transaction;
use crate::analysis::code::Code;
use crate::analysis::meant::{is_migration, undoes_or_tests};
use crate::analysis::outside::java_decorators;
use crate::analysis::words::has_word;
use crate::analysis::{sql_text, typed};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_BUT_RUST, Check, Reports};
use crate::tree::{Kind, NodeId, Role};

check!(CHECK, "writes-without-transaction", "CWE-662", ALL_BUT_RUST, run);

/// What may be missing without anything being wrong.
const BESIDE: &[&str] = &[
    "log",
    "logs",
    "audit",
    "event",
    "events",
    "notification",
    "notifications",
    "session",
    "sessions",
    "token",
    "tokens",
    "cache",
    "metric",
    "metrics",
    "history",
    "view",
    "views",
    "activity",
    "outbox",
    "job",
    "jobs",
    "stat",
    "stats",
];

/// A write, and what it writes to.
struct Write {
    at: NodeId,
    of: String,
}

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let tree = &source.tree;
    if is_migration(code) {
        return;
    }
    let functions: Vec<(NodeId, Vec<Write>, bool)> = source
        .of_kind(Kind::Function)
        .iter()
        .copied()
        .filter_map(|function| {
            let body = code.child(function, Role::Body)?;
            let all: Vec<NodeId> = tree.subtree(body).collect();
            let writes: Vec<Write> = all.iter().filter_map(|id| write(code, *id)).collect();
            if writes.is_empty() {
                return None;
            }
            let held = is_in_transaction(code, function, &all) || is_managed(code, function);
            Some((function, writes, held))
        })
        .collect();
    for (function, writes, held) in &functions {
        let tables: BTreeSet<&str> = writes.iter().map(|write| write.of.as_str()).collect();
        if *held || tables.len() < 2 || undoes_or_tests(code, *function) || is_compensated(code, *function) {
            continue;
        }
        // The same tables are written in a transaction beside it.
        let beside = functions.iter().find(|(other, theirs, held)| {
            *held
                && other != function
                && !tree.within(*other, *function)
                && !tree.within(*function, *other)
                && theirs.iter().any(|write| tables.contains(write.of.as_str()))
        });
        let Some((other, _, _)) = beside else {
            continue;
        };
        // Writes in the branches of one decision are not both done.
        let Some(last) = writes.iter().rev().find(|write| {
            writes.iter().any(|first| {
                first.at < write.at && first.of != write.of && !are_apart(code, first.at, write.at)
            })
        }) else {
            continue;
        };
        let (name, table) = (code.function_name(*other), &last.of);
        reports.add(
            last.at,
            format!("when this fails, what was written before to another table than `{table}` stays: `{name}` beside it has a transaction for that"),
        );
    }
}

/// `@Transactional` at the method or its class.
fn is_managed(code: Code<'_>, function: NodeId) -> bool {
    let tree = code.tree;
    let marked = |id: NodeId| {
        java_decorators(tree, id)
            .iter()
            .any(|mark| mark.contains("Transaction"))
    };
    marked(function)
        || tree
            .ancestors(function)
            .any(|around| tree.kind(around) == Kind::Class && marked(around))
}

/// Whether what fails is taken back by hand.
fn is_compensated(code: Code<'_>, function: NodeId) -> bool {
    let tree = code.tree;
    let undone = tree
        .subtree(function)
        .filter(|id| tree.kind(*id) == Kind::Catch)
        .any(|handler| tree.subtree(handler).any(|id| write(code, id).is_some()));
    undone
        || code.mentions(function, |name| {
            has_word(
                name,
                &["batch", "bulk", "pipeline", "compensate", "rollback", "saga"],
            )
        })
}

fn are_apart(code: Code<'_>, first: NodeId, second: NodeId) -> bool {
    let tree = code.tree;
    tree.ancestors(first)
        .filter(|around| matches!(tree.kind(*around), Kind::If | Kind::Switch | Kind::Try))
        .any(|around| {
            if !tree.within(second, around) {
                // `if (new) { create; return }`
                return tree.kind(around) == Kind::If
                    && tree.child(around, Role::Body).is_some_and(|body| {
                        tree.within(first, body)
                            && tree.children(body).last().is_some_and(|last| {
                                matches!(tree.kind(last), Kind::Return | Kind::Raise | Kind::Continue)
                            })
                    });
            }
            let branch = |id: NodeId| tree.children(around).find(|part| tree.within(id, *part));
            branch(first) != branch(second)
        })
}

/// A write of rows, by the table, the model or the repository that it goes to.
fn write(code: Code<'_>, call: NodeId) -> Option<Write> {
    let tree = code.tree;
    if tree.kind(call) != Kind::Call {
        return None;
    }
    let of = match tree.language() {
        Language::Python => django(code, call),
        Language::Go => go(code, call),
        Language::Java => java(code, call),
        _ => script(code, call),
    }
    .or_else(|| statement(code, call))?;
    if has_word(&of, BESIDE) {
        return None;
    }
    let of = of.to_ascii_lowercase();
    let plain = of
        .trim_end_matches("repository")
        .trim_end_matches("repo")
        .to_owned();
    (!plain.is_empty() && !has_word(&plain, BESIDE)).then_some(Write { at: call, of: plain })
}

/// `dataSource.getRepository(Order).update(…)`, `this.ordersRepository.save(…)`, `prisma.order.update(…)`, `manager.insert(Order, …)`
fn script(code: Code<'_>, call: NodeId) -> Option<String> {
    const VERBS: &[&str] = &[
        "update",
        "insert",
        "save",
        "increment",
        "decrement",
        "delete",
        "remove",
        "softDelete",
        "upsert",
        "create",
        "createMany",
        "updateMany",
        "deleteMany",
        "destroy",
        "bulkCreate",
        "insertOne",
        "updateOne",
        "deleteOne",
    ];
    if !VERBS.contains(&code.called(call)) {
        return None;
    }
    let waits = code
        .tree
        .parent(call)
        .is_some_and(|parent| matches!(code.kind(parent), Kind::Await | Kind::Return));
    let of = code.receiver(call).filter(|_| waits)?;
    let repository = code.set_to(of).unwrap_or(of);
    if code.kind(repository) == Kind::Call
        && matches!(code.called(repository), "getRepository" | "withRepository")
    {
        return Some(code.last_name(code.arg(repository, 0)?).to_owned());
    }
    let name = code.last_name(of);
    let around = code.last_name_of_object(of);
    if matches!(around, "prisma" | "db" | "client") && code.imports("@prisma/client") || around == "prisma" {
        return Some(name.to_owned());
    }
    if has_word(name, &["manager", "em", "tx", "trx"]) {
        let first = code.arg(call, 0)?;
        return code
            .last_name(first)
            .starts_with(|first: char| first.is_ascii_uppercase())
            .then(|| code.last_name(first).to_owned());
    }
    let is_model = code.kind(of) == Kind::Name
        && name.starts_with(|first: char| first.is_ascii_uppercase())
        && (code.imports("sequelize") || code.imports("mongoose") || code.tree.text().contains("models"));
    let is_repository = has_word(name, &["repo", "repository", "dao"]);
    (is_model || is_repository).then(|| name.to_owned())
}

/// `Order.objects.filter(…).update(…)`, `Order.objects.create(…)`
fn django(code: Code<'_>, call: NodeId) -> Option<String> {
    if !matches!(
        code.called(call),
        "create"
            | "update"
            | "delete"
            | "bulk_create"
            | "bulk_update"
            | "acreate"
            | "aupdate"
            | "adelete"
            | "update_or_create"
    ) {
        return None;
    }
    let text = code.tree.source(code.child(call, Role::Callee)?);
    let (model, _) = text.split_once(".objects.")?;
    let model = model.rsplit('.').next()?;
    model
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric())
        .then(|| model.to_owned())
}

/// gorm: `db.Create(&order)`
fn go(code: Code<'_>, call: NodeId) -> Option<String> {
    if !matches!(code.called(call), "Create" | "Save" | "Updates" | "Delete") || !code.imports("gorm.io/gorm")
    {
        return None;
    }
    let first = code.bare(code.arg(call, 0)?);
    let made = code.set_to(first).unwrap_or(first);
    let name = match code.kind(made) {
        Kind::Composite => code.name(made),
        _ => typed::declared_type(code.source, first)?,
    };
    Some(name.rsplit('.').next()?.trim_start_matches('*').to_owned())
}

/// `orderRepository.save(order)`
fn java(code: Code<'_>, call: NodeId) -> Option<String> {
    if !matches!(
        code.called(call),
        "save" | "saveAll" | "saveAndFlush" | "delete" | "deleteById" | "deleteAll" | "insert" | "update"
    ) {
        return None;
    }
    let of = code.receiver(call)?;
    let ty = typed::declared_type(code.source, of).unwrap_or("");
    let name = code.last_name(of);
    let is_repository = |name: &str| has_word(name, &["repository", "repo", "dao"]);
    if is_repository(ty) {
        return Some(ty.to_owned());
    }
    is_repository(name).then(|| name.to_owned())
}

/// `db.Exec("UPDATE orders …")`
fn statement(code: Code<'_>, call: NodeId) -> Option<String> {
    if !matches!(
        code.called(call),
        "execute"
            | "exec"
            | "Exec"
            | "ExecContext"
            | "query"
            | "run"
            | "update"
            | "executeUpdate"
            | "$executeRaw"
    ) {
        return None;
    }
    // A cursor and a session of Python begin a transaction by themselves.
    if code.tree.language() == Language::Python {
        return None;
    }
    let text = code
        .args(call)
        .into_iter()
        .take(2)
        .find_map(|arg| sql_text::text_of(code, arg))?
        .to_ascii_lowercase();
    let words: Vec<&str> = text.split_whitespace().collect();
    let table = match words.as_slice() {
        ["insert", "into", table, ..] | ["delete", "from", table, ..] | ["update", table, ..] => *table,
        _ => return None,
    };
    let plain = table.split('(').next()?.trim_matches(['"', '`']).to_owned();
    (!plain.is_empty()).then_some(plain)
}
