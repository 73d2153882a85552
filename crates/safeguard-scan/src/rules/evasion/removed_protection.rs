//! What kept two from doing a thing at once, or a half-done thing from staying: a lock, a transaction, an `await`.

use std::collections::BTreeSet;

use safeguard_api::evidence::Severity;

use crate::analysis::functions::{body_nodes, called, head, is_rewritten};
use crate::matching::canonical;
use crate::rule::Confidence;
use crate::rules::ALL_LANGUAGES;
use crate::rules::comparison::{Both, Comparison, Taken, pairs};
use crate::tree::{Flags, Kind, NodeId, Role, Tree};

pub static COMPARISON: Comparison = Comparison {
    id: "removed-protection",
    failure: "X4",
    cwe: &["CWE-362"],
    languages: ALL_LANGUAGES,
    run,
    gone: None,
};

/// What needs no lock of its own, as it is called in the standard libraries and by databases.
const REPLACES: &[&str] = &[
    "Atomic",
    "atomic.",
    "Atomics.",
    "Concurrent",
    "ReentrantLock",
    "StampedLock",
    "LongAdder",
    "sync.Map",
    "singleflight",
    "Queue(",
    "BlockingQueue",
    "chan ",
    "mpsc::",
    "$inc",
    "findOneAndUpdate",
    "find_one_and_update",
    "findAndModify",
    "ON CONFLICT",
    "on conflict",
    "on_conflict",
    "ON DUPLICATE KEY",
    "updateMany",
    "increment:",
    "decrement:",
    "SET NX",
    "setnx",
    "compare_exchange",
    "fetch_add",
    "F(\"",
    "F('",
];

fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    if both.head.is_test() {
        return;
    }
    let (was, is) = (&both.base.tree, &both.head.tree);
    for (name, base, now) in pairs(both) {
        let before = body_nodes(was, base);
        let after = body_nodes(is, now);
        let kept: BTreeSet<String> = after
            .iter()
            .filter(|id| is.kind(**id) == Kind::Call)
            .map(|id| canonical(is, *id))
            .collect();
        let calls: Vec<String> = before
            .iter()
            .filter(|id| was.kind(**id) == Kind::Call)
            .map(|id| canonical(was, *id))
            .collect();
        let protections = protections(was, base, &before);
        // What was protected must still be done, or there is nothing to protect.
        let parts_now: BTreeSet<String> = after.iter().filter_map(|id| part(is, *id)).collect();
        let parts_before: BTreeSet<String> = before.iter().filter_map(|id| part(was, *id)).collect();
        // Each statement is still there, only called on another object.
        let same_parts = parts_before.len() > 1 && parts_before.is_subset(&parts_now);
        let still_does = calls.iter().filter(|call| kept.contains(*call)).count()
            + before
                .iter()
                .filter_map(|id| part(was, *id))
                .filter(|part| parts_now.contains(part))
                .count();
        let reached: BTreeSet<String> = shared_state(is, &after).collect();
        let still_reaches = shared_state(was, &before).any(|part| reached.contains(&part));
        if still_does > 0 || still_reaches {
            let now_protected = self::protections(is, now, &after);
            for gone in protections.difference(&now_protected) {
                // What needs no lock of its own may have taken its place.
                let is_replaced = REPLACES
                    .iter()
                    .any(|word| is.text().contains(word) && !was.text().contains(word));
                // A class of this file with such a name may be anything.
                let is_own = both.base.of_kind(Kind::Class).iter().any(|class| {
                    was.name(*class) == gone.as_str() && gone.to_ascii_lowercase().contains("transaction")
                });
                // A transaction is no lock on a row: others read the row in theirs.
                let is_protected = match is_row_lock(gone) {
                    true => now_protected
                        .iter()
                        .any(|kept| is_row_lock(kept) || !is_transaction(kept)),
                    false => !now_protected.is_empty(),
                };
                if is_own || both.moved.mentions(gone) || is_protected || is_replaced {
                    continue;
                }
                taken.push(Taken {
                    node: head(is, now),
                    severity: Severity::High,
                    confidence: if !same_parts && is_rewritten(was, &before, is, &after) {
                        Confidence::Medium
                    } else {
                        Confidence::High
                    },
                    message: format!("`{name}` ran under `{gone}`, and this change takes that away"),
                });
            }
        }
        for id in &after {
            if is.kind(*id) != Kind::ExprStmt {
                continue;
            }
            let Some(call) = is
                .children(*id)
                .next()
                .filter(|call| is.kind(*call) == Kind::Call)
            else {
                continue;
            };
            let text = canonical(is, call);
            let was_dropped = before.iter().any(|id| {
                was.kind(*id) == Kind::ExprStmt
                    && was
                        .children(*id)
                        .next()
                        .is_some_and(|value| canonical(was, value) == text)
            });
            let was_awaited = before.iter().any(|id| {
                was.kind(*id) == Kind::Await
                    && was
                        .child(*id, Role::Value)
                        .is_some_and(|value| canonical(was, value) == text)
            });
            if was_awaited && !was_dropped && is.flags(now).has(Flags::ASYNC) {
                taken.push(Taken {
                    node: call,
                    severity: Severity::High,
                    confidence: Confidence::High,
                    message: format!("`{}` was awaited, and is not any more: what follows does not wait for it, and its error is lost", is.source(call)),
                });
            }
        }
    }
}

