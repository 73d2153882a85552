//! Loops with no way out.

use safeguard_api::evidence::Severity;

use crate::analysis::{bodies, calls, loops, reach};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::tree::{Flags, Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    id: "unending-loop",
    failure: "X2",
    severity: Severity::Critical,
    confidence: Confidence::High,
    cwe: &["CWE-835"],
    languages: ALL_LANGUAGES,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    for id in loops::conditional(source) {
        if !loops::is_endless(tree, id) || !loops::exits(source, id).is_empty() {
            continue;
        }
        let round = loops::round(tree, id);
        let awaits = loops::awaits(tree, &round);
        let function = bodies::enclosing(tree, id);
        if function.is_some_and(|function| {
            bodies::is_handler(source, function) && !streams(source, function, &round)
        }) {
            reports.add(
                id,
                "this loop has no way out, and the request that runs it is never answered",
            );
        } else if function.is_some_and(|function| left_running(source, function)) {
            reports.add(
                id,
                "every request leaves this goroutine behind: the loop has no way out",
            );
        } else if spins_on_select(tree, id) {
            reports.add(
                id,
                "this loop never waits: `default` is taken at once, again and again, and it has no way out",
            );
        } else if awaits || round.iter().any(|id| may_wait(source, *id)) {
            continue;
        } else if bodies::in_async(tree, id) {
            reports.add(id, "this loop has no way out and awaits nothing, so it stops everything else that the event loop serves");
        } else if round.iter().all(|id| is_harmless(source, *id)) {
            reports.add(id, "this loop has no way out and never waits");
        }
    }
}

/// Whether a handler is one for a connection that stays open, and ends by an error of what it sends or receives.
fn streams(source: &Source, function: NodeId, round: &[NodeId]) -> bool {
    let tree = &source.tree;
    let socket = bodies::params(tree, function).any(|param| {
        let name = tree.name(param).to_ascii_lowercase();
        let type_ = tree
            .child(param, Role::Type)
            .map(|type_| tree.source(type_).to_ascii_lowercase());
        name.contains("ws")
            || name.contains("socket")
            || type_.is_some_and(|type_| type_.contains("websocket"))
    });
    let raises_when_gone = tree.language() == Language::Python
        && round.iter().any(|id| {
            tree.kind(*id) == Kind::Call
                && matches!(
                    calls::name(tree, *id),
                    "write"
                        | "send"
                        | "send_str"
                        | "send_json"
                        | "send_text"
                        | "send_bytes"
                        | "recv"
                        | "receive"
                        | "receive_text"
                        | "receive_json"
                        | "receive_bytes"
                        | "receive_str"
                        | "wait_closed"
                        | "sendall"
                )
        });
    let receives = round.iter().any(|id| {
        tree.kind(*id) == Kind::Call
            && ["receive", "recv", "readmessage", "accept"]
                .iter()
                .any(|part| calls::name(tree, *id).to_ascii_lowercase().contains(part))
    });
    socket || raises_when_gone || receives
}

/// Whether a function is one that a handler starts with `go`.
fn left_running(source: &Source, function: NodeId) -> bool {
    let tree = &source.tree;
    let started = tree
        .parent(function)
        .filter(|call| tree.kind(*call) == Kind::Call && tree.role(function) == Role::Callee)
        .and_then(|call| tree.parent(call))
        .is_some_and(|go| tree.kind(go) == Kind::Go);
    started && functions_around_handler(source, function)
}

fn functions_around_handler(source: &Source, function: NodeId) -> bool {
    bodies::enclosing(&source.tree, function).is_some_and(|outer| bodies::is_handler(source, outer))
}

/// Go's `select` with an empty `default`, and nothing else in the loop.
fn spins_on_select(tree: &Tree, id: NodeId) -> bool {
    let Some(body) = tree.child(id, Role::Body) else {
        return false;
    };
    let mut statements = tree.children(body);
    let (Some(only), None) = (statements.next(), statements.next()) else {
        return false;
    };
    tree.kind(only) == Kind::Select
        && tree.children(only).any(|case| {
            tree.child(case, Role::Test).is_none()
                && tree
                    .child(case, Role::Body)
                    .is_none_or(|body| tree.children(body).next().is_none())
        })
}

/// Whether something may take its time, or throw: all calls that are not known to do neither.
fn may_wait(source: &Source, id: NodeId) -> bool {
    let tree = &source.tree;
    match tree.kind(id) {
        Kind::Send | Kind::Select | Kind::New => true,
        Kind::Unary => tree.name(id) == "<-",
        Kind::ForEach => tree.language() == Language::Go,
        Kind::With => true,
        Kind::Call => reach::waits(source, id) || !is_quick(source, id) && !bodies::in_async(tree, id),
        _ => false,
    }
}

/// Whether a call comes back at once and throws nothing.
fn is_quick(source: &Source, call: NodeId) -> bool {
    const NAMES: &[&str] = &[
        "print",
        "len",
        "append",
        "push",
        "str",
        "int",
        "float",
        "range",
        "abs",
        "min",
        "max",
        "sum",
        "sorted",
        "Date.now",
        "performance.now",
        "time.time",
        "time.monotonic",
        "fmt.Println",
        "fmt.Printf",
        "log.Println",
        "log.Printf",
        "append",
        "Math.random",
        "Math.floor",
        "Math.sqrt",
        "random.random",
        "random.randint",
        "datetime.now",
        "datetime.datetime.now",
        "time.Now",
        "fmt.Sprintf",
        "fmt.Print",
        "parseInt",
        "String",
        "Number",
        "isinstance",
    ];
    let path = calls::path(source, call);
    NAMES.contains(&path.as_str())
        || matches!(
            calls::name(&source.tree, call),
            "append" | "push" | "toString" | "toFixed"
        )
        || ["console.", "logger.", "logging.", "log."]
            .iter()
            .any(|start| path.starts_with(start))
}

fn is_harmless(source: &Source, id: NodeId) -> bool {
    let tree = &source.tree;
    match tree.kind(id) {
        Kind::Call => is_quick(source, id),
        // A getter may do anything, and an element that is missing is an error.
        Kind::Index => tree.language() != Language::Python,
        Kind::Yield
        | Kind::Await
        | Kind::Go
        | Kind::Send
        | Kind::Select
        | Kind::Delete
        | Kind::Assert
        | Kind::Import => false,
        Kind::ForEach => !tree.flags(id).has(Flags::ASYNC),
        Kind::Binary => !matches!(tree.name(id), "/" | "%" | "//") || tree.language() != Language::Python,
        _ => true,
    }
}
