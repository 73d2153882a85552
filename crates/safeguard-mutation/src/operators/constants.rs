//! Constants: numbers off by one, texts that are empty, the other truth.

use safeguard_scan::tree::{Flags, Kind, NodeId, Role};

use crate::mutant::Operator;
use crate::pointless::is_unseen_constant;
use crate::site::{Site, quoted};

/// A longer text is a message or a document, and seldom compared.
const TEXT_CHARS_MAX: usize = 60;

pub fn propose(site: &mut Site<'_>, id: NodeId) {
    if is_unseen_constant(site.tree, id) {
        return;
    }
    match site.tree.kind(id) {
        Kind::Bool => truth(site, id),
        Kind::Num => number(site, id),
        Kind::Str => text(site, id),
        _ => {}
    }
}

fn operator(site: &Site<'_>, id: NodeId, own: Operator) -> Operator {
    match site.tree.role(id) {
        Role::Default => Operator::DefaultArgument,
        _ => own,
    }
}

fn truth(site: &mut Site<'_>, id: NodeId) {
    // `while True`, and what is no question.
    if site.tree.role(id) == Role::Condition {
        return;
    }
    let instead = site.bool(site.tree.name(id) != "true");
    let would = format!("{} would be `{instead}`{}", site.quoted(id), place(site, id));
    let operator = operator(site, id, Operator::Bool);
    site.propose(id, site.tree.span(id), instead, operator, would);
}

fn number(site: &mut Site<'_>, id: NodeId) {
    let Some(parent) = site.tree.parent(id) else {
        return;
    };
    // What notices the limit of a comparison notices a limit that is off by one.
    let is_compared = match site.tree.kind(parent) {
        Kind::Binary => matches!(site.tree.name(parent), "<" | "<=" | ">" | ">="),
        Kind::Compare => true,
        Kind::Assign => site.tree.flags(parent).has(Flags::STEP),
        _ => false,
    };
    // Beside an error, a value is not looked at.
    let is_beside_an_error =
        site.is_go() && site.tree.kind(parent) == Kind::Return && site.tree.children(parent).count() > 1
            || site
                .tree
                .parent(parent)
                .is_some_and(|outer| site.is_go() && site.tree.kind(outer) == Kind::Return);
    let text = site.tree.source(id);
    let Some(instead) = off_by_one(text).filter(|_| !is_compared && !is_beside_an_error) else {
        return;
    };
    let would = format!("{} would be `{instead}`{}", quoted(text), place(site, id));
    let operator = operator(site, id, Operator::Number);
    site.propose(id, site.tree.span(id), instead, operator, would);
}

/// The next number, written as plainly as the first. Other notations and sizes are left alone.
fn off_by_one(text: &str) -> Option<String> {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let plain = text.replace('_', "");
    match plain.split_once('.') {
        None if digits(&plain) => match plain.parse::<u64>().ok()? {
            1 => Some("0".to_owned()),
            number => Some(number.checked_add(1)?.to_string()),
        },
        Some((whole, rest)) if digits(whole) && digits(rest) => {
            Some(format!("{}.{rest}", whole.parse::<u64>().ok()?.checked_add(1)?))
        }
        _ => None,
    }
}

fn text(site: &mut Site<'_>, id: NodeId) {
    let value = site.tree.name(id);
    let written = site.tree.source(id);
    let is_plain =
        written.starts_with(['"', '\'']) && !written.contains('\n') && !written.starts_with("\"\"\"");
    if !is_plain || value.chars().count() > TEXT_CHARS_MAX || site.tree.flags(id).has(Flags::BYTES) {
        return;
    }
    // Also of the kind of `"use strict"`, and of names that only a frame of work reads.
    let holder = site
        .tree
        .parent(id)
        .map_or(Kind::Other, |parent| site.tree.kind(parent));
    if !matches!(
        holder,
        Kind::Return
            | Kind::Assign
            | Kind::Binary
            | Kind::Conditional
            | Kind::Param
            | Kind::Pair
            | Kind::Keyword
            | Kind::List
    ) {
        return;
    }
    let instead = match value.is_empty() {
        true => "\"changed\"",
        false => "\"\"",
    };
    let would = format!("{} would be `{instead}`{}", quoted(written), place(site, id));
    let operator = operator(site, id, Operator::Text);
    site.propose(id, site.tree.span(id), instead, operator, would);
}

fn place(site: &Site<'_>, id: NodeId) -> String {
    let Some(parent) = site.tree.parent(id) else {
        return String::new();
    };
    match site.tree.kind(parent) {
        Kind::Param => format!(" where `{}` is not given", site.tree.name(parent)),
        Kind::Keyword => format!(" for `{}`", site.tree.name(parent)),
        Kind::Binary => format!(" in {}", site.quoted(parent)),
        _ => String::new(),
    }
}
