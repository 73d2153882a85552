//! Statements that turn somebody or something away.

use super::functions::called;
use crate::tree::{Kind, NodeId, Role, Tree};

/// Parts of names that speak of who may do something.
const ACCESS: &[&str] = &[
    "auth",
    "login",
    "logged",
    "permission",
    "privilege",
    "role",
    "admin",
    "owner",
    "csrf",
    "signature",
    "verify",
    "forbidden",
    "tenant",
    "staff",
    "moderator",
    "superuser",
    "access",
    "credential",
    "jwt",
    "can_",
    "protect",
    "acl",
    "user_id",
    "userid",
    "signed_in",
    "anonymous",
    "secured",
];

/// Parts of names that speak of how much or how often.
const LIMIT: &[&str] = &[
    "ratelimit",
    "rate_limit",
    "throttle",
    "limiter",
    "limitby",
    "quota",
    "lockout",
    "locked_until",
    "lockeduntil",
    "failedattempts",
    "failed_attempts",
    "failedlogins",
    "failed_logins",
];

/// Whether a name speaks of access; `author` does not.
pub fn is_about_access(name: &str) -> bool {
    let lower = name
        .to_ascii_lowercase()
        .replace("accessor", "")
        .replace("author_", "")
        .replace("authors", "");
    if lower == "author" {
        return false;
    }
    // `hasAuthority` of Spring, and not an authority that signs or an address's.
    let lower = match lower.starts_with("has") {
        true => lower,
        false => lower.replace("authority", ""),
    };
    // `require_owner`, and not `require_POST` of Django.
    let required = lower.strip_prefix("require_").or(lower.strip_prefix("requires_"));
    let names_who = required.is_some_and(|who| {
        let what = ["http", "post", "get", "safe", "json", "method", "param", "field"];
        !what.iter().any(|part| who.starts_with(part))
    });
    names_who
        || names_somebody(name)
        || ACCESS.iter().chain(LIMIT).any(|part| lower.contains(part))
        || [
            "current_user",
            "currentuser",
            "require_user",
            "requireuser",
            "getuser",
            "useguards",
        ]
        .iter()
        .any(|part| lower.contains(part))
}

/// `requireEditor`, and not `requireNonNull`.
fn names_somebody(name: &str) -> bool {
    const WHO: &[&str] = &[
        "editor",
        "viewer",
        "member",
        "membership",
        "subscriber",
        "subscription",
        "customer",
        "partner",
        "operator",
        "manager",
        "reviewer",
        "maintainer",
        "employee",
        "dispatcher",
        "team",
        "organization",
        "workspace",
        "account",
        "identity",
        "actor",
        "session",
        "token",
        "scope",
        "scopes",
    ];
    let Some(who) = name.strip_prefix("require").or(name.strip_prefix("Require")) else {
        return false;
    };
    who.starts_with(|first: char| first.is_ascii_uppercase()) && super::words::has_word(who, WHO)
}

/// The conditions of the guards among the nodes: of each `if` whose body turns away.
pub fn guards(tree: &Tree, nodes: &[NodeId]) -> Vec<NodeId> {
    nodes
        .iter()
        .filter_map(|id| {
            let condition = tree.child(*id, Role::Condition)?;
            let rejects = match tree.kind(*id) {
                Kind::If => tree
                    .child(*id, Role::Body)
                    .is_some_and(|body| rejects(tree, body)),
                _ => false,
            };
            rejects.then_some(condition)
        })
        .collect()
}

/// Whether a block ends by turning away: it raises, answers with an error, or returns one.
pub fn rejects(tree: &Tree, block: NodeId) -> bool {
    let Some(last) = tree.children(block).last() else {
        return false;
    };
    let says_no = |id: NodeId| {
        tree.subtree(id).any(|id| match tree.kind(id) {
            Kind::Raise => true,
            Kind::Call | Kind::New => called(tree, id).is_some_and(is_refusal),
            Kind::Num => matches!(
                tree.name(id),
                "400"
                    | "401"
                    | "402"
                    | "403"
                    | "404"
                    | "409"
                    | "410"
                    | "412"
                    | "413"
                    | "415"
                    | "422"
                    | "423"
                    | "429"
                    | "451"
            ),
            Kind::Member => {
                let name = tree.name(id);
                name.starts_with("Status")
                    || name.starts_with("HTTP_4")
                    || name.starts_with("Err")
                    || name == "FORBIDDEN"
                    || name == "UNAUTHORIZED"
            }
            Kind::Name => tree.name(id).starts_with("Err") || tree.name(id) == "err",
            _ => false,
        })
    };
    match tree.kind(last) {
        Kind::Raise => true,
        Kind::Return => {
            let value = tree.child(last, Role::Value);
            let is_no = value.is_some_and(|value| {
                tree.kind(value) == Kind::Null
                    || tree.kind(value) == Kind::Bool && tree.name(value) == "false"
                    || says_no(value)
            });
            // `res.status(403).end(); return;`
            is_no || tree.children(block).any(says_no)
        }
        Kind::ExprStmt => says_no(last),
        _ => false,
    }
}

fn is_refusal(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    [
        "abort",
        "forbidden",
        "unauthorized",
        "denied",
        "badrequest",
        "bad_request",
        "httpexception",
        "notfound",
        "error",
        "reject",
        "redirect",
        "panic",
        "fatal",
    ]
    .iter()
    .any(|part| lower.contains(part))
}

/// The names in a part of a tree.
pub fn names(tree: &Tree, id: NodeId) -> Vec<&str> {
    let mut names: Vec<&str> = tree
        .subtree(id)
        .filter(|id| {
            matches!(
                tree.kind(*id),
                Kind::Name | Kind::Member | Kind::Str | Kind::Keyword
            )
        })
        .map(|id| tree.name(id))
        .filter(|name| !name.is_empty())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}
