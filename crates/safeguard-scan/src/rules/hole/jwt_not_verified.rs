//! A token whose signature nobody checks.

use safeguard_api::evidence::Severity;

use super::EVERY;
use super::tls_not_verified::short;
use crate::analysis::code::Code;
use crate::analysis::sent::is_request;
use crate::analysis::settings::settings;
use crate::analysis::words::{has_word, is_about_access};
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "jwt-not-verified",
    failure: "X3",
    severity: Severity::Critical,
    confidence: Confidence::High,
    cwe: &["CWE-347"],
    languages: EVERY,
    run,
};

fn run(source: &Source, _project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in code.calls() {
        decoded(code, call, reports);
        by_hand(code, call, reports);
        ignored_error(code, call, reports);
    }
    for setting in settings(code) {
        switched_off(code, setting.name, setting.value, setting.node, reports);
        no_algorithm(code, setting.name, setting.value, setting.node, reports);
    }
    for member in source.of_kind(Kind::Member) {
        if matches!(
            code.name(*member),
            "UnsafeAllowNoneSignatureType" | "SigningMethodNone"
        ) && code.first_name(*member).contains("jwt")
        {
            reports.add(
                *member,
                "a token with the algorithm `none` is signed by nobody, and taken as if it were",
            );
        }
    }
}

/// Whether the file deals with such tokens at all.
fn has_tokens(code: Code<'_>) -> bool {
    [
        "jwt",
        "jose",
        "jsonwebtoken",
        "authlib",
        "jwt-decode",
        "jwt-simple",
        "@nestjs/jwt",
        "passport-jwt",
        "express-jwt",
        "fast-jwt",
    ]
    .iter()
    .any(|module| code.imports(module))
        || code
            .source
            .of_kind(Kind::Import)
            .iter()
            .any(|import| code.name(*import).contains("jwt"))
        || code.source.of_kind(Kind::Name).iter().any(|name| {
            let name = code.name(*name);
            name == "jwt" || name == "jwtService"
        })
}

/// `verify_signature: False`, `verify=False`, `ignoreExpiration: true`.
fn switched_off(code: Code<'_>, name: &str, value: NodeId, node: NodeId, reports: &mut Reports) {
    match (name, code.boolean(value)) {
        ("verify_signature", Some(false)) => unverified(code, node, reports),
        ("verify", Some(false)) => {
            let call = code.tree.ancestors(node).find(|around| code.is_call(*around));
            let decodes =
                call.is_some_and(|call| code.called(call) == "decode" && code.path(call).contains("jwt"));
            if decodes {
                unverified(code, node, reports);
            }
        }
        ("verify_exp", Some(false)) | ("ignoreExpiration", Some(true)) if has_tokens(code) => {
            let around = code.names_around(node);
            let renews = |name: &&str| {
                has_word(
                    name,
                    &[
                        "refresh",
                        "renew",
                        "logout",
                        "revoke",
                        "expired",
                        "rotate",
                        "introspect",
                        "allow",
                        "without",
                        "blacklist",
                        "end",
                    ],
                )
            };
            if around.iter().any(renews) {
                return;
            }
            let message = format!(
                "`{}` takes a token for ever, also one that was stolen long ago",
                short(code, node)
            );
            if decides(code, node) {
                reports.add(node, message);
            } else {
                reports.note(node, message);
            }
        }
        _ => {}
    }
}

/// `algorithms=["none"]`, `{ algorithm: 'none' }`.
fn no_algorithm(code: Code<'_>, name: &str, value: NodeId, node: NodeId, reports: &mut Reports) {
    if !matches!(name, "algorithms" | "algorithm" | "alg") || !has_tokens(code) {
        return;
    }
    let value = code.literal(value);
    let none = |id: NodeId| code.kind(id) == Kind::Str && code.name(id).eq_ignore_ascii_case("none");
    if none(value)
        || matches!(code.kind(value), Kind::List | Kind::Tuple | Kind::Set)
            && code.tree.children(value).any(none)
    {
        reports.add(
            node,
            format!(
                "`{}`: a token with the algorithm `none` is signed by nobody",
                short(code, node)
            ),
        );
    }
}

