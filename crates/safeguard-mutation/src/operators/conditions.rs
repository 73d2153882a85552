//! Conditions: always, never, and without one of their parts.

use safeguard_scan::tree::{Kind, NodeId, Role};

use crate::mutant::Operator;
use crate::pointless::is_unseen_condition;
use crate::site::Site;

pub fn propose(site: &mut Site<'_>, id: NodeId) {
    if site.tree.role(id) == Role::Condition {
        condition(site, id);
    }
    match site.tree.kind(id) {
        Kind::Binary if matches!(site.tree.name(id), "and" | "or" | "??") => clauses(site, id),
        Kind::Unary if site.tree.name(id) == "not" && !site.is_noticed_otherwise(id) => {
            if let Some(value) = site.tree.child(id, Role::Value) {
                let would = format!("{} would count for its opposite", site.quoted(value));
                site.propose(
                    id,
                    site.tree.span(id),
                    site.whole(value),
                    Operator::Negation,
                    would,
                );
            }
        }
        _ => {}
    }
}

fn condition(site: &mut Site<'_>, id: NodeId) {
    let Some(holder) = site.tree.parent(id) else {
        return;
    };
    if is_unseen_condition(site.tree, id) {
        return;
    }
    let span = site.tree.span(id);
    let text = site.quoted(id);
    match site.tree.kind(holder) {
        Kind::If => {
            let (operator, would) = if turns_away(site, holder) {
                let what = site
                    .tree
                    .child(holder, Role::Body)
                    .map_or_else(String::new, |body| site.quoted(body));
                (
                    Operator::RemovedGuard,
                    format!("the guard {text} with {what} would be left out"),
                )
            } else {
                (Operator::ConditionFalse, format!("{text} would never hold"))
            };
            site.propose(id, span.clone(), site.bool(false), operator, would);
            let would = format!("{text} would always hold");
            site.propose(id, span, site.bool(true), Operator::ConditionTrue, would);
        }
        Kind::Conditional => {
            let would = format!("{text} would never hold");
            site.propose(
                id,
                span.clone(),
                site.bool(false),
                Operator::ConditionFalse,
                would,
            );
            let would = format!("{text} would always hold");
            site.propose(id, span, site.bool(true), Operator::ConditionTrue, would);
        }
        Kind::While | Kind::For => {
            let would = format!("the loop would not run: {text} would never hold");
            site.propose(id, span, site.bool(false), Operator::ConditionFalse, would);
        }
        Kind::Clause => {
            let would = format!("what is not {text} would be taken as well");
            site.propose(id, span, site.bool(true), Operator::ConditionTrue, would);
        }
        _ => {}
    }
}

/// Whether an `if` does nothing but leave: it raises, returns or goes on to the next.
fn turns_away(site: &Site<'_>, id: NodeId) -> bool {
    let Some(body) = site.tree.child(id, Role::Body) else {
        return false;
    };
    let last = site.statements(body).pop();
    site.tree.child(id, Role::Else).is_none()
        && last.is_some_and(|last| {
            matches!(
                site.tree.kind(last),
                Kind::Return | Kind::Raise | Kind::Continue | Kind::Break
            )
        })
}

fn clauses(site: &mut Site<'_>, id: NodeId) {
    let Some((left, right)) = site.left_and_right(id) else {
        return;
    };
    if site.tree.name(id) == "or" && is_unseen_condition(site.tree, id) {
        return;
    }
    let span = site.tree.span(id);
    let would = format!("{} would not be asked", site.quoted(right));
    site.propose(
        right,
        span.clone(),
        site.whole(left),
        Operator::DroppedClause,
        would,
    );
    // Of `a and b and c` the first two are left out one by one further in.
    if site.tree.kind(left) == Kind::Binary && site.tree.name(left) == site.tree.name(id) {
        return;
    }
    // `x is not None and x.y`, `user && user.name`: without the first part the second fails, or gives nothing as before.
    let guards_the_other = site.tree.name(id) == "and"
        && first_name(site, left).is_some_and(|name| {
            site.tree
                .subtree(right)
                .any(|inner| site.tree.kind(inner) == Kind::Name && site.tree.name(inner) == name)
        })
        && asks_whether_there_is_one(site, left);
    if !guards_the_other {
        let would = format!("{} would not be asked", site.quoted(left));
        site.propose(left, span, site.whole(right), Operator::DroppedClause, would);
    }
}

fn first_name<'s>(site: &Site<'s>, id: NodeId) -> Option<&'s str> {
    site.tree
        .subtree(id)
        .find(|inner| site.tree.kind(*inner) == Kind::Name)
        .map(|inner| site.tree.name(inner))
}

fn asks_whether_there_is_one(site: &Site<'_>, id: NodeId) -> bool {
    match site.tree.kind(id) {
        Kind::Name | Kind::Member => true,
        Kind::Binary => site.left_and_right(id).is_some_and(|(_, right)| {
            site.tree.kind(right) == Kind::Null || site.tree.source(right) == "undefined"
        }),
        _ => false,
    }
}
