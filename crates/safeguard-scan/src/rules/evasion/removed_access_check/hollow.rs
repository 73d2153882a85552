//! A guard whose question still stands, and that turns nobody away any more: it writes a line and goes on.

use std::collections::BTreeSet;

use safeguard_api::evidence::Severity;

use super::short;
use crate::analysis::functions::{body_nodes, called};
use crate::analysis::guards::{guards, is_about_access, names};
use crate::matching::canonical;
use crate::rule::Confidence;
use crate::rules::comparison::{Both, Taken};
use crate::tree::{Kind, NodeId, Role, Tree};

pub fn within(both: &Both<'_>, name: &str, base: NodeId, now: NodeId, taken: &mut Vec<Taken>) {
    let (was, is) = (&both.base.tree, &both.head.tree);
    let turned_away = |tree: &Tree, guard: NodeId| {
        let body = tree
            .parent(guard)
            .and_then(|branch| tree.child(branch, Role::Body));
        body.is_some_and(|body| !only_writes(tree, body))
    };
    let before: BTreeSet<String> = guards(was, &body_nodes(was, base))
        .into_iter()
        .filter(|guard| names(was, *guard).iter().any(|name| is_about_access(name)))
        .filter(|guard| turned_away(was, *guard))
        .map(|guard| canonical(was, guard))
        .collect();
    if before.is_empty() {
        return;
    }
    let after = body_nodes(is, now);
    let turning: BTreeSet<String> = guards(is, &after)
        .into_iter()
        .filter(|guard| turned_away(is, *guard))
        .map(|guard| canonical(is, guard))
        .collect();
    for branch in after.into_iter().filter(|id| is.kind(*id) == Kind::If) {
        let (Some(condition), Some(body)) = (is.child(branch, Role::Condition), is.child(branch, Role::Body))
        else {
            continue;
        };
        let asked = canonical(is, condition);
        if before.contains(&asked)
            && !turning.contains(&asked)
            && is.child(branch, Role::Else).is_none()
            && only_writes(is, body)
        {
            taken.push(Taken {
                node: condition,
                severity: Severity::Critical,
                confidence: Confidence::High,
                message: format!(
                    "`{name}` turned away where `{}`, and now only writes that down and goes on",
                    short(is, condition)
                ),
            });
        }
    }
}

/// Whether a block does nothing but write a line of a log.
fn only_writes(tree: &Tree, body: NodeId) -> bool {
    tree.children(body).all(|statement| match tree.kind(statement) {
        Kind::Pass => true,
        Kind::ExprStmt => tree.child(statement, Role::Value).is_some_and(|value| {
            tree.kind(value) == Kind::Call
                && called(tree, value).is_some_and(|name| {
                    let level = name.trim_end_matches(['f', 'w', '!']).to_ascii_lowercase();
                    matches!(
                        level.as_str(),
                        "warn"
                            | "warning"
                            | "info"
                            | "debug"
                            | "error"
                            | "log"
                            | "trace"
                            | "print"
                            | "println"
                            | "eprintln"
                            | "warnln"
                            | "increment"
                            | "inc"
                            | "severe"
                            | "msg"
                    )
                })
        }),
        _ => false,
    })
}
