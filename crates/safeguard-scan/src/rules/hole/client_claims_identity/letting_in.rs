//! Which way of a branch lets in, and what else guards it.

use crate::analysis::code::Code;
use crate::analysis::words::{has_word, is_about_access};
use crate::tree::{Kind, NodeId, Role};

/// Whether a branch refuses: it answers 4xx, raises or aborts.
fn refuses(code: Code<'_>, id: NodeId) -> bool {
    code.tree.subtree(id).any(|inner| match code.kind(inner) {
        Kind::Raise => true,
        Kind::Num => matches!(code.name(inner), "400" | "401" | "403" | "404" | "422"),
        Kind::Call => {
            let called = code.called(inner);
            matches!(
                called,
                "abort"
                    | "reject"
                    | "sendStatus"
                    | "AbortWithStatus"
                    | "Abort"
                    | "deny"
                    | "forbid"
                    | "fail"
                    | "throw"
                    | "redirect"
            ) || has_word(called, &["forbidden", "unauthorized", "denied", "error"])
        }
        Kind::Name | Kind::Member => {
            let name = code.name(inner);
            has_word(
                name,
                &[
                    "forbidden",
                    "unauthorized",
                    "forbidden403",
                    "unauthorized401",
                    "denied",
                ],
            )
        }
        Kind::Return => code
            .child(inner, Role::Value)
            .is_some_and(|value| code.boolean(value) == Some(false)),
        _ => false,
    })
}

/// Whether the branch that is taken where the client claims it is the one that lets in.
pub(super) fn lets_in(code: Code<'_>, branch: NodeId, wants: bool) -> bool {
    match code.kind(branch) {
        Kind::Return => wants,
        _ => {
            let body = code.child(branch, Role::Body).or(code.child(branch, Role::Value));
            let body_refuses = body.is_some_and(|body| refuses(code, body));
            if wants { !body_refuses } else { body_refuses }
        }
    }
}

pub(super) fn is_access_place(code: Code<'_>, id: NodeId) -> bool {
    code.names_around(id)
        .iter()
        .any(|name| is_about_access(name) || has_word(name, &["admin", "delete"]))
}

pub(super) fn refuses_around(code: Code<'_>, branch: NodeId) -> bool {
    if refuses(code, branch) {
        return true;
    }
    is_access_place(code, branch)
}

/// Whether the function also checks that the request comes through what writes such headers.
pub(super) fn from_gateway(code: Code<'_>, id: NodeId) -> bool {
    let function = code.functions(id).last().unwrap_or(NodeId::ROOT);
    code.mentions(function, |name| {
        has_word(
            name,
            &["hmac", "trusted", "gateway", "proxy", "proxies", "compare"],
        ) || matches!(
            name,
            "compare_digest" | "timingSafeEqual" | "verify_token" | "jwt" | "ConstantTimeCompare"
        )
    }) || code
        .texts_in(function)
        .any(|text| has_word(text, &["gateway", "proxy"]) && text.len() < 40)
}
