//! What belongs to one request, kept where the next one finds it.

use std::collections::BTreeSet;

use safeguard_api::evidence::Severity;

use crate::analysis::bodies;
use crate::language::Language;
use crate::matching::Source;
use crate::names::functions_around;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, EVERY_LANGUAGE, Reports};
use crate::tree::{Flags, Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    id: "request-state-in-global",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-362", "CWE-488"],
    languages: EVERY_LANGUAGE,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    let globals = globals(tree);
    for id in source.of_kind(Kind::Assign).iter().copied() {
        if tree.name(id) != "=" || tree.flags(id).has(Flags::DECLARATION) {
            continue;
        }
        let Some(handler) = bodies::handler_around(source, id) else {
            continue;
        };
        in_object(source, id, reports);
        for target in tree
            .children_in(id, Role::Target)
            .filter(|target| tree.kind(*target) == Kind::Name)
        {
            let name = tree.name(target);
            if !globals.contains(name) || !is_global_here(tree, id, name) {
                continue;
            }
            if !(is_of_request(name) || is_kept(name) && is_of_caller(source, id, handler)) {
                continue;
            }
            let given = tree
                .child(id, Role::Value)
                .is_some_and(|value| !matches!(tree.kind(value), Kind::Null | Kind::Bool));
            // Who clears it may be the only one that sets it; a constant is no request's.
            if given && bodies::is_handler(source, handler) {
                reports.add(id, format!("`{name}` is one for the whole process: while one request uses it, another one sets it to its own"));
            }
        }
    }
}

/// `context.user = …`, `STATE["tenant"] = …`, where the file sets `context` to an object of its own.
fn in_object(source: &Source, id: NodeId, reports: &mut Reports) {
    let tree = &source.tree;
    for target in tree.children_in(id, Role::Target) {
        let key = match tree.kind(target) {
            Kind::Member => tree.name(target),
            Kind::Index => match tree.child(target, Role::Index) {
                Some(index) if tree.kind(index) == Kind::Str => tree.name(index),
                _ => continue,
            },
            _ => continue,
        };
        let Some(object) = tree
            .child(target, Role::Object)
            .filter(|object| tree.kind(*object) == Kind::Name)
        else {
            continue;
        };
        let name = tree.name(object);
        let is_own = tree.children(NodeId::ROOT).any(|top| {
            tree.kind(top) == Kind::Assign
                && tree
                    .child(top, Role::Value)
                    .is_some_and(|value| tree.kind(value) == Kind::Object)
                && tree
                    .child(top, Role::Target)
                    .is_some_and(|target| tree.kind(target) == Kind::Name && tree.name(target) == name)
        });
        let outermost = source
            .names
            .binder(tree, object, name)
            .is_none_or(|(scope, _)| scope.is_none());
        let given = tree.child(id, Role::Value).is_some_and(|value| {
            !matches!(tree.kind(value), Kind::Null | Kind::Bool | Kind::Str | Kind::Num)
        });
        if is_own && outermost && given && is_of_request(key) {
            reports.add(id, format!("`{name}` is one for the whole process: while one request uses its `{key}`, another one sets it to its own"));
        }
    }
}

/// A name of one thing that is replaced, and not one of what was seen last, is counted or is told to all.
fn is_kept(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    ![
        "last", "latest", "recent", "count", "total", "cache", "stat", "metric", "config", "setting", "key",
        "enabled", "ready", "started", "promise", "timer", "pool", "client", "jwks", "cert",
    ]
    .iter()
    .any(|word| lower.contains(word))
}

/// Whether a value says who the caller is: it comes from what a request proves its sender with.
fn is_of_caller(source: &Source, id: NodeId, handler: NodeId) -> bool {
    const HOPS_MAX: usize = 5;
    let tree = &source.tree;
    let Some(value) = tree.child(id, Role::Value) else {
        return false;
    };
    let nodes = bodies::body(tree, handler);
    let mut values = vec![value];
    let mut seen = BTreeSet::new();
    for _ in 0..HOPS_MAX {
        if values.iter().any(|value| proves(tree, *value)) {
            return true;
        }
        let names: Vec<&str> = values
            .iter()
            .flat_map(|value| tree.subtree(*value))
            .filter(|id| tree.kind(*id) == Kind::Name)
            .map(|id| tree.name(id))
            .filter(|name| seen.insert(*name))
            .collect();
        values = nodes
            .iter()
            .copied()
            .filter(|other| *other < id && tree.kind(*other) == Kind::Assign)
            .filter(|other| {
                tree.children_in(*other, Role::Target).any(|target| {
                    tree.subtree(target)
                        .any(|part| tree.kind(part) == Kind::Name && names.contains(&tree.name(part)))
                })
            })
            .filter_map(|other| tree.child(other, Role::Value))
            .collect();
        if values.is_empty() {
            return false;
        }
    }
    false
}

