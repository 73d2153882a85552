//! What goroutines write that others have too.

use std::collections::BTreeSet;

use safeguard_api::evidence::Severity;

use crate::analysis::{bodies, calls, change, loops};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Flags, Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    id: "goroutine-shared-state",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-362", "CWE-366"],
    languages: &[Language::Go],
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    for lambda in source.of_kind(Kind::Lambda).iter().copied() {
        let Some(start) = started(tree, lambda) else {
            continue;
        };
        let body = bodies::body(tree, lambda);
        let around = loops::around(tree, start);
        waits_late(source, lambda, &body, reports);
        captured_loop_variable(tree, lambda, &around, reports);
        let locks = body.iter().any(|id| {
            tree.kind(*id) == Kind::Call
                && matches!(calls::name(tree, *id), "Lock" | "RLock" | "Do" | "Acquire")
        });
        if locks {
            continue;
        }
        let own = declared(tree, &body, lambda);
        let mut told = BTreeSet::new();
        for id in body.iter().copied() {
            if tree.kind(id) != Kind::Assign
                || tree.name(id) == ":="
                || tree.flags(id).has(Flags::DECLARATION)
            {
                continue;
            }
            for target in tree.children_in(id, Role::Target) {
                let (name, is_element) = match tree.kind(target) {
                    Kind::Name => (tree.name(target), false),
                    // `c.n++` of what all have.
                    Kind::Member if matches!(tree.name(id), "+=" | "-=") && !around.is_empty() => {
                        match calls::root(tree, target) {
                            Some(root) => (tree.name(root), false),
                            None => continue,
                        }
                    }
                    Kind::Index => match tree.child(target, Role::Object) {
                        Some(object) if tree.kind(object) == Kind::Name => (tree.name(object), true),
                        _ => continue,
                    },
                    _ => continue,
                };
                if name == "_"
                    || own.contains(name)
                    || told.contains(name)
                    || declared_in_round(tree, &around, start, name)
                {
                    continue;
                }
                if is_element {
                    // Each may write its own element of a slice; a map's can not be written by two at once.
                    if is_map(tree, lambda, name) && (!around.is_empty() || used_by_others(tree, start, name))
                    {
                        told.insert(name);
                        reports.add(id, format!("several goroutines write the map `{name}` without a lock: the program ends when two do at once"));
                    }
                } else if !around.is_empty() {
                    told.insert(name);
                    reports.add(
                        id,
                        format!(
                            "each goroutine that this loop starts writes the same `{name}` without a lock"
                        ),
                    );
                } else if reads_before_waiting(source, start, name) {
                    told.insert(name);
                    reports.add(id, format!("`{name}` is written by this goroutine and read outside it, and nothing makes one wait for the other"));
                }
            }
        }
    }
}

/// The `go` statement, or the call of a group, that a function literal is started by.
fn started(tree: &Tree, lambda: NodeId) -> Option<NodeId> {
    let call = tree.parent(lambda)?;
    if tree.kind(call) != Kind::Call {
        return None;
    }
    if tree.role(lambda) == Role::Callee {
        let go = tree.parent(call)?;
        return (tree.kind(go) == Kind::Go).then_some(go);
    }
    let group = calls::name(tree, call) == "Go" && calls::receiver(tree, call).is_some();
    group.then_some(call)
}

fn declared<'t>(tree: &'t Tree, body: &[NodeId], lambda: NodeId) -> BTreeSet<&'t str> {
    let declares: Vec<NodeId> = body
        .iter()
        .copied()
        .filter(|id| match tree.kind(*id) {
            Kind::Assign => tree.name(*id) == ":=" || tree.flags(*id).has(Flags::DECLARATION),
            Kind::ForEach => true,
            _ => false,
        })
        .collect();
    let mut names = change::set(tree, &declares);
    names.extend(bodies::params(tree, lambda).map(|param| tree.name(param)));
    // `func() (err error)`: named results are its own.
    let results = tree
        .children_in(lambda, Role::Type)
        .map(|results| tree.name(results));
    for results in results.filter_map(|results| results.strip_prefix('(')) {
        let named = results.split(',').filter_map(|result| result.split(' ').next());
        names.extend(named);
    }
    names
}

/// Whether each round of the loop around has a variable of that name of its own.
fn declared_in_round(tree: &Tree, around: &[NodeId], start: NodeId, name: &str) -> bool {
    around.iter().any(|round| {
        tree.child(*round, Role::Body).is_some_and(|body| {
            bodies::running(tree, body).iter().any(|id| {
                *id < start
                    && tree.kind(*id) == Kind::Assign
                    && (tree.name(*id) == ":=" || tree.flags(*id).has(Flags::DECLARATION))
                    && change::set(tree, &[*id]).contains(name)
            })
        }) || tree
            .children_in(*round, Role::Target)
            .any(|target| tree.name(target) == name)
    })
}

