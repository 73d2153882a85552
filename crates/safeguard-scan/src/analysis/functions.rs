//! Functions by what they are called, so that one is found again in another version of its file.

use std::collections::{BTreeMap, BTreeSet};

use crate::language::Language;
use crate::matching::{Source, canonical};
use crate::tree::{Kind, NodeId, Role, Tree};

/// How many parts a name has.
const NAME_PARTS_MAX: usize = 8;

/// Functions with a name, and tests: `Class.method`, `it: adds two`. Of several with one name, the first.
pub fn by_name(source: &Source) -> BTreeMap<String, NodeId> {
    let tree = &source.tree;
    let mut found = BTreeMap::new();
    for kind in [Kind::Function, Kind::Lambda] {
        for id in source.of_kind(kind) {
            if let Some(name) = name(tree, *id) {
                found.entry(name).or_insert(*id);
            }
        }
    }
    found
}

/// A function's name with the classes, functions and tests around it.
fn name(tree: &Tree, id: NodeId) -> Option<String> {
    let mut parts = vec![own_name(tree, id)?];
    for around in tree.ancestors(id) {
        let part = match tree.kind(around) {
            Kind::Class => Some(tree.name(around).to_owned()),
            Kind::Function | Kind::Lambda => own_name(tree, around),
            _ => None,
        };
        parts.extend(part);
        if parts.len() >= NAME_PARTS_MAX {
            break;
        }
    }
    parts.reverse();
    Some(parts.join("."))
}

fn own_name(tree: &Tree, id: NodeId) -> Option<String> {
    if !tree.name(id).is_empty() {
        let receiver = tree
            .child(id, Role::Receiver)
            .and_then(|receiver| tree.child(receiver, Role::Type));
        return Some(match receiver {
            Some(of) => format!("{}.{}", tree.name(of).trim_start_matches('*'), tree.name(id)),
            // Java's methods of one name differ by what they take.
            None if tree.language() == Language::Java => {
                let takes = tree.children_in(id, Role::Param).count();
                format!("{}/{takes}", tree.name(id))
            }
            None => tree.name(id).to_owned(),
        });
    }
    let parent = tree.parent(id)?;
    match tree.kind(parent) {
        // `const f = () => …`, and a method of an object.
        Kind::Assign => tree
            .child(parent, Role::Target)
            .map(|target| tree.source(target).to_owned()),
        Kind::Pair => tree.child(parent, Role::Key).map(|key| tree.name(key).to_owned()),
        Kind::Field => Some(tree.name(parent).to_owned()),
        // `it('adds two', () => …)`, `router.post('/orders', auth, (req, res) => …)`
        Kind::Call => {
            let callee = tree.child(parent, Role::Callee)?;
            let first = tree.child(parent, Role::Arg)?;
            (tree.kind(first) == Kind::Str)
                .then(|| format!("{}: {}", registers(tree.source(callee)), tree.name(first)))
        }
        _ => None,
    }
}

/// What registers a test, whether it is skipped or not: `it` of `it.skip` and of `xit`.
fn registers(callee: &str) -> &str {
    match callee {
        "xit" | "fit" => "it",
        "xtest" => "test",
        "xdescribe" | "fdescribe" => "describe",
        _ => match callee.rsplit_once('.') {
            Some((
                one @ ("it" | "test" | "describe" | "suite" | "context" | "test.describe"),
                "skip" | "only" | "fails" | "todo" | "fixme",
            )) => one,
            _ => callee,
        },
    }
}

/// Where a function's head is: what a finding about the whole function points at.
pub fn head(tree: &Tree, function: NodeId) -> NodeId {
    tree.child(function, Role::Param).unwrap_or(function)
}

/// The nodes of a function, without those of functions in it that have a name.
pub fn body_nodes(tree: &Tree, function: NodeId) -> Vec<NodeId> {
    tree.subtree(function)
        .filter(|id| {
            *id != function
                && !tree
                    .ancestors(*id)
                    .take_while(|around| *around != function)
                    .any(|around| tree.kind(around) == Kind::Function)
        })
        .collect()
}

/// The last part of what a call calls: `raise_for_status` of `response.raise_for_status()`.
pub fn called(tree: &Tree, call: NodeId) -> Option<&str> {
    let callee = tree.child(call, Role::Callee)?;
    matches!(tree.kind(callee), Kind::Name | Kind::Member).then(|| tree.name(callee))
}

/// Whether less than a third of the statements that were there are still there: another function under the same name.
pub fn is_rewritten(was: &Tree, before: &[NodeId], is: &Tree, after: &[NodeId]) -> bool {
    let is_statement =
        |tree: &Tree, id: NodeId| matches!(tree.kind(id), Kind::ExprStmt | Kind::Assign | Kind::Return);
    let still: BTreeSet<String> = after
        .iter()
        .filter(|id| is_statement(is, **id))
        .map(|id| canonical(is, *id))
        .collect();
    let statements: Vec<NodeId> = before
        .iter()
        .copied()
        .filter(|id| is_statement(was, *id))
        .collect();
    let kept = statements
        .iter()
        .filter(|id| still.contains(&canonical(was, **id)))
        .count();
    statements.len() >= 3 && 3 * kept < statements.len()
}
