//! Lists and maps of the process that every request makes larger.

mod memo;
mod queue;

use std::collections::BTreeMap;

use safeguard_api::evidence::Severity;

use crate::analysis::{bodies, calls, served};
use crate::matching::Source;
use crate::names::functions_around;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, EVERY_LANGUAGE, Reports};
use crate::tree::{Flags, Kind, NodeId, Role, Tree};

pub use memo::MEMO;
pub use queue::QUEUE;

pub static CHECK: Check = Check {
    id: "unbounded-growth",
    failure: "X2",
    severity: Severity::High,
    confidence: Confidence::Medium,
    cwe: &["CWE-770", "CWE-401"],
    languages: EVERY_LANGUAGE,
    run,
};

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    let containers = containers(source);
    let mut told = Vec::new();
    for id in tree.all() {
        let Some(name) = grows(tree, id) else {
            continue;
        };
        if !containers.contains_key(name) || told.contains(&name) || is_local(tree, id, name) {
            continue;
        }
        let Some(function) = bodies::enclosing(tree, id) else {
            continue;
        };
        if shrinks(source, name) {
            continue;
        }
        // What callers give as the key may be anything, once requests come here.
        let runs_often = bodies::handler_around(source, id).is_some()
            || by_param(tree, function, id) && served::is_served(source, project, function);
        if !runs_often {
            continue;
        }
        told.push(name);
        reports.add(
            id,
            format!("every request may make `{name}` larger, and nothing ever takes something out of it"),
        );
    }
}

/// Whether what is added, or the key that it is added under, comes from a parameter of the function.
fn by_param(tree: &Tree, function: NodeId, id: NodeId) -> bool {
    let key = match tree.kind(id) {
        Kind::Assign => tree.child(id, Role::Target),
        _ => calls::arg(tree, id, 0),
    };
    let of_param = |within: NodeId| {
        tree.subtree(within)
            .any(|part| tree.kind(part) == Kind::Name && bodies::has_param(tree, function, tree.name(part)))
    };
    key.is_some_and(|key| {
        of_param(key)
            || tree
                .subtree(key)
                .filter(|part| tree.kind(*part) == Kind::Name)
                .any(|part| {
                    bodies::body(tree, function).into_iter().any(|assign| {
                        tree.kind(assign) == Kind::Assign
                            && assign < id
                            && tree.child(assign, Role::Target).is_some_and(|target| {
                                tree.kind(target) == Kind::Name && tree.name(target) == tree.name(part)
                            })
                            && tree.child(assign, Role::Value).is_some_and(of_param)
                    })
                })
    })
}

/// The file's own lists and maps, that are empty when the process begins.
fn containers(source: &Source) -> BTreeMap<&str, NodeId> {
    let tree = &source.tree;
    let mut found = BTreeMap::new();
    for assign in source.of_kind(Kind::Assign).iter().copied() {
        if functions_around(tree, assign).next().is_some()
            || tree
                .ancestors(assign)
                .any(|around| tree.kind(around) == Kind::Class)
        {
            continue;
        }
        let (Some(target), Some(value)) = (tree.child(assign, Role::Target), tree.child(assign, Role::Value))
        else {
            continue;
        };
        let empty = match tree.kind(value) {
            Kind::List | Kind::Object | Kind::Composite => tree
                .children(value)
                .all(|child| tree.kind(child) == Kind::Type || tree.role(child) == Role::Type),
            Kind::Call | Kind::New => {
                let called = calls::path(source, value);
                let last = called.rsplit('.').next().unwrap_or_default();
                matches!(
                    last,
                    "dict"
                        | "list"
                        | "set"
                        | "defaultdict"
                        | "OrderedDict"
                        | "Map"
                        | "Set"
                        | "make"
                        | "Counter"
                        | "Array"
                ) || last == "deque" && calls::keyword(tree, value, "maxlen").is_none()
            }
            _ => false,
        };
        if empty && tree.kind(target) == Kind::Name {
            found.insert(tree.name(target), assign);
        }
    }
    found
}

