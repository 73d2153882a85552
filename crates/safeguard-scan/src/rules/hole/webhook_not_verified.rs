//! What another service announces, believed without a look at its signature.

use safeguard_api::evidence::Severity;

use super::EVERY;
use crate::analysis::code::Code;
use crate::analysis::handlers::routes;
use crate::analysis::sent::{Part, sent};
use crate::analysis::words::{has_word, words};
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "webhook-not-verified",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-345", "CWE-347"],
    languages: EVERY,
    run,
};

fn run(source: &Source, _project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for assign in source.of_kind(Kind::Assign) {
        unused(code, *assign, reports);
    }
    for route in routes(code) {
        let about = |word: &String| matches!(word.as_str(), "webhook" | "webhooks" | "hook" | "hooks");
        let Some(handler) = route.handler.filter(|_| route.words(code).iter().any(about)) else {
            continue;
        };
        // Managing them is another thing than receiving them.
        let manages = route.words(code).iter().any(|word| {
            matches!(
                word.as_str(),
                "create"
                    | "list"
                    | "delete"
                    | "update"
                    | "register"
                    | "get"
                    | "add"
                    | "remove"
                    | "settings"
                    | "test"
                    | "config"
                    | "id"
                    | "subscribe"
            )
        });
        let receives = route.methods.is_empty() || route.methods.iter().any(|method| method == "POST");
        if manages
            || !receives
            || route.is_guarded()
            || verifies(code, handler)
            || route.guards.iter().any(|guard| is_verifying(guard))
        {
            continue;
        }
        let acts = code.tree.subtree(handler).any(|id| {
            code.is_call(id)
                && has_word(
                    code.called(id),
                    &[
                        "save", "commit", "update", "create", "execute", "insert", "delete", "exec",
                        "fulfill", "grant", "activate", "credit", "set", "publish", "send", "mark",
                        "complete", "process",
                    ],
                )
        });
        if acts {
            reports.note(
                route.node,
                "whoever knows the address can announce what they like here: no signature is checked",
            );
        }
    }
}

fn is_verifying(name: &str) -> bool {
    has_word(
        name,
        &[
            "verify",
            "verified",
            "verifies",
            "signature",
            "sig",
            "hmac",
            "secret",
            "compare",
            "validate",
            "validated",
            "digest",
            "construct",
            "token",
            "authenticate",
            "auth",
            "authorization",
            "unwrap",
            "svix",
            "jwt",
        ],
    )
}

/// Whether a function looks at a signature in any way.
fn verifies(code: Code<'_>, function: NodeId) -> bool {
    code.mentions(function, is_verifying)
        || code
            .texts_in(function)
            .any(|text| text.len() < 60 && is_verifying(text))
}

/// A signature that is taken from the request or computed, and then never used.
fn unused(code: Code<'_>, assign: NodeId, reports: &mut Reports) {
    let (Some(target), Some(value)) = (code.child(assign, Role::Target), code.child(assign, Role::Value))
    else {
        return;
    };
    let Some(function) = code.function(assign) else {
        return;
    };
    if code.kind(target) != Kind::Name {
        return;
    }
    let name = code.name(target);
    let received = sent(code, value).is_some_and(|sent| {
        sent.part == Part::Header
            && words(&sent.name)
                .iter()
                .any(|word| matches!(word.as_str(), "signature" | "sig" | "hmac"))
    });
    let computed = has_word(
        name,
        &["expected", "signature", "computed", "digest", "sig", "mac"],
    ) && code
        .tree
        .subtree(value)
        .any(|id| code.is_call(id) && matches!(code.path(id), "hmac.new" | "crypto.createHmac"));
    if !received && !computed {
        return;
    }
    let uses = code
        .tree
        .subtree(function)
        .filter(|id| code.kind(*id) == Kind::Name && code.name(*id) == name && *id != target)
        .filter(|id| code.tree.role(*id) != Role::Target)
        .filter(|id| !is_only_presence(code, *id))
        .count();
    if uses == 0 {
        let what = if received {
            "the signature that came with the message"
        } else {
            "the signature that was computed"
        };
        reports.add(
            assign,
            format!(
                "`{name}`, {what}, is never compared: whoever knows the address can announce what they like"
            ),
        );
    }
}

/// `if not signature:` asks only whether there is one.
fn is_only_presence(code: Code<'_>, id: NodeId) -> bool {
    let Some(parent) = code.tree.parent(id) else {
        return false;
    };
    match code.kind(parent) {
        Kind::Unary => code.name(parent) == "not",
        Kind::If => code.tree.role(id) == Role::Condition,
        Kind::Binary => code.comparison(parent).is_some_and(|(_, left, right)| {
            [left, right]
                .iter()
                .any(|side| code.is_null(*side) || code.text(*side) == Some(""))
        }),
        Kind::Call => matches!(
            code.called(parent),
            "log" | "info" | "debug" | "warn" | "print" | "len"
        ),
        _ => false,
    }
}
