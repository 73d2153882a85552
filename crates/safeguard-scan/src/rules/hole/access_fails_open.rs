//! Where the check itself fails, or does not know, everybody is let in.

mod bypass;
mod deciding;

use safeguard_api::evidence::Severity;

use super::EVERY;
use super::tls_not_verified::short;
use crate::analysis::code::Code;
use crate::analysis::words::{has_word, is_about_access, words};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Flags, Kind, NodeId, Role};
use deciding::{decides, decides_by_name, is_optional};

pub static CHECK: Check = Check {
    id: "access-fails-open",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-636", "CWE-755", "CWE-863"],
    languages: EVERY,
    run,
};

fn run(source: &Source, _project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for handler in source.of_kind(Kind::Catch) {
        caught(code, *handler, reports);
    }
    for branch in source.of_kind(Kind::If) {
        failed(code, *branch, reports);
        not_configured(code, *branch, reports);
        bypass::by_header(code, *branch, reports);
        bypass::only_if_there(code, *branch, reports);
    }
    for kind in [Kind::Function, Kind::Lambda] {
        for function in source.of_kind(kind) {
            always_allows(code, *function, reports);
        }
    }
    for call in source.of_kind(Kind::Call) {
        allows_unknown(code, *call, reports);
    }
}

/// `except: return True`, `catch { next() }`.
fn caught(code: Code<'_>, handler: NodeId, reports: &mut Reports) {
    let Some(function) = code.function(handler) else {
        return;
    };
    let Some(body) = code.body(handler) else {
        return;
    };
    let named = decides(code, function);
    let checks = code
        .tree
        .parent(handler)
        .and_then(|tried| code.body(tried))
        .is_some_and(|tried| checks_somebody(code, tried));
    let optional = code.names_around(handler).iter().any(|name| is_optional(name));
    // `req.user = null` makes a guest of whoever asks.
    let guest = code.tree.subtree(body).any(|id| code.kind(id) == Kind::Null);
    if optional || guest || !(named || checks) {
        return;
    }
    for id in code
        .tree
        .subtree(body)
        .filter(|id| code.function(*id) == Some(function))
    {
        let lets_in = match code.kind(id) {
            Kind::Return => code
                .child(id, Role::Value)
                .is_some_and(|value| code.boolean(value) == Some(true) && named),
            Kind::Call => {
                code.called(id) == "next"
                    && code.receiver(id).is_none()
                    && code.args(id).is_empty()
                    && (checks
                        || code
                            .names_around(handler)
                            .first()
                            .is_some_and(|name| decides_by_name(name)))
            }
            _ => false,
        };
        // An inner condition decides by what went wrong.
        let decided = code
            .conditions_around(id)
            .into_iter()
            .any(|condition| code.tree.within(condition, body));
        if lets_in && !decided && !answers_no(code, body) {
            reports.add(
                id,
                format!(
                    "where the check itself fails, `{}` lets everybody in",
                    short(code, id)
                ),
            );
            return;
        }
    }
}

/// Whether a piece of code verifies a token, a session or a permission.
fn checks_somebody(code: Code<'_>, id: NodeId) -> bool {
    code.tree.subtree(id).any(|inner| {
        code.is_call(inner)
            && (matches!(
                code.path(inner),
                "jsonwebtoken.verify"
                    | "jwt.verify"
                    | "jwt.decode"
                    | "jose.jwtVerify"
                    | "jwt.Parse"
                    | "jwt.ParseWithClaims"
            ) || {
                let called = code.called(inner);
                has_word(called, &["verify", "authenticate", "authorize"]) && is_about_access(called)
                    || called == "verifyIdToken"
            })
    })
}

fn answers_no(code: Code<'_>, body: NodeId) -> bool {
    code.tree.subtree(body).any(|id| {
        code.kind(id) == Kind::Raise
            || code.kind(id) == Kind::Num && matches!(code.name(id), "401" | "403")
            || code.kind(id) == Kind::Return
                && code
                    .child(id, Role::Value)
                    .is_some_and(|value| code.boolean(value) == Some(false) || code.is_null(value))
    })
}

