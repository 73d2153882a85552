//! Statements: what is returned, called, written, raised, caught, or done otherwise.

use safeguard_scan::tree::{Flags, Kind, NodeId, Role};

use crate::mutant::Operator;
use crate::pointless::only_reports;
use crate::site::Site;

pub fn propose(site: &mut Site<'_>, id: NodeId) {
    match site.tree.kind(id) {
        Kind::Return => returned(site, id),
        Kind::ExprStmt => call(site, id),
        Kind::Assign => write(site, id),
        Kind::Raise => raise(site, id),
        Kind::Catch => catch(site, id),
        Kind::If => otherwise(site, id),
        _ => {}
    }
}

fn returned(site: &mut Site<'_>, id: NodeId) {
    let Some(value) = site.tree.child(id, Role::Value) else {
        return;
    };
    let (kind, span) = (site.tree.kind(value), site.tree.span(id));
    if site.is_go() {
        if kind == Kind::Name && site.tree.name(value) == "err" {
            let would = "the error would not be told".to_owned();
            site.propose(id, site.tree.span(value), "nil", Operator::ReturnValue, would);
        }
        return;
    }
    // These are broken by mutants of their own, which tests notice no sooner.
    let has_its_own = match kind {
        Kind::Bool | Kind::Null | Kind::Num | Kind::Conditional => true,
        Kind::Binary => !matches!(site.tree.name(value), "and" | "or" | "??"),
        Kind::Unary => site.tree.name(value) == "not",
        Kind::Jsx | Kind::Compare => true,
        Kind::Name => site.tree.name(value) == "undefined",
        _ => false,
    };
    if has_its_own {
        return;
    }
    let (instead, nothing) = match site.is_python() {
        true => ("return None", "`None`"),
        false => ("return undefined;", "`undefined`"),
    };
    let would = format!("{nothing} would be returned instead of {}", site.quoted(value));
    site.propose(id, span, instead, Operator::ReturnValue, would);
}

fn call(site: &mut Site<'_>, id: NodeId) {
    let value = site.tree.child(id, Role::Value);
    let call = value.and_then(|value| match site.tree.kind(value) {
        Kind::Await => site.tree.child(value, Role::Value),
        _ => Some(value),
    });
    let Some(call) = call.filter(|call| site.tree.kind(*call) == Kind::Call) else {
        return;
    };
    let callee = site
        .tree
        .child(call, Role::Callee)
        .map_or("", |callee| site.tree.source(callee));
    if only_reports(site.tree, call) || callee.starts_with("super") || is_last_of_its_kind(callee) {
        return;
    }
    let would = format!("{} would not be called", site.quoted(call));
    site.propose(
        id,
        site.tree.span(id),
        site.nothing(),
        Operator::RemovedCall,
        would,
    );
}

/// What only sets up tests, routes or an order of ends: it is noticed by all or by none.
fn is_last_of_its_kind(callee: &str) -> bool {
    let last = callee.rsplit('.').next().unwrap_or(callee);
    matches!(
        last,
        "describe"
            | "it"
            | "test"
            | "beforeEach"
            | "afterEach"
            | "require"
            | "unref"
            | "preventDefault"
            | "gc"
            | "collect"
            | "flush"
    )
}

/// What is written into an object outlives the function.
fn write(site: &mut Site<'_>, id: NodeId) {
    let tree = site.tree;
    let targets: Vec<NodeId> = tree.children_in(id, Role::Target).collect();
    let [target] = targets.as_slice() else {
        return;
    };
    let is_statement = tree.role(id) == Role::Item
        && tree
            .parent(id)
            .is_some_and(|parent| matches!(tree.kind(parent), Kind::Block | Kind::Module));
    let is_outside = matches!(tree.kind(*target), Kind::Member | Kind::Index);
    let in_constructor = tree.ancestors(id).any(|around| {
        tree.kind(around) == Kind::Function
            && matches!(tree.name(around), "__init__" | "constructor" | "__new__")
    });
    if !is_statement
        || !is_outside
        || tree.name(id) != "="
        || tree.flags(id).has(Flags::DECLARATION)
        || in_constructor
    {
        return;
    }
    // Nothing refers to what stands at the top of a module before its exports are there.
    if tree.source(*target).starts_with("module.exports") || tree.source(*target).starts_with("exports.") {
        return;
    }
    let would = format!("{} would not be set", site.quoted(*target));
    site.propose(id, tree.span(id), site.nothing(), Operator::RemovedWrite, would);
}

fn raise(site: &mut Site<'_>, id: NodeId) {
    let tree = site.tree;
    let Some(block) = tree.parent(id) else {
        return;
    };
    let holder = tree.parent(block).unwrap_or(NodeId::ROOT);
    // Without its guard, the same is noticed.
    let is_guarded = tree.kind(holder) == Kind::If && tree.role(block) == Role::Body;
    let is_a_gap = tree
        .child(id, Role::Value)
        .is_some_and(|value| tree.source(value).contains("NotImplemented"));
    if is_guarded || is_a_gap || tree.kind(block) != Kind::Block {
        return;
    }
    let would = format!("{} would be left out", site.quoted(id));
    site.propose(id, tree.span(id), site.nothing(), Operator::RemovedRaise, would);
}

/// A handler that does something, or nothing on purpose: without it, the exception goes on.
fn catch(site: &mut Site<'_>, id: NodeId) {
    let tree = site.tree;
    let Some(body) = tree.child(id, Role::Body) else {
        return;
    };
    let raises = tree.subtree(body).any(|inner| tree.kind(inner) == Kind::Raise);
    if raises {
        return;
    }
    let instead = match (site.is_python(), tree.name(id)) {
        (true, _) => "raise".to_owned(),
        (false, "") => return,
        (false, name) => format!("{{ throw {name}; }}"),
    };
    let types: Vec<&str> = tree
        .children_in(id, Role::Type)
        .map(|kind| tree.source(kind))
        .collect();
    let what = match types.as_slice() {
        [] => "the exception".to_owned(),
        types => format!("`{}`", types.join(", ")),
    };
    let would = format!("{what} would not be handled, and go on to the caller");
    site.propose(id, tree.span(body), instead, Operator::UnhandledException, would);
}

fn otherwise(site: &mut Site<'_>, id: NodeId) {
    let tree = site.tree;
    let Some(other) = tree
        .child(id, Role::Else)
        .filter(|other| tree.kind(*other) == Kind::Block)
    else {
        return;
    };
    let has_its_own = |statement: NodeId| match tree.kind(statement) {
        Kind::Return | Kind::Raise | Kind::ExprStmt => true,
        Kind::Assign => tree
            .child(statement, Role::Target)
            .is_some_and(|target| tree.kind(target) == Kind::Member),
        _ => false,
    };
    // Whatever notices that one of the statements is left out notices that all are.
    if site.statements(other).into_iter().any(has_its_own) || site.statements(other).is_empty() {
        return;
    }
    let instead = match site.is_python() {
        true => "pass",
        false => "{}",
    };
    let condition = tree
        .child(id, Role::Condition)
        .map_or_else(String::new, |condition| site.quoted(condition));
    let would = format!("nothing would be done where {condition} does not hold");
    site.propose(other, tree.span(other), instead, Operator::RemovedElse, would);
}
