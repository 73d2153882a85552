//! Arithmetic.

use safeguard_scan::tree::{Flags, Kind, NodeId, Role};

use crate::mutant::Operator;
use crate::site::Site;

pub fn propose(site: &mut Site<'_>, id: NodeId) {
    match site.tree.kind(id) {
        Kind::Binary => {
            if let Some((left, right)) = site.left_and_right(id)
                && let Some(instead) = other(site.tree.name(id))
                && !is_text(site, left)
                && !is_text(site, right)
            {
                replace(site, id, left, right, site.tree.name(id), instead);
            }
        }
        Kind::Assign if site.tree.flags(id).has(Flags::STEP) => step(site, id),
        Kind::Assign => {
            let (Some(target), Some(value)) = (
                site.tree.child(id, Role::Target),
                site.tree.child(id, Role::Value),
            ) else {
                return;
            };
            let name = site.tree.name(id);
            let instead = name
                .strip_suffix('=')
                .and_then(other)
                .map(|operator| format!("{operator}="));
            if let Some(instead) = instead.filter(|_| !is_text(site, value)) {
                replace(site, id, target, value, name, &instead);
            }
        }
        Kind::Unary if site.tree.name(id) == "-" => {
            if let Some(value) = site.tree.child(id, Role::Value)
                && site.tree.kind(value) != Kind::Num
            {
                let would = format!("the sign of {} would be kept", site.quoted(value));
                site.propose(
                    id,
                    site.tree.span(id),
                    site.whole(value),
                    Operator::Arithmetic,
                    would,
                );
            }
        }
        _ => {}
    }
}

fn replace(site: &mut Site<'_>, id: NodeId, left: NodeId, right: NodeId, operator: &str, instead: &str) {
    if let Some(span) = site.token_between(left, right, operator) {
        let would = format!("`{operator}` would be `{instead}` in {}", site.quoted(id));
        site.propose(id, span, instead, Operator::Arithmetic, would);
    }
}

/// `i++` outside of the head of a loop, which would not end.
fn step(site: &mut Site<'_>, id: NodeId) {
    let is_in_loop = site.tree.role(id) == Role::Update
        || site
            .tree
            .ancestors(id)
            .take_while(|around| !matches!(site.tree.kind(*around), Kind::Function | Kind::Lambda))
            .any(|around| matches!(site.tree.kind(around), Kind::While | Kind::DoWhile));
    if is_in_loop {
        return;
    }
    let text = site.tree.source(id);
    let instead = match text.contains("++") {
        true => text.replacen("++", "--", 1),
        false => text.replacen("--", "++", 1),
    };
    if instead != text {
        let would = format!("{} would count the other way", site.quoted(id));
        site.propose(id, site.tree.span(id), instead, Operator::Arithmetic, would);
    }
}

fn other(operator: &str) -> Option<&'static str> {
    Some(match operator {
        "+" => "-",
        "-" => "+",
        "*" => "/",
        "/" => "*",
        "//" => "*",
        "%" => "*",
        "**" => "*",
        "<<" => ">>",
        ">>" => "<<",
        "&" => "|",
        "|" => "&",
        "^" => "&",
        _ => return None,
    })
}

/// Texts and lists are put together by `+` alone: whatever else fails at once, in every test.
fn is_text(site: &Site<'_>, id: NodeId) -> bool {
    match site.tree.kind(id) {
        Kind::Str | Kind::Interp | Kind::List | Kind::Tuple | Kind::Tagged | Kind::Comprehension => true,
        Kind::Binary => site
            .left_and_right(id)
            .is_some_and(|(left, right)| is_text(site, left) || is_text(site, right)),
        Kind::Call => matches!(
            site.called(id),
            "str" | "String" | "join" | "format" | "toString" | "list"
        ),
        _ => false,
    }
}