/// The name of what a node adds to.
fn grows(tree: &Tree, id: NodeId) -> Option<&str> {
    let container = match tree.kind(id) {
        Kind::Assign => {
            let target = tree.child(id, Role::Target)?;
            let name = tree
                .child(id, Role::Value)
                .filter(|value| tree.kind(*value) == Kind::Call);
            // Go: `list = append(list, x)`.
            if tree.kind(target) == Kind::Name && name.is_some_and(|call| calls::name(tree, call) == "append")
            {
                return Some(tree.name(target));
            }
            if tree.kind(target) != Kind::Index {
                return None;
            }
            let key = tree.child(target, Role::Index)?;
            if matches!(tree.kind(key), Kind::Str | Kind::Num) {
                return None;
            }
            tree.child(target, Role::Object)?
        }
        Kind::Call
            if matches!(
                calls::name(tree, id),
                "append" | "push" | "add" | "set" | "setdefault" | "unshift" | "appendleft"
            ) =>
        {
            let receiver = calls::receiver(tree, id)?;
            let fixed = matches!(calls::name(tree, id), "set" | "add")
                && calls::arg(tree, id, 0).is_some_and(|key| matches!(tree.kind(key), Kind::Str | Kind::Num));
            if fixed {
                return None;
            }
            match tree.kind(receiver) {
                Kind::Index => tree.child(receiver, Role::Object)?,
                _ => receiver,
            }
        }
        _ => return None,
    };
    (tree.kind(container) == Kind::Name).then(|| tree.name(container))
}

fn is_local(tree: &Tree, id: NodeId, name: &str) -> bool {
    functions_around(tree, id).any(|function| {
        bodies::has_param(tree, function, name)
            || bodies::body(tree, function).iter().any(|id| {
                tree.kind(*id) == Kind::Assign
                    && tree
                        .child(*id, Role::Target)
                        .is_some_and(|target| tree.kind(target) == Kind::Name && tree.name(target) == name)
                    && (tree.flags(*id).has(Flags::DECLARATION)
                        || tree.name(*id) == ":="
                        || tree.language() == crate::language::Language::Python)
            })
    })
}

/// Whether anything in the file takes something out, replaces it as a whole, or asks how large it is.
fn shrinks(source: &Source, name: &str) -> bool {
    let tree = &source.tree;
    let is_it = |id: NodeId| tree.kind(id) == Kind::Name && tree.name(id) == name;
    let of_it = |id: NodeId| {
        is_it(id)
            || matches!(tree.kind(id), Kind::Index | Kind::Member)
                && tree.child(id, Role::Object).is_some_and(is_it)
    };
    tree.all().any(|id| match tree.kind(id) {
        Kind::Delete => tree.children(id).any(of_it),
        Kind::Unary => tree.name(id) == "delete" && tree.child(id, Role::Value).is_some_and(of_it),
        Kind::Call => {
            let called = calls::name(tree, id);
            let on_it = calls::receiver(tree, id).is_some_and(is_it);
            let with_it = calls::args(tree, id).any(is_it);
            on_it
                && matches!(
                    called,
                    "pop"
                        | "popitem"
                        | "popleft"
                        | "clear"
                        | "remove"
                        | "discard"
                        | "delete"
                        | "shift"
                        | "splice"
                        | "filter"
                )
                || with_it && matches!(called, "len" | "delete" | "clear" | "keys")
                || with_it
                    && called != "append"
                    && called != "print"
                    && called != "json"
                    && calls::receiver(tree, id).is_none()
                    && !matches!(called, "jsonify" | "list" | "dict" | "sorted" | "sum" | "str")
        }
        Kind::Member => {
            matches!(tree.name(id), "length" | "size") && tree.child(id, Role::Object).is_some_and(is_it) && {
                tree.parent(id).is_some_and(|parent| {
                    tree.kind(parent) == Kind::Binary && matches!(tree.name(parent), ">" | ">=" | "<" | "<=")
                })
            }
        }
        Kind::Assign => {
            let again = tree.child(id, Role::Target).is_some_and(is_it)
                && functions_around(tree, id).next().is_some();
            let appends = tree
                .child(id, Role::Value)
                .is_some_and(|value| tree.kind(value) == Kind::Call && calls::name(tree, value) == "append");
            again && !appends
        }
        _ => false,
    })
}
