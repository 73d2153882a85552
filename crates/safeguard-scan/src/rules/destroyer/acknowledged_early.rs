//! A message is taken off its queue before the work that it asks for is done.

use safeguard_api::evidence::Severity;

use crate::analysis::bodies;
use crate::analysis::code::Code;
use crate::analysis::reach;
use crate::analysis::words::has_word;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "acknowledged-early",
    failure: "X1",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-460", "CWE-755"],
    languages: ALL_LANGUAGES,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let text = source.tree.text();
    if source.is_test()
        || ["at most once", "at-most-once"]
            .iter()
            .any(|word| text.to_ascii_lowercase().contains(word))
    {
        return;
    }
    for call in source.calls().iter().copied() {
        if let Some(named) = acknowledged(code, call).filter(|named| is_message(code, call, *named)) {
            before_work(code, call, named, reports);
        }
        if acknowledges_by_itself(code, call) {
            // What is declared to outlive the broker is meant to be kept until it is dealt with.
            let told = "the broker forgets a message when it is sent here: what fails, or ends halfway, is lost with it";
            match text.contains("durable") {
                true => reports.add(call, told),
                false => reports.note(call, told),
            }
        }
    }
}

/// What an acknowledgement names of its message: `message` of `channel.ack(message)`, `delivery` of `delivery.Ack(false)`.
fn acknowledged(code: Code<'_>, call: NodeId) -> Option<NodeId> {
    match code.called(call) {
        "ack" | "Ack" | "basic_ack" | "basicAck" => code
            .option(call, "delivery_tag")
            .or_else(|| {
                code.arg(call, 0)
                    .filter(|arg| !matches!(code.kind(*arg), Kind::Bool | Kind::Num | Kind::Object))
            })
            .or_else(|| code.receiver(call)),
        "delete_message" | "DeleteMessage" | "deleteMessage" => {
            code.option(call, "ReceiptHandle").or_else(|| code.arg(call, 1))
        }
        "DeleteMessageCommand" => code.option(call, "ReceiptHandle"),
        // Kafka: `consumer.commitOffsets([{ …, offset: message.offset }])`
        "commitOffsets" => code
            .tree
            .subtree(call)
            .find(|part| code.kind(*part) == Kind::Member && code.name(*part) == "offset"),
        _ => None,
    }
}

/// Whether what is acknowledged is a message, and not an alarm that somebody has seen.
fn is_message(code: Code<'_>, call: NodeId, named: NodeId) -> bool {
    const MESSAGES: &[&str] = &[
        "delivery",
        "deliveries",
        "envelope",
        "message",
        "messages",
        "msg",
        "msgs",
        "record",
        "event",
        "job",
        "task",
        "m",
        "d",
    ];
    matches!(
        code.called(call),
        "basic_ack"
            | "basicAck"
            | "delete_message"
            | "DeleteMessage"
            | "deleteMessage"
            | "DeleteMessageCommand"
            | "commitOffsets"
    ) || has_word(code.first_name(named), MESSAGES)
}

fn before_work(code: Code<'_>, call: NodeId, named: NodeId, reports: &mut Reports) {
    let Some(function) = bodies::enclosing(code.tree, call) else {
        return;
    };
    let statement = reach::statement(code.tree, call);
    let Some(block) = code.tree.parent(statement) else {
        return;
    };
    // What is acknowledged because it can not be used, or was dealt with before, lies under a condition of its own and leaves.
    let later: Vec<NodeId> = code
        .tree
        .children(block)
        .filter(|other| *other > statement)
        .flat_map(|other| bodies::running(code.tree, other))
        .collect();
    let names = names_of_message(code, function, call, named);
    let is_of_message = |id: NodeId| code.mentions(id, |name| names.contains(&name));
    let work = |id: &NodeId| {
        code.is_call(*id)
            && !is_reading(code, *id)
            && !is_telling(code, *id)
            && acknowledged(code, *id).is_none()
            && !is_noting(code, *id)
            && code.tree.children_in(*id, Role::Arg).any(is_of_message)
    };
    // What was done with the message before, such as keeping it, lets it go.
    let done_before = bodies::body(code.tree, function)
        .into_iter()
        .filter(|id| *id < call && !code.tree.within(call, *id))
        .any(|id| work(&id));
    if !done_before && later.iter().any(work) {
        reports.add(
            call,
            "the message is gone from its queue before its work is done: when that fails, or the process ends, nobody does it again",
        );
    }
}