/// `req.user`, `req.session`, `request.cookies`, `r.Header.Get("Authorization")`
fn proves(tree: &Tree, value: NodeId) -> bool {
    tree.subtree(value).any(|id| match tree.kind(id) {
        Kind::Member => {
            let of_request = tree.child(id, Role::Object).is_some_and(|object| {
                tree.kind(object) == Kind::Name
                    && matches!(tree.name(object), "req" | "request" | "r" | "ctx" | "c" | "info")
            });
            of_request
                && matches!(
                    tree.name(id),
                    "user" | "session" | "cookies" | "auth" | "signedCookies" | "principal" | "COOKIES"
                )
        }
        Kind::Str => {
            let lower = tree.name(id).to_ascii_lowercase();
            matches!(
                lower.as_str(),
                "authorization"
                    | "x-user"
                    | "x-user-id"
                    | "x-tenant"
                    | "x-tenant-id"
                    | "x-api-key"
                    | "cookie"
                    | "http_authorization"
            )
        }
        _ => false,
    })
}

/// The names that are set at the top of the file.
fn globals(tree: &Tree) -> BTreeSet<&str> {
    tree.children(NodeId::ROOT)
        .filter(|id| tree.kind(*id) == Kind::Assign && !tree.flags(*id).has(Flags::CONST))
        .flat_map(|id| tree.children_in(id, Role::Target).collect::<Vec<_>>())
        .filter(|target| tree.kind(*target) == Kind::Name)
        .map(|target| tree.name(target))
        .collect()
}

/// Whether an assignment is one to the file's name.
fn is_global_here(tree: &Tree, id: NodeId, name: &str) -> bool {
    let functions: Vec<NodeId> = functions_around(tree, id).collect();
    if tree.language() == Language::Python {
        return functions.first().is_some_and(|function| {
            bodies::body(tree, *function).iter().any(|id| {
                tree.kind(*id) == Kind::Global
                    && tree.name(*id) == "global"
                    && tree.children(*id).any(|item| tree.name(item) == name)
            })
        });
    }
    !functions.iter().any(|function| {
        bodies::has_param(tree, *function, name)
            || bodies::body(tree, *function).iter().any(|other| {
                tree.kind(*other) == Kind::Assign
                    && (tree.flags(*other).has(Flags::DECLARATION) || tree.name(*other) == ":=")
                    && tree
                        .children_in(*other, Role::Target)
                        .any(|target| tree.subtree(target).any(|id| tree.name(id) == name))
            })
    })
}

pub(super) fn is_of_request(name: &str) -> bool {
    let plain: String = name
        .chars()
        .filter(|char| *char != '_')
        .flat_map(char::to_lowercase)
        .collect();
    ["current", "active", "loggedin", "authenticated"]
        .iter()
        .any(|start| {
            plain.strip_prefix(start).is_some_and(|rest| {
                [
                    "user",
                    "userid",
                    "tenant",
                    "tenantid",
                    "request",
                    "req",
                    "session",
                    "account",
                    "customer",
                    "order",
                    "org",
                    "token",
                    "role",
                    "username",
                    "cart",
                    "locale",
                    "actor",
                    "principal",
                    "caller",
                    "identity",
                    "member",
                    "viewer",
                    "organization",
                    "organisation",
                    "workspace",
                ]
                .contains(&rest)
            })
        })
        || matches!(
            plain.as_str(),
            "user"
                | "userid"
                | "username"
                | "session"
                | "tenant"
                | "tenantid"
                | "request"
                | "req"
                | "sessionid"
                | "requestid"
                | "requestuser"
                | "authtoken"
                | "usertoken"
                | "currentuseremail"
                | "useremail"
                | "lastuser"
                | "requestdata"
                | "requestbody"
                | "cart"
                | "usercontext"
        )
}
