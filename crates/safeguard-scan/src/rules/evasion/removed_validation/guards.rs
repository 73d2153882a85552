//! A handler turned away what was sent where it was too long, too small or of no known kind, and takes it now.

use std::collections::BTreeSet;

use safeguard_api::evidence::Severity;

use crate::analysis::bodies::is_handler;
use crate::analysis::code::Code;
use crate::analysis::functions::{body_nodes, called, head, is_rewritten};
use crate::analysis::guards::{guards, is_about_access, names};
use crate::analysis::outside::outside;
use crate::analysis::sent;
use crate::matching::canonical;
use crate::rule::Confidence;
use crate::rules::comparison::{Both, Taken, pairs};
use crate::tree::{Kind, NodeId, Role, Tree};

pub(super) fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let (was, is) = (&both.base.tree, &both.head.tree);
    let mut sent: Option<BTreeSet<NodeId>> = None;
    for (name, base, now) in pairs(both) {
        if was.source(base) == is.source(now) || !is_handler(both.base, base) {
            continue;
        }
        let (before, after) = (body_nodes(was, base), body_nodes(is, now));
        let still: BTreeSet<String> = after.iter().map(|id| canonical(is, *id)).collect();
        let used: BTreeSet<&str> = after
            .iter()
            .filter(|id| matches!(is.kind(**id), Kind::Name | Kind::Member | Kind::Str))
            .map(|id| is.name(*id))
            .collect();
        let asks_now: BTreeSet<&str> = guards(is, &after)
            .into_iter()
            .flat_map(|guard| names(is, guard))
            .collect();
        let calls_before: BTreeSet<&str> = before.iter().filter_map(|id| called(was, *id)).collect();
        // Whoever calls something new, or takes something of another type, may check there.
        let elsewhere = after
            .iter()
            .filter_map(|id| called(is, *id))
            .any(|name| !calls_before.contains(name));
        let signature = |tree: &Tree, function: NodeId| -> Vec<String> {
            let parts = tree
                .children_in(function, Role::Param)
                .chain(tree.children_in(function, Role::Decorator));
            parts.map(|part| canonical(tree, part)).collect()
        };
        if elsewhere || signature(was, base) != signature(is, now) || is_rewritten(was, &before, is, &after) {
            continue;
        }
        for guard in guards(was, &before) {
            if still.contains(&canonical(was, guard))
                || both.moved.mentions(&canonical(was, guard))
                || !bounds(was, guard)
            {
                continue;
            }
            let asked = names(was, guard);
            let sent = sent.get_or_insert_with(|| outside(both.base).into_iter().collect());
            // A value that was sent, by its own name or by the variable that it was put into.
            let values: Vec<&str> = was
                .subtree(guard)
                .filter(|id| was.kind(*id) == Kind::Name && was.role(*id) != Role::Callee)
                .map(|id| was.name(id))
                .filter(|name| comes_from(Code::of(both.base), &before, sent, name))
                .collect();
            let taken_on = values
                .iter()
                .any(|value| used.contains(value) && !asks_now.contains(value));
            if taken_on && !asked.iter().any(|name| is_about_access(name)) {
                taken.push(Taken {
                    node: head(is, now),
                    severity: Severity::High,
                    confidence: Confidence::High,
                    message: format!(
                        "`{name}` turned away where `{}`, and takes whatever is sent now",
                        was.source(guard).split_whitespace().collect::<Vec<_>>().join(" ")
                    ),
                });
                return;
            }
        }
    }
}

/// Whether a condition holds a value within bounds, or to what is known: by an order, a length, a form, a list.
fn bounds(tree: &Tree, condition: NodeId) -> bool {
    tree.subtree(condition).any(|id| match tree.kind(id) {
        Kind::Binary | Kind::Compare => {
            let operator = tree.name(id);
            operator
                .split(' ')
                .any(|one| matches!(one, "<" | ">" | "<=" | ">=" | "not in"))
                || operator == "not in"
        }
        Kind::Call => matches!(
            called(tree, id),
            Some(
                "match"
                    | "fullmatch"
                    | "test"
                    | "MatchString"
                    | "includes"
                    | "has"
                    | "matches"
                    | "contains"
                    | "isInteger"
            )
        ),
        _ => false,
    })
}

/// Whether a variable of a function holds what a client sent: it is a parameter that does, or was set to one or a part of one.
fn comes_from(code: Code<'_>, body: &[NodeId], sent: &BTreeSet<NodeId>, name: &str) -> bool {
    let tree = code.tree;
    let is_sent = |id: NodeId| {
        tree.subtree(id)
            .any(|part| sent.contains(&part) || is_of_request(code, part))
    };
    let set = body
        .iter()
        .copied()
        .filter(|id| tree.kind(*id) == Kind::Assign)
        .any(|assign| {
            let is_it = tree.children_in(assign, Role::Target).any(|target| {
                tree.subtree(target)
                    .any(|part| tree.kind(part) == Kind::Name && tree.name(part) == name)
            });
            let Some(value) = tree.child(assign, Role::Value).filter(|_| is_it) else {
                return false;
            };
            let of_sent = tree.subtree(value).any(|part| {
                tree.kind(part) == Kind::Name
                    && body
                        .iter()
                        .copied()
                        .filter(|id| tree.kind(*id) == Kind::Assign)
                        .any(|other| {
                            other != assign
                                && tree
                                    .child(other, Role::Target)
                                    .is_some_and(|target| tree.name(target) == tree.name(part))
                                && tree.child(other, Role::Value).is_some_and(is_sent)
                        })
            });
            is_sent(value) || of_sent
        });
    let is_param = sent
        .iter()
        .any(|id| matches!(tree.kind(*id), Kind::Param | Kind::Name) && tree.name(*id) == name);
    set || is_param
}

/// `request.get_json()`, `req.body`, `request.form["name"]`
fn is_of_request(code: Code<'_>, id: NodeId) -> bool {
    matches!(code.kind(id), Kind::Call | Kind::Member | Kind::Index)
        && !matches!(code.first_name(id), "self" | "this" | "info")
        && sent::part_of(code, id, 0).is_some()
}
