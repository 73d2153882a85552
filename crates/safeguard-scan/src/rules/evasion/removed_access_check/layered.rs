//! axum: a route that stood behind a layer that asks, and stands behind none now: added after it, or moved to another router.

use std::collections::BTreeMap;

use safeguard_api::evidence::Severity;

use super::opened::names_for_everybody;
use crate::analysis::functions::called;
use crate::analysis::guards::is_about_access;
use crate::analysis::handlers::is_guard;
use crate::language::Language;
use crate::matching::Source;
use crate::rule::Confidence;
use crate::rules::comparison::{Both, Taken};
use crate::tree::{Kind, NodeId, Role, Tree};

/// How many variables a router goes through.
const HOPS_MAX: usize = 4;

pub fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    if both.head.tree.language() != Language::Rust {
        return;
    }
    let before = routes(both.base);
    let now = routes(both.head);
    for (path, (node, guard)) in &now {
        let Some((_, Some(was))) = before.get(path) else {
            continue;
        };
        if guard.is_some() || names_for_everybody(path) || both.moved.mentions_elsewhere(&both.head.path, was)
        {
            continue;
        }
        // Where none is left, the guard itself is gone, and that is told of its function.
        let is_there = both.head.tree.all().any(|id| {
            matches!(both.head.tree.kind(id), Kind::Name | Kind::Member) && both.head.tree.name(id) == *was
        });
        if is_there {
            taken.push(Taken {
                node: *node,
                severity: Severity::Critical,
                confidence: Confidence::High,
                message: format!("`{path}` stood behind `{was}`, and stands behind nothing that asks now: a layer holds for the routes before it"),
            });
        }
    }
}

/// The routes that stand once in the file, each with what asks before it.
fn routes(source: &Source) -> BTreeMap<String, (NodeId, Option<String>)> {
    let tree = &source.tree;
    let mut found: BTreeMap<String, (NodeId, Option<String>)> = BTreeMap::new();
    let mut twice: Vec<String> = Vec::new();
    for call in source.of_kind(Kind::Call).iter().copied() {
        let path = tree
            .child(call, Role::Arg)
            .filter(|path| called(tree, call) == Some("route") && tree.kind(*path) == Kind::Str);
        let Some(path) = path.map(|path| tree.name(path).to_owned()) else {
            continue;
        };
        if found
            .insert(path.clone(), (call, behind(source, call, 0)))
            .is_some()
        {
            twice.push(path);
        }
    }
    found.retain(|path, _| !twice.contains(path));
    found
}

/// What asks whoever comes to a part of a router.
fn behind(source: &Source, part: NodeId, hops: usize) -> Option<String> {
    let tree = &source.tree;
    let mut assigned = None;
    for around in tree.ancestors(part) {
        match tree.kind(around) {
            Kind::Call if matches!(called(tree, around), Some("layer" | "route_layer" | "wrap")) => {
                let is_on = tree
                    .child(around, Role::Callee)
                    .is_some_and(|callee| tree.within(part, callee));
                if let Some(guard) = guard_in(tree, around).filter(|_| is_on) {
                    return Some(guard);
                }
            }
            Kind::Assign => {
                assigned = tree.child(around, Role::Target).map(|target| tree.name(target));
                break;
            }
            Kind::Function | Kind::Lambda => break,
            _ => {}
        }
    }
    let name = assigned.filter(|_| hops < HOPS_MAX)?;
    let uses = source.of_kind(Kind::Name).iter().copied();
    uses.filter(|id| tree.name(*id) == name && tree.span(*id).start > tree.span(part).end)
        .find_map(|id| behind(source, id, hops + 1))
}

fn guard_in(tree: &Tree, layer: NodeId) -> Option<String> {
    tree.children_in(layer, Role::Arg)
        .flat_map(|arg| tree.subtree(arg))
        .filter(|id| matches!(tree.kind(*id), Kind::Name | Kind::Member))
        .map(|id| tree.name(id))
        .find(|name| is_guard(name) || is_about_access(name))
        .map(str::to_owned)
}
