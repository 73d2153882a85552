//! A `continue` that begins the next round before anything has changed what the loop looks at.

use std::collections::BTreeSet;

use super::unchanging_condition::{calls_nothing_of_ours, is_local};
use crate::analysis::{bodies, calls, change, loops};
use crate::matching::Source;
use crate::tree::{Kind, NodeId, Role, Tree};

/// Methods and functions that answer the same when they are asked the same, and change nothing.
const PURE: &[&str] = &[
    "strip",
    "lstrip",
    "rstrip",
    "startswith",
    "endswith",
    "lower",
    "upper",
    "isdigit",
    "isspace",
    "isalpha",
    "split",
    "trim",
    "startsWith",
    "endsWith",
    "includes",
    "toLowerCase",
    "toUpperCase",
    "trimStart",
    "trimEnd",
    "charAt",
    "charCodeAt",
    "indexOf",
    "isinstance",
    "int",
    "bool",
    "ord",
    "len",
    "abs",
    "min",
    "max",
    "HasPrefix",
    "HasSuffix",
    "TrimSpace",
    "Contains",
    "ToLower",
    "EqualFold",
    "IsSpace",
    "isNaN",
    "isArray",
    "Number",
    "parseInt",
    "isFinite",
];

/// The `continue`, if every way to it leaves all as it was at the head of the loop, so that the next round takes the same way.
pub fn skips_its_step(source: &Source, id: NodeId) -> Option<NodeId> {
    let tree = &source.tree;
    // The third part of a `for` is done on `continue` too.
    if tree.child(id, Role::Update).is_some() || tree.kind(id) == Kind::DoWhile {
        return None;
    }
    let body = tree.child(id, Role::Body)?;
    let scope = bodies::enclosing(tree, id)?;
    let condition = tree
        .child(id, Role::Condition)
        .map(|condition| bodies::running(tree, condition))
        .unwrap_or_default();
    if !condition.iter().all(|node| keeps_all(source, *node)) {
        return None;
    }
    let nodes = bodies::running(tree, body);
    nodes
        .iter()
        .copied()
        .filter(|node| {
            tree.kind(*node) == Kind::Continue
                && tree.name(*node).is_empty()
                && loops::around(tree, *node).first() == Some(&id)
        })
        .find(|again| {
            let guards: Vec<NodeId> = tree
                .ancestors(*again)
                .take_while(|around| *around != body)
                .filter(|around| tree.kind(*around) != Kind::Block)
                .collect();
            if !guards.iter().all(|guard| tree.kind(*guard) == Kind::If) {
                return false;
            }
            let mut way = Vec::new();
            way_to(tree, body, *again, &mut way);
            if !way.iter().all(|node| keeps_all(source, *node)) || !computes_anew(tree, &condition, &way) {
                return false;
            }
            let fresh = change::set(tree, &way);
            let looked: BTreeSet<&str> = condition
                .iter()
                .chain(&way)
                .filter(|node| tree.kind(**node) == Kind::Name)
                .map(|node| tree.name(*node))
                .collect();
            let guarded = guards.iter().all(|guard| {
                tree.child(*guard, Role::Condition)
                    .is_some_and(|condition| is_ours(source, scope, condition))
            });
            guarded
                && !guards.is_empty()
                && nodes.iter().any(|node| {
                    tree.kind(*node) == Kind::Assign
                        && !way.contains(node)
                        && change::set(tree, &[*node]).iter().any(|name| {
                            looked.contains(name) && !fresh.contains(name) && is_local(tree, scope, name)
                        })
                })
        })
}

/// What may run in a round before a place in its body, branches left out that do not lead there.
fn way_to(tree: &Tree, node: NodeId, place: NodeId, way: &mut Vec<NodeId>) {
    if node == place {
        return;
    }
    way.push(node);
    if matches!(tree.kind(node), Kind::Function | Kind::Lambda | Kind::Class) {
        return;
    }
    let leads = tree.within(place, node);
    for child in tree.children(node) {
        if child > place {
            return;
        }
        let branch = tree.kind(node) == Kind::If && matches!(tree.role(child), Role::Body | Role::Else);
        if branch && !tree.within(place, child) {
            let in_a_branch = leads
                && tree.children(node).any(|other| {
                    matches!(tree.role(other), Role::Body | Role::Else) && tree.within(place, other)
                });
            let leaves = tree.children(child).last().is_some_and(|last| {
                matches!(
                    tree.kind(last),
                    Kind::Continue | Kind::Break | Kind::Return | Kind::Raise
                )
            });
            if in_a_branch || leaves {
                continue;
            }
        }
        way_to(tree, child, place, way);
    }
}

/// Whether a node changes nothing that the next round could find different.
fn keeps_all(source: &Source, node: NodeId) -> bool {
    let tree = &source.tree;
    match tree.kind(node) {
        Kind::Call => calls_nothing_of_ours(source, node) || PURE.contains(&calls::name(tree, node)),
        Kind::New
        | Kind::Await
        | Kind::Yield
        | Kind::Delete
        | Kind::Go
        | Kind::Send
        | Kind::Select
        | Kind::Try
        | Kind::Tagged
        | Kind::Other
        | Kind::With => false,
        Kind::Assign => {
            matches!(tree.name(node), "=" | ":=")
                && tree
                    .children_in(node, Role::Target)
                    .all(|target| matches!(tree.kind(target), Kind::Name | Kind::Tuple))
        }
        Kind::Unary => !matches!(tree.name(node), "<-" | "delete"),
        _ => true,
    }
}

/// Whether what is set on the way is computed anew in each round: nothing reads it before.
fn computes_anew(tree: &Tree, condition: &[NodeId], way: &[NodeId]) -> bool {
    way.iter()
        .filter(|node| tree.kind(**node) == Kind::Assign)
        .all(|assign| {
            let names = change::set(tree, &[*assign]);
            let end = tree.span(*assign).end;
            condition
                .iter()
                .chain(way.iter().filter(|node| tree.span(**node).end <= end))
                .all(|node| {
                    tree.kind(*node) != Kind::Name
                        || !names.contains(tree.name(*node))
                        || tree.role(*node) == Role::Target
                        || tree
                            .parent(*node)
                            .is_some_and(|parent| tree.role(parent) == Role::Target)
                })
        })
}

/// Whether a condition is about the function's own values, which nobody else changes.
fn is_ours(source: &Source, scope: NodeId, condition: NodeId) -> bool {
    let tree = &source.tree;
    bodies::running(tree, condition).iter().all(|part| {
        if tree.kind(*part) != Kind::Name || tree.role(*part) == Role::Callee {
            return true;
        }
        let name = tree.name(*part);
        let constant = name.bytes().all(|byte| !byte.is_ascii_lowercase());
        !matches!(name, "self" | "this") && (constant || is_local(tree, scope, name))
            || source.names.imported(name).is_some()
    })
}
