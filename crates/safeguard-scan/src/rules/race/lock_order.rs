//! Locks that wait for each other, or for themselves.

mod across;

use std::collections::BTreeMap;

use safeguard_api::evidence::Severity;

use crate::analysis::{bodies, calls, locks};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    id: "lock-order",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-833", "CWE-764"],
    languages: &[Language::Go, Language::Python],
    run,
};

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    across::run(source, project, reports);
    // Which lock was taken while which other was held, and where.
    let mut pairs: BTreeMap<(String, String), NodeId> = BTreeMap::new();
    let functions: Vec<NodeId> = source.of_kind(Kind::Function).to_vec();
    for function in functions.iter().copied() {
        let held = locks::held_in(source, function);
        for (at, outer) in held.iter().enumerate() {
            for inner in &held[at + 1..] {
                if !outer.covers(inner.at)
                    || apart(tree, outer.at, inner.at)
                    || given_back_between(tree, function, outer, inner.at)
                {
                    continue;
                }
                if outer.lock == inner.lock {
                    if !(outer.shared && inner.shared) && is_plain_lock(source, outer) {
                        let name = tree.source(inner.object);
                        reports.add(
                            inner.at,
                            format!("`{name}` is held already: this waits for itself for ever"),
                        );
                    }
                    continue;
                }
                pairs
                    .entry((outer.lock.clone(), inner.lock.clone()))
                    .or_insert(inner.at);
                if of_two_params(tree, function, outer, inner) && !orders(tree, function, outer.at) {
                    let (one, other) = (tree.source(outer.object), tree.source(inner.object));
                    reports.add(inner.at, format!("`{one}` and then `{other}`: a call with the two the other way round waits for this one, and this one for it"));
                }
            }
            calls_for_more(source, function, outer, &functions, reports);
        }
    }
    for ((outer, inner), at) in &pairs {
        if outer < inner
            && let Some(other) = pairs.get(&(inner.clone(), outer.clone()))
        {
            let later = (*at).max(*other);
            let line = tree.line(tree.span((*at).min(*other)).start);
            reports.add(later, format!("these two locks are taken in the other order in line {line}: each can wait for the other for ever"));
        }
    }
}

/// Whether two places never run in one go: they are in different branches.
fn apart(tree: &Tree, one: NodeId, other: NodeId) -> bool {
    let around = |id: NodeId| -> Vec<(NodeId, Role)> {
        let mut at = id;
        let mut path = Vec::new();
        while let Some(parent) = tree.parent(at) {
            path.push((parent, tree.role(at)));
            at = parent;
        }
        path
    };
    let ones = around(one);
    around(other).iter().any(|(parent, role)| {
        let branches = matches!(tree.kind(*parent), Kind::If | Kind::Try | Kind::Conditional);
        let is_switch = matches!(tree.kind(*parent), Kind::Switch | Kind::Select);
        ones.iter().any(|(other, other_role)| {
            other == parent
                && (branches
                    && role != other_role
                    && !(tree.kind(*parent) == Kind::If
                        && (*role == Role::Condition || *other_role == Role::Condition))
                    || is_switch)
        })
    })
}

/// Whether the lock is given back somewhere between the two places, be it for a while.
fn given_back_between(tree: &Tree, function: NodeId, outer: &locks::Held, at: NodeId) -> bool {
    tree.subtree(function).any(|id| {
        id > outer.at
            && id < at
            && locks::gives_back(tree, id, &outer.lock)
            && tree
                .parent(id)
                .is_none_or(|parent| tree.kind(parent) != Kind::Defer)
    })
}

/// Whether a lock can be taken only once: Go's are, Python's if the file makes it so.
fn is_plain_lock(source: &Source, held: &locks::Held) -> bool {
    let tree = &source.tree;
    if tree.language() == Language::Go {
        return true;
    }
    let name = tree.name(held.object);
    let made: Vec<String> = source
        .of_kind(Kind::Assign)
        .iter()
        .filter(|assign| {
            tree.child(**assign, Role::Target)
                .is_some_and(|target| tree.name(target) == name)
        })
        .filter_map(|assign| tree.child(*assign, Role::Value))
        .filter(|value| tree.kind(*value) == Kind::Call)
        .map(|value| calls::path(source, value))
        .collect();
    !made.is_empty()
        && made.iter().all(|path| {
            matches!(
                path.as_str(),
                "threading.Lock" | "Lock" | "asyncio.Lock" | "multiprocessing.Lock"
            )
        })
}

