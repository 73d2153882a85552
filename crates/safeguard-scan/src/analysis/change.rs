//! What code changes: names that it sets, and values that it may reach into.

use std::collections::BTreeSet;

use super::bodies;
use super::calls;
use crate::tree::{Kind, NodeId, Role, Tree};

/// The names that are set among these nodes.
pub fn set<'t>(tree: &'t Tree, nodes: &[NodeId]) -> BTreeSet<&'t str> {
    let mut names = BTreeSet::new();
    for id in nodes {
        match tree.kind(*id) {
            Kind::Assign | Kind::ForEach | Kind::WithItem | Kind::Clause | Kind::Delete => {
                for target in tree.children_in(*id, Role::Target) {
                    targets(tree, target, &mut names);
                }
            }
            Kind::Catch if !tree.name(*id).is_empty() => {
                names.insert(tree.name(*id));
            }
            Kind::Function | Kind::Class => {
                names.insert(tree.name(*id));
            }
            // What is captured by a pattern of `match`.
            Kind::Case => {
                for test in tree.children_in(*id, Role::Test) {
                    if tree.kind(test) == Kind::Type {
                        names.extend(
                            tree.name(test)
                                .split(|char: char| !char.is_alphanumeric() && char != '_'),
                        );
                    }
                }
            }
            _ => {}
        }
    }
    names
}

fn targets<'t>(tree: &'t Tree, target: NodeId, names: &mut BTreeSet<&'t str>) {
    match tree.kind(target) {
        Kind::Name => {
            names.insert(tree.name(target));
        }
        Kind::Member | Kind::Index => {}
        _ => {
            for id in tree.subtree(target) {
                if tree.kind(id) == Kind::Name {
                    names.insert(tree.name(id));
                }
            }
        }
    }
}

/// The names whose values these nodes may change from within: by setting a member or an element, by a method, or by passing them on.
pub fn reached<'t>(tree: &'t Tree, nodes: &[NodeId]) -> BTreeSet<&'t str> {
    let mut names = BTreeSet::new();
    let add = |id: NodeId, names: &mut BTreeSet<&'t str>| {
        if let Some(root) = calls::root(tree, id) {
            names.insert(tree.name(root));
        }
    };
    for id in nodes {
        match tree.kind(*id) {
            Kind::Assign | Kind::Delete => {
                for target in tree.children_in(*id, Role::Target) {
                    if matches!(tree.kind(target), Kind::Member | Kind::Index) {
                        add(target, &mut names);
                    }
                }
            }
            Kind::Call | Kind::New => {
                if let Some(receiver) = calls::receiver(tree, *id) {
                    add(receiver, &mut names);
                }
                for arg in tree.children_in(*id, Role::Arg) {
                    for inner in bodies::running(tree, arg) {
                        if tree.kind(inner) == Kind::Name {
                            names.insert(tree.name(inner));
                        }
                    }
                }
            }
            // Go's `&x` may be changed by whoever has it.
            Kind::Unary if matches!(tree.name(*id), "&" | "delete") => {
                if let Some(value) = tree.child(*id, Role::Value) {
                    add(value, &mut names);
                }
            }
            _ => {}
        }
    }
    names
}

/// The names that functions defined within a node set, though they are not theirs alone.
pub fn set_by_inner(tree: &Tree, within: NodeId) -> BTreeSet<&str> {
    let mut names = BTreeSet::new();
    for id in tree.subtree(within) {
        if id != within && matches!(tree.kind(id), Kind::Function | Kind::Lambda) {
            names.extend(set(tree, &bodies::body(tree, id)));
        }
    }
    names
}
