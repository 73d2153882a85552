//! Calls and accesses: the opposite function, the bounds of a slice, what may be missing, and guards that stand before a function.

use safeguard_scan::analysis::guards::is_about_access;
use safeguard_scan::tree::{Flags, Kind, NodeId, Role};

use crate::mutant::Operator;
use crate::site::Site;

const OPPOSITES: &[(&str, &str)] = &[
    ("all", "any"),
    ("ceil", "floor"),
    ("endsWith", "startsWith"),
    ("endswith", "startswith"),
    ("every", "some"),
    ("lower", "upper"),
    ("lstrip", "rstrip"),
    ("max", "min"),
    ("toLowerCase", "toUpperCase"),
];

/// Parts of a decorator's name that keep something whole.
const KEEPS_WHOLE: &[&str] = &["atomic", "transaction", "valid", "lock", "retry", "idempotent"];

pub fn propose(site: &mut Site<'_>, id: NodeId) {
    match site.tree.kind(id) {
        Kind::Call => opposite(site, id),
        Kind::Slice => bounds(site, id),
        Kind::Member => optional(site, id),
        Kind::Decorator => decorator(site, id),
        _ => {}
    }
}

fn opposite(site: &mut Site<'_>, id: NodeId) {
    let name = site.called(id);
    let other = OPPOSITES.iter().find_map(|(one, other)| {
        (*one == name)
            .then_some(*other)
            .or((*other == name).then_some(*one))
    });
    let (Some(other), Some(callee)) = (other, site.tree.child(id, Role::Callee)) else {
        return;
    };
    // `any` and `max` of nothing, or of one, are `all` and `min` of it; without an argument it is somebody else's function.
    let is_method = matches!(
        name,
        "lower" | "upper" | "lstrip" | "rstrip" | "toLowerCase" | "toUpperCase"
    );
    if !is_method && site.tree.child(id, Role::Arg).is_none()
        || is_method && site.tree.kind(callee) != Kind::Member
    {
        return;
    }
    let end = site.tree.span(callee).end;
    let span = end.saturating_sub(name.len())..end;
    if site.tree.text().get(span.clone()) == Some(name) {
        let would = format!("`{name}` would be `{other}` in {}", site.quoted(id));
        site.propose(id, span, other, Operator::Opposite, would);
    }
}

fn bounds(site: &mut Site<'_>, id: NodeId) {
    for (role, bound) in [(Role::Lower, "begin"), (Role::Upper, "end")] {
        if let Some(at) = site.tree.child(id, role) {
            let would = format!(
                "the slice would {bound} where the value does, not at {}",
                site.quoted(at)
            );
            site.propose(at, site.tree.span(at), "", Operator::SliceBound, would);
        }
    }
}

/// `a?.b`: what may be missing is not asked for.
fn optional(site: &mut Site<'_>, id: NodeId) {
    let Some(object) = site.tree.child(id, Role::Object) else {
        return;
    };
    if !site.tree.flags(id).has(Flags::OPTIONAL) {
        return;
    }
    let start = site.tree.span(object).end;
    let rest = site.tree.text().get(start..site.tree.span(id).end).unwrap_or("");
    if let Some(at) = rest.find("?.") {
        let would = format!("{} would have to be there", site.quoted(object));
        site.propose(
            id,
            start + at..start + at + 2,
            ".",
            Operator::OptionalAccess,
            would,
        );
    }
}

/// `@login_required`, `@transaction.atomic`.
fn decorator(site: &mut Site<'_>, id: NodeId) {
    let Some(value) = site.tree.child(id, Role::Value).filter(|_| site.is_python()) else {
        return;
    };
    let name = match site.tree.kind(value) {
        Kind::Call => site.called(value),
        _ => site.tree.name(value),
    };
    let lower = name.to_ascii_lowercase();
    if is_about_access(name) || KEEPS_WHOLE.iter().any(|part| lower.contains(part)) {
        let would = format!("{} would be left out", site.quoted(id));
        site.propose(id, site.tree.span(id), "", Operator::RemovedDecorator, would);
    }
}