/// Calls that read a token without a look at its signature.
fn decoded(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    let path = code.path(call);
    let called = code.called(call);
    let reads = matches!(
        path,
        "jsonwebtoken.decode"
            | "jwt-decode"
            | "jwt-decode.jwtDecode"
            | "jose.decodeJwt"
            | "jose.jwt.get_unverified_claims"
    ) || matches!(
        called,
        "get_unverified_claims" | "ParseUnverified" | "jwtDecode" | "jwt_decode" | "decodeJwt"
    ) || called == "decode"
        && code
            .receiver(call)
            .is_some_and(|of| code.last_name(of) == "jwtService");
    if reads {
        unverified(code, call, reports);
        return;
    }
    // An empty key, or none, for a call that verifies.
    let verifies = matches!(
        path,
        "jsonwebtoken.verify" | "jwt.verify" | "jwt.decode" | "jose.jwt.decode"
    ) || path == "jwt.encode";
    if verifies
        && let Some(key) = code.arg(call, 1)
        && (code.text(key) == Some("") || code.is_null(key))
        && !code.mentions(call, |name| matches!(name, "options" | "complete"))
    {
        reports.add(
            call,
            format!(
                "`{}` has no key, so everybody can make such a token",
                short(code, call)
            ),
        );
    }
}

fn unverified(code: Code<'_>, node: NodeId, reports: &mut Reports) {
    // Whoever looks for the key first reads the token without one.
    let function = code.function(node).unwrap_or(NodeId::ROOT);
    if verifies_too(code, function, node) {
        return;
    }
    // What came from the one who issues it, or was made here.
    let call = std::iter::once(node)
        .chain(code.tree.ancestors(node))
        .find(|around| code.is_call(*around));
    let own = call.and_then(|call| code.arg(call, 0)).is_some_and(|token| {
        has_word(code.last_name(token), &["id"])
            && !code.mentions(token, |name| {
                matches!(name, "req" | "request" | "headers" | "cookies")
            })
            || code.set_to(token).is_some_and(|made| {
                code.is_call(made)
                    && has_word(
                        code.called(made),
                        &[
                            "create", "sign", "issue", "generate", "encode", "exchange", "acquire", "fetch",
                        ],
                    )
            })
    });
    if own {
        return;
    }
    let message = format!(
        "`{}` believes a token that nobody has checked: everybody can write one",
        short(code, node)
    );
    if decides(code, node) {
        reports.add(node, message);
    } else {
        reports.note(node, message);
    }
}

/// Whether the same function also has a call that verifies.
fn verifies_too(code: Code<'_>, function: NodeId, node: NodeId) -> bool {
    code.tree.subtree(function).any(|id| {
        if !code.is_call(id) || code.tree.within(node, id) {
            return false;
        }
        let called = code.called(id);
        let is_off = code.tree.subtree(id).any(|inner| {
            code.kind(inner) == Kind::Str && code.name(inner) == "verify_signature"
                || code.kind(inner) == Kind::Keyword && code.name(inner) == "verify"
        });
        let path = code.path(id);
        let has_word = |word: &str| crate::analysis::words::has_word(called, &[word]);
        let verifies = ["verify", "verified", "validate", "introspect"]
            .into_iter()
            .any(has_word)
            || matches!(
                path,
                "jwt.decode" | "jose.jwt.decode" | "jwt.Parse" | "jwt.ParseWithClaims"
            );
        verifies && !is_off
            || matches!(
                called,
                "createHmac" | "timingSafeEqual" | "compare_digest" | "ParseWithClaims"
            )
    })
}