/// Go: `if err != nil { return true }`, `if err != nil { next.ServeHTTP(w, r) }`.
fn failed(code: Code<'_>, branch: NodeId, reports: &mut Reports) {
    if code.tree.language() != Language::Go {
        return;
    }
    let Some(function) = code.function(branch) else {
        return;
    };
    let is_error = code.child(branch, Role::Condition).is_some_and(|condition| {
        matches!(code.comparison(condition), Some(("!=", left, right)) if has_word(code.last_name(left), &["err", "error"]) && code.is_null(right))
    });
    let names = code.names_around(branch);
    if !is_error
        || names.iter().any(|name| is_optional(name))
        || !names.iter().any(|name| decides_by_name(name))
    {
        return;
    }
    let Some(body) = code.body(branch) else {
        return;
    };
    for id in code
        .tree
        .subtree(body)
        .filter(|id| code.function(*id) == Some(function))
    {
        let lets_in = match code.kind(id) {
            Kind::Return => code
                .tree
                .children_in(id, Role::Value)
                .next()
                .is_some_and(|value| {
                    let first = if code.kind(value) == Kind::Tuple {
                        code.tree.children(value).next().unwrap_or(value)
                    } else {
                        value
                    };
                    code.boolean(first) == Some(true)
                }),
            Kind::Call => {
                code.called(id) == "ServeHTTP"
                    && code
                        .receiver(id)
                        .is_some_and(|of| has_word(code.last_name(of), &["next", "h", "handler"]))
                    || code.called(id) == "Next"
            }
            _ => false,
        };
        if lets_in && !answers_no(code, body) {
            reports.add(
                id,
                format!(
                    "where the check itself fails, `{}` lets everybody in",
                    short(code, id)
                ),
            );
            return;
        }
    }
}

/// `if not SECRET: return True`
fn not_configured(code: Code<'_>, branch: NodeId, reports: &mut Reports) {
    let Some(function) = code.function(branch).filter(|function| decides(code, *function)) else {
        return;
    };
    let Some(condition) = code.child(branch, Role::Condition) else {
        return;
    };
    let missing = match code.kind(condition) {
        Kind::Unary if code.name(condition) == "not" => code.child(condition, Role::Value),
        Kind::Binary => match code.comparison(condition) {
            Some(("==" | "===" | "is", left, right))
                if code.is_null(right) || code.text(right) == Some("") =>
            {
                Some(left)
            }
            _ => None,
        },
        _ => None,
    };
    let Some(missing) = missing else {
        return;
    };
    let missing = match code.kind(missing) {
        Kind::Call => code
            .arg(missing, 0)
            .filter(|_| matches!(code.called(missing), "getenv" | "get" | "Getenv"))
            .unwrap_or(missing),
        _ => missing,
    };
    let name = code.text(missing).unwrap_or_else(|| code.last_name(missing));
    let parts = words(name);
    let is = |list: &[&str]| parts.iter().any(|word| list.contains(&word.as_str()));
    let about_key = is(&[
        "secret",
        "key",
        "keys",
        "token",
        "signature",
        "password",
        "user",
        "session",
        "credentials",
        "claims",
    ]);
    if !about_key {
        return;
    }
    let Some(body) = code.body(branch) else {
        return;
    };
    let returns_true = code
        .tree
        .children(body)
        .filter(|id| code.kind(*id) == Kind::Return)
        .any(|id| {
            code.child(id, Role::Value)
                .is_some_and(|value| code.boolean(value) == Some(true))
        });
    let is_config =
        is(&["secret", "key", "keys"]) || name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    if returns_true
        && code.names_around(branch).iter().all(|name| !is_optional(name))
        && code.function(body) == Some(function)
    {
        let message = format!("without `{name}` everybody is let in");
        if is_config || is(&["token", "signature", "session", "credentials", "user"]) {
            reports.add(branch, message);
        } else {
            reports.note(branch, message);
        }
    }
}