/// The names that stand for the message, its body and what is read from it.
fn names_of_message<'s>(code: Code<'s>, function: NodeId, call: NodeId, named: NodeId) -> Vec<&'s str> {
    let first = code.first_name(named);
    let mut names = vec![first];
    // Python's pika gives the body beside the delivery: `def work(channel, method, properties, body)`.
    if matches!(code.called(call), "basic_ack" | "basicAck") {
        names.extend(
            code.tree
                .children_in(function, Role::Param)
                .skip(1)
                .map(|param| code.name(param)),
        );
    }
    let body = bodies::body(code.tree, function);
    for assign in body.into_iter().filter(|id| code.kind(*id) == Kind::Assign) {
        let Some(value) = code.child(assign, Role::Value) else {
            continue;
        };
        let reads = code.mentions(value, |name| names.contains(&name));
        let made: Vec<&str> = code
            .tree
            .children_in(assign, Role::Target)
            .flat_map(|target| code.tree.subtree(target))
            .filter(|part| code.kind(*part) == Kind::Name)
            .map(|part| code.name(part))
            .filter(|name| !matches!(*name, "err" | "_" | "error"))
            .collect();
        if reads {
            names.extend(made);
        }
    }
    // Go: `json.Unmarshal(delivery.Body, &order)`
    for other in code.source.calls().iter().copied() {
        if code.called(other) == "Unmarshal"
            && code.tree.within(other, function)
            && code
                .arg(other, 0)
                .is_some_and(|arg| code.mentions(arg, |name| names.contains(&name)))
            && let Some(target) = code.arg(other, 1)
        {
            names.push(code.first_name(target));
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

/// What only reads the message.
fn is_reading(code: Code<'_>, call: NodeId) -> bool {
    matches!(
        code.called(call),
        "loads"
            | "parse"
            | "Unmarshal"
            | "decode"
            | "toString"
            | "from"
            | "String"
            | "str"
            | "get"
            | "len"
            | "readValue"
            | "from_slice"
            | "from_str"
            | "Error"
            | "int"
            | "Number"
            | "bytes"
            | "validate"
            | "model_validate"
            | "model_validate_json"
            | "deserialize"
            | "getBody"
            | "getMessage"
            | "from_bytes"
            | "format"
            | "isinstance"
    ) || code.kind(call) == Kind::New
        && matches!(code.called(call), "String" | "DeleteMessageCommand" | "Error")
}

/// What only notes something of the message, such as its number; who keeps all of it means to work on it.
fn is_noting(code: Code<'_>, call: NodeId) -> bool {
    matches!(code.called(call), "append" | "add" | "push")
        && code.args(call).iter().all(|arg| code.kind(*arg) != Kind::Name)
}

/// What only tells people of it.
fn is_telling(code: Code<'_>, call: NodeId) -> bool {
    let path = code
        .child(call, Role::Callee)
        .map_or("", |callee| code.tree.source(callee))
        .to_ascii_lowercase();
    [
        "log", "console", "print", "metric", "tracing", "span", "stats", "counter", "info!", "warn!",
        "error!", "debug!", "sentry",
    ]
    .iter()
    .any(|word| path.contains(word))
}

/// `auto_ack=True`, `{ noAck: true }`, Go's third argument of `Consume`, Java's second of `basicConsume`.
fn acknowledges_by_itself(code: Code<'_>, call: NodeId) -> bool {
    let is_true = |value: Option<NodeId>| value.and_then(|value| code.boolean(value)) == Some(true);
    // Whoever waits for an answer, or listens to all that is told, keeps nothing.
    let text = code.tree.text();
    if [
        "exclusive",
        "reply_to",
        "replyTo",
        "ReplyTo",
        "fanout",
        "amq.rabbitmq",
    ]
    .iter()
    .any(|word| text.contains(word))
    {
        return false;
    }
    match code.called(call) {
        "basic_consume" => is_true(code.option(call, "auto_ack")),
        "consume" => is_true(code.option(call, "noAck")),
        "Consume" | "ConsumeWithContext" if text.contains("amqp") => {
            let args = code.args(call);
            let at = args.len().checked_sub(5);
            is_true(at.and_then(|at| args.get(at).copied()))
        }
        "basicConsume" => is_true(code.arg(call, 1)),
        _ => false,
    }
}
