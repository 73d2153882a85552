//! Lookups that count rows, or sum a column of them.

use super::{Does, Lookup, compares_with_zero, leaves};
use crate::analysis::{calls, rows};
use crate::matching::{Source, canonical};
use crate::rules::Reports;
use crate::tree::{Kind, NodeId, Role, Tree};

/// The model of `session.scalar(select(func.count()).select_from(Use))`, `select(func.sum(Use.amount))`, and Django's `aggregate(Sum("amount"))`.
pub(super) fn aggregated(tree: &Tree, id: NodeId) -> Option<String> {
    let calls_in = |names: &'static [&'static str]| {
        tree.subtree(id)
            .find(move |part| tree.kind(*part) == Kind::Call && names.contains(&calls::name(tree, *part)))
    };
    if matches!(calls::name(tree, id), "aggregate" | "aaggregate") && calls_in(&["Sum", "Count"]).is_some() {
        let path = tree.source(tree.child(id, Role::Callee)?);
        let (model, _) = path.split_once(".objects")?;
        return Some(model.rsplit('.').next()?.to_owned());
    }
    if !matches!(
        calls::name(tree, id),
        "scalar" | "scalar_one" | "scalar_one_or_none" | "execute" | "scalars" | "exec"
    ) {
        return None;
    }
    let aggregate = calls_in(&["count", "sum"]).filter(|call| {
        calls::receiver(tree, *call).is_some_and(|of| tree.name(of) == "func")
            || calls::name(tree, *call) == "count"
    })?;
    let of = match calls_in(&["select_from"]) {
        Some(from) => calls::arg(tree, from, 0),
        None => calls::arg(tree, aggregate, 0),
    };
    let root = of
        .or_else(|| calls::arg(tree, calls_in(&["where", "filter"])?, 0))
        .and_then(|of| {
            tree.subtree(of).find(|part| {
                tree.kind(*part) == Kind::Name
                    && tree
                        .name(*part)
                        .starts_with(|first: char| first.is_ascii_uppercase())
            })
        })?;
    Some(tree.name(root).to_owned())
}

/// What a row was read with, and is counted by: `team._count.members >= team.seatLimit`, `event.guests.length >= event.places`.
pub(super) fn counted_with(source: &Source, condition: NodeId, rows: &[rows::Row<'_>]) -> Option<Lookup> {
    let tree = &source.tree;
    let counted = counted_list(source, condition, rows)?;
    Some(Lookup {
        model: tree.name(counted).to_owned(),
        counts: true,
        ranges: false,
    })
}

/// The list of a row whose length a condition asks for.
fn counted_list(source: &Source, condition: NodeId, rows: &[rows::Row<'_>]) -> Option<NodeId> {
    let tree = &source.tree;
    let of_row = |id: NodeId| {
        let root = calls::root(tree, id);
        root.is_some_and(|root| rows.iter().any(|row| row.name == tree.name(root)))
    };
    tree.subtree(condition).find_map(|part| {
        if tree.kind(part) == Kind::Call && calls::name(tree, part) == "len" {
            let list = calls::arg(tree, part, 0).filter(|list| tree.kind(*list) == Kind::Member)?;
            return of_row(list).then_some(list);
        }
        let object = tree
            .child(part, Role::Object)
            .filter(|object| tree.kind(part) == Kind::Member && tree.kind(*object) == Kind::Member)?;
        match (tree.name(object), tree.name(part)) {
            ("_count", _) => of_row(part).then_some(part),
            (_, "length") => of_row(object).then_some(object),
            _ => None,
        }
    })
}

/// `if (ride.guests.length >= ride.seats) return …; ride.guests.push(guest); await ride.save()`
pub(super) fn pushed_after(source: &Source, id: NodeId, does: &Does<'_>, reports: &mut Reports) {
    let tree = &source.tree;
    let Some(condition) = tree.child(id, Role::Condition) else {
        return;
    };
    let compares = tree.subtree(condition).any(|part| {
        tree.kind(part) == Kind::Binary
            && matches!(tree.name(part), ">=" | "<" | ">" | "<=")
            && !compares_with_zero(tree, part)
    });
    let Some(list) = counted_list(source, condition, &does.rows).filter(|_| compares) else {
        return;
    };
    let wanted = canonical(tree, list);
    let later = || {
        does.nodes.iter().copied().filter(|call| {
            *call > condition
                && tree.kind(*call) == Kind::Call
                && (tree.within(*call, id) || leaves(tree, id))
        })
    };
    let pushed = later().find(|call| {
        matches!(calls::name(tree, *call), "push" | "append" | "add")
            && calls::receiver(tree, *call).is_some_and(|of| canonical(tree, of) == wanted)
    });
    if let Some(pushed) =
        pushed.filter(|pushed| later().any(|call| call > *pushed && rows::is_save(tree, call)))
    {
        reports.add(
            pushed,
            format!(
                "`{}` is counted before one more is added: two at once both find that there is room",
                tree.source(list)
            ),
        );
    }
}
