//! Go: a map in a struct that many goroutines share is written without a lock.

use std::collections::BTreeMap;

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::{bodies, calls, served};
use crate::language::Language;
use crate::matching::Source;
use crate::names::functions_around;
use crate::project::{Project, folder};
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::scan;
use crate::tree::{Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    id: "unlocked-map",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-362", "CWE-366"],
    languages: &[Language::Go],
    run,
};

const FILES_MAX: usize = 60;

/// What a struct has: its maps, and whether it has a lock.
#[derive(Default)]
struct Holder {
    maps: Vec<String>,
    lock: bool,
}

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let tree = &source.tree;
    let mut holders = BTreeMap::new();
    add_holders(tree, &mut holders);
    let methods: Vec<NodeId> = source
        .of_kind(Kind::Function)
        .iter()
        .copied()
        .filter(|function| tree.child(*function, Role::Receiver).is_some())
        .collect();
    let unknown = methods
        .iter()
        .any(|method| owner(tree, *method).is_some_and(|owner| !holders.contains_key(owner)));
    if unknown && project.is_known() {
        for path in project.below(folder(&source.path)).take(FILES_MAX) {
            if path == source.path || folder(path) != folder(&source.path) || !path.ends_with(".go") {
                continue;
            }
            if let Some(text) = project.text(path).filter(|text| text.contains("map["))
                && let Ok(other) = scan::read(path, Language::Go, &text)
            {
                add_holders(&other.tree, &mut holders);
            }
        }
    }
    for method in methods {
        let Some(holder) = owner(tree, method).and_then(|owner| holders.get(owner)) else {
            continue;
        };
        if holder.maps.is_empty() || undoes_or_tests(code, method) || is_guarded(source, method, 0) {
            continue;
        }
        let Some(write) = written(source, method, holder) else {
            continue;
        };
        let field = tree.source(write);
        if bodies::is_handler(source, method) || is_shared(source, project, method) {
            reports.add(
                write,
                format!("each request runs in its own goroutine; the map of `{field}` is written here without a lock"),
            );
        } else if holder.lock
            && tree
                .name(method)
                .starts_with(|first: char| first.is_ascii_uppercase())
        {
            reports.note(
                write,
                format!("`{field}` is written without the lock that its struct has"),
            );
        }
    }
}

fn add_holders(tree: &Tree, holders: &mut BTreeMap<String, Holder>) {
    for class in tree.all().filter(|id| tree.kind(*id) == Kind::Class) {
        let mut holder = Holder::default();
        if let Some(body) = tree.child(class, Role::Body) {
            for field in tree
                .children(body)
                .filter(|field| tree.kind(*field) == Kind::Field)
            {
                let of = tree
                    .child(field, Role::Type)
                    .map_or(tree.name(field), |of| tree.name(of));
                if of.starts_with("map[") {
                    holder.maps.push(tree.name(field).to_owned());
                }
                holder.lock |= of.contains("Mutex");
            }
        }
        holders.insert(tree.name(class).to_owned(), holder);
    }
}

fn owner(tree: &Tree, method: NodeId) -> Option<&str> {
    let receiver = tree.child(method, Role::Receiver)?;
    Some(
        tree.name(tree.child(receiver, Role::Type)?)
            .trim_start_matches('*'),
    )
}

/// Whether a method locks, or all who call it in this file do, or its name says that it is called with the lock held.
fn is_guarded(source: &Source, method: NodeId, hops: usize) -> bool {
    const HOPS_MAX: usize = 2;
    let tree = &source.tree;
    let name = tree.name(method);
    let lower = name.to_ascii_lowercase();
    // Another way to let one at a time in: a channel, `singleflight`.
    let locks = tree.subtree(method).any(|id| match tree.kind(id) {
        Kind::Call => {
            matches!(calls::name(tree, id), "Lock" | "RLock" | "TryLock" | "Acquire")
                || calls::name(tree, id).to_ascii_lowercase().contains("lock")
        }
        Kind::Select => true,
        Kind::Unary => tree.name(id) == "<-",
        _ => false,
    });
    if locks || lower.ends_with("locked") || lower.contains("unsafe") || lower.contains("unlocked") {
        return true;
    }
    if name.starts_with(|first: char| first.is_ascii_uppercase()) || hops == HOPS_MAX {
        return false;
    }
    let mut callers = source
        .calls()
        .iter()
        .filter(|call| calls::name(tree, **call) == name && !tree.within(**call, method))
        .filter_map(|call| bodies::enclosing(tree, *call))
        .peekable();
    callers.peek().is_some() && callers.all(|caller| is_guarded(source, caller, hops + 1))
}

/// The field that a method writes to: `c.seen` of `c.seen[key]++`.
fn written(source: &Source, method: NodeId, holder: &Holder) -> Option<NodeId> {
    let tree = &source.tree;
    let own = bodies::own_object(tree, method)?;
    let is_map = |id: NodeId| {
        tree.kind(id) == Kind::Member
            && holder.maps.iter().any(|map| map == tree.name(id))
            && tree
                .child(id, Role::Object)
                .is_some_and(|object| tree.kind(object) == Kind::Name && tree.name(object) == own)
    };
    let nodes = bodies::body(tree, method);
    // A map that is made anew here is not shared yet.
    let made = nodes.iter().any(|id| {
        tree.kind(*id) == Kind::Assign
            && tree.child(*id, Role::Target).is_some_and(is_map)
            && bodies::enclosing(tree, *id) == Some(method)
            && !tree
                .ancestors(*id)
                .take_while(|around| *around != method)
                .any(|around| tree.kind(around) == Kind::If)
    });
    if made {
        return None;
    }
    nodes.into_iter().find_map(|id| match tree.kind(id) {
        Kind::Assign => {
            let target = tree
                .child(id, Role::Target)
                .filter(|target| tree.kind(*target) == Kind::Index)?;
            tree.child(target, Role::Object).filter(|object| is_map(*object))
        }
        Kind::Call if calls::name(tree, id) == "delete" => calls::arg(tree, id, 0).filter(|arg| is_map(*arg)),
        _ => None,
    })
}

/// Whether a handler calls the method on something that it has not made itself.
fn is_shared(source: &Source, project: &Project, method: NodeId) -> bool {
    let name = source.tree.name(method);
    let on_shared = |other: &Source, call: NodeId| {
        let tree = &other.tree;
        let Some(root) = calls::receiver(tree, call).and_then(|of| calls::root(tree, of)) else {
            return false;
        };
        let Some(handler) = bodies::handler_around(other, call) else {
            return false;
        };
        let root = tree.name(root);
        !functions_around(tree, call)
            .take_while(|around| tree.within(*around, handler))
            .any(|around| {
                bodies::has_param(tree, around, root)
                    || bodies::body(tree, around).iter().any(|id| {
                        tree.kind(*id) == Kind::Assign
                            && tree.name(*id) == ":="
                            && tree
                                .children_in(*id, Role::Target)
                                .any(|target| tree.subtree(target).any(|part| tree.name(part) == root))
                    })
            })
    };
    let here = source.calls().iter().any(|call| {
        calls::name(&source.tree, *call) == name
            && calls::receiver(&source.tree, *call).is_some()
            && on_shared(source, *call)
    });
    here || name.len() > 2
        && served::callers(source, project, name, &mut |other, call| {
            calls::receiver(&other.tree, call).is_some() && on_shared(other, call)
        })
}
