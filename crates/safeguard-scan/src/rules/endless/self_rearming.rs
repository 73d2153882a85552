//! Callbacks that queue themselves again before anything else gets its turn, and timers that nobody can stop.

use safeguard_api::evidence::Severity;

use crate::analysis::{bodies, calls, reach};
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports, SCRIPT_LANGUAGES};
use crate::tree::{Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    id: "self-rearming",
    failure: "X2",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-834"],
    languages: SCRIPT_LANGUAGES,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    for call in source.of_kind(Kind::Call).iter().copied() {
        let path = calls::path(source, call);
        match path.as_str() {
            "setInterval" => timer_of_a_request(source, call, reports),
            "process.nextTick" | "queueMicrotask" | "setImmediate" | "setTimeout" => {
                if !queues_its_own_function(source, call) {
                    continue;
                }
                let delay = calls::arg(tree, call, 1);
                match path.as_str() {
                    "process.nextTick" | "queueMicrotask" => {
                        reports.add(call, format!("`{path}` runs this function again before anything else, so nothing else ever runs"));
                    }
                    "setTimeout" if delay.is_some_and(|delay| tree.name(delay) != "0") => {}
                    _ => reports.note(
                        call,
                        format!(
                            "`{path}` runs this function again at once, for ever: it takes a whole processor"
                        ),
                    ),
                }
            }
            _ if matches!(calls::name(tree, call), "delay" | "apply_async")
                && queues_its_own_task(source, call) =>
            {
                reports.note(
                    call,
                    "this task queues itself again at once, for ever: the queue is never empty",
                );
            }
            _ if matches!(calls::name(tree, call), "call_soon" | "call_soon_threadsafe")
                && queues_its_own_function(source, call) =>
            {
                reports.note(
                    call,
                    "this function is run again at once, for ever: it takes a whole processor",
                );
            }
            _ => {}
        }
    }
}

/// Whether a function always queues itself again: nothing decides whether, and nothing before it leaves.
fn queues_its_own_function(source: &Source, call: NodeId) -> bool {
    let tree = &source.tree;
    let Some(callback) = calls::arg(tree, call, 0) else {
        return false;
    };
    let queued: Vec<&str> = match tree.kind(callback) {
        Kind::Name | Kind::Member => vec![tree.name(callback)],
        Kind::Lambda => bodies::body(tree, callback)
            .into_iter()
            .filter(|id| tree.kind(*id) == Kind::Call)
            .map(|id| calls::name(tree, id))
            .collect(),
        _ => return false,
    };
    let Some(function) = bodies::enclosing(tree, call) else {
        return false;
    };
    let name = name_of(tree, function);
    let Some(body) = tree.child(function, Role::Body) else {
        return false;
    };
    if name.is_empty() || !queued.contains(&name) || !reach::always(tree, call, body) {
        return false;
    }
    let earlier: Vec<NodeId> = bodies::body(tree, function)
        .into_iter()
        .filter(|id| *id < call)
        .collect();
    !reach::leaves(source, &earlier) && !earlier.iter().any(|id| tree.kind(*id) == Kind::Await)
}

/// A task of Celery that always queues itself again, and does not say when.
fn queues_its_own_task(source: &Source, call: NodeId) -> bool {
    let tree = &source.tree;
    let (Some(function), Some(receiver)) = (bodies::enclosing(tree, call), calls::receiver(tree, call))
    else {
        return false;
    };
    let Some(body) = tree.child(function, Role::Body) else {
        return false;
    };
    let waits =
        calls::keyword(tree, call, "countdown").is_some() || calls::keyword(tree, call, "eta").is_some();
    let earlier: Vec<NodeId> = bodies::body(tree, function)
        .into_iter()
        .filter(|id| *id < call)
        .collect();
    tree.kind(receiver) == Kind::Name
        && tree.name(receiver) == tree.name(function)
        && !waits
        && reach::always(tree, call, body)
        && !reach::leaves(source, &earlier)
}

/// A function's name, or that of what it is assigned to.
fn name_of(tree: &Tree, function: NodeId) -> &str {
    if !tree.name(function).is_empty() {
        return tree.name(function);
    }
    tree.parent(function)
        .filter(|parent| tree.kind(*parent) == Kind::Assign)
        .and_then(|assign| tree.child(assign, Role::Target))
        .map_or("", |target| tree.name(target))
}

/// `setInterval` in a handler, whose timer is kept nowhere.
fn timer_of_a_request(source: &Source, call: NodeId, reports: &mut Reports) {
    let tree = &source.tree;
    let Some(handler) = bodies::handler_around(source, call) else {
        return;
    };
    if bodies::enclosing(tree, call) != Some(handler) {
        return;
    }
    let dropped = tree
        .parent(call)
        .is_some_and(|parent| tree.kind(parent) == Kind::ExprStmt);
    let cleared = tree
        .subtree(handler)
        .any(|id| tree.kind(id) == Kind::Name && tree.name(id) == "clearInterval");
    let kept = tree
        .parent(call)
        .filter(|parent| tree.kind(*parent) == Kind::Assign)
        .and_then(|assign| tree.child(assign, Role::Target));
    let used_later = kept.is_some_and(|target| {
        tree.kind(target) != Kind::Name
            || tree
                .subtree(handler)
                .filter(|id| tree.kind(*id) == Kind::Name && tree.name(*id) == tree.name(target))
                .count()
                > 1
    });
    if !cleared && (dropped || kept.is_some() && !used_later) {
        reports.add(call, "every request starts a timer here that is never cleared");
    }
}
