//! What is checked before a lock is taken, and changed under it without another look.

use safeguard_api::evidence::Severity;

use crate::analysis::{bodies, calls, locks};
use crate::language::Language;
use crate::matching::{Source, canonical};
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    id: "check-outside-lock",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-367", "CWE-609"],
    languages: &[Language::Go, Language::Python],
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    for function in source.of_kind(Kind::Function).iter().copied() {
        let held = locks::held_in(source, function);
        if held.is_empty() {
            continue;
        }
        let nodes = bodies::body(tree, function);
        stale(source, &nodes, &held, reports);
        for id in nodes.iter().copied().filter(|id| tree.kind(*id) == Kind::If) {
            let Some(condition) = tree.child(id, Role::Condition) else {
                continue;
            };
            let first = held.iter().find(|held| held.at > condition && !held.shared);
            let Some(lock) = first.filter(|lock| {
                !held.iter().any(|outer| outer.covers(condition))
                    && (tree.within(lock.at, id) || leaves(tree, id))
            }) else {
                continue;
            };
            look(source, condition, lock, &nodes, &held, reports);
        }
    }
}

fn look(
    source: &Source,
    condition: NodeId,
    lock: &locks::Held,
    nodes: &[NodeId],
    held: &[locks::Held],
    reports: &mut Reports,
) {
    let tree = &source.tree;
    // What the condition looks at, of what outlives the function.
    let looked: Vec<(String, &str)> = tree
        .subtree(condition)
        .filter(|part| tree.kind(*part) == Kind::Member && tree.role(*part) != Role::Callee)
        .filter(|part| calls::root(tree, *part).is_some())
        .map(|part| (canonical(tree, part), tree.source(part)))
        .collect();
    for (text, name) in looked {
        if locks::is_lock_name(name.rsplit('.').next().unwrap_or_default()) {
            continue;
        }
        let changed = nodes.iter().copied().find(|id| {
            lock.covers(*id)
                && tree.kind(*id) == Kind::Assign
                && tree.children_in(*id, Role::Target).any(|target| {
                    canonical(tree, target) == text
                        || tree.kind(target) == Kind::Index
                            && tree
                                .child(target, Role::Object)
                                .is_some_and(|object| canonical(tree, object) == text)
                })
        });
        let Some(changed) = changed else {
            continue;
        };
        let looked_again = nodes.iter().any(|id| {
            lock.covers(*id)
                && *id < changed
                && match tree.kind(*id) {
                    Kind::If | Kind::While | Kind::Conditional | Kind::For => {
                        tree.child(*id, Role::Condition).is_some_and(|again| {
                            again > lock.at && tree.subtree(again).any(|part| canonical(tree, part) == text)
                                || tree
                                    .children_in(*id, Role::Init)
                                    .any(|init| tree.subtree(init).any(|part| canonical(tree, part) == text))
                        })
                    }
                    // `if existing, ok := m[k]; ok`, or a copy that is looked at next.
                    Kind::Assign => tree.child(*id, Role::Value).is_some_and(|value| {
                        tree.kind(value) == Kind::Index
                            && tree
                                .child(value, Role::Object)
                                .is_some_and(|object| canonical(tree, object) == text)
                    }),
                    _ => false,
                }
        });
        let others = held
            .iter()
            .any(|other| other.at > condition && other.at < lock.at && other.lock != lock.lock);
        // Another member of the same object, looked at under the lock, may say as much.
        let root = calls::root(tree, lock.object).map(|root| tree.name(root));
        let looks_at_another = nodes.iter().any(|id| {
            lock.covers(*id)
                && *id < changed
                && tree.kind(*id) == Kind::If
                && tree.child(*id, Role::Condition).is_some_and(|again| {
                    tree.subtree(again).any(|part| {
                        tree.kind(part) == Kind::Member
                            && calls::root(tree, part).map(|root| tree.name(root)) == root
                    })
                })
        });
        let same_object = root == name.split('.').next();
        if looked_again || others || looks_at_another || !same_object {
            continue;
        }
        let steps = matches!(tree.name(changed), "+=" | "-=")
            || tree.kind(tree.child(changed, Role::Target).unwrap_or(changed)) == Kind::Member
                && is_plain_question(tree, condition, &text)
            || tree
                .child(changed, Role::Value)
                .is_some_and(|value| tree.kind(value) == Kind::Binary);
        if steps {
            reports.add(changed, format!("`{name}` was looked at before the lock was taken: another thread may have changed it since"));
        } else {
            reports.note(
                changed,
                format!("`{name}` was looked at before the lock was taken: two threads may both fill it"),
            );
        }
        return;
    }
}

/// What was read while the lock was held once, and is written back while it is held again.
fn stale(source: &Source, nodes: &[NodeId], held: &[locks::Held], reports: &mut Reports) {
    let tree = &source.tree;
    for write in nodes.iter().copied().filter(|id| tree.kind(*id) == Kind::Assign) {
        let (Some(target), Some(value)) = (tree.child(write, Role::Target), tree.child(write, Role::Value))
        else {
            continue;
        };
        let Some(second) = held.iter().find(|held| held.covers(write)) else {
            continue;
        };
        if !matches!(tree.kind(target), Kind::Member | Kind::Index) || tree.kind(value) != Kind::Binary {
            continue;
        }
        let own = canonical(tree, target);
        let read = nodes.iter().copied().find(|read| {
            *read < second.at
                && tree.kind(*read) == Kind::Assign
                && tree
                    .child(*read, Role::Value)
                    .is_some_and(|value| canonical(tree, value) == own)
                && held.iter().any(|first| {
                    first.lock == second.lock
                        && first.covers(*read)
                        && !first.covers(write)
                        && first.until <= second.at.index() as u32
                })
                && tree.child(*read, Role::Target).is_some_and(|kept| {
                    tree.subtree(value)
                        .any(|part| tree.kind(part) == Kind::Name && tree.name(part) == tree.name(kept))
                })
        });
        if read.is_some() {
            let name = tree.source(target);
            reports.add(write, format!("`{name}` was read before the lock was given back and taken again; what others wrote meanwhile is lost"));
            return;
        }
    }
}

/// `if x is None`, `if x == nil`, `if not x`, `if x`.
fn is_plain_question(tree: &Tree, condition: NodeId, text: &str) -> bool {
    let value = match tree.kind(condition) {
        Kind::Unary => tree.child(condition, Role::Value),
        Kind::Binary
            if tree
                .child(condition, Role::Right)
                .is_some_and(|right| matches!(tree.kind(right), Kind::Null | Kind::Bool | Kind::Num)) =>
        {
            tree.child(condition, Role::Left)
        }
        _ => Some(condition),
    };
    value.is_some_and(|value| canonical(tree, value) == text)
}

fn leaves(tree: &Tree, id: NodeId) -> bool {
    tree.child(id, Role::Body).is_some_and(|body| {
        tree.children(body)
            .last()
            .is_some_and(|last| matches!(tree.kind(last), Kind::Return | Kind::Raise | Kind::Continue))
    })
}
