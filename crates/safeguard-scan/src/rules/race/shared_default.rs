//! One list or map for all calls and all objects, where each should have its own.

use safeguard_api::evidence::Severity;

use crate::analysis::{bodies, calls, change};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Flags, Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    id: "shared-default",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-362", "CWE-1108"],
    languages: &[Language::Python],
    run,
};

const CHANGES: &[&str] = &[
    "append",
    "extend",
    "add",
    "update",
    "insert",
    "pop",
    "setdefault",
    "remove",
    "clear",
    "discard",
    "popitem",
    "appendleft",
    "sort",
];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    for function in source.of_kind(Kind::Function).iter().copied() {
        for param in bodies::params(tree, function) {
            default(source, function, param, reports);
        }
    }
    for class in source.of_kind(Kind::Class).iter().copied() {
        attributes(source, class, reports);
    }
}

fn is_mutable(source: &Source, value: NodeId) -> bool {
    match source.tree.kind(value) {
        Kind::List | Kind::Object | Kind::Set | Kind::Comprehension => true,
        Kind::Call => matches!(
            calls::path(source, value).rsplit('.').next(),
            Some("list" | "dict" | "set" | "defaultdict" | "OrderedDict" | "deque" | "Counter")
        ),
        _ => false,
    }
}

/// Where something is changed in place.
fn changed(tree: &Tree, nodes: &[NodeId], is_it: &dyn Fn(NodeId) -> bool) -> Option<NodeId> {
    nodes.iter().copied().find(|id| match tree.kind(*id) {
        Kind::Call => {
            CHANGES.contains(&calls::name(tree, *id)) && calls::receiver(tree, *id).is_some_and(is_it)
        }
        Kind::Assign => tree.child(*id, Role::Target).is_some_and(|target| {
            tree.kind(target) == Kind::Index && tree.child(target, Role::Object).is_some_and(is_it)
                || tree.name(*id) == "+=" && is_it(target)
        }),
        Kind::Delete => tree.children_in(*id, Role::Target).any(|target| {
            tree.kind(target) == Kind::Index && tree.child(target, Role::Object).is_some_and(is_it)
        }),
        _ => false,
    })
}

/// `def add(item, items=[]): items.append(item)`.
fn default(source: &Source, function: NodeId, param: NodeId, reports: &mut Reports) {
    let tree = &source.tree;
    let name = tree.name(param);
    // What has something in it is often meant to be one, and a function that is made anew has its own.
    let Some(value) = tree.child(param, Role::Default).filter(|value| {
        is_mutable(source, *value)
            && !tree
                .children(*value)
                .any(|child| tree.role(child) != Role::Callee)
    }) else {
        return;
    };
    if bodies::enclosing(tree, function).is_some() {
        return;
    }
    // What is called so is meant to last.
    let meant = name.starts_with('_')
        || ["cache", "memo", "seen_", "registry"]
            .iter()
            .any(|word| name.to_ascii_lowercase().contains(word));
    if meant {
        return;
    }
    let nodes = bodies::body(tree, function);
    let Some(at) = changed(tree, &nodes, &|id| {
        tree.kind(id) == Kind::Name && tree.name(id) == name
    }) else {
        return;
    };
    let set_before = nodes.iter().any(|id| {
        *id < at
            && tree.kind(*id) == Kind::Assign
            && tree.name(*id) == "="
            && change::set(tree, &[*id]).contains(name)
    });
    if !set_before {
        reports.add(
            value,
            format!(
                "this default is made once: what one call puts into `{name}`, all later calls find there"
            ),
        );
    }
}

/// `class Cart: items = []`, and `self.items.append(…)`.
fn attributes(source: &Source, class: NodeId, reports: &mut Reports) {
    let tree = &source.tree;
    let plain = tree
        .children_in(class, Role::Base)
        .all(|base| tree.name(base) == "object" || tree.name(base) == "ABC")
        && tree.children_in(class, Role::Decorator).next().is_none();
    let Some(body) = tree.child(class, Role::Body) else {
        return;
    };
    if !plain {
        return;
    }
    let methods: Vec<NodeId> = tree
        .children(body)
        .filter(|id| tree.kind(*id) == Kind::Function)
        .collect();
    for field in tree
        .children(body)
        .filter(|id| matches!(tree.kind(*id), Kind::Assign | Kind::Field))
    {
        let name = match tree.kind(field) {
            Kind::Assign => match tree.child(field, Role::Target) {
                Some(target) if tree.kind(target) == Kind::Name => tree.name(target),
                _ => continue,
            },
            _ => tree.name(field),
        };
        let Some(value) = tree
            .child(field, Role::Value)
            .filter(|value| is_mutable(source, *value))
        else {
            continue;
        };
        let lower = name.to_ascii_lowercase();
        let meant = name.starts_with('_')
            || name.bytes().all(|byte| !byte.is_ascii_lowercase())
            || [
                "cache",
                "registry",
                "instances",
                "pool",
                "shared",
                "handlers",
                "subclasses",
                "plugins",
                "all_",
                "registered",
                "known",
                "global",
            ]
            .iter()
            .any(|word| lower.contains(word))
            || tree
                .child(field, Role::Type)
                .is_some_and(|type_| tree.source(type_).contains("ClassVar"));
        if meant || tree.children(value).next().is_some() {
            continue;
        }
        let own = |id: NodeId| {
            tree.kind(id) == Kind::Member
                && tree.name(id) == name
                && tree
                    .child(id, Role::Object)
                    .is_some_and(|object| tree.name(object) == "self")
        };
        let given = methods.iter().any(|method| {
            tree.subtree(*method).any(|id| {
                own(id)
                    && tree.role(id) == Role::Target
                    && tree.parent(id).is_some_and(|parent| tree.name(parent) != "+=")
            })
        });
        let by_class = tree.subtree(class).any(|id| {
            tree.kind(id) == Kind::Member
                && tree.name(id) == name
                && tree
                    .child(id, Role::Object)
                    .is_some_and(|object| tree.name(object) == "cls" || tree.name(object) == tree.name(class))
        });
        let change = methods.iter().find_map(|method| {
            let is_static = tree.flags(*method).has(Flags::STATIC);
            (!is_static)
                .then(|| changed(tree, &bodies::body(tree, *method), &own))
                .flatten()
        });
        if let Some(change) = change
            && !given
            && !by_class
        {
            reports.add(
                change,
                format!(
                    "`{name}` belongs to the class: all objects of `{}` share it",
                    tree.name(class)
                ),
            );
        }
    }
}
