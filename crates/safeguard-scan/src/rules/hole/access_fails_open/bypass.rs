//! A door beside the door: a header that lets in whoever sends it, a signature that is checked where there is one.

use super::answers_no;
use super::deciding::{decides, decides_by_name, is_optional};
use crate::analysis::code::Code;
use crate::analysis::words::has_word;
use crate::rules::Reports;
use crate::tree::{Kind, NodeId, Role};

/// `if (req.headers['x-test'] === 'true') return next()` in what checks who asks.
pub(super) fn by_header(code: Code<'_>, branch: NodeId, reports: &mut Reports) {
    let Some(function) = code.function(branch).filter(|function| guards(code, *function)) else {
        return;
    };
    let (Some(condition), Some(body)) = (code.child(branch, Role::Condition), code.body(branch)) else {
        return;
    };
    if code.source.is_test() || !lets_in(code, body, function) || answers_no(code, body) {
        return;
    }
    for part in alternatives(code, condition) {
        let Some((operator, left, right)) = code.comparison(part) else {
            continue;
        };
        let written = [left, right].into_iter().find_map(|side| code.text(side));
        let Some(written) = written else { continue };
        let equal = matches!(operator, "==" | "===");
        let sent = [left, right].into_iter().find(|side| is_sent(code, *side));
        // What a client sends, against a text that stands here for everybody to read.
        if let Some(sent) = sent.filter(|_| equal && !is_harmless(written)) {
            reports.add(
                branch,
                format!(
                    "whoever sends `{}` as `{written}` is let in without being asked",
                    code.tree.source(sent)
                ),
            );
            return;
        }
        let environment = [left, right].into_iter().any(|side| {
            matches!(
                code.last_name(side),
                "NODE_ENV" | "APP_ENV" | "ENVIRONMENT" | "FLASK_ENV" | "GO_ENV" | "RAILS_ENV"
            ) || code.texts_in(side).any(|text| {
                matches!(
                    text,
                    "NODE_ENV" | "APP_ENV" | "ENVIRONMENT" | "FLASK_ENV" | "GO_ENV"
                )
            })
        });
        if environment && matches!(operator, "!=" | "!==") && matches!(written, "production" | "prod") {
            reports.add(
                branch,
                "everybody is let in wherever the environment does not say `production`: also where it was forgotten",
            );
            return;
        }
    }
}

/// Whether a function is there to turn away: by its name, or what it does elsewhere.
fn guards(code: Code<'_>, function: NodeId) -> bool {
    let around = code.names_around(function);
    let own = code.function_name(function);
    let named =
        decides(code, function) || decides_by_name(own) || around.iter().any(|name| decides_by_name(name));
    named && !is_optional(own) && !around.iter().any(|name| is_optional(name))
}

fn alternatives(code: Code<'_>, condition: NodeId) -> Vec<NodeId> {
    match (code.kind(condition), code.name(condition)) {
        (Kind::Binary, "or") => [Role::Left, Role::Right]
            .into_iter()
            .filter_map(|role| code.child(condition, role))
            .flat_map(|side| alternatives(code, side))
            .collect(),
        _ => vec![condition],
    }
}

fn is_sent(code: Code<'_>, id: NodeId) -> bool {
    let text = code.tree.source(id);
    let header = [
        "headers[",
        "headers.get(",
        ".header(",
        "Header.Get(",
        "GetHeader(",
        "getHeader(",
        ".get('x-",
        ".get(\"x-",
        ".query.",
        "query[",
        "args.get(",
    ]
    .iter()
    .any(|part| text.contains(part));
    let request =
        ["req", "request", "r", "c", "ctx"].contains(&code.first_name(id)) || text.contains("request.");
    header && request
}

/// Values that say what is asked for, and let nobody in: `OPTIONS`, `websocket`, a type of content.
fn is_harmless(written: &str) -> bool {
    written.is_empty()
        || written.contains('/')
        || ["OPTIONS", "HEAD", "websocket", "XMLHttpRequest", "null"].contains(&written)
}

fn lets_in(code: Code<'_>, body: NodeId, function: NodeId) -> bool {
    code.tree
        .subtree(body)
        .filter(|id| code.function(*id) == Some(function))
        .any(|id| match code.kind(id) {
            Kind::Return => code.child(id, Role::Value).is_some_and(|value| {
                code.boolean(value) == Some(true) || code.is_call(value) && goes_on(code, value)
            }),
            Kind::Call => goes_on(code, id),
            _ => false,
        })
}

fn goes_on(code: Code<'_>, call: NodeId) -> bool {
    match code.called(call) {
        "next" => code.args(call).is_empty() && code.receiver(call).is_none(),
        "call_next" | "ServeHTTP" | "doFilter" | "Next" => true,
        "view" | "func" | "fn" | "f" | "view_func" | "handler" | "get_response" => {
            code.receiver(call).is_none()
        }
        _ => false,
    }
}

/// `if sig := r.Header.Get("X-Signature"); sig != "" { verify }`, and nothing for whoever sends none.
pub(super) fn only_if_there(code: Code<'_>, branch: NodeId, reports: &mut Reports) {
    let (Some(condition), Some(body)) = (code.child(branch, Role::Condition), code.body(branch)) else {
        return;
    };
    if code.child(branch, Role::Else).is_some() || code.source.is_test() {
        return;
    }
    let there = match code.comparison(condition) {
        Some(("!=" | "!==" | "is not", left, right))
            if code.is_null(right) || code.text(right) == Some("") =>
        {
            left
        }
        None if matches!(code.kind(condition), Kind::Name | Kind::Member | Kind::Index) => condition,
        _ => return,
    };
    let signature = ["signature", "sig", "hmac"];
    let name = code.last_name(there);
    let set_to = code.set_to(there).unwrap_or(there);
    let of_request = is_sent(code, set_to) || is_sent(code, there);
    if !has_word(name, &signature) || !of_request {
        return;
    }
    let proves = code.tree.subtree(body).any(|id| {
        code.is_call(id)
            && (matches!(
                code.called(id),
                "compare_digest" | "timingSafeEqual" | "Equal" | "ConstantTimeCompare" | "isEqual"
            ) || has_word(code.called(id), &["verify", "validate"]))
    });
    let refuses = code.tree.subtree(body).any(|id| {
        matches!(code.kind(id), Kind::Raise | Kind::Return)
            || code.is_call(id) && matches!(code.called(id), "abort" | "AbortWithStatus")
    });
    // Who sends none may be turned away before or after.
    let Some(function) = code.function(branch) else {
        return;
    };
    let elsewhere = code.tree.subtree(function).any(|id| {
        code.kind(id) == Kind::If
            && id != branch
            && !code.tree.within(id, body)
            && code
                .child(id, Role::Condition)
                .is_some_and(|other| code.mentions(other, |other| other == name))
    });
    if proves && refuses && !elsewhere {
        reports.add(
            branch,
            format!("`{name}` is checked where there is one: whoever sends none is let in"),
        );
    }
}