fn is_map(tree: &Tree, within: NodeId, name: &str) -> bool {
    tree.all()
        .filter(|id| *id < within)
        .any(|id| match tree.kind(id) {
            Kind::Assign => {
                let named = tree
                    .children_in(id, Role::Target)
                    .any(|target| tree.name(target) == name);
                let typed = tree
                    .child(id, Role::Type)
                    .is_some_and(|type_| tree.name(type_).starts_with("map["));
                named
                    && (typed
                        || tree
                            .child(id, Role::Value)
                            .is_some_and(|value| makes_map(tree, value)))
            }
            Kind::Param => {
                tree.name(id) == name
                    && tree
                        .child(id, Role::Type)
                        .is_some_and(|type_| tree.name(type_).starts_with("map["))
            }
            _ => false,
        })
}

fn makes_map(tree: &Tree, value: NodeId) -> bool {
    match tree.kind(value) {
        Kind::Composite => tree.name(value).starts_with("map["),
        Kind::Call => {
            calls::name(tree, value) == "make"
                && tree.source(value).trim_start_matches("make(").starts_with("map[")
        }
        _ => false,
    }
}

/// Whether what follows the start of a goroutine, or another one, uses the name as well.
fn used_by_others(tree: &Tree, start: NodeId, name: &str) -> bool {
    let Some(function) = bodies::enclosing(tree, start) else {
        return false;
    };
    tree.subtree(function).any(|id| {
        id > start
            && !tree.within(id, start)
            && tree.kind(id) == Kind::Index
            && tree
                .child(id, Role::Object)
                .is_some_and(|object| tree.kind(object) == Kind::Name && tree.name(object) == name)
            && tree.ancestors(id).any(|around| tree.kind(around) == Kind::Go)
    })
}

/// Whether what follows reads a name at once: neither a channel nor a group makes it wait.
fn reads_before_waiting(source: &Source, start: NodeId, name: &str) -> bool {
    let tree = &source.tree;
    let Some(function) = bodies::enclosing(tree, start) else {
        return false;
    };
    for id in bodies::body(tree, function) {
        if id <= start || tree.within(id, start) {
            continue;
        }
        let waits = match tree.kind(id) {
            Kind::Select | Kind::ForEach | Kind::Defer => true,
            Kind::Unary => tree.name(id) == "<-",
            // Whatever is called may wait for it, time included.
            Kind::Call => !matches!(
                calls::path(source, id).split('.').next(),
                Some("fmt" | "log" | "strconv" | "len" | "append")
            ),
            _ => false,
        };
        if waits {
            return false;
        }
        if tree.kind(id) == Kind::Name && tree.name(id) == name && tree.role(id) != Role::Target {
            return true;
        }
    }
    false
}

/// `wg.Add(1)` in the goroutine that it counts.
fn waits_late(source: &Source, lambda: NodeId, body: &[NodeId], reports: &mut Reports) {
    let tree = &source.tree;
    let starts_more = body.iter().any(|id| tree.kind(*id) == Kind::Go);
    for call in body
        .iter()
        .copied()
        .filter(|id| tree.kind(*id) == Kind::Call && calls::name(tree, *id) == "Add")
    {
        let Some(group) = calls::receiver(tree, call) else {
            continue;
        };
        let text = tree.source(group);
        let done = tree.subtree(lambda).any(|id| {
            tree.kind(id) == Kind::Call
                && calls::name(tree, id) == "Done"
                && calls::receiver(tree, id).is_some_and(|other| tree.source(other) == text)
        });
        let waited = tree.all().any(|id| {
            tree.kind(id) == Kind::Call
                && calls::name(tree, id) == "Wait"
                && !tree.within(id, lambda)
                && calls::receiver(tree, id).is_some_and(|other| tree.source(other) == text)
        });
        if done && waited && !starts_more {
            reports.add(
                call,
                format!("`{text}.Wait` may be over before this goroutine has counted itself"),
            );
        }
    }
}

/// Before Go 1.22 all rounds share the loop's variable.
fn captured_loop_variable(tree: &Tree, lambda: NodeId, around: &[NodeId], reports: &mut Reports) {
    for round in around {
        let targets = tree.children_in(*round, Role::Target).chain(
            tree.child(*round, Role::Init)
                .into_iter()
                .flat_map(|init| tree.children_in(init, Role::Target).collect::<Vec<_>>()),
        );
        for target in targets {
            let name = tree.name(target);
            let shadowed = bodies::has_param(tree, lambda, name)
                || tree.child(*round, Role::Body).is_some_and(|body| {
                    bodies::running(tree, body).iter().any(|id| {
                        *id < lambda
                            && tree.kind(*id) == Kind::Assign
                            && tree.name(*id) == ":="
                            && change::set(tree, &[*id]).contains(name)
                    })
                });
            let used = tree.child(lambda, Role::Body).and_then(|body| {
                tree.subtree(body)
                    .find(|id| tree.kind(*id) == Kind::Name && tree.name(*id) == name)
            });
            if let Some(used) = used
                && !shadowed
                && !name.is_empty()
                && name != "_"
                && tree.kind(*round) == Kind::For
            {
                reports.note(
                    used,
                    format!("before Go 1.22 all goroutines of this loop share one `{name}`"),
                );
                return;
            }
        }
    }
}
