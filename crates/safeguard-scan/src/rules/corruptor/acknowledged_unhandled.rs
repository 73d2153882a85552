//! A message of a queue is acknowledged although handling it has failed.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_BUT_RUST, Check, Reports};
use crate::tree::{Kind, NodeId, Role};

use super::swallowed;

check!(CHECK, "acknowledged-unhandled", "CWE-391", ALL_BUT_RUST, run);

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for ack in source.calls().iter().copied() {
        if !is_acknowledgement(code, ack) || undoes_or_tests(code, ack) {
            continue;
        }
        let Some(function) = code.function(ack) else {
            continue;
        };
        // What stands in front of the acknowledgement, or what it is the end of.
        let start = code.tree.span(ack).start;
        let around: Vec<NodeId> = code
            .tree
            .ancestors(ack)
            .take_while(|around| *around != function)
            .collect();
        let found = code.own(function).into_iter().find(|id| match code.kind(*id) {
            Kind::Try => lost(code, *id, ack, start, &around),
            Kind::If if source.tree.language() == Language::Go => {
                code.tree.span(*id).end <= start && !around.contains(id) && fails_on(code, *id)
            }
            _ => false,
        });
        if let Some(found) = found.filter(|found| !swallowed::is_best_effort(code, *found)) {
            reports.add(
                ack,
                format!(
                    "the message is acknowledged also when `{}` has failed: it is gone, and was never handled",
                    handled(code, found)
                ),
            );
        }
    }
}

/// `ch.basic_ack(…)`, `channel.ack(message)`, `ack.acknowledge()`, `msg.Ack()`, `sqs.delete_message(…)`
fn is_acknowledgement(code: Code<'_>, call: NodeId) -> bool {
    let receiver = || {
        code.receiver(call)
            .map_or("", |of| code.last_name(of))
            .to_ascii_lowercase()
    };
    match code.called(call) {
        "basic_ack" | "basicAck" | "acknowledge" | "delete_message" | "DeleteMessage" => true,
        "ack" | "Ack" => {
            let of = receiver();
            [
                "ch",
                "channel",
                "msg",
                "message",
                "m",
                "d",
                "delivery",
                "acknowledgment",
                "acknowledgement",
                "subscriber",
                "js",
            ]
            .contains(&of.as_str())
        }
        "send" => code
            .arg(call, 0)
            .is_some_and(|command| code.tree.source(command).starts_with("new DeleteMessageCommand")),
        _ => false,
    }
}

/// Whether an attempt in front of the acknowledgement, or one that it is the `finally` of, keeps its error for itself.
fn lost(code: Code<'_>, attempt: NodeId, ack: NodeId, start: usize, around: &[NodeId]) -> bool {
    let in_finally = code
        .child(attempt, Role::Finally)
        .is_some_and(|last| code.tree.within(ack, last));
    let behind = code.tree.span(attempt).end <= start && !around.contains(&attempt);
    // Only where the acknowledgement follows in the same block, or further out.
    let reaches = code.tree.parent(attempt).is_some_and(|block| {
        around.contains(&block) || code.tree.parent(ack).is_some_and(|parent| parent == block)
    });
    let Some(body) = code.child(attempt, Role::Body) else {
        return false;
    };
    // Reading the message alone, so that one that can not be read is passed over, is another thing.
    let handles = code
        .tree
        .subtree(body)
        .filter(|id| code.kind(*id) == Kind::Call)
        .any(|call| {
            !matches!(
                code.called(call),
                "loads"
                    | "parse"
                    | "decode"
                    | "toString"
                    | "Unmarshal"
                    | "readValue"
                    | "get"
                    | "info"
                    | "debug"
                    | "log"
                    | "print"
                    | "str"
                    | "int"
            )
        });
    let handlers: Vec<NodeId> = code.tree.children_in(attempt, Role::Handler).collect();
    handles
        && (in_finally || behind && reaches)
        && handlers
            .into_iter()
            .any(|handler| swallowed::is_broad(code, handler) && keeps(code, handler))
}

/// Whether nothing in a block ends the function, gives the message back, or puts it aside.
fn keeps(code: Code<'_>, block: NodeId) -> bool {
    !code.tree.subtree(block).any(|id| match code.kind(id) {
        Kind::Raise | Kind::Return | Kind::Continue | Kind::Break | Kind::Assign => true,
        Kind::Call | Kind::New => {
            let name = code.called(id).to_ascii_lowercase();
            let only_tells = [
                "error",
                "exception",
                "warn",
                "warning",
                "info",
                "debug",
                "log",
                "print",
                "println",
                "printf",
                "printstacktrace",
                "tostring",
                "getmessage",
                "str",
                "string",
                "json",
                "stringify",
                "stacktrace",
                "format_exc",
                "errorf",
                "warnf",
                "infof",
                "errorw",
                "fields",
                "any",
                "err",
                "getlogger",
                "capture_exception",
                "captureexception",
                "repr",
                "type",
                "format",
                "increment",
                "inc",
            ];
            !only_tells.contains(&name.as_str())
        }
        _ => false,
    })
}

/// Go: `if err := handle(msg); err != nil { log.Println(err) }`
fn fails_on(code: Code<'_>, branch: NodeId) -> bool {
    let tests_error = code
        .child(branch, Role::Condition)
        .and_then(|condition| code.comparison(condition))
        .is_some_and(|(operator, left, right)| {
            operator == "!=" && code.name(left) == "err" && code.is_null(right)
        });
    tests_error
        && code.child(branch, Role::Init).is_some_and(|init| {
            code.tree
                .subtree(init)
                .any(|id| code.kind(id) == Kind::Call && !matches!(code.called(id), "Unmarshal" | "Decode"))
        })
        && code.child(branch, Role::Else).is_none()
        && code
            .child(branch, Role::Body)
            .is_some_and(|body| keeps(code, body))
}

/// What was tried, for the message.
fn handled(code: Code<'_>, found: NodeId) -> String {
    let role = if code.kind(found) == Kind::Try {
        Role::Body
    } else {
        Role::Init
    };
    code.child(found, role)
        .and_then(|part| {
            code.tree
                .subtree(part)
                .filter(|id| code.kind(*id) == Kind::Call)
                .last()
        })
        .map_or("it".to_owned(), |call| swallowed::short(code, call))
}
