//! A task about a row is queued before the transaction that makes the row is committed.

mod elsewhere;

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::has_word;
use crate::analysis::{bodies, reach};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports, SCRIPT_LANGUAGES};
use crate::tree::{Kind, NodeId, Role};

pub use elsewhere::ELSEWHERE;

pub static CHECK: Check = Check {
    id: "queued-before-commit",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-362", "CWE-367"],
    languages: SCRIPT_LANGUAGES,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.calls().iter().copied() {
        let queues = match code.tree.language() {
            Language::Python => matches!(code.called(call), "delay" | "apply_async" | "send_task"),
            _ => {
                matches!(
                    code.called(call),
                    "add" | "publish" | "send" | "sendToQueue" | "enqueue" | "sendMessage"
                ) && code.receiver(call).is_some_and(|of| {
                    has_word(
                        code.last_name(of),
                        &[
                            "queue",
                            "producer",
                            "publisher",
                            "channel",
                            "jobs",
                            "bus",
                            "kafka",
                            "sqs",
                        ],
                    )
                })
            }
        };
        if !queues || undoes_or_tests(code, call) {
            continue;
        }
        let row = match code.tree.language() {
            Language::Python => python(code, call),
            _ => script(code, call),
        };
        if let Some(row) = row {
            reports.add(
                call,
                format!("a worker may look for `{row}` before the transaction that makes it is committed, and after it was rolled back"),
            );
        }
    }
}

/// A task of Celery within `transaction.atomic()`, or between a session's `add` and its `commit`, about a row that is made there.
fn python(code: Code<'_>, call: NodeId) -> Option<String> {
    let tree = code.tree;
    let function = code
        .functions(call)
        .find(|function| code.kind(*function) == Kind::Function)?;
    // What is called when the transaction is committed runs later.
    if code.function(call) != Some(function) {
        return None;
    }
    let is_atomic = |id: NodeId| tree.subtree(id).any(|part| code.name(part) == "atomic");
    let decorated = tree.children_in(function, Role::Decorator).any(is_atomic);
    let around = tree
        .ancestors(call)
        .take_while(|around| *around != function)
        .find(|around| {
            code.kind(*around) == Kind::With && tree.children_in(*around, Role::Item).any(is_atomic)
        });
    let within = around.or(decorated.then_some(function));
    let nodes = match around {
        Some(around) => bodies::running(tree, around),
        None => bodies::body(tree, function),
    };
    let before_commit = within.is_some()
        || nodes
            .iter()
            .any(|id| *id > call && is_session_call(code, *id, &["commit"]))
            && !nodes
                .iter()
                .any(|id| *id < call && is_session_call(code, *id, &["commit"]))
            && nodes
                .iter()
                .any(|id| *id < call && is_session_call(code, *id, &["flush", "add"]));
    if !before_commit {
        return None;
    }
    made(code, &nodes, call, |value| {
        let name = code.called(value);
        matches!(
            name,
            "create" | "bulk_create" | "update_or_create" | "get_or_create"
        ) && tree.source(value).contains("objects.")
            || name.starts_with(char::is_uppercase) && code.receiver(value).is_none()
    })
    .filter(|row| {
        within.is_none()
            || tree.text().contains(&format!("{row} = "))
                && nodes.iter().any(|id| {
                    code.kind(*id) == Kind::Call
                        && *id < call
                        && (code.called(*id) == "save"
                            && code.receiver(*id).is_some_and(|of| tree.source(of) == row)
                            || matches!(code.called(*id), "create" | "update_or_create" | "get_or_create"))
                })
    })
}

fn is_session_call(code: Code<'_>, id: NodeId, names: &[&str]) -> bool {
    code.kind(id) == Kind::Call
        && names.contains(&code.called(id))
        && code
            .receiver(id)
            .is_some_and(|of| matches!(code.last_name(of), "session" | "db_session" | "db"))
}

/// A queue within the function that `$transaction` or `transaction` is given, about a row that its client makes.
fn script(code: Code<'_>, call: NodeId) -> Option<String> {
    let tree = code.tree;
    let lambda = code
        .function(call)
        .filter(|function| code.kind(*function) == Kind::Lambda)?;
    let given_to = tree
        .parent(lambda)
        .filter(|given| code.kind(*given) == Kind::Call)?;
    if !matches!(
        code.called(given_to),
        "$transaction" | "transaction" | "withTransaction"
    ) {
        return None;
    }
    let tx = bodies::params(tree, lambda)
        .next()
        .map(|param| code.name(param))?;
    let nodes = bodies::body(tree, lambda);
    made(code, &nodes, call, |value| {
        let writes = matches!(
            code.called(value),
            "create" | "insert" | "save" | "upsert" | "query" | "returning"
        );
        writes && (code.first_name(value) == tx || code.mentions(value, |name| name == tx))
    })
    .filter(|_| !reach::in_try(tree, call, lambda))
}

/// The name that a call's arguments take an id of, if it was set to something made.
fn made(code: Code<'_>, nodes: &[NodeId], call: NodeId, is_made: impl Fn(NodeId) -> bool) -> Option<String> {
    let tree = code.tree;
    let args = tree.children_in(call, Role::Arg);
    let used: Vec<&str> = args
        .flat_map(|arg| tree.subtree(arg))
        .filter(|id| code.kind(*id) == Kind::Member && matches!(code.name(*id), "id" | "pk" | "uuid" | "_id"))
        .filter_map(|id| code.child(id, Role::Object))
        .filter(|of| code.kind(*of) == Kind::Name)
        .map(|of| code.name(of))
        .collect();
    nodes
        .iter()
        .filter(|id| code.kind(**id) == Kind::Assign && **id < call)
        .find_map(|id| {
            let target = code.child(*id, Role::Target)?;
            let first = match code.kind(target) {
                Kind::Tuple | Kind::List => tree.children(target).next()?,
                _ => target,
            };
            let value = code.bare(code.child(*id, Role::Value)?);
            (used.contains(&code.name(first)) && code.kind(value) == Kind::Call && is_made(value))
                .then(|| code.name(first).to_owned())
        })
}
