//! Lookups that count rows, or sum a column of them.

use crate::analysis::calls;
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
