//! Timers and listeners that each connection or request begins, and nothing ends.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::{bodies, calls};
use crate::language::Language;
use crate::matching::{Source, canonical};
use crate::names::functions_around;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    id: "left-running",
    failure: "X2",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-401", "CWE-772"],
    languages: &[
        Language::Go,
        Language::JavaScript,
        Language::TypeScript,
        Language::Tsx,
    ],
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.calls().iter().copied() {
        if undoes_or_tests(code, call) {
            continue;
        }
        if code.tree.language() == Language::Go {
            go(code, call, reports);
            continue;
        }
        match code.called(call) {
            "setInterval" if code.receiver(call).is_none() => timer(code, call, reports),
            "on" | "addListener" | "addEventListener" | "subscribe" => listener(code, call, reports),
            "setMaxListeners" if code.arg(call, 0).and_then(|most| code.number(most)) == Some(0) => reports.note(
                call,
                "this takes away the warning that listeners pile up; those that are not needed any more should be removed",
            ),
            _ => {}
        }
    }
}

/// The function around a place that runs once for each connection or request.
fn each_time(code: Code<'_>, id: NodeId) -> Option<NodeId> {
    functions_around(code.tree, id).find(|function| {
        bodies::is_handler(code.source, *function)
            || code.tree.role(*function) == Role::Arg
                && code.tree.parent(*function).is_some_and(|call| {
                    matches!(code.called(call), "on" | "addListener")
                        && code
                            .arg(call, 0)
                            .and_then(|event| code.text(event))
                            .is_some_and(|event| {
                                matches!(
                                    event,
                                    "connection"
                                        | "request"
                                        | "upgrade"
                                        | "stream"
                                        | "session"
                                        | "secureConnection"
                                )
                            })
                })
            || code.function_name(*function) == "handleConnection" && code.tree.language() != Language::Go
    })
}

fn timer(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    let tree = code.tree;
    let Some(around) = each_time(code, call) else {
        return;
    };
    // A way to end it from within, or for somebody who has the timer.
    let ends = tree
        .subtree(around)
        .any(|id| code.kind(id) == Kind::Name && matches!(code.name(id), "clearInterval" | "clearTimer"));
    let kept = handle(code, call);
    if !ends && kept == Handle::Dropped {
        reports.add(
            call,
            "each connection or request begins a timer here, and none of them is ever ended",
        );
    }
}

#[derive(PartialEq, Eq)]
enum Handle {
    Dropped,
    Kept,
}

/// Whether what a call gives is let go: not used at all, or only kept under a name that nothing reads.
fn handle(code: Code<'_>, call: NodeId) -> Handle {
    let tree = code.tree;
    let mut at = call;
    while let Some(parent) = tree.parent(at) {
        match code.kind(parent) {
            // `setInterval(…).unref()`
            Kind::Member if matches!(code.name(parent), "unref" | "ref") => at = parent,
            Kind::Call if tree.role(at) == Role::Callee => at = parent,
            Kind::ExprStmt => return Handle::Dropped,
            Kind::Assign => {
                let Some(target) = code.child(parent, Role::Target) else {
                    return Handle::Kept;
                };
                let Some(function) = code.function(call) else {
                    return Handle::Kept;
                };
                let read = tree.subtree(function).any(|id| {
                    id != target && code.kind(id) == Kind::Name && code.name(id) == code.name(target)
                });
                return if code.kind(target) == Kind::Name && !read {
                    Handle::Dropped
                } else {
                    Handle::Kept
                };
            }
            _ => return Handle::Kept,
        }
    }
    Handle::Kept
}

/// `bus.on('change', …)` for each connection, where the bus lives on.
fn listener(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    let tree = code.tree;
    let Some(around) = each_time(code, call) else {
        return;
    };
    let Some(emitter) = code.receiver(call) else {
        return;
    };
    let name = code.called(call);
    let listens = code
        .arg(call, usize::from(name != "subscribe"))
        .is_some_and(|arg| matches!(code.kind(arg), Kind::Lambda | Kind::Name | Kind::Member));
    if !listens || handle(code, call) != Handle::Dropped || !outlives(code, around, emitter) {
        return;
    }
    let own = canonical(tree, emitter);
    let ends = tree.subtree(around).any(|id| {
        code.kind(id) == Kind::Call
            && matches!(
                code.called(id),
                "off"
                    | "removeListener"
                    | "removeAllListeners"
                    | "removeEventListener"
                    | "unsubscribe"
                    | "close"
                    | "destroy"
            )
            && code.receiver(id).is_some_and(|of| canonical(tree, of) == own)
    });
    let aborts = code.option(call, "signal").is_some() || code.option(call, "once").is_some();
    if !ends && !aborts {
        reports.add(
            call,
            format!(
                "each connection or request adds a listener to `{}`, which lives on, and nothing removes it",
                tree.source(emitter)
            ),
        );
    }
}

/// Whether something is one of the file's own, and not made for this connection.
fn outlives(code: Code<'_>, function: NodeId, emitter: NodeId) -> bool {
    let tree = code.tree;
    let Some(root) = calls::root(tree, emitter).map(|root| code.name(root)) else {
        return false;
    };
    // `app.locals` is everybody's, `req.socket` one connection's.
    if !matches!(code.kind(emitter), Kind::Name | Kind::Member) {
        return false;
    }
    let functions: Vec<NodeId> = std::iter::once(function)
        .chain(functions_around(tree, function))
        .collect();
    let inner: Vec<NodeId> = functions_around(tree, emitter).collect();
    let made_here = inner.iter().chain(&functions).any(|around| {
        bodies::params(tree, *around).any(|param| {
            tree.name(param) == root
                || tree
                    .subtree(param)
                    .any(|id| code.kind(id) == Kind::Name && code.name(id) == root)
        }) || bodies::body(tree, *around).iter().any(|id| {
            code.kind(*id) == Kind::Assign
                && tree.children_in(*id, Role::Target).any(|target| {
                    tree.subtree(target)
                        .any(|id| code.kind(id) == Kind::Name && code.name(id) == root)
                })
        })
    });
    !made_here
        && (is_of_the_file(tree, root) || code.source.names.imported(root).is_some() || root == "process")
}

fn is_of_the_file(tree: &Tree, name: &str) -> bool {
    tree.children(NodeId::ROOT).any(|statement| {
        tree.kind(statement) == Kind::Assign
            && tree
                .children_in(statement, Role::Target)
                .any(|target| tree.kind(target) == Kind::Name && tree.name(target) == name)
    })
}

/// `time.NewTicker` in a handler, and no `Stop`.
fn go(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    let tree = code.tree;
    if code.path(call) != "time.NewTicker" {
        return;
    }
    let Some(around) = each_time(code, call) else {
        return;
    };
    let stops = tree
        .subtree(around)
        .any(|id| code.kind(id) == Kind::Member && code.name(id) == "Stop");
    let Some(name) = tree
        .parent(call)
        .filter(|parent| code.kind(*parent) == Kind::Assign)
        .and_then(|assign| code.child(assign, Role::Target))
        .filter(|target| code.kind(*target) == Kind::Name)
        .map(|target| code.name(target))
    else {
        return;
    };
    let passed_on = tree.subtree(around).any(|id| {
        code.kind(id) == Kind::Name
            && code.name(id) == name
            && tree
                .parent(id)
                .is_some_and(|parent| matches!(code.kind(parent), Kind::Call | Kind::Return | Kind::Pair))
    });
    if !stops && !passed_on {
        reports.note(
            call,
            format!("each request begins the ticker `{name}`, and nothing stops it"),
        );
    }
}
