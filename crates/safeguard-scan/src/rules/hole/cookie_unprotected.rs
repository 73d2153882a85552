//! A session's cookie that scripts can read, or that goes over the wire in clear.

use safeguard_api::evidence::Severity;

use super::EVERY;
use super::tls_not_verified::short;
use crate::analysis::code::Code;
use crate::analysis::settings::settings;
use crate::analysis::words::{has_word, words};
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId};

pub static CHECK: Check = Check {
    id: "cookie-unprotected",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-614", "CWE-1004"],
    languages: EVERY,
    run,
};

fn run(source: &Source, _project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for setting in settings(code) {
        let off = match setting.name {
            "SESSION_COOKIE_SECURE"
            | "SESSION_COOKIE_HTTPONLY"
            | "CSRF_COOKIE_SECURE"
            | "REMEMBER_COOKIE_SECURE"
            | "REMEMBER_COOKIE_HTTPONLY" => code.boolean(setting.value) == Some(false),
            _ => false,
        };
        if off {
            reports.note(
                setting.node,
                format!(
                    "`{}` leaves the session's cookie open to scripts or to the wire",
                    short(code, setting.node)
                ),
            );
        }
    }
    for call in code.calls() {
        let sets = match code.called(call) {
            "set_cookie" | "setCookie" => true,
            "cookie" => code
                .receiver(call)
                .is_some_and(|of| matches!(code.last_name(of), "res" | "response" | "reply")),
            "set" => code.receiver(call).is_some_and(|of| {
                matches!(code.last_name(of), "cookies") || code.is_call(of) && code.called(of) == "cookies"
            }),
            _ => false,
        };
        let Some(name) = code.arg(call, 0).filter(|_| sets) else {
            continue;
        };
        if !opens_something(code.text(name).unwrap_or("")) {
            continue;
        }
        let on = |names: &[&str]| {
            names
                .iter()
                .filter_map(|name| code.option(call, name))
                // What depends on the settings may be on.
                .any(|value| code.boolean(value) != Some(false))
        };
        // Options that are made elsewhere, or spread into the call, can not be seen.
        let unseen = code.args(call).len() > 2
            && code
                .arg(call, 2)
                .is_some_and(|options| !matches!(code.kind(options), Kind::Object | Kind::Num | Kind::Null))
            || code.tree.subtree(call).any(|id| code.kind(id) == Kind::Spread);
        let said_off = |names: &[&str]| {
            names
                .iter()
                .filter_map(|name| code.option(call, name))
                .any(|value| code.boolean(value) == Some(false))
        };
        if said_off(&["httponly", "httpOnly", "HttpOnly"]) && said_off(&["secure", "Secure"]) {
            reports.add(
                call,
                format!(
                    "`{}` opens the session to every script and to the wire, and says so",
                    short(code, call)
                ),
            );
            continue;
        }
        let missing = missing(
            on(&["httponly", "httpOnly", "HttpOnly"]),
            on(&["secure", "Secure"]),
        );
        if let Some(missing) = missing.filter(|_| !unseen) {
            reports.note(call, format!("`{}` is without {missing}", short(code, call)));
        }
    }
    for literal in source.of_kind(Kind::Composite) {
        if code.name(*literal) != "http.Cookie" && code.name(*literal) != "fiber.Cookie" {
            continue;
        }
        let name = code
            .entry(*literal, "Name")
            .and_then(|name| code.text(name))
            .unwrap_or("");
        let on = |names: &[&str]| {
            names
                .iter()
                .filter_map(|name| code.entry(*literal, name))
                .any(|value| code.boolean(value) != Some(false))
        };
        if opens_something(name)
            && let Some(missing) = missing(on(&["HttpOnly", "HTTPOnly"]), on(&["Secure"]))
            && !set_later(code, *literal)
        {
            reports.note(*literal, format!("the cookie `{name}` is without {missing}"));
        }
    }
}

fn missing(http_only: bool, secure: bool) -> Option<&'static str> {
    match (http_only, secure) {
        (true, true) => None,
        (true, false) => Some("`Secure`, so it goes over the wire in clear"),
        (false, true) => Some("`HttpOnly`, so every script on the page can read it"),
        (false, false) => Some("`HttpOnly` and `Secure`, so scripts and the wire can read it"),
    }
}

fn opens_something(name: &str) -> bool {
    has_word(
        name,
        &[
            "session",
            "sid",
            "sessionid",
            "token",
            "jwt",
            "auth",
            "sess",
            "access",
            "refresh",
            "remember",
            "login",
        ],
    ) && !words(name)
        .iter()
        .any(|word| matches!(word.as_str(), "csrf" | "xsrf" | "csrftoken"))
}

/// `cookie.Secure = true` follows.
fn set_later(code: Code<'_>, literal: NodeId) -> bool {
    let function = code.function(literal).unwrap_or(NodeId::ROOT);
    code.source.of_kind(Kind::Assign).iter().any(|assign| {
        code.tree.within(*assign, function)
            && code
                .child(*assign, crate::tree::Role::Target)
                .is_some_and(|target| {
                    code.kind(target) == Kind::Member && matches!(code.name(target), "Secure" | "HttpOnly")
                })
    })
}
