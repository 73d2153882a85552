//! A code that is sent to somebody to prove who they are is also in the answer to whoever asked for it.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::{has_word, words};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_BUT_RUST, Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "code-in-answer",
    failure: "X3",
    severity: Severity::Critical,
    confidence: Confidence::High,
    cwe: &["CWE-201", "CWE-640"],
    languages: ALL_BUT_RUST,
    run,
};

/// What proves who somebody is when it comes back from their phone or mailbox.
const PROVES: &[&str] = &["otp", "code", "pin", "token", "passcode", "link", "secret"];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.calls().iter().copied() {
        let Some(what) = sent_to_somebody(code, call) else {
            continue;
        };
        let Some(function) = code.function(call) else {
            continue;
        };
        for name in what {
            let answered = code.tree.subtree(function).find(|id| {
                code.kind(*id) == Kind::Name
                    && code.name(*id) == name
                    && code.tree.role(*id) != Role::Target
                    && in_the_answer(code, *id, function)
                    && code.tree.span(*id).start > code.tree.span(call).start
            });
            let Some(answered) = answered.filter(|_| made_here(code, function, name)) else {
                continue;
            };
            let for_tests = undoes_or_tests(code, answered)
                || code.conditions_around(answered).into_iter().any(|condition| {
                    code.mentions(condition, |name| {
                        has_word(
                            name,
                            &[
                                "debug",
                                "test",
                                "testing",
                                "dev",
                                "development",
                                "env",
                                "environment",
                            ],
                        )
                    })
                });
            if !for_tests {
                reports.add(
                    answered,
                    format!("`{name}` is sent to its owner to prove who they are, and is in the answer to whoever asked for it"),
                );
                return;
            }
        }
    }
}

/// The names of codes in what is sent by mail or to a phone.
fn sent_to_somebody<'s>(code: Code<'s>, call: NodeId) -> Option<Vec<&'s str>> {
    const PUTS_OUT: &[&str] = &[
        "end", "eliver", "ublish", "reate", "ext", "ail", "ms", "MS", "elay",
    ];
    // Most calls are none of these, and need not be taken apart into words.
    if !PUTS_OUT.iter().any(|part| code.called(call).contains(part)) {
        return None;
    }
    let whole = format!("{} {}", code.path(call), code.called(call));
    let receiver = code.receiver(call).map_or("", |of| code.tree.source(of));
    let sends = words(&whole).iter().chain(words(receiver).iter()).any(|word| {
        matches!(
            word.as_str(),
            "mail"
                | "mails"
                | "mailer"
                | "email"
                | "sms"
                | "twilio"
                | "sendmail"
                | "smtp"
                | "texter"
                | "notifier"
                | "messages"
                | "sns"
        )
    });
    let puts_out = has_word(
        code.called(call),
        &[
            "send", "deliver", "publish", "create", "text", "mail", "email", "sms", "delay",
        ],
    );
    if !sends || !puts_out {
        return None;
    }
    let names: Vec<&str> = code
        .tree
        .children_in(call, Role::Arg)
        .flat_map(|arg| code.tree.subtree(arg).collect::<Vec<_>>())
        .filter(|id| code.kind(*id) == Kind::Name && has_word(code.name(*id), PROVES))
        .map(|id| code.name(id))
        .collect();
    (!names.is_empty()).then_some(names)
}

/// Whether it is made at random in this function.
fn made_here(code: Code<'_>, function: NodeId, name: &str) -> bool {
    code.tree.subtree(function).any(|id| {
        code.kind(id) == Kind::Assign
            && code.tree.children_in(id, Role::Target).any(|target| {
                code.name(target) == name || code.tree.subtree(target).any(|part| code.name(part) == name)
            })
            && code.child(id, Role::Value).is_some_and(|value| {
                code.tree.subtree(value).any(|part| {
                    code.is_call(part)
                        && words(&format!("{} {}", code.path(part), code.called(part)))
                            .iter()
                            .any(|word| {
                                matches!(
                                    word.as_str(),
                                    "random"
                                        | "randint"
                                        | "randbelow"
                                        | "secrets"
                                        | "generate"
                                        | "crypto"
                                        | "token"
                                        | "otp"
                                        | "nanoid"
                                        | "uuid"
                                        | "uuid4"
                                        | "rand"
                                        | "make"
                                )
                            })
                })
            })
    })
}

/// Whether a value is part of what the handler answers.
fn in_the_answer(code: Code<'_>, id: NodeId, function: NodeId) -> bool {
    let around = || code.tree.ancestors(id).take_while(|around| *around != function);
    let answers = around().any(|around| {
        code.kind(around) == Kind::Call
            && match code.called(around) {
                "json" | "send" | "JSON" | "IndentedJSON" => {
                    code.first_name_of_call(around).is_some_and(|name| {
                        matches!(
                            name,
                            "res" | "response" | "reply" | "c" | "ctx" | "NextResponse" | "Response"
                        )
                    })
                }
                "jsonify" | "JsonResponse" | "JSONResponse" | "Response" => true,
                _ => false,
            }
    });
    let in_literal = around().any(|around| code.kind(around) == Kind::Object);
    let returned = around().any(|around| code.kind(around) == Kind::Return)
        && in_literal
        && !around().any(|around| code.kind(around) == Kind::Call)
        && code.tree.children_in(function, Role::Decorator).next().is_some();
    // `return Map.of("code", code)`, `return ResponseEntity.ok(code)`
    let mapped = code.tree.language() == Language::Java
        && around().any(|around| code.kind(around) == Kind::Return)
        && around()
            .filter(|around| code.is_call(*around))
            .all(|call| matches!(code.called(call), "of" | "ok" | "body"))
        && code
            .tree
            .children_in(function, Role::Decorator)
            .any(|decorator| code.mentions(decorator, |name| name.ends_with("Mapping")));
    answers || returned || mapped
}
