//! Loops: whether one ends by itself, and the ways out of it.

use super::bodies::running;
use super::reach;
use crate::language::Language;
use crate::matching::Source;
use crate::tree::{Flags, Kind, NodeId, Role, Tree};

/// All loops, those of iterables left out.
pub fn conditional(source: &Source) -> Vec<NodeId> {
    let mut loops: Vec<NodeId> = [Kind::While, Kind::DoWhile, Kind::For]
        .iter()
        .flat_map(|kind| source.of_kind(*kind))
        .copied()
        .collect();
    loops.sort_unstable();
    loops
}

/// Whether the loop's condition always holds, or there is none.
pub fn is_endless(tree: &Tree, id: NodeId) -> bool {
    match tree.child(id, Role::Condition) {
        Some(condition) => always_true(tree, condition),
        None => tree.kind(id) == Kind::For,
    }
}

fn always_true(tree: &Tree, condition: NodeId) -> bool {
    let name = tree.name(condition);
    match tree.kind(condition) {
        Kind::Bool => name == "true",
        Kind::Num => name.bytes().any(|byte| (b'1'..=b'9').contains(&byte)),
        Kind::Unary if name == "not" => tree.child(condition, Role::Value).is_some_and(|value| {
            (tree.kind(value) == Kind::Bool && tree.name(value) == "false")
                || (tree.kind(value) == Kind::Num && tree.name(value) == "0")
        }),
        Kind::Binary if matches!(name, "==" | "===" | "is" | "<=" | ">=") => {
            let parts: Vec<NodeId> = tree.children(condition).collect();
            matches!(parts.as_slice(), [left, right]
                if matches!(tree.kind(*left), Kind::Num | Kind::Bool | Kind::Str)
                    && tree.kind(*left) == tree.kind(*right)
                    && tree.name(*left) == tree.name(*right))
        }
        _ => false,
    }
}

/// Everything that runs in a round of the loop.
pub fn round(tree: &Tree, id: NodeId) -> Vec<NodeId> {
    let mut nodes = Vec::new();
    for child in tree.children(id) {
        if matches!(tree.role(child), Role::Body | Role::Condition | Role::Update) {
            nodes.extend(running(tree, child));
        }
    }
    nodes
}

pub fn is_loop(kind: Kind) -> bool {
    matches!(kind, Kind::While | Kind::DoWhile | Kind::For | Kind::ForEach)
}

/// The ways out of a loop that stand in it.
pub fn exits(source: &Source, id: NodeId) -> Vec<NodeId> {
    let tree = &source.tree;
    round(tree, id)
        .into_iter()
        .filter(|inner| match tree.kind(*inner) {
            Kind::Return | Kind::Yield => true,
            // Rust's `x?` returns what went wrong.
            Kind::Unary => tree.name(*inner) == "?",
            // What is thrown and caught within a round is no way out, unless it is thrown on.
            Kind::Raise => !reach::in_try(tree, *inner, id) || !swallows_within(tree, *inner, id),
            Kind::Break => leaves_loop(tree, *inner, id),
            Kind::Continue => {
                let label = tree.name(*inner);
                !label.is_empty() && label != label_of(tree, id) && !label_within(tree, label, id)
            }
            Kind::Call => reach::ends_program(source, *inner),
            Kind::Other => tree.source(*inner).trim_start().starts_with("goto"),
            _ => false,
        })
        .collect()
}

/// Whether what is thrown at a place is caught within the loop by what catches everything and does not throw it on.
fn swallows_within(tree: &Tree, id: NodeId, within: NodeId) -> bool {
    let mut at = id;
    while at != within {
        let Some(parent) = tree.parent(at) else {
            return false;
        };
        if tree.kind(parent) == Kind::Try && tree.role(at) == Role::Body {
            let catches = tree.children_in(parent, Role::Handler).any(|handler| {
                catches_all(tree, handler)
                    && !running(tree, handler)
                        .iter()
                        .any(|id| matches!(tree.kind(*id), Kind::Raise | Kind::Return | Kind::Break))
            });
            if catches {
                return true;
            }
        }
        at = parent;
    }
    false
}

/// Whether a handler catches every error.
pub fn catches_all(tree: &Tree, handler: NodeId) -> bool {
    let types: Vec<NodeId> = tree.children_in(handler, Role::Type).collect();
    types.is_empty()
        || tree.language() != Language::Python
        || types.iter().any(|type_| {
            tree.subtree(*type_)
                .any(|id| matches!(tree.name(id), "Exception" | "BaseException"))
        })
}

fn leaves_loop(tree: &Tree, exit: NodeId, of: NodeId) -> bool {
    let label = tree.name(exit);
    if !label.is_empty() {
        return label == label_of(tree, of) || !label_within(tree, label, of);
    }
    let stops_at = tree.ancestors(exit).find(|around| {
        let kind = tree.kind(*around);
        is_loop(kind)
            || (!matches!(tree.language(), Language::Python | Language::Rust)
                && matches!(kind, Kind::Switch | Kind::Select))
    });
    // Python's `else` of a loop is not in it.
    stops_at == Some(of)
}

fn label_of(tree: &Tree, id: NodeId) -> &str {
    tree.parent(id)
        .filter(|parent| tree.kind(*parent) == Kind::Labelled)
        .map_or("", |parent| tree.name(parent))
}

fn label_within(tree: &Tree, label: &str, within: NodeId) -> bool {
    tree.subtree(within)
        .any(|id| tree.kind(id) == Kind::Labelled && tree.name(id) == label)
}

/// Whether a round gives others a turn: it awaits something.
pub fn awaits(tree: &Tree, nodes: &[NodeId]) -> bool {
    nodes.iter().any(|id| match tree.kind(*id) {
        Kind::Await => true,
        Kind::ForEach | Kind::With | Kind::Clause => tree.flags(*id).has(Flags::ASYNC),
        _ => false,
    })
}

/// The loops around a node, up to its function, from the inside out.
pub fn around(tree: &Tree, id: NodeId) -> Vec<NodeId> {
    let mut loops = Vec::new();
    let mut at = id;
    while let Some(parent) = tree.parent(at) {
        if matches!(tree.kind(parent), Kind::Function | Kind::Lambda | Kind::Class) {
            break;
        }
        if is_loop(tree.kind(parent)) && tree.role(at) == Role::Body {
            loops.push(parent);
        }
        at = parent;
    }
    loops
}
