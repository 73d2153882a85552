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
        for target in tree
            .children_in(id, Role::Target)
            .filter(|target| tree.kind(*target) == Kind::Name)
        {
            let name = tree.name(target);
            if !globals.contains(name) || !is_global_here(tree, id, name) || !is_of_request(name) {
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

fn is_of_request(name: &str) -> bool {
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
                    "user", "userid", "tenant", "tenantid", "request", "req", "session", "account",
                    "customer", "order", "org", "token", "role", "username", "cart", "locale",
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
