//! Who may do something was asked before, and is not asked any more.

mod classes;
mod covered;
mod hollow;
mod layered;
mod matcher;
mod opened;
mod optional;
mod procedures;
mod unscoped;
mod unverified;
mod weaker;
mod wide;

use std::collections::BTreeSet;

use safeguard_api::evidence::Severity;

use crate::analysis::functions::{body_nodes, called, head, is_rewritten};
use crate::analysis::guards::{guards, is_about_access, names, rejects};
use crate::analysis::handlers::is_guard;
use crate::matching::{Source, canonical};
use crate::rule::Confidence;
use crate::rules::ALL_LANGUAGES;
use crate::rules::comparison::{Both, Comparison, Taken, pairs};
use crate::tree::{Kind, NodeId, Role, Tree};
use opened::names_for_everybody;

pub static COMPARISON: Comparison = Comparison {
    id: "removed-access-check",
    failure: "X3",
    cwe: &["CWE-862"],
    languages: ALL_LANGUAGES,
    run,
    gone: None,
};

fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    // Applications that tests make up guard nothing.
    if both.head.is_test() {
        return;
    }
    for (name, base, now) in pairs(both) {
        around(both, &name, base, now, taken);
        within(both, &name, base, now, taken);
        hollow::within(both, &name, base, now, taken);
    }
    routes(both, taken);
    classes::run(both, taken);
    layered::run(both, taken);
    matcher::run(both, taken);
    opened::run(both, taken);
    optional::run(both, taken);
    procedures::run(both, taken);
    wide::run(both, taken);
    unverified::run(both, taken);
    unscoped::run(both, taken);
    weaker::run(both, taken);
}

/// Decorators, and dependencies among the parameters.
fn around(both: &Both<'_>, name: &str, base: NodeId, now: NodeId, taken: &mut Vec<Taken>) {
    let before = asked_around(both.base, base);
    let still = asked_around(both.head, now);
    for gone in before.difference(&still) {
        if both.moved.mentions(gone) {
            continue;
        }
        taken.push(Taken {
            node: head(&both.head.tree, now),
            severity: Severity::Critical,
            confidence: if still.is_empty() || weaker::is_weaker(gone, &still) {
                Confidence::High
            } else {
                Confidence::Medium
            },
            message: format!("`{gone}` guarded `{name}`, and this change takes it away"),
        });
    }
}

/// The checks that stand around a function: by name, so that other arguments are no removal.
fn asked_around(source: &Source, function: NodeId) -> BTreeSet<String> {
    let tree = &source.tree;
    let decorators = tree.children_in(function, Role::Decorator);
    let defaults = tree
        .children_in(function, Role::Param)
        .filter_map(|param| tree.child(param, Role::Default));
    let types = tree
        .children_in(function, Role::Param)
        .filter_map(|param| tree.child(param, Role::Type));
    let mut asked = BTreeSet::new();
    for part in decorators.chain(defaults) {
        asked.extend(access_names(tree, part));
    }
    for annotation in types {
        // `Annotated[User, Depends(current_user)]`
        if let Some((_, inner)) = tree.name(annotation).split_once("Depends(") {
            let name: String = inner
                .chars()
                .take_while(|char| char.is_alphanumeric() || *char == '_')
                .collect();
            if is_about_access(&name) {
                asked.insert(name);
            }
        }
    }
    asked
}

/// The names of a mark that ask something: not those that let everybody in.
fn asks_of(tree: &Tree, decorator: NodeId) -> Vec<String> {
    let mut names = access_names(tree, decorator);
    names.retain(|name| !matches!(name.as_str(), "PermitAll" | "permitAll"));
    names
}

/// Names in a decorator, a default or an argument that speak of access.
fn access_names(tree: &Tree, part: NodeId) -> Vec<String> {
    tree.subtree(part)
        .filter(|id| matches!(tree.kind(*id), Kind::Name | Kind::Member))
        .map(|id| tree.name(id).to_owned())
        .filter(|name| is_about_access(name) || name == "requires" && tree.kind(part) == Kind::Decorator)
        .collect()
}

/// Middleware among the arguments of a route: `router.post('/orders', requireAuth, create)`.
fn routes(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let now = all_routes(both.head);
    let base = all_routes(both.base);
    for (route, before, _) in &base {
        // One path may stand in several applications of a file, and which is which can not be told.
        let is_one = |all: &[(String, BTreeSet<String>, NodeId)]| {
            all.iter().filter(|(other, _, _)| other == route).count() == 1
        };
        let Some((_, still, node)) = now.iter().find(|(other, _, _)| other == route) else {
            continue;
        };
        if !is_one(&now) || !is_one(&base) {
            continue;
        }
        for gone in before.difference(still) {
            if both.moved.mentions(gone) {
                continue;
            }
            taken.push(Taken {
                node: *node,
                severity: Severity::Critical,
                confidence: if still.is_empty() || weaker::is_weaker(gone, still) {
                    Confidence::High
                } else {
                    Confidence::Medium
                },
                message: format!("`{gone}` stood before `{route}`, and this change takes it away"),
            });
        }
    }
}

