//! A route that changes something or is for administrators, and asks nobody who they are, where its neighbours do.

use safeguard_api::evidence::Severity;

use super::EVERY;
use crate::analysis::code::Code;
use crate::analysis::handlers::{Route, asks_caller, looks_at_caller, routes};
use crate::analysis::words::has_word;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId};

pub static CHECK: Check = Check {
    id: "missing-authentication",
    failure: "X3",
    severity: Severity::Critical,
    confidence: Confidence::High,
    cwe: &["CWE-306", "CWE-862"],
    languages: EVERY,
    run,
};

/// What everybody may do before anybody knows who they are.
pub(super) const OPEN: &[&str] = &[
    "login",
    "logout",
    "signin",
    "signup",
    "signout",
    "register",
    "registration",
    "token",
    "tokens",
    "refresh",
    "auth",
    "oauth",
    "oauth2",
    "sso",
    "saml",
    "callback",
    "webhook",
    "webhooks",
    "hook",
    "hooks",
    "health",
    "healthz",
    "ping",
    "status",
    "ready",
    "readyz",
    "live",
    "livez",
    "forgot",
    "reset",
    "verify",
    "confirm",
    "activate",
    "activation",
    "public",
    "contact",
    "subscribe",
    "unsubscribe",
    "search",
    "feedback",
    "track",
    "csp",
    "metrics",
    "newsletter",
    "captcha",
    "otp",
    "mfa",
    "session",
    "sessions",
    "invite",
    "accept",
    "graphql",
    "password",
    "recover",
    "magic",
    "authenticate",
    "authentication",
    "setup",
    "invitation",
    "invitations",
    "validate",
    "quote",
    "estimate",
    "lookup",
    "query",
    "preview",
    "anonymous",
    "guest",
    "demo",
    "test",
    "echo",
    "log",
    "report",
    "beacon",
    "event",
    "events",
    "version",
    "authorize",
    "join",
    "device",
    "devices",
    "challenge",
    "passkey",
    "sign",
    "ipn",
    "notify",
    "internal",
];

fn run(source: &Source, _project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let routes = routes(code);
    if routes.len() < 2 {
        return;
    }
    let judged: Vec<(&Route, bool)> = routes
        .iter()
        .map(|route| {
            let asks = route.is_guarded()
                || route.handler.is_some_and(|handler| match names_a_user(route) {
                    // Whose id the path says is not who asks.
                    true => asks_beside_path(code, handler),
                    false => looks_at_caller(code, handler),
                });
            (route, asks)
        })
        .collect();
    for (route, asks) in &judged {
        if *asks || is_open(code, route) || route.handler.is_some_and(|handler| only_refuses(code, handler)) {
            continue;
        }
        let siblings = || {
            judged.iter().filter(|(other, _)| {
                other.on == route.on && other.node != route.node && !is_open(code, other)
            })
        };
        let is_admin = |route: &Route| {
            route
                .words(code)
                .iter()
                .any(|word| matches!(word.as_str(), "admin" | "admins"))
        };
        let (guarded, unguarded): (Vec<_>, Vec<_>) = if route.changes() {
            siblings()
                .filter(|(other, _)| other.changes())
                .partition(|(_, asks)| *asks)
        } else if is_admin(route) {
            siblings()
                .filter(|(other, _)| is_admin(other))
                .partition(|(_, asks)| *asks)
        } else {
            continue;
        };
        // Whoever has no handler in this file can not be looked at, and may ask by itself.
        let seen = route.handler.is_some() || guarded.iter().all(|(other, _)| other.is_guarded());
        let first = guarded
            .first()
            .map(|(other, _)| what(other, code))
            .unwrap_or_default();
        if guarded.is_empty() || !seen {
            continue;
        }
        let message = format!(
            "`{}` asks nobody who they are, while {first} beside it does",
            what(route, code)
        );
        let same_thing = guarded
            .iter()
            .any(|(other, _)| resource(other) == resource(route) && other.changes());
        // Some only look like it: those that ask beyond doubt count.
        let sure = guarded.iter().any(|(other, _)| {
            other.is_guarded()
                || !other.on.starts_with("class")
                    && other.handler.is_some_and(|handler| asks_caller(code, handler))
        });
        let most = sure && guarded.len() > unguarded.len();
        if most && (guarded.len() >= 2 || same_thing || is_admin(route)) {
            reports.add(route.node, message);
        } else {
            reports.note(route.node, message);
        }
    }
}

/// Whether a part of the path is a user's id: `/users/{user_id}/role`.
fn names_a_user(route: &Route) -> bool {
    route.path.split('/').any(|part| {
        part.starts_with([':', '{', '<'])
            && ["user_id", "userId", "userID", "UserID"]
                .iter()
                .any(|name| part.contains(name))
    })
}

/// Whether a handler looks at who asks, and not only at the id that the path says.
fn asks_beside_path(code: Code<'_>, handler: NodeId) -> bool {
    let of_path = [
        "params",
        "path_params",
        "query",
        "body",
        "args",
        "vars",
        "data",
        "payload",
    ];
    asks_caller(code, handler)
        || code.tree.subtree(handler).any(|id| match code.kind(id) {
            Kind::Member if matches!(code.name(id), "user_id" | "userId" | "UserID" | "userID") => {
                !of_path.contains(&code.last_name_of_object(id))
            }
            Kind::Member | Kind::Name => {
                matches!(
                    code.name(id),
                    "identity" | "principal" | "claims" | "session" | "auth" | "viewer" | "actor"
                )
            }
            _ => false,
        })
}

/// Whether a handler does nothing but turn away.
fn only_refuses(code: Code<'_>, handler: NodeId) -> bool {
    let Some(body) = code.body(handler) else {
        return false;
    };
    let errs = |name: &str| {
        has_word(
            name,
            &["error", "abort", "throw", "not", "forbidden", "405", "404", "501"],
        )
    };
    code.kind(body) == Kind::Block
        && code.tree.children(body).count() <= 1
        && (code.mentions(body, errs)
            || code.tree.subtree(body).any(|id| {
                code.kind(id) == Kind::Raise
                    || code.kind(id) == Kind::Num && matches!(code.name(id), "404" | "405" | "410" | "501")
            }))
}

fn is_open(code: Code<'_>, route: &Route) -> bool {
    route.words(code).iter().any(|word| OPEN.contains(&word.as_str()))
        || route.guards.iter().any(|guard| {
            let guard = guard.to_ascii_lowercase();
            guard.contains("public")
                || guard.contains("allowany")
                || guard.contains("anonymous")
                || guard.contains("skipauth")
                || guard.contains("signature")
        })
}

/// What a path is about: its first part, without what stands for the version.
fn resource(route: &Route) -> String {
    let is_version = |part: &str| {
        part.strip_prefix('v')
            .is_some_and(|number| number.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let mut parts = route
        .path
        .split('/')
        .filter(|part| !part.is_empty() && *part != "api");
    parts.find(|part| !is_version(part)).unwrap_or("").to_owned()
}

fn what(route: &Route, code: Code<'_>) -> String {
    let name = route.handler.map_or("", |handler| code.function_name(handler));
    let method = route.methods.first().map_or("", String::as_str);
    match (route.path.is_empty(), name.is_empty()) {
        (true, _) => name.to_owned(),
        (false, true) => format!("{method} {}", route.path).trim().to_owned(),
        (false, false) => format!("{name} ({})", format!("{method} {}", route.path).trim()),
    }
}