/// Whether it keeps others from reading a row until the transaction is over.
fn is_row_lock(protection: &str) -> bool {
    matches!(
        protection,
        "select_for_update" | "with_for_update" | "FOR UPDATE" | "setLock" | "forUpdate"
    )
}

fn is_transaction(protection: &str) -> bool {
    let lower = protection.to_ascii_lowercase();
    lower.contains("transaction") || lower.contains("atomic") || lower.starts_with("begin")
}

/// What is called without what it is called on: `order.create` of `tx.order.create(…)`, which is `prisma.order.create(…)` outside of the transaction.
fn part(tree: &Tree, call: NodeId) -> Option<String> {
    if tree.kind(call) != Kind::Call {
        return None;
    }
    let callee = tree.child(call, Role::Callee)?;
    let object = tree
        .child(callee, Role::Object)
        .filter(|object| tree.kind(callee) == Kind::Member && tree.kind(*object) == Kind::Member)?;
    Some(format!("{}.{}", tree.name(object), tree.name(callee)))
}

/// Statements without a call that read or write what outlives the function: `value, ok := cache.entries[key]`, `total += cents` of a field.
fn shared_state<'t>(tree: &'t Tree, nodes: &'t [NodeId]) -> impl Iterator<Item = String> + 't {
    nodes
        .iter()
        .filter(|id| matches!(tree.kind(**id), Kind::Assign | Kind::Return | Kind::Delete))
        .filter(|id| {
            let bare = tree.kind(**id) == Kind::Assign
                && tree.name(**id) != ":="
                && !tree.flags(**id).has(Flags::DECLARATION);
            bare || tree
                .subtree(**id)
                .any(|part| matches!(tree.kind(part), Kind::Member | Kind::Index))
        })
        .map(|id| canonical(tree, *id))
}

/// Locks and transactions of a function: by the last part of their name.
fn protections(tree: &Tree, function: NodeId, nodes: &[NodeId]) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for decorator in tree.children_in(function, Role::Decorator) {
        found.extend(protection(tree, decorator));
    }
    for id in nodes {
        match tree.kind(*id) {
            Kind::WithItem => {
                if let Some(value) = tree.child(*id, Role::Value) {
                    found.extend(protection(tree, value));
                }
            }
            Kind::Call => {
                let name = called(tree, *id).unwrap_or("");
                if matches!(
                    name,
                    "select_for_update"
                        | "with_for_update"
                        | "acquire"
                        | "Lock"
                        | "RLock"
                        | "lock"
                        | "runExclusive"
                        | "transaction"
                        | "$transaction"
                        | "Begin"
                        | "BeginTx"
                        | "beginTransaction"
                        | "atomic"
                        | "withTransaction"
                        | "startTransaction"
                        | "Transaction"
                        | "setLock"
                        | "forUpdate"
                ) {
                    found.insert(name.to_owned());
                }
            }
            Kind::With if tree.name(*id) == "synchronized" => {
                found.insert("synchronized".to_owned());
            }
            Kind::Str if tree.name(*id).to_ascii_uppercase().contains(" FOR UPDATE") => {
                found.insert("FOR UPDATE".to_owned());
            }
            _ => {}
        }
    }
    found
}

/// What a `with` or a decorator protects by, if it does.
fn protection(tree: &Tree, id: NodeId) -> Option<String> {
    tree.subtree(id)
        .filter(|id| matches!(tree.kind(*id), Kind::Name | Kind::Member))
        .map(|id| tree.name(id))
        .find(|name| {
            let lower = name.to_ascii_lowercase();
            [
                "lock",
                "mutex",
                "semaphore",
                "atomic",
                "transaction",
                "synchronized",
            ]
            .iter()
            .any(|part| lower.contains(part))
                && !lower.contains("block")
                && !lower.contains("clock")
        })
        .map(str::to_owned)
}
