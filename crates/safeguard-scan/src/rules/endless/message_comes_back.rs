//! A message that can not be dealt with goes back to its queue at once, or is never taken off it.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::{bodies, loops};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "message-comes-back",
    failure: "X2",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-835", "CWE-400"],
    languages: ALL_LANGUAGES,
    run,
};

/// What counts the tries, or waits between them.
const COUNTS: &[&str] = &[
    "delivery-limit",
    "delivery_limit",
    "quorum",
    "x-death",
    "redelivered",
    "Redelivered",
    "isRedeliver",
    "attempt",
    "retries",
    "retry_count",
    "retryCount",
    "x-retry",
    "sleep",
    "Sleep",
    "setTimeout",
    "time.After",
    "delay",
];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let text = source.tree.text();
    if source.is_test() {
        return;
    }
    let counts = COUNTS.iter().any(|word| text.contains(word));
    for call in source.calls().iter().copied() {
        if !counts && puts_back(code, call) {
            let told = "what can not be dealt with once can not be the next time either: this message goes round, as fast as the broker sends it";
            match unreadable(code, call) {
                Some(true) => reports.add(call, told),
                Some(false) => reports.note(call, told),
                None => {}
            }
        }
    }
    never_deleted(code, reports);
}

/// Whether a message is refused and put back.
fn puts_back(code: Code<'_>, call: NodeId) -> bool {
    let is =
        |value: Option<NodeId>, wanted: bool| value.and_then(|value| code.boolean(value)) == Some(wanted);
    match (code.tree.language(), code.called(call)) {
        (Language::Python, "basic_nack" | "basic_reject") => {
            let requeue = code.option(call, "requeue");
            requeue.is_none() || is(requeue, true)
        }
        // `channel.nack(message)`, `channel.nack(message, false, true)`
        (Language::JavaScript | Language::TypeScript | Language::Tsx, "nack") => {
            code.arg(call, 0)
                .is_some_and(|first| code.kind(first) == Kind::Name)
                && (code.arg(call, 2).is_none() || is(code.arg(call, 2), true))
        }
        (Language::Go, "Nack") => is(code.arg(call, 1), true),
        (Language::Go, "Reject") => is(code.arg(call, 0), true),
        (Language::Java, "basicNack") => is(code.arg(call, 2), true),
        (Language::Java, "basicReject") => is(code.arg(call, 1), true),
        _ => false,
    }
}

/// Whether it is put back also when it can not be read; nothing where it is no failure that it is put back for.
fn unreadable(code: Code<'_>, call: NodeId) -> Option<bool> {
    let reads = |within: NodeId| {
        code.tree.subtree(within).any(|part| {
            code.is_call(part)
                && matches!(
                    code.called(part),
                    "loads"
                        | "parse"
                        | "Unmarshal"
                        | "readValue"
                        | "model_validate_json"
                        | "Decode"
                        | "fromJson"
                )
        })
    };
    for around in code.tree.ancestors(call) {
        match code.kind(around) {
            Kind::Catch => {
                let attempt = code
                    .tree
                    .parent(around)
                    .and_then(|attempt| code.child(attempt, Role::Body))?;
                let broad = loops::catches_all(code.tree, around);
                return Some(broad && catches_any(code, around) && reads(attempt));
            }
            // `if err := json.Unmarshal(…); err != nil`
            Kind::If if code.tree.language() == Language::Go => {
                let condition = code.child(around, Role::Condition)?;
                if !code.mentions(condition, |name| name == "err" || name.ends_with("Err")) {
                    continue;
                }
                let asked = code.child(around, Role::Init).unwrap_or(condition);
                let before = code.tree.parent(around).and_then(|block| {
                    code.tree
                        .children(block)
                        .take_while(|other| *other < around)
                        .last()
                });
                return Some(
                    reads(asked) || code.child(around, Role::Init).is_none() && before.is_some_and(reads),
                );
            }
            Kind::Function | Kind::Lambda => return None,
            _ => {}
        }
    }
    None
}

/// Java's `catch (Exception e)`; the other languages were asked before.
fn catches_any(code: Code<'_>, handler: NodeId) -> bool {
    code.tree.language() != Language::Java
        || code.tree.children_in(handler, Role::Type).any(|ty| {
            code.tree.subtree(ty).any(|part| {
                matches!(
                    code.name(part),
                    "Exception" | "Throwable" | "RuntimeException" | "IOException"
                )
            })
        })
}

/// SQS gives a message again and again until it is deleted: a file that receives, works, and never deletes.
fn never_deleted(code: Code<'_>, reports: &mut Reports) {
    let text = code.tree.text();
    let deletes = ["elete", "isibility", "acknowledge", "ack("]
        .iter()
        .any(|word| text.contains(word));
    if deletes {
        return;
    }
    for call in code.source.calls().iter().copied() {
        if !matches!(
            code.called(call),
            "receive_message" | "ReceiveMessageCommand" | "ReceiveMessage" | "receiveMessage"
        ) {
            continue;
        }
        let Some(function) = bodies::enclosing(code.tree, call) else {
            continue;
        };
        // Whoever is given the whole message may delete it.
        let each = code
            .tree
            .subtree(function)
            .find(|id| code.kind(*id) == Kind::ForEach && *id > call);
        let Some(message) = each
            .and_then(|each| code.tree.children_in(each, Role::Target).last())
            .map(|target| code.tree.children(target).last().unwrap_or(target))
            .filter(|target| code.kind(*target) == Kind::Name)
        else {
            continue;
        };
        let given_on = code.tree.subtree(function).any(|part| {
            code.kind(part) == Kind::Name
                && code.name(part) == code.name(message)
                && (matches!(code.tree.role(part), Role::Arg | Role::Value)
                    || code.tree.role(part) == Role::Item)
        });
        if !given_on {
            reports.add(
                call,
                "nothing deletes what is received here: each message comes back when its time is over, and its work is done again and again",
            );
        }
    }
}