/// Whether a place decides who somebody is: by the names around it, or as it has a request in its hands.
fn decides(code: Code<'_>, node: NodeId) -> bool {
    if code.tree.language() == crate::language::Language::Tsx
        || code.mentions(NodeId::ROOT, |name| {
            matches!(name, "localStorage" | "sessionStorage" | "window")
        })
    {
        return false;
    }
    let function = code.functions(node).last().unwrap_or(NodeId::ROOT);
    let names: Vec<&str> = code
        .functions(node)
        .map(|function| code.function_name(function))
        .collect();
    // What only passes it on is judged where it is used.
    let passes_on = names
        .first()
        .is_some_and(|name| has_word(name, &["decode", "decoded", "parse"]) && !is_about_access(name));
    let ends = names.iter().any(|name| {
        has_word(
            name,
            &[
                "logout",
                "invalidate",
                "revoke",
                "clear",
                "blacklist",
                "expires",
                "expiry",
                "refresh",
                "display",
                "show",
            ],
        )
    });
    if passes_on && !code.mentions(node, |name| matches!(name, "req" | "request")) || ends {
        return false;
    }
    names.iter().any(|name| {
        is_about_access(name)
            || has_word(
                name,
                &[
                    "claims",
                    "user",
                    "session",
                    "identity",
                    "subject",
                    "principal",
                    "caller",
                ],
            )
    }) && !names.iter().any(|name| {
        has_word(
            name,
            &[
                "peek",
                "expiry",
                "expires",
                "expired",
                "expiration",
                "inspect",
                "debug",
                "unverified",
                "unsafe",
                "header",
                "issuer",
                "kid",
                "key",
                "keys",
                "signing",
                "jwk",
                "jwks",
            ],
        )
    }) || code.functions(node).any(|function| {
        code.tree.children_in(function, Role::Param).any(|param| {
            let name = code.name(param);
            is_request(name) && !matches!(name, "self" | "this" | "event" | "context")
        })
    }) || code.mentions(function, |name| {
        matches!(name, "current_user" | "authorization" | "request")
    }) && function != NodeId::ROOT
}

/// The middle of a token, taken apart by hand: `JSON.parse(atob(token.split('.')[1]))`.
fn by_hand(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    let path = code.path(call);
    let called = code.called(call);
    let decodes = matches!(
        called,
        "atob"
            | "urlsafe_b64decode"
            | "b64decode"
            | "DecodeString"
            | "base64url_decode"
            | "base64_url_decode"
    ) || path == "Buffer.from" && code.args(call).len() > 1;
    let Some(arg) = code.arg(call, 0).filter(|_| decodes) else {
        return;
    };
    let function = code.functions(call).last().unwrap_or(NodeId::ROOT);
    let splits = code.tree.subtree(function).any(|id| {
        code.is_call(id)
            && matches!(code.called(id), "split" | "Split")
            && code.args(id).iter().any(|arg| code.text(*arg) == Some("."))
    });
    let about = |name: &str| has_word(name, &["jwt", "token", "bearer", "payload"]);
    if !splits
        || !code.mentions(function, about)
        || verifies_too(code, function, call)
        || code.mentions(function, |name| {
            has_word(name, &["hmac", "verify", "sign", "signature", "sig", "compare"])
        })
        || code.text(arg).is_some()
    {
        return;
    }
    let message =
        "a token is taken apart by hand here, and its signature is left unread: everybody can write one";
    if decides(code, call) {
        reports.add(call, message);
    } else {
        reports.note(call, message);
    }
}

/// Go: `token, _ := jwt.Parse(…)` without a look at `Valid`.
fn ignored_error(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    if !matches!(code.path(call), "jwt.Parse" | "jwt.ParseWithClaims") {
        return;
    }
    let Some(assign) = code
        .tree
        .parent(call)
        .filter(|parent| code.kind(*parent) == Kind::Assign)
    else {
        return;
    };
    let ignored = code.child(assign, Role::Target).is_some_and(|target| {
        code.tree
            .children(target)
            .last()
            .is_some_and(|last| code.kind(last) == Kind::Name && code.name(last) == "_")
    });
    let function = code.function(call).unwrap_or(NodeId::ROOT);
    if ignored && !code.mentions(function, |name| name == "Valid") {
        reports.add(
            assign,
            "whether the token is valid is thrown away, so that a forged one is taken too",
        );
    }
}
