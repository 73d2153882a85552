//! The same in Go, Java and Rust: a message between the statement that makes a row and the commit.

use super::CHECK as SCRIPTS;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::outside::java_decorators;
use crate::analysis::words::has_word;
use crate::analysis::{bodies, sql_text, typed};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static ELSEWHERE: Check = Check {
    languages: &[Language::Go, Language::Java, Language::Rust],
    run,
    ..SCRIPTS
};

/// Words of what carries messages to others.
const QUEUES: &[&str] = &[
    "queue",
    "queues",
    "producer",
    "publisher",
    "channel",
    "jobs",
    "bus",
    "kafka",
    "sqs",
    "nats",
    "broker",
    "stream",
    "rabbit",
];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    // Messages that are kept in a table of the same transaction go out with it.
    if source.is_test() || source.tree.text().to_ascii_lowercase().contains("outbox") {
        return;
    }
    for function in source.of_kind(Kind::Function).iter().copied() {
        let nodes = bodies::body(code.tree, function);
        let found = match code.tree.language() {
            Language::Java => java(code, function, &nodes),
            _ => with_commit(code, &nodes),
        };
        if let Some(call) = found.filter(|call| !undoes_or_tests(code, *call)) {
            reports.add(
                call,
                "a worker may look for the row before the transaction that makes it is committed, and after it was rolled back",
            );
        }
    }
}

/// `tx.ExecContext(ctx, "INSERT …")`, then `s.queue.Publish(…)`, then `tx.Commit()`.
fn with_commit(code: Code<'_>, nodes: &[NodeId]) -> Option<NodeId> {
    let calls = || nodes.iter().copied().filter(|id| code.kind(*id) == Kind::Call);
    let commit = calls().rfind(|call| matches!(code.called(*call), "Commit" | "commit"))?;
    let begin = calls().find(|call| {
        matches!(
            code.called(*call),
            "Begin" | "BeginTx" | "Beginx" | "BeginTxx" | "begin"
        )
    })?;
    let inserts = |call: NodeId| {
        code.args(call)
            .into_iter()
            .take(2)
            .find_map(|arg| sql_text::text_of(code, arg))
            .is_some_and(|text| {
                text.trim_start()
                    .get(..6)
                    .is_some_and(|word| word.eq_ignore_ascii_case("insert"))
            })
    };
    let made = calls().find(|call| *call > begin && *call < commit && inserts(*call))?;
    calls().find(|call| {
        *call > made
            && *call < commit
            && matches!(
                code.called(*call),
                "Publish"
                    | "PublishWithContext"
                    | "Enqueue"
                    | "EnqueueContext"
                    | "SendMessage"
                    | "WriteMessages"
                    | "publish"
                    | "enqueue"
                    | "send_message"
                    | "push"
            )
            && code
                .receiver(*call)
                .is_some_and(|of| has_word(code.last_name(of), QUEUES))
    })
}

/// A method under `@Transactional` that saves a row, and then sends it or its id.
fn java(code: Code<'_>, function: NodeId, nodes: &[NodeId]) -> Option<NodeId> {
    let managed = java_decorators(code.tree, function).contains(&"Transactional");
    let calls = || nodes.iter().copied().filter(|id| code.kind(*id) == Kind::Call);
    let saved =
        calls().find(|call| managed && matches!(code.called(*call), "save" | "saveAndFlush" | "persist"))?;
    // The row by the name that it was given to, and by the one that it was saved as.
    let mut names: Vec<&str> = code
        .arg(saved, 0)
        .map(|row| code.first_name(row))
        .into_iter()
        .collect();
    let assign = code
        .tree
        .parent(saved)
        .filter(|assign| code.kind(*assign) == Kind::Assign);
    names.extend(
        assign
            .and_then(|assign| code.child(assign, Role::Target))
            .map(|target| code.name(target)),
    );
    names.retain(|name| !name.is_empty());
    calls().find(|call| {
        let sends = matches!(code.called(*call), "convertAndSend" | "send" | "sendAndReceive");
        let by_template = sends
            && code
                .receiver(*call)
                .and_then(|of| typed::declared_type(code.source, of))
                .is_some_and(|ty| {
                    [
                        "KafkaTemplate",
                        "RabbitTemplate",
                        "JmsTemplate",
                        "SqsTemplate",
                        "AmqpTemplate",
                        "StreamBridge",
                        "QueueMessagingTemplate",
                    ]
                    .contains(&ty)
                });
        *call > saved
            && by_template
            && code
                .args(*call)
                .into_iter()
                .any(|arg| code.mentions(arg, |name| names.contains(&name)))
    })
}
