//! A check that left a handler's body, and stands before the handler: as its middleware, decorator or dependency.

use std::collections::BTreeSet;

use crate::analysis::code::Code;
use crate::analysis::guards::is_about_access;
use crate::analysis::handlers::{is_guard, routes};
use crate::analysis::words::words;
use crate::matching::Source;
use crate::rules::comparison::Both;
use crate::tree::{Kind, NodeId, Role};

/// What the change puts before a handler instead of the check in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cover {
    None,
    /// A guard that asks something else, as far as its name says.
    Other,
    Same,
}

/// Words of what somebody must be, beyond being signed in.
const WHO: &[&str] = &[
    "role",
    "owner",
    "admin",
    "staff",
    "permission",
    "scope",
    "tenant",
    "superuser",
    "moderator",
    "privilege",
    "acl",
    "csrf",
    "signature",
    "manager",
    "editor",
    "member",
    "team",
    "plan",
];

/// `asked` are the names in the condition that is gone.
pub fn cover(both: &Both<'_>, name: &str, base: NodeId, now: NodeId, asked: &[&str]) -> Cover {
    let before = around(both.base, base);
    let guards: Vec<String> = around(both.head, now)
        .into_iter()
        .filter(|guard| !before.contains(guard))
        .collect();
    let called = name.rsplit(['.', ' ']).next().unwrap_or(name);
    let elsewhere = both.moved.added().filter(|added| {
        called.len() > 3
            && added
                .split(|char: char| !char.is_alphanumeric() && char != '_')
                .any(|word| word == called)
    });
    let mut all: BTreeSet<String> = elsewhere
        .flat_map(|added| added.split(|char: char| !char.is_alphanumeric() && char != '_'))
        .filter(|word| *word != called)
        .map(str::to_owned)
        .collect();
    all.extend(guards);
    if !all.iter().any(|guard| is_guard(guard) || is_about_access(guard)) {
        return Cover::None;
    }
    let who = |name: &str| -> BTreeSet<&'static str> {
        let words = words(name);
        let begins = |part: &&&str| words.iter().any(|word| word.starts_with(**part));
        WHO.iter().filter(begins).copied().collect()
    };
    let wanted: BTreeSet<&str> = asked.iter().flat_map(|name| who(name)).collect();
    let has = all.iter().any(|guard| !who(guard).is_disjoint(&wanted));
    if wanted.is_empty() || has {
        Cover::Same
    } else {
        Cover::Other
    }
}

/// Names and texts in what stands before a function.
fn around(source: &Source, function: NodeId) -> BTreeSet<String> {
    let code = Code::of(source);
    let tree = code.tree;
    let mut parts: Vec<NodeId> = tree.children_in(function, Role::Decorator).collect();
    for class in tree
        .ancestors(function)
        .filter(|around| tree.kind(*around) == Kind::Class)
    {
        parts.extend(tree.children_in(class, Role::Decorator));
        parts.extend(tree.children_in(class, Role::Base));
    }
    for param in tree.children_in(function, Role::Param) {
        parts.extend(tree.child(param, Role::Default));
        parts.extend(tree.children_in(param, Role::Decorator));
    }
    let own = code.function_name(function);
    for call in code.source.of_kind(Kind::Call) {
        let args: Vec<NodeId> = tree.children_in(*call, Role::Arg).collect();
        let is_it = |arg: &NodeId| {
            *arg == function
                || !own.is_empty()
                    && matches!(tree.kind(*arg), Kind::Name | Kind::Member)
                    && tree.name(*arg) == own
        };
        if args.iter().any(is_it) {
            parts.extend(args.iter().copied().filter(|arg| !is_it(arg)));
            // `requireOwner(close)` as an argument of its own, `r.With(requireOwner).Delete(…)`
            parts.extend(tree.child(*call, Role::Callee));
            let outer = tree.parent(*call).filter(|outer| tree.kind(*outer) == Kind::Call);
            if let Some(callee) = outer.and_then(|outer| tree.child(outer, Role::Callee)) {
                parts.push(callee);
            }
        }
    }
    let mut found = BTreeSet::new();
    for part in parts {
        for id in tree.subtree(part) {
            if matches!(tree.kind(id), Kind::Name | Kind::Member | Kind::Str) && !tree.within(id, function) {
                found.insert(tree.name(id).to_owned());
            }
        }
        // Parameters' types are kept as text.
        if tree.kind(part) == Kind::Type {
            found.insert(tree.name(part).to_owned());
        }
    }
    let of = routes(code)
        .into_iter()
        .filter(|route| route.handler == Some(function));
    found.extend(of.flat_map(|route| route.guards));
    found
}