fn all_routes(source: &Source) -> Vec<(String, BTreeSet<String>, NodeId)> {
    let tree = &source.tree;
    let mut found = Vec::new();
    for call in source.of_kind(Kind::Call) {
        let Some(method) = called(tree, *call) else {
            continue;
        };
        let is_route = matches!(
            method.to_ascii_lowercase().as_str(),
            "get"
                | "post"
                | "put"
                | "patch"
                | "delete"
                | "del"
                | "all"
                | "use"
                | "route"
                | "handle"
                | "handlefunc"
                | "options"
                | "head"
                | "group"
                | "path"
                | "re_path"
                | "add_url_rule"
                | "method"
                | "any"
                | "mount"
                | "register"
        );
        let mut arguments = tree.children_in(*call, Role::Arg);
        let Some(first) = arguments.next().filter(|first| {
            is_route && tree.kind(*first) == Kind::Str && names_path(method, tree.name(*first))
        }) else {
            continue;
        };
        let mut asked = BTreeSet::new();
        let arguments: Vec<NodeId> = arguments.collect();
        let stand_before = if is_wide(method) {
            arguments.len()
        } else {
            // The last one answers.
            arguments.len().saturating_sub(1)
        };
        for (at, argument) in arguments.into_iter().enumerate() {
            // What a handler does within is looked at where functions are.
            for id in tree.subtree(argument) {
                let in_body = tree
                    .ancestors(id)
                    .take_while(|around| around != call)
                    .any(|around| matches!(tree.kind(around), Kind::Lambda | Kind::Function));
                let is_last_name = matches!(tree.kind(id), Kind::Name | Kind::Member);
                let asks = is_about_access(tree.name(id)) || at < stand_before && is_guard(tree.name(id));
                if is_last_name && !in_body && asks {
                    asked.insert(tree.name(id).to_owned());
                }
            }
        }
        // `mux.HandleFunc` of a function is what `mux.Handle` is of a handler.
        let method = if method == "HandleFunc" { "Handle" } else { method };
        found.push((format!("{method} {}", tree.name(first)), asked, *call));
    }
    found
}

/// Whether a call puts what it is given before many routes.
fn is_wide(method: &str) -> bool {
    matches!(
        method.to_ascii_lowercase().as_str(),
        "use" | "group" | "mount" | "register" | "route"
    )
}

/// Whether a text names a route, and not the key of a map.
fn names_path(method: &str, text: &str) -> bool {
    matches!(method, "path" | "re_path") || text.starts_with(['/', '^']) || text.contains(" /")
}

/// Guards in the body, and calls that do nothing but check.
fn within(both: &Both<'_>, name: &str, base: NodeId, now: NodeId, taken: &mut Vec<Taken>) {
    let (was, is) = (&both.base.tree, &both.head.tree);
    let before = body_nodes(was, base);
    let after = body_nodes(is, now);
    let still: BTreeSet<String> = after.iter().map(|id| canonical(is, *id)).collect();
    let mut guards_now = guards(is, &after);
    guards_now.extend(after.iter().flat_map(|id| turns_away_others(is, *id)));
    for guard in guards(was, &before) {
        let condition = canonical(was, guard);
        if still.contains(&condition) || both.moved.mentions(&condition) {
            continue;
        }
        let asked: Vec<&str> = names(was, guard);
        let replaced = guards_now.iter().any(|other| {
            let names_now = names(is, *other);
            let shared = asked.iter().filter(|name| names_now.contains(name)).count();
            !before
                .iter()
                .any(|id| canonical(was, *id) == canonical(is, *other))
                && 2 * shared >= asked.len().min(names_now.len()).max(1)
        });
        let renamed = || {
            guards_now
                .iter()
                .any(|other| is_renamed((was, &before, guard), (is, &after, *other)))
        };
        if replaced || !asked.iter().any(|name| is_about_access(name)) || renamed() {
            continue;
        }
        let cover = covered::cover(both, name, base, now, &asked);
        if cover == covered::Cover::Same {
            continue;
        }
        taken.push(Taken {
            node: head(is, now),
            severity: Severity::Critical,
            confidence: if is_rewritten(was, &before, is, &after)
                || cover == covered::Cover::Other
                || calls_a_guard(both.head, &before, was, &after)
                || is_of_the_program(was, guard)
            {
                Confidence::Medium
            } else {
                Confidence::High
            },
            message: format!(
                "`{name}` turned away where `{}`, and this change takes that away",
                short(was, guard)
            ),
        });
    }
    for id in &before {
        let Some(check) = checking_call(was, *id) else {
            continue;
        };
        let is_there = still.iter().any(|other| other.contains(check));
        if is_there || both.moved.mentions(check) || !is_about_access(check) {
            continue;
        }
        taken.push(Taken {
            node: head(is, now),
            severity: Severity::Critical,
            confidence: if is_rewritten(was, &before, is, &after) {
                Confidence::Medium
            } else {
                Confidence::High
            },
            message: format!("`{name}` called `{check}` before it went on, and this change takes that away"),
        });
    }
}

