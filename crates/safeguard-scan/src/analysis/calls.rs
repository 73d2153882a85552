//! Calls: what is called, on what, and with what.

use crate::matching::Source;
use crate::tree::{Kind, NodeId, Role, Tree};

/// The full name of what is called, imports taken for what they stand for; empty if it is no chain of names.
pub fn path(source: &Source, call: NodeId) -> String {
    source
        .tree
        .child(call, Role::Callee)
        .and_then(|callee| source.names.qualified(&source.tree, callee))
        .unwrap_or_default()
}

/// The last part of what is called: `get` of `client.get()`.
pub fn name(tree: &Tree, call: NodeId) -> &str {
    match tree.child(call, Role::Callee) {
        Some(callee) if matches!(tree.kind(callee), Kind::Name | Kind::Member) => tree.name(callee),
        _ => "",
    }
}

/// What a method is called on.
pub fn receiver(tree: &Tree, call: NodeId) -> Option<NodeId> {
    let callee = tree.child(call, Role::Callee)?;
    (tree.kind(callee) == Kind::Member).then(|| tree.child(callee, Role::Object))?
}

/// The arguments by position.
pub fn args(tree: &Tree, call: NodeId) -> impl Iterator<Item = NodeId> + '_ {
    tree.children_in(call, Role::Arg)
        .filter(|arg| !matches!(tree.kind(*arg), Kind::Keyword | Kind::Spread))
}

pub fn arg(tree: &Tree, call: NodeId, at: usize) -> Option<NodeId> {
    args(tree, call).nth(at)
}

/// The value of an argument by name.
pub fn keyword(tree: &Tree, call: NodeId, name: &str) -> Option<NodeId> {
    tree.children_in(call, Role::Arg)
        .find(|arg| tree.kind(*arg) == Kind::Keyword && tree.name(*arg) == name)
        .and_then(|keyword| tree.child(keyword, Role::Value))
}

/// Whether arguments are passed that can not be seen here.
pub fn has_spread(tree: &Tree, call: NodeId) -> bool {
    tree.children_in(call, Role::Arg)
        .any(|arg| tree.kind(arg) == Kind::Spread)
}

/// The value of a key of an object that is written out.
pub fn entry(tree: &Tree, object: NodeId, name: &str) -> Option<NodeId> {
    tree.children(object)
        .filter(|pair| tree.kind(*pair) == Kind::Pair)
        .find(|pair| {
            tree.child(*pair, Role::Key)
                .is_some_and(|key| tree.name(key) == name)
        })
        .and_then(|pair| tree.child(pair, Role::Value))
}

/// The name that a chain of members, elements and calls begins with.
pub fn root(tree: &Tree, id: NodeId) -> Option<NodeId> {
    let mut at = id;
    loop {
        at = match tree.kind(at) {
            Kind::Name => return Some(at),
            Kind::Member | Kind::Index => tree.child(at, Role::Object)?,
            Kind::Call => tree.child(at, Role::Callee)?,
            Kind::Await | Kind::Cast | Kind::Unary => tree.child(at, Role::Value)?,
            _ => return None,
        };
    }
}

/// The methods of a chain of calls, from its end: `filter`, `query` of `db.query(X).filter(y)`.
pub fn chain(tree: &Tree, id: NodeId) -> Vec<&str> {
    let mut names = Vec::new();
    let mut at = Some(id);
    while let Some(id) = at {
        at = match tree.kind(id) {
            Kind::Call => {
                names.push(name(tree, id));
                receiver(tree, id)
            }
            Kind::Member | Kind::Index => tree.child(id, Role::Object),
            Kind::Await => tree.child(id, Role::Value),
            // Rust's `x?`
            Kind::Unary if tree.name(id) == "?" => tree.child(id, Role::Value),
            _ => None,
        };
    }
    names
}

/// What is bound to a statement after it was written: `left` of `sqlx::query("…").bind(left).execute(&pool)`.
pub fn bound(tree: &Tree, call: NodeId) -> Vec<NodeId> {
    let mut found = Vec::new();
    let mut at = call;
    while let Some(parent) = tree.parent(at) {
        let goes_on = match tree.kind(parent) {
            Kind::Member => tree.role(at) == Role::Object,
            Kind::Call => tree.role(at) == Role::Callee,
            _ => false,
        };
        if !goes_on {
            break;
        }
        at = parent;
        if tree.kind(at) == Kind::Call && name(tree, at) == "bind" {
            found.extend(args(tree, at));
        }
    }
    found
}