/// A method that is called while a lock is held, and takes it too.
fn calls_for_more(
    source: &Source,
    function: NodeId,
    outer: &locks::Held,
    functions: &[NodeId],
    reports: &mut Reports,
) {
    let tree = &source.tree;
    let Some(own) = bodies::own_object(tree, function) else {
        return;
    };
    if !outer.lock.starts_with(&format!("{own}.")) || !is_plain_lock(source, outer) {
        return;
    }
    for call in bodies::body(tree, function) {
        if tree.kind(call) != Kind::Call
            || !outer.covers(call)
            || apart(tree, outer.at, call)
            || given_back_between(tree, function, outer, call)
        {
            continue;
        }
        let on_itself = calls::receiver(tree, call)
            .is_some_and(|receiver| tree.kind(receiver) == Kind::Name && tree.name(receiver) == own);
        // A goroutine of its own waits, and does not stop this one.
        let apart = tree
            .ancestors(call)
            .take_while(|around| *around != function)
            .any(|around| matches!(tree.kind(around), Kind::Go | Kind::Defer));
        if !on_itself || apart {
            continue;
        }
        let name = calls::name(tree, call);
        let mut targets = functions.iter().copied().filter(|other| {
            tree.name(*other) == name && *other != function && same_class(tree, *other, function)
        });
        let (Some(target), None) = (targets.next(), targets.next()) else {
            continue;
        };
        let Some(target_own) = bodies::own_object(tree, target) else {
            continue;
        };
        let Some(rest) = outer.lock.strip_prefix(own) else {
            continue;
        };
        let wanted = format!("{target_own}{rest}");
        let takes = locks::held_in(source, target)
            .into_iter()
            .find(|held| held.lock == wanted && !(held.shared && outer.shared));
        if let Some(takes) = takes
            && tree
                .child(target, Role::Body)
                .is_some_and(|body| always_takes(tree, takes.at, body))
        {
            reports.add(
                call,
                format!(
                    "`{name}` takes `{}`, which is held here already: this waits for itself for ever",
                    tree.source(outer.object)
                ),
            );
        }
    }
}

fn always_takes(tree: &Tree, at: NodeId, body: NodeId) -> bool {
    crate::analysis::reach::always(tree, at, body)
}

fn same_class(tree: &Tree, one: NodeId, other: NodeId) -> bool {
    let type_ = |function: NodeId| {
        tree.child(function, Role::Receiver)
            .and_then(|receiver| tree.child(receiver, Role::Type))
            .map(|type_| tree.name(type_).trim_start_matches('*').to_owned())
    };
    match tree.language() {
        Language::Go => type_(one).is_some() && type_(one) == type_(other),
        Language::Java
        | Language::JavaScript
        | Language::Python
        | Language::Rust
        | Language::TypeScript
        | Language::Tsx => {
            bodies::class_of(tree, one).is_some()
                && bodies::class_of(tree, one) == bodies::class_of(tree, other)
        }
        Language::Dockerfile
        | Language::Hcl
        | Language::Settings
        | Language::Shell
        | Language::Sql
        | Language::Yaml => false,
    }
}

/// Whether the same lock of two parameters is taken: `a.lock`, then `b.lock`.
fn of_two_params(tree: &Tree, function: NodeId, outer: &locks::Held, inner: &locks::Held) -> bool {
    let owner = |held: &locks::Held| {
        (tree.kind(held.object) == Kind::Member)
            .then(|| tree.child(held.object, Role::Object))
            .flatten()
            .filter(|object| tree.kind(*object) == Kind::Name)
            .map(|object| tree.name(object))
    };
    let (Some(one), Some(other)) = (owner(outer), owner(inner)) else {
        return false;
    };
    let of_same_kind = |name: &str| {
        bodies::has_param(tree, function, name) || bodies::own_object(tree, function) == Some(name)
    };
    tree.name(outer.object) == tree.name(inner.object)
        && one != other
        && of_same_kind(one)
        && of_same_kind(other)
        && same_type(tree, function, one, other)
}

/// Where types are given, the two parameters must be of one.
fn same_type(tree: &Tree, function: NodeId, one: &str, other: &str) -> bool {
    let type_ = |name: &str| {
        bodies::params(tree, function)
            .chain(tree.children_in(function, Role::Receiver))
            .find(|param| tree.name(*param) == name)
            .and_then(|param| tree.child(param, Role::Type))
            .map(|type_| tree.source(type_).to_owned())
    };
    match (type_(one), type_(other)) {
        (Some(one), Some(other)) => one == other,
        (None, None) => !matches!(one, "self") && other != "self" || one.len() > 2,
        _ => false,
    }
}

/// Whether the function brings the two into an order before it locks them.
fn orders(tree: &Tree, function: NodeId, before: NodeId) -> bool {
    bodies::body(tree, function).iter().any(|id| {
        *id < before
            && (matches!(tree.kind(*id), Kind::If | Kind::Conditional)
                && tree.child(*id, Role::Condition).is_some_and(|condition| {
                    tree.subtree(condition).any(|part| {
                        matches!(tree.name(part), "<" | ">" | "<=" | ">=") && tree.kind(part) == Kind::Binary
                    })
                })
                || tree.kind(*id) == Kind::Call
                    && matches!(
                        calls::name(tree, *id),
                        "sorted" | "sort" | "Slice" | "min" | "max"
                    ))
    })
}
