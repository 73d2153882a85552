//! Loops that ask for the same state again and again, without letting anybody change it.

use safeguard_api::evidence::Severity;

use super::unchanging_condition::calls_nothing_of_ours;
use crate::analysis::code::Code;
use crate::analysis::words::words;
use crate::analysis::{bodies, change, loops, reach};
use crate::language::Language;
use crate::matching::Source;
use crate::names::functions_around;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::tree::{Flags, Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "busy-wait",
    failure: "X2",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-835", "CWE-400"],
    languages: ALL_LANGUAGES,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for id in loops::conditional(source) {
        if !only_asks(code, id) {
            continue;
        }
        let in_async = functions_around(code.tree, id)
            .next()
            .is_some_and(|function| code.tree.flags(function).has(Flags::ASYNC));
        if in_async {
            reports.add(
                id,
                "this asks again and again without awaiting anything, so nothing else runs that could change the answer",
            );
        } else if bodies::handler_around(source, id).is_some() {
            reports.add(
                id,
                "this asks again at once for as long as the answer is not the wanted one: the request takes a whole processor, and may never be answered",
            );
        } else if code.tree.language() != Language::Rust && does_nothing(code, id) {
            reports.add(
                id,
                "this does nothing but ask, at once and again: it takes a whole processor for as long as it waits",
            );
        } else if code.tree.language() != Language::Rust {
            reports.note(
                id,
                "this asks again at once, without a pause: it takes a whole processor for as long as it waits",
            );
        }
    }
}

/// Whether a loop's body is empty.
fn does_nothing(code: Code<'_>, id: NodeId) -> bool {
    code.child(id, Role::Body).is_some_and(|body| {
        code.tree
            .children(body)
            .all(|statement| matches!(code.kind(statement), Kind::Pass))
    })
}

/// Whether a loop's rounds all ask the same, and change nothing.
fn only_asks(code: Code<'_>, id: NodeId) -> bool {
    let tree = code.tree;
    if code.child(id, Role::Update).is_some() || reach::any_waits(code.source, id) {
        return false;
    }
    let round = loops::round(tree, id);
    if loops::is_endless(tree, id) && loops::exits(code.source, id).is_empty() {
        return false;
    }
    let set = change::set(tree, &round);
    let mut asks = false;
    for node in round.iter().copied() {
        if leaves_with(code, node, id) {
            continue;
        }
        match code.kind(node) {
            Kind::Await
            | Kind::Yield
            | Kind::Send
            | Kind::Select
            | Kind::Go
            | Kind::With
            | Kind::New
            | Kind::Delete
            | Kind::ForEach
            | Kind::While
            | Kind::For
            | Kind::DoWhile
            | Kind::Other
            | Kind::Lambda
            | Kind::Function
            | Kind::Catch => return false,
            Kind::Unary if matches!(code.name(node), "<-" | "?" | "delete" | "&") => return false,
            Kind::Assign => {
                let plain = matches!(code.name(node), "=" | ":=" | "")
                    && tree
                        .children_in(node, Role::Target)
                        .all(|target| matches!(code.kind(target), Kind::Name | Kind::Tuple));
                let anew = !tree.children_in(node, Role::Target).any(|target| {
                    code.child(node, Role::Value)
                        .is_some_and(|value| code.mentions(value, |name| name == code.name(target)))
                });
                if !plain || !anew {
                    return false;
                }
            }
            Kind::Call if calls_nothing_of_ours(code.source, node) => {}
            Kind::Call if is_of_a_value(code, node, &set) => {}
            Kind::Call => {
                if !is_question(code, node, &set) {
                    return false;
                }
                asks = true;
            }
            _ => {}
        }
    }
    asks
}

