//! Locks: where one is taken, and how far it is held.

use super::{bodies, calls};
use crate::language::Language;
use crate::matching::{Source, canonical};
use crate::tree::{Kind, NodeId, Role, Tree};

/// A lock that is held over a part of a function.
#[derive(Debug, Clone)]
pub struct Held {
    /// What is locked, as [`canonical`] writes it.
    pub lock: String,
    /// What is locked, as it stands there.
    pub object: NodeId,
    /// The call that takes it, or the item of `with`.
    pub at: NodeId,
    /// The first node behind it.
    pub until: u32,
    /// Whether a statement of its own takes it, so that something else has to give it back.
    pub by_call: bool,
    /// Whether others may hold it too: a lock for reading.
    pub shared: bool,
}

impl Held {
    pub fn covers(&self, id: NodeId) -> bool {
        self.at < id && (id.index() as u32) < self.until
    }
}

pub fn is_lock_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.contains("mutex")
        || name == "mu"
        || name.ends_with("mu")
        || name == "mtx"
        || name.contains("sem") && name.contains("phore")
        || name.match_indices("lock").any(|(at, _)| {
            let is_block_or_clock = name[..at].ends_with('b') || &name[..at] == "c";
            !is_block_or_clock && !name[at..].starts_with("locked")
        })
}

/// The locks that a function holds, in the order in which it takes them.
pub fn held_in(source: &Source, function: NodeId) -> Vec<Held> {
    let tree = &source.tree;
    let nodes = bodies::body(tree, function);
    let end = nodes.last().map_or(0, |last| last.index() as u32 + 1);
    let mut held = Vec::new();
    for id in &nodes {
        match tree.kind(*id) {
            Kind::WithItem => {
                let Some(value) = tree.child(*id, Role::Value) else {
                    continue;
                };
                let object = match tree.kind(value) {
                    Kind::Name | Kind::Member | Kind::Index => value,
                    Kind::Call
                        if matches!(
                            calls::name(tree, value),
                            "read_lock" | "write_lock" | "lock" | "acquire"
                        ) =>
                    {
                        value
                    }
                    _ => continue,
                };
                if !is_lock_name(last_name(tree, object)) {
                    continue;
                }
                let with = tree.parent(*id).unwrap_or(*id);
                let until = tree
                    .subtree(with)
                    .last()
                    .map_or(end, |last| last.index() as u32 + 1);
                held.push(Held {
                    lock: canonical(tree, object),
                    object,
                    at: *id,
                    until,
                    by_call: false,
                    shared: false,
                });
            }
            Kind::Call => {
                if let Some((object, shared)) = takes(tree, *id) {
                    let lock = canonical(tree, object);
                    let until = given_back(tree, *id, &lock).map_or(end, |back| back.index() as u32);
                    held.push(Held {
                        lock,
                        object,
                        at: *id,
                        until,
                        by_call: true,
                        shared,
                    });
                }
            }
            _ => {}
        }
    }
    held
}

fn last_name(tree: &Tree, id: NodeId) -> &str {
    match tree.kind(id) {
        Kind::Index => tree
            .child(id, Role::Object)
            .map_or("", |object| last_name(tree, object)),
        Kind::Call => {
            calls::receiver(tree, id).map_or_else(|| calls::name(tree, id), |object| last_name(tree, object))
        }
        _ => tree.name(id),
    }
}

/// What a call locks, and whether only for reading. Where its answer decides, it is no plain lock.
fn takes(tree: &Tree, call: NodeId) -> Option<(NodeId, bool)> {
    let name = calls::name(tree, call);
    let object = calls::receiver(tree, call)?;
    let takes = match tree.language() {
        Language::Go => matches!(name, "Lock" | "RLock"),
        Language::Python => name == "acquire" && is_lock_name(last_name(tree, object)),
        Language::Java => name == "lock" && is_lock_name(last_name(tree, object)),
        Language::JavaScript | Language::Rust | Language::TypeScript | Language::Tsx => false,
        Language::Dockerfile
        | Language::Hcl
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => false,
    };
    let mut parent = tree.parent(call)?;
    if tree.kind(parent) == Kind::Await {
        parent = tree.parent(parent)?;
    }
    let statement = tree.kind(parent) == Kind::ExprStmt;
    let waits = tree.children_in(call, Role::Arg).next().is_none();
    (takes && statement && waits).then_some((object, name == "RLock"))
}

pub fn gives_back(tree: &Tree, call: NodeId, lock: &str) -> bool {
    tree.kind(call) == Kind::Call
        && matches!(
            calls::name(tree, call),
            "Unlock" | "RUnlock" | "release" | "unlock"
        )
        && calls::receiver(tree, call).is_some_and(|object| canonical(tree, object) == lock)
}

/// Where, in the block that a lock is taken in or around it, it is given back. What is deferred is at the end.
fn given_back(tree: &Tree, call: NodeId, lock: &str) -> Option<NodeId> {
    let mut statement = super::reach::statement(tree, call);
    loop {
        let block = tree.parent(statement)?;
        let after = tree.children(block).filter(|other| *other > statement);
        for other in after {
            if tree.kind(other) == Kind::Defer && tree.subtree(other).any(|id| gives_back(tree, id, lock)) {
                return None;
            }
            let direct = tree.kind(other) == Kind::ExprStmt || tree.kind(other) == Kind::Try;
            let back = bodies::running(tree, other).into_iter().find(|id| {
                gives_back(tree, *id, lock)
                    && (tree.kind(other) == Kind::ExprStmt || in_finally(tree, *id, other))
            });
            if direct && let Some(back) = back {
                return Some(back);
            }
        }
        let around = tree.parent(block)?;
        if matches!(tree.kind(around), Kind::Function | Kind::Lambda) || tree.kind(block) == Kind::Module {
            return None;
        }
        statement = super::reach::statement(tree, around);
        if statement == around && tree.kind(around) == Kind::Module {
            return None;
        }
    }
}

fn in_finally(tree: &Tree, id: NodeId, within: NodeId) -> bool {
    tree.role(id) == Role::Finally
        || tree
            .ancestors(id)
            .take_while(|around| *around != within)
            .any(|around| tree.role(around) == Role::Finally)
}
