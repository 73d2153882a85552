//! What is set or updated after it was looked at.

use super::*;

/// What can be used once: `if coupon.used: …`, `coupon.used = True`, `coupon.save()`.
pub(super) fn set_after(source: &Source, id: NodeId, does: &Does<'_>, reports: &mut Reports) {
    const ONCE: &[&str] = &[
        "used",
        "redeemed",
        "claimed",
        "consumed",
        "spent",
        "is_used",
        "used_at",
        "redeemed_at",
        "claimed_at",
        "is_redeemed",
        "is_claimed",
        "isUsed",
        "isRedeemed",
        "isClaimed",
        "usedAt",
        "redeemedAt",
        "claimedAt",
        "refunded",
        "is_refunded",
        "isRefunded",
        "withdrawn",
        "assigned_to",
        "assignee",
        "assignedTo",
        "booked",
        "is_booked",
        "isBooked",
        "reserved",
        "is_reserved",
        "isReserved",
        "Used",
        "Redeemed",
        "Claimed",
        "Reserved",
        "Booked",
        "Refunded",
        "reserved_by",
        "booked_by",
        "claimed_by",
        "reservedBy",
        "claimedBy",
        "bookedBy",
    ];
    let tree = &source.tree;
    let Some(condition) = tree.child(id, Role::Condition) else {
        return;
    };
    let Does { nodes, rows, .. } = does;
    if rows.is_empty() {
        return;
    }
    let checked = tree.subtree(condition).filter(|part| {
        tree.kind(*part) == Kind::Member
            && tree.child(*part, Role::Object).is_some_and(|object| {
                tree.kind(object) == Kind::Name
                    && rows
                        .iter()
                        .any(|row| row.name == tree.name(object) && row.read < id)
            })
    });
    for member in checked {
        let is_state = matches!(
            tree.name(member),
            "status" | "state" | "paid" | "is_paid" | "isPaid" | "Status" | "State" | "processed" | "shipped"
        );
        if !ONCE.contains(&tree.name(member)) && !is_state {
            continue;
        }
        let text = canonical(tree, member);
        let set = nodes.iter().copied().find(|other| {
            *other > condition
                && (tree.within(*other, id) || leaves(tree, id))
                && tree.kind(*other) == Kind::Assign
                && tree.name(*other) == "="
                && tree
                    .child(*other, Role::Target)
                    .is_some_and(|target| canonical(tree, target) == text)
        });
        let Some(set) = set else {
            continue;
        };
        if nodes
            .iter()
            .any(|other| *other > set && rows::is_save(tree, *other))
        {
            let name = tree.source(member);
            let message = format!(
                "`{name}` is looked at before it is set: two requests at once both find it as it was"
            );
            if is_state {
                reports.note(set, message);
            } else {
                reports.add(set, message);
            }
            return;
        }
    }
}

/// `SELECT status …`, `if status == "free"`, `UPDATE seats SET status = 'booked'` that does not ask again.
pub(super) fn update_after(source: &Source, id: NodeId, does: &Does<'_>, reports: &mut Reports) {
    const ONCE: &[&str] = &[
        "used",
        "redeemed",
        "claimed",
        "booked",
        "reserved",
        "taken",
        "sold",
        "spent",
        "refunded",
        "withdrawn",
        "assigned",
        "consumed",
        "locked_by",
    ];
    let tree = &source.tree;
    let Some(condition) = tree.child(id, Role::Condition) else {
        return;
    };
    let words = |text: &str| -> Vec<String> {
        text.split(|char: char| !char.is_alphanumeric() && char != '_')
            .map(str::to_owned)
            .collect()
    };
    let nodes = &does.nodes;
    let update = does
        .updated
        .iter()
        .find(|(call, _)| *call > condition && (tree.within(*call, id) || leaves(tree, id)));
    let Some((call, rest)) = update else {
        return;
    };
    let table = rest.split(' ').next().unwrap_or_default().to_owned();
    let Some((_, set)) = rest.split_once(" set ") else {
        return;
    };
    let (set, asked) = set.split_once(" where ").unwrap_or((set, ""));
    let column = set.split('=').next().unwrap_or_default().trim().to_owned();
    let looked = lookup_of(source, condition, nodes).is_some_and(|lookup| lookup.model == table)
        || nodes.iter().any(|other| {
            *other < id
                && tree.kind(*other) == Kind::Call
                && calls::args(tree, *other).any(|arg| {
                    rows::sql_of(tree, arg).is_some_and(|sql| {
                        sql.starts_with("select")
                            && sql.contains(&format!(" from {table}"))
                            && words(&sql).contains(&column)
                    })
                })
                && row_is_asked(source, condition, nodes)
        });
    let once = words(set)
        .iter()
        .any(|word| ONCE.iter().any(|once| word.contains(once)));
    if looked && once && !words(asked).contains(&column) {
        reports.add(
            *call,
            format!("`{column}` is looked at before it is set: two at once both find it as it was"),
        );
    }
}

/// Whether a condition looks at what a statement gave: by a name, or by `fetchone()` in it.
pub(super) fn row_is_asked(source: &Source, condition: NodeId, nodes: &[NodeId]) -> bool {
    let tree = &source.tree;
    let fetches = |within: NodeId| {
        tree.subtree(within).any(|part| {
            tree.kind(part) == Kind::Call
                && matches!(
                    calls::name(tree, part),
                    "fetchone" | "fetchall" | "query" | "execute" | "get" | "first"
                )
        })
    };
    fetches(condition)
        || tree
            .subtree(condition)
            .filter(|part| tree.kind(*part) == Kind::Name)
            .any(|part| {
                nodes.iter().any(|assign| {
                    *assign < condition
                        && tree.kind(*assign) == Kind::Assign
                        && tree.children_in(*assign, Role::Target).any(|target| {
                            tree.subtree(target)
                                .any(|id| tree.kind(id) == Kind::Name && tree.name(id) == tree.name(part))
                        })
                        && tree.child(*assign, Role::Value).is_some_and(fetches)
                })
            })
}
