//! How much a statement asks for.

use pg_raw_parse::Node;
use pg_raw_parse::list::NodeList;
use pg_raw_parse::nodes::{ColumnRef, CommonTableExpr, RangeVar, SelectStmt};
use pg_raw_parse::raw::{A_Expr_Kind, JoinType};
use safeguard_api::guard::StatementCost;

use crate::condition::{Target, covers_every_row};
use crate::names;
use crate::tree::children;

/// Conditions larger than this are taken to join whatever there is to join.
const CONDITION_NODES_MAX: usize = 2_048;
const ITEMS_MAX: usize = 64;

/// Counts what a node adds by itself.
pub(crate) fn count(cost: &mut StatementCost, node: Node<'_>) {
    match node {
        Node::JoinExpr(join) => {
            cost.joins += 1;
            let joins_nothing = !join.is_natural
                && join.using_clause().is_empty()
                && covers_every_row(join.quals(), &Target::none()).is_some();
            if joins_nothing && join.jointype == JoinType::JOIN_INNER && is_table(join.rarg()) {
                cost.cross_joins += 1;
            }
        }
        Node::SubLink(_) | Node::RangeSubselect(_) => cost.subqueries += 1,
        _ => {}
    }
}

/// Counts what a query adds: what its `FROM` multiplies, and whether it returns whole relations.
pub(crate) fn count_select(cost: &mut StatementCost, select: &SelectStmt) {
    let from = select.from_clause();
    cost.joins += u32::try_from(from.len().saturating_sub(1)).unwrap_or(u32::MAX);
    let is_limited = !matches!(select.limit_count(), Node::None);
    cost.cartesian_products += unjoined(from, select.where_clause(), is_limited);
    let is_of_a_table = from
        .iter()
        .any(|item| is_table(item) && !is_common_table(item, select));
    if is_of_a_table && returns_everything(select) {
        cost.unlimited_reads += 1;
    }
}

fn returns_everything(select: &SelectStmt) -> bool {
    matches!(select.where_clause(), Node::None)
        && matches!(select.limit_count(), Node::None)
        && select.group_clause().is_empty()
        && matches!(select.having_clause(), Node::None)
        && !select
            .target_list()
            .into_iter()
            .all(|column| matches!(column.val(), Node::FuncCall(_)))
}

/// Whether an item of a `FROM` is defined by the query's own `WITH`.
fn is_common_table(item: Node<'_>, select: &SelectStmt) -> bool {
    let (Node::RangeVar(range), Some(with)) = (item, select.with_clause()) else {
        return false;
    };
    let named = |table: &CommonTableExpr| table.ctename() == range.relname();
    range.schemaname().is_none() && with.ctes().into_iter().any(named)
}

fn is_table(node: Node<'_>) -> bool {
    matches!(node, Node::RangeVar(_))
}

fn alias(range: &RangeVar) -> Option<&str> {
    match range.alias() {
        Some(alias) => alias.aliasname(),
        None => range.relname(),
    }
}

/// How many relations of a `FROM`, listed with commas, nothing joins to the others. Functions, subqueries and values are
/// taken to be joined: they are often one row.
fn unjoined(from: &NodeList, condition: Node<'_>, is_limited: bool) -> u32 {
    if from.len() < 2 || from.len() > ITEMS_MAX {
        return 0;
    }
    let items: Vec<Vec<&str>> = from.iter().map(aliases).collect();
    let tables = from
        .iter()
        .filter(|item| is_table(*item) || matches!(item, Node::JoinExpr(_)))
        .count();
    if tables < 2 {
        return 0;
    }
    // The last one stands for what is joined or narrowed from outside: by the query around, or by a value.
    let mut group: Vec<usize> = (0..=items.len()).collect();
    let Some(mentions) = mentions(condition) else {
        return 0;
    };
    let (mut single, mut mentioned) = (vec![false; items.len()], vec![false; items.len()]);
    for Mention {
        qualifiers,
        is_of_one_row,
    } in mentions
    {
        let place = |one: &&str| {
            items
                .iter()
                .position(|item| item.contains(one))
                .unwrap_or(items.len())
        };
        let mut touched: Vec<usize> = qualifiers.iter().map(place).collect();
        touched.sort_unstable();
        for &at in touched.iter().filter(|at| **at < items.len()) {
            mentioned[at] = true;
            // Of a join, one side alone is one row.
            single[at] |= is_of_one_row && items[at].len() == 1;
        }
        for pair in touched.windows(2) {
            let (keep, gone) = (group[pair[0]], group[pair[1]]);
            group
                .iter_mut()
                .filter(|one| **one == gone)
                .for_each(|one| *one = keep);
        }
    }
    // A relation that nothing is asked of is returned whole beside the one row: a join was forgotten.
    let is_narrowed = is_limited
        || mentioned
            .iter()
            .zip(&items)
            .all(|(said, item)| *said || item.is_empty());
    let mut groups: Vec<usize> = (0..items.len())
        .filter(|&at| !(items[at].is_empty() || is_narrowed && single[at]))
        .map(|at| group[at])
        .collect();
    groups.sort_unstable();
    groups.dedup();
    u32::try_from(groups.len().saturating_sub(1)).unwrap_or(u32::MAX)
}