/// The conditions of `if … elif … else: refuse`, which turns away whoever fits none of them.
fn turns_away_others(tree: &Tree, first: NodeId) -> Vec<NodeId> {
    let mut conditions = Vec::new();
    let mut at = first;
    while tree.kind(at) == Kind::If {
        conditions.extend(tree.child(at, Role::Condition));
        match tree.child(at, Role::Else) {
            Some(other) => at = other,
            None => return Vec::new(),
        }
    }
    if rejects(tree, at) { conditions } else { Vec::new() }
}

/// Whether a guard asks the same of a value that goes by another name now, and comes from where it came from.
fn is_renamed(
    (was, before, guard): (&Tree, &[NodeId], NodeId),
    (is, after, other): (&Tree, &[NodeId], NodeId),
) -> bool {
    let given = |tree: &Tree, nodes: &[NodeId], name: &str| {
        let assigns = nodes.iter().find(|id| {
            tree.kind(**id) == Kind::Assign
                && tree
                    .child(**id, Role::Target)
                    .is_some_and(|target| tree.kind(target) == Kind::Name && tree.name(target) == name)
        })?;
        Some(canonical(tree, tree.child(*assigns, Role::Value)?))
    };
    let (before_names, after_names) = (names(was, guard), names(is, other));
    let ([old], [new]) = (before_names.as_slice(), after_names.as_slice()) else {
        return false;
    };
    let alike = || canonical(was, guard).replace(old, new) == canonical(is, other);
    let value = given(was, before, old);
    value.is_some() && value == given(is, after, new) && alike()
}

/// Whether a function calls another one of its file now that turns away: then the check may have moved there, in other words.
fn calls_a_guard(head: &Source, before: &[NodeId], was: &Tree, after: &[NodeId]) -> bool {
    let is = &head.tree;
    let called_before: BTreeSet<&str> = before.iter().filter_map(|id| called(was, *id)).collect();
    after.iter().filter_map(|id| called(is, *id)).any(|name| {
        !called_before.contains(name)
            && head.of_kind(Kind::Function).iter().any(|function| {
                is.name(*function) == name && !guards(is, &body_nodes(is, *function)).is_empty()
            })
    })
}

/// Whether a guard looks at what the program itself has to log in elsewhere, and so asks nobody who they are.
fn is_of_the_program(tree: &Tree, guard: NodeId) -> bool {
    let own = |name: &&str| {
        let lower = name.to_ascii_lowercase();
        ["credential", "creds", "tenant"]
            .iter()
            .any(|part| lower.contains(part))
    };
    let raises = tree
        .parent(guard)
        .and_then(|guard| tree.child(guard, Role::Body))
        .and_then(|body| tree.children(body).last())
        .filter(|last| tree.kind(*last) == Kind::Raise);
    let of_settings = raises.is_some_and(|raise| {
        ["RuntimeError", "ValueError", "Missing", "Config", "KeyError"]
            .iter()
            .any(|error| tree.source(raise).contains(error))
    });
    of_settings
        && names(tree, guard)
            .iter()
            .filter(|name| is_about_access(name))
            .all(own)
}

/// `require_admin(user)` as a statement of its own: what it gives is not used, so it is there to refuse.
fn checking_call(tree: &Tree, id: NodeId) -> Option<&str> {
    if tree.kind(id) != Kind::ExprStmt {
        return None;
    }
    let mut value = tree.children(id).next()?;
    if tree.kind(value) == Kind::Await {
        value = tree.child(value, Role::Value)?;
    }
    if tree.kind(value) != Kind::Call {
        return None;
    }
    let name = called(tree, value)?;
    let lower = name.to_ascii_lowercase();
    [
        "require",
        "check",
        "verify",
        "ensure",
        "assert",
        "authorize",
        "authenticate",
        "enforce",
        "validate",
        "must",
    ]
    .iter()
    .any(|begin| lower.starts_with(begin))
    .then_some(name)
}

fn short(tree: &Tree, id: NodeId) -> String {
    const CHARS_MAX: usize = 70;
    let text = tree.source(id).split_whitespace().collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(CHARS_MAX) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text,
    }
}
