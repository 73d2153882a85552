//! What blocks an async function by way of another function of the file, or of an object that was made elsewhere.

use super::{NodeId, Reports, Source, is_sure};
use crate::analysis::code::Code;
use crate::analysis::words::has_word;
use crate::analysis::{bodies, calls};
use crate::tree::{Flags, Kind, Role};

/// How many calls lie between.
const HOPS_MAX: usize = 3;

pub(super) fn python(source: &Source, call: NodeId, reports: &mut Reports) {
    let code = Code::of(source);
    let is_awaited = code
        .tree
        .parent(call)
        .is_some_and(|parent| code.kind(parent) == Kind::Await);
    if is_awaited {
        return;
    }
    if let Some(by) = made_as(code, call) {
        let told = match by {
            "submit" | "Queue" | "Thread" => {
                "this waits for another thread or process and lets nothing else run: the event loop stands still until it is done"
            }
            _ => {
                "this client waits for its answer and lets nothing else run: the event loop stands still until it comes"
            }
        };
        reports.add(call, told);
    } else if let Some(blocks) = blocks(source, call, 0) {
        let told = format!(
            "`{}` calls `{blocks}`, which blocks the event loop of this async function: nothing else is served until it returns",
            code.called(call)
        );
        // Before the first request, and after the last, nobody waits.
        const ALONE: &[&str] = &[
            "main",
            "startup",
            "setup",
            "lifespan",
            "init",
            "teardown",
            "shutdown",
            "install",
            "cli",
            "bootstrap",
            "aenter",
            "aexit",
            "start",
            "stop",
        ];
        match code
            .names_around(call)
            .into_iter()
            .any(|name| has_word(name, ALONE))
        {
            true => reports.note(call, told),
            false => reports.add(call, told),
        }
    }
}

/// How the object was made whose method is called: `requests.Session()` for `session.get(…)`, `submit` for `future.result()`.
fn made_as<'s>(code: Code<'s>, call: NodeId) -> Option<&'s str> {
    let receiver = code.receiver(call)?;
    let made = match code.kind(receiver) {
        Kind::Name => code
            .set_to(receiver)
            .filter(|made| code.is_call(*made))
            .or_else(|| only_set(code, code.name(receiver)))?,
        // `self.session`
        Kind::Member if matches!(code.first_name(receiver), "self" | "cls") => {
            let mut sets = code.source.assignments(code.name(receiver)).iter().copied();
            let first = sets.next().filter(|_| sets.next().is_none())?;
            code.child(first, Role::Value)?
        }
        _ => return None,
    };
    if !code.is_call(made) {
        return None;
    }
    let waits = code.called(call) == "get"
        && code.path(made) == "queue.Queue"
        && code.tree.children_in(call, Role::Arg).next().is_none();
    if waits {
        return Some("Queue");
    }
    match code.called(call) {
        "get" | "post" | "put" | "patch" | "delete" | "head" | "request" | "send" => {
            ["requests.Session", "requests.session", "httpx.Client"]
                .into_iter()
                .find(|path| code.path(made) == *path)
        }
        "result" if code.called(made) == "submit" && code.args(call).is_empty() => Some("submit"),
        "join" if code.path(made) == "queue.Queue" => Some("Queue"),
        "join" if code.path(made) == "threading.Thread" => Some("Thread"),
        _ => None,
    }
}

/// What a name of the file is set to, if it is set once.
fn only_set(code: Code<'_>, name: &str) -> Option<NodeId> {
    let mut sets = code.source.assignments(name).iter().copied();
    let first = sets.next().filter(|_| sets.next().is_none())?;
    code.child(first, Role::Value)
}

/// What blocks in a function of the file that is no coroutine.
fn blocks(source: &Source, call: NodeId, hops: usize) -> Option<String> {
    let tree = &source.tree;
    if hops > HOPS_MAX {
        return None;
    }
    let function = own_function(source, call)?;
    bodies::body(tree, function)
        .into_iter()
        .filter(|inner| tree.kind(*inner) == Kind::Call)
        .find_map(|inner| {
            let path = calls::path(source, inner);
            let (module, name) = path.rsplit_once('.').unwrap_or(("", path.as_str()));
            match is_sure(source, inner, module, name) {
                true => Some(path.clone()),
                false => blocks(source, inner, hops + 1),
            }
        })
}

/// The function of the file that is called, unless it is a coroutine or gives its values bit by bit.
fn own_function(source: &Source, call: NodeId) -> Option<NodeId> {
    let tree = &source.tree;
    let by_name = match calls::receiver(tree, call) {
        None => true,
        Some(of) => matches!(tree.name(of), "self" | "cls"),
    };
    let name = calls::name(tree, call);
    if !by_name || name.is_empty() {
        return None;
    }
    let mut found = source
        .of_kind(Kind::Function)
        .iter()
        .copied()
        .filter(|function| tree.name(*function) == name);
    let function = found.next().filter(|_| found.next().is_none())?;
    let plain = !tree.flags(function).has(Flags::ASYNC)
        && !bodies::is_generator(tree, function)
        // What a decorator makes of it may be something else: a task, a thread.
        && tree.children_in(function, Role::Decorator).next().is_none();
    plain.then_some(function)
}

/// Rust: a function of the file that sleeps, or asks by a client that blocks, called in an async one.
pub(super) fn rust(source: &Source, call: NodeId, reports: &mut Reports) {
    let tree = &source.tree;
    let sleeps = |function: NodeId| {
        bodies::body(tree, function).into_iter().any(|inner| {
            tree.kind(inner) == Kind::Call
                && matches!(
                    calls::path(source, inner).as_str(),
                    "std.thread.sleep" | "thread.sleep" | "reqwest.blocking.get"
                )
        })
    };
    if source.is_test() {
        return;
    }
    if let Some(function) = own_function(source, call).filter(|function| sleeps(*function)) {
        reports.add(
            call,
            format!(
                "`{}` holds the thread that all other tasks of it wait for",
                tree.name(function)
            ),
        );
    }
}