/// The names under which an item of a `FROM` is known; none for what counts as joined.
fn aliases<'a>(item: Node<'a>) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut open = vec![item];
    while let Some(node) = open.pop() {
        match node {
            Node::RangeVar(range) => found.extend(alias(range)),
            Node::JoinExpr(join) => open.extend([join.larg(), join.rarg()]),
            _ => return Vec::new(),
        }
    }
    found
}

/// No relation has an empty name.
const FROM_OUTSIDE: &str = "";
/// What columns are called of which every row has its own value. Without a catalog it is not known; a foreign key (`user_id`) is not
/// among them.
const KEYS: [&str; 8] = ["id", "key", "name", "code", "slug", "uuid", "guid", "email"];

/// What stands together in one part of a condition.
struct Mention<'a> {
    qualifiers: Vec<&'a str>,
    /// A key is compared with a value: whatever relation it is, one row of it is left.
    is_of_one_row: bool,
}

/// The column of `a.id = 7`, which leaves few rows, whichever side it stands on.
fn compared_with_a_value(part: Node<'_>) -> Option<&ColumnRef> {
    let Node::A_Expr(compared) = part else {
        return None;
    };
    let is_equality =
        compared.kind == A_Expr_Kind::AEXPR_OP && names::qualified(compared.name()) == Some((None, "="));
    match (compared.lexpr(), compared.rexpr()) {
        (Node::ColumnRef(column), Node::A_Const(_) | Node::ParamRef(_))
        | (Node::A_Const(_) | Node::ParamRef(_), Node::ColumnRef(column)) => is_equality.then_some(column),
        _ => None,
    }
}

fn is_key(column: &ColumnRef) -> bool {
    matches!(names::qualified(column.fields()), Some((Some(_), name)) if KEYS.contains(&name))
}

/// The parts of a condition. None when a column without qualifier, or a condition too
/// large, leaves open what is joined.
fn mentions<'a>(condition: Node<'a>) -> Option<Vec<Mention<'a>>> {
    let mut found = Vec::new();
    let mut parts = vec![condition];
    let mut seen = 0;
    while let Some(part) = parts.pop() {
        if let Node::BoolExpr(all) = part
            && all.boolop == pg_raw_parse::raw::BoolExprType::AND_EXPR
        {
            parts.extend(all.args().iter());
            continue;
        }
        let mut qualifiers = Vec::new();
        let mut columns = 0;
        let mut bare = 0;
        let mut open = vec![part];
        while let Some(node) = open.pop() {
            seen += 1;
            if seen > CONDITION_NODES_MAX {
                return None;
            }
            match node {
                Node::ColumnRef(column) => {
                    columns += 1;
                    match names::qualified(column.fields()) {
                        Some((Some(qualifier), _)) => qualifiers.push(qualifier),
                        _ => bare += 1,
                    }
                }
                node => {
                    if !children(node, &mut open) {
                        return None;
                    }
                }
            }
        }
        if bare > 0 && columns > 1 {
            return None;
        }
        let fixed = compared_with_a_value(part);
        if fixed.is_some() {
            qualifiers.push(FROM_OUTSIDE);
        }
        found.push(Mention {
            qualifiers,
            is_of_one_row: fixed.is_some_and(is_key),
        });
    }
    Some(found)
}