/// Every way through a function that asks something says yes.
fn always_allows(code: Code<'_>, function: NodeId, reports: &mut Reports) {
    let name = code.function_name(function);
    let asks = has_word(
        name,
        &[
            "is",
            "has",
            "can",
            "check",
            "verify",
            "validate",
            "authenticate",
            "authorize",
            "allowed",
        ],
    );
    if !decides_by_name(name) || !asks || code.tree.flags(function).has(Flags::GENERATOR) {
        return;
    }
    let Some(body) = code.body(function).filter(|body| code.kind(*body) == Kind::Block) else {
        return;
    };
    let own = |id: &NodeId| code.function(*id) == Some(function);
    let mut returns = Vec::new();
    for id in code.tree.subtree(body).filter(own) {
        match code.kind(id) {
            Kind::Return => returns.push(id),
            // It says no in another way.
            Kind::Raise => return,
            Kind::Call
                if matches!(
                    code.called(id),
                    "abort"
                        | "reject"
                        | "next"
                        | "status"
                        | "sendStatus"
                        | "redirect"
                        | "exit"
                        | "fail"
                        | "panic"
                        | "Error"
                        | "send"
                        | "json"
                        | "require"
                        | "Exit"
                        | "Fatal"
                        | "AbortWithStatus"
                        | "AbortWithStatusJSON"
                        | "WriteHeader"
                ) =>
            {
                return;
            }
            _ => {}
        }
    }
    let all_true = returns.iter().all(|id| {
        code.child(*id, Role::Value)
            .is_some_and(|value| code.kind(value) == Kind::Bool && code.name(value) == "true")
    });
    if returns.is_empty() || !all_true {
        return;
    }
    let branches = code
        .tree
        .subtree(body)
        .any(|id| matches!(code.kind(id), Kind::If | Kind::Try | Kind::ForEach | Kind::Switch));
    if returns.len() > 1 && branches {
        reports.add(function, format!("every way through `{name}` says yes"));
        return;
    }
    // A stub: what was to be checked is written beside it.
    let span = code.tree.span(function);
    let unfinished = code.tree.comments().iter().any(|comment| {
        span.start <= comment.start
            && comment.end <= span.end
            && code.tree.text().get(comment.clone()).is_some_and(|text| {
                let text = text.to_ascii_lowercase();
                ["todo", "fixme", "temporar", "for now", "stub", "always allow"]
                    .iter()
                    .any(|word| text.contains(word))
            })
    });
    let statements = code.tree.children(body).count();
    if unfinished {
        reports.add(function, format!("`{name}` says yes to everybody"));
    } else if statements == 1 && code.tree.children_in(function, Role::Param).count() > 0 {
        reports.note(function, format!("`{name}` says yes to everybody"));
    }
}

/// `PERMISSIONS.get(role, True)`
fn allows_unknown(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    if code.called(call) != "get" || code.args(call).len() != 2 || code.tree.language() != Language::Python {
        return;
    }
    let yes = code
        .arg(call, 1)
        .is_some_and(|value| code.boolean(value) == Some(true));
    let Some(receiver) = code.receiver(call) else {
        return;
    };
    let about = has_word(
        code.last_name(receiver),
        &[
            "permissions",
            "permission",
            "acl",
            "access",
            "grants",
            "allowed",
            "roles",
            "rules",
            "policy",
        ],
    );
    // Whether something may be attached or shown is a property of it, and asks nobody who they are.
    let is_property = code.arg(call, 0).is_some_and(|key| {
        code.kind(key) == Kind::Str
            && !has_word(
                code.name(key),
                &[
                    "allow",
                    "allowed",
                    "allows",
                    "permit",
                    "permitted",
                    "grant",
                    "granted",
                    "access",
                    "can",
                    "read",
                    "write",
                    "admin",
                    "effect",
                    "public",
                ],
            )
    });
    if yes
        && about
        && !is_property
        && code
            .function(call)
            .is_some_and(|function| decides(code, function))
    {
        reports.add(
            call,
            format!("`{}` allows what it does not know", short(code, call)),
        );
    }
}
