//! A bot that answers every message, also its own.

use safeguard_api::evidence::Severity;

use crate::analysis::bodies;
use crate::analysis::code::Code;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports, SCRIPT_LANGUAGES};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "answers-itself",
    failure: "X2",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-835"],
    languages: SCRIPT_LANGUAGES,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    if source.is_test() {
        return;
    }
    let functions = source
        .of_kind(Kind::Function)
        .iter()
        .chain(source.of_kind(Kind::Lambda));
    for function in functions.copied().filter(|function| hears_all(code, *function)) {
        // Who has written it, or whether it is a command.
        let asks = code.tree.subtree(function).any(|id| match code.kind(id) {
            Kind::Name | Kind::Member => {
                let name = code.name(id).to_ascii_lowercase();
                [
                    "bot",
                    "author",
                    "user",
                    "sender",
                    "subtype",
                    "startswith",
                    "prefix",
                    "mention",
                    "match",
                    "webhook",
                ]
                .iter()
                .any(|word| name.contains(word))
            }
            Kind::Str => ["bot_id", "subtype", "user", "bot_profile", "bot_message"].contains(&code.name(id)),
            Kind::If | Kind::Conditional => code
                .child(id, Role::Condition)
                .is_some_and(|condition| code.mentions(condition, |name| matches!(name, "content" | "text"))),
            _ => false,
        });
        let answer = bodies::body(code.tree, function)
            .into_iter()
            .find(|call| answers(code, *call));
        if let Some(answer) = answer.filter(|_| !asks) {
            reports.add(
                answer,
                "what is sent here is heard here too, and answered again: nothing asks who has written the message",
            );
        }
    }
}

/// Discord: `client.on('messageCreate', …)`, `async def on_message(message)`.
fn hears_all(code: Code<'_>, function: NodeId) -> bool {
    if code.function_name(function) == "on_message" && code.imports("discord") {
        return true;
    }
    code.tree.role(function) == Role::Arg
        && code.tree.parent(function).is_some_and(|call| {
            code.is_call(call)
                && matches!(code.called(call), "on" | "addListener")
                && code.arg(call, 0).is_some_and(|event| {
                    matches!(code.text(event), Some("messageCreate" | "message"))
                        || code.last_name(event) == "MessageCreate"
                })
                && (code.imports("discord.js") || code.tree.text().contains("discord"))
        })
}

/// `message.reply(…)`, `message.channel.send(…)`
fn answers(code: Code<'_>, call: NodeId) -> bool {
    code.is_call(call)
        && match code.called(call) {
            "reply" => true,
            "send" => code
                .receiver(call)
                .is_some_and(|of| code.last_name(of) == "channel"),
            _ => false,
        }
}