/// Whether a node belongs to what is done on the way out: `return view(job)`, and what stands before it in its block.
fn leaves_with(code: Code<'_>, node: NodeId, id: NodeId) -> bool {
    let tree = code.tree;
    for around in tree.ancestors(node).take_while(|around| *around != id) {
        if matches!(code.kind(around), Kind::Return | Kind::Raise)
            || matches!(code.kind(node), Kind::Return | Kind::Raise)
        {
            return true;
        }
        let own_block = code.kind(around) == Kind::Block
            && tree
                .parent(around)
                .is_some_and(|parent| parent != id && matches!(code.kind(parent), Kind::If | Kind::Case));
        if own_block {
            let last = tree.children(around).last();
            if last.is_some_and(|last| matches!(code.kind(last), Kind::Return | Kind::Raise | Kind::Break)) {
                return true;
            }
        }
    }
    false
}

/// Whether a call only looks at what the round has got: `job.is_done()`, `state.lower()`.
fn is_of_a_value(code: Code<'_>, call: NodeId, set: &std::collections::BTreeSet<&str>) -> bool {
    code.receiver(call)
        .is_some_and(|of| set.contains(code.first_name(of)))
        && words(code.called(call)).first().is_some_and(|first| {
            matches!(
                first.as_str(),
                "is" | "get"
                    | "status"
                    | "state"
                    | "lower"
                    | "equals"
                    | "has"
                    | "name"
                    | "unwrap"
                    | "as"
                    | "to"
            )
        })
}

/// A call that reads a state, and gives the same until somebody else changes it.
fn is_question(code: Code<'_>, call: NodeId, set: &std::collections::BTreeSet<&str>) -> bool {
    const MOVES_ON: &[&str] = &[
        "next", "nowait", "message", "messages", "event", "events", "token", "char", "line", "byte", "input",
        "key", "task", "item", "random", "batch", "chunk", "packet", "frame", "or", "work", "command", "and",
        "many", "one", "all",
    ];
    const STREAMS: &[&str] = &[
        "queue",
        "stream",
        "reader",
        "conn",
        "socket",
        "channel",
        "consumer",
        "iterator",
        "iter",
        "cursor",
        "scanner",
        "lexer",
        "parser",
        "tokens",
        "it",
        "q",
        "rng",
        "random",
        "inbox",
        "subscriber",
        "driver",
        "browser",
        "page",
        "client",
        "session",
        "connection",
        "buffer",
        "generator",
        "gen",
        "decoder",
        "rows",
        "stdin",
    ];
    let name = words(code.called(call));
    let Some(first) = name.first() else {
        return false;
    };
    if name.iter().any(|word| MOVES_ON.contains(&word.as_str())) {
        return false;
    }
    let receiver = code.receiver(call);
    if receiver.is_some_and(|of| {
        set.contains(code.first_name(of))
            || words(code.last_name(of))
                .last()
                .is_some_and(|last| STREAMS.contains(&last.as_str()))
            || code.is_call(of)
    }) {
        return false;
    }
    let args: Vec<NodeId> = code.tree.children_in(call, Role::Arg).collect();
    let fixed = args.iter().all(|arg| {
        !code.mentions(*arg, |name| set.contains(name))
            && !code
                .tree
                .subtree(*arg)
                .any(|part| code.is_call(part) || code.kind(part) == Kind::Lambda)
    });
    let by_key = args
        .iter()
        .any(|arg| !matches!(code.kind(*arg), Kind::Bool | Kind::Num))
        && matches!(
            first.as_str(),
            "get"
                | "find"
                | "load"
                | "lookup"
                | "fetch"
                | "exists"
                | "status"
                | "state"
                | "is"
                | "has"
                | "check"
                | "describe"
                | "peek"
        );
    let of_state = name.last().is_some_and(|last| {
        matches!(
            last.as_str(),
            "status" | "state" | "done" | "finished" | "ready" | "completed" | "complete"
        )
    }) && matches!(
        first.as_str(),
        "get" | "is" | "status" | "state" | "has" | "check" | "fetch" | "load" | "read" | "done" | "ready"
    );
    fixed && (by_key || of_state)
}
