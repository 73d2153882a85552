//! Comparisons: the limit itself, and the opposite.

use safeguard_scan::tree::{Kind, NodeId, Role};

use crate::mutant::Operator;
use crate::site::Site;

pub fn propose(site: &mut Site<'_>, id: NodeId) {
    match site.tree.kind(id) {
        Kind::Binary => {
            if let Some((left, right)) = site.left_and_right(id) {
                let operator = site.tree.name(id);
                limit(site, id, operator, left, right);
                if !site.is_noticed_otherwise(id) {
                    opposite(site, id, operator, left, right);
                }
            }
        }
        Kind::Compare => {
            let items: Vec<NodeId> = site.tree.children_in(id, Role::Item).collect();
            let operators: Vec<&str> = site.tree.name(id).split(' ').collect();
            // `is not` is two words.
            if operators.len() + 1 == items.len() {
                for (pair, operator) in items.windows(2).zip(operators) {
                    if let [left, right] = pair {
                        limit(site, id, operator, *left, *right);
                    }
                }
            }
        }
        _ => {}
    }
}

fn limit(site: &mut Site<'_>, id: NodeId, operator: &str, left: NodeId, right: NodeId) {
    let (instead, also) = match operator {
        "<" => ("<=", true),
        "<=" => ("<", false),
        ">" => (">=", true),
        ">=" => (">", false),
        _ => return,
    };
    // A length is never less than nothing: one of the two would be no comparison any more, which the condition's own mutants are.
    let is_length = |node: NodeId| {
        let tree = site.tree;
        match tree.kind(node) {
            Kind::Call => site.called(node) == "len",
            Kind::Member => matches!(tree.name(node), "length" | "size"),
            _ => false,
        }
    };
    let is_nothing = |node: NodeId| site.tree.source(node) == "0";
    if is_length(left) && is_nothing(right) || is_nothing(left) && is_length(right) {
        return;
    }
    if gives_one_of_both(site, id, left, right) {
        return;
    }
    if let Some(span) = site.token_between(left, right, operator) {
        let (left, right) = (site.quoted(left), site.quoted(right));
        let would = match also {
            true => format!("{left} equal to {right} would count as well"),
            false => format!("{left} equal to {right} would not count any more"),
        };
        site.propose(id, span, instead, Operator::Boundary, would);
    }
}

fn opposite(site: &mut Site<'_>, id: NodeId, operator: &str, left: NodeId, right: NodeId) {
    let instead = match operator {
        "==" => "!=",
        "!=" => "==",
        "===" => "!==",
        "!==" => "===",
        "is" => "is not",
        "is not" => "is",
        "in" if site.is_python() => "not in",
        "not in" => "in",
        "<" => ">=",
        "<=" => ">",
        ">" => "<=",
        ">=" => "<",
        _ => return,
    };
    if let Some(span) = site.token_between(left, right, operator) {
        let would = format!("{} would be turned round", site.quoted(id));
        site.propose(id, span, instead, Operator::Negation, would);
    }
}

/// `if n > most: n = most`, `a if a > b else b`: where both are equal, it is the same which is taken.
fn gives_one_of_both(site: &Site<'_>, id: NodeId, left: NodeId, right: NodeId) -> bool {
    let tree = site.tree;
    let Some(holder) = tree.parent(id).filter(|_| tree.role(id) == Role::Condition) else {
        return false;
    };
    let is_one = |node: NodeId| {
        [left, right]
            .iter()
            .any(|side| tree.source(*side) == tree.source(node))
    };
    match tree.kind(holder) {
        Kind::Conditional => [Role::Value, Role::Else]
            .into_iter()
            .all(|role| tree.child(holder, role).is_some_and(is_one)),
        Kind::If => tree.child(holder, Role::Body).is_some_and(|body| {
            let statements = site.statements(body);
            let [statement] = statements.as_slice() else {
                return false;
            };
            tree.kind(*statement) == Kind::Assign && tree.children(*statement).all(is_one)
        }),
        _ => false,
    }
}
