//! State that all requests share, looked at before an `await` and written after it.

use safeguard_api::evidence::Severity;

use crate::analysis::{bodies, calls, change};
use crate::language::Language;
use crate::matching::{Source, canonical};
use crate::names::functions_around;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports, SCRIPT_LANGUAGES};
use crate::tree::{Flags, Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    id: "state-across-await",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-362"],
    languages: SCRIPT_LANGUAGES,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    let functions = source
        .of_kind(Kind::Function)
        .iter()
        .chain(source.of_kind(Kind::Lambda));
    for function in functions.copied() {
        let around = std::iter::once(function).chain(functions_around(tree, function));
        if !tree.flags(function).has(Flags::ASYNC)
            || around.into_iter().any(|around| is_locked(source, around))
        {
            continue;
        }
        let nodes = bodies::body(tree, function);
        let awaits: Vec<NodeId> = nodes
            .iter()
            .copied()
            .filter(|id| tree.kind(*id) == Kind::Await)
            .collect();
        if awaits.is_empty() {
            continue;
        }
        for id in nodes.iter().copied().filter(|id| tree.kind(*id) == Kind::Assign) {
            let Some(target) = tree.child(id, Role::Target) else {
                continue;
            };
            if is_shared(source, function, target) {
                look(source, id, target, &nodes, &awaits, reports);
            }
        }
    }
}

fn is_locked(source: &Source, function: NodeId) -> bool {
    let text = source.tree.source(function).to_ascii_lowercase();
    ["lock", "mutex", "semaphore", "runexclusive"].iter().any(|word| {
        text.match_indices(word)
            .any(|(at, _)| !text[..at].ends_with(['b', 'c']) && !text[at..].starts_with("locked"))
    })
}

/// Whether what is set belongs to the file or to an object, and so to whoever else runs meanwhile.
fn is_shared(source: &Source, function: NodeId, target: NodeId) -> bool {
    let tree = &source.tree;
    let Some(root) = calls::root(tree, target).map(|root| tree.name(root)) else {
        return false;
    };
    if matches!(root, "self" | "this" | "cls") {
        // A class's own instance; React's and a request's objects are one user's.
        return tree.kind(target) != Kind::Name
            && !matches!(tree.name(target), "state" | "loading" | "isLoading" | "error");
    }
    let around: Vec<NodeId> = functions_around(tree, target).collect();
    let declares = |function: NodeId| {
        bodies::has_param(tree, function, root)
            || bodies::params(tree, function).any(|param| {
                tree.subtree(param)
                    .any(|id| tree.kind(id) == Kind::Name && tree.name(id) == root)
            })
            || bodies::body(tree, function).iter().any(|id| {
                matches!(
                    tree.kind(*id),
                    Kind::Assign | Kind::ForEach | Kind::WithItem | Kind::Catch
                ) && (tree.flags(*id).has(Flags::DECLARATION)
                    || tree.language() == Language::Python
                    || tree.kind(*id) != Kind::Assign)
                    && change::set(tree, &[*id]).contains(root)
            })
    };
    let global = bodies::body(tree, function).iter().any(|id| {
        tree.kind(*id) == Kind::Global
            && tree.name(*id) == "global"
            && tree.children(*id).any(|name| tree.name(name) == root)
    });
    if !global && around.iter().any(|function| declares(*function)) {
        return false;
    }
    // It is one of the file's own.
    tree.children(NodeId::ROOT).any(|statement| {
        let assign = if tree.kind(statement) == Kind::Assign {
            Some(statement)
        } else {
            None
        };
        assign.is_some_and(|assign| change::set(tree, &[assign]).contains(root))
    })
}

fn look(
    source: &Source,
    id: NodeId,
    target: NodeId,
    nodes: &[NodeId],
    awaits: &[NodeId],
    reports: &mut Reports,
) {
    let tree = &source.tree;
    let Some(value) = tree.child(id, Role::Value) else {
        return;
    };
    let own = canonical(tree, target);
    // One object may be one connection's or one user's; then only what has a limit tells that several share it.
    let is_own =
        calls::root(tree, target).is_some_and(|root| matches!(tree.name(root), "self" | "this" | "cls"));
    let text = tree.source(target);
    let reads_own = |within: NodeId| {
        tree.subtree(within)
            .any(|part| part != target && canonical_is(tree, part, &own))
    };
    // `total += await price()` and `total = total + await price()` read `total` first.
    let await_in_value = awaits.iter().find(|wait| tree.within(**wait, value));
    if let Some(wait) = await_in_value {
        let reads_first = matches!(tree.name(id), "+=" | "-=")
            || tree
                .subtree(value)
                .any(|part| part < *wait && canonical_is(tree, part, &own))
                && tree.kind(value) == Kind::Binary
                && matches!(tree.name(value), "+" | "-" | "*" | "|");
        if reads_first {
            reports.add(id, format!("`{text}` is read before the `await` and written after it; what others wrote meanwhile is lost"));
        }
        return;
    }
    // `const before = balance; await …; balance = before - amount`
    let names: Vec<&str> = tree
        .subtree(value)
        .filter(|part| tree.kind(*part) == Kind::Name)
        .map(|part| tree.name(part))
        .collect();
    let stale = nodes.iter().copied().find(|other| {
        *other < id
            && tree.kind(*other) == Kind::Assign
            && tree
                .child(*other, Role::Target)
                .is_some_and(|kept| tree.kind(kept) == Kind::Name && names.contains(&tree.name(kept)))
            && tree.child(*other, Role::Value).is_some_and(|read| {
                tree.kind(read) != Kind::Await
                    && (canonical_is(tree, read, &own)
                        || default_of(tree, read).is_some_and(|read| canonical_is(tree, read, &own)))
            })
            && awaits.iter().any(|wait| *wait > *other && *wait < id)
    });
    if let Some(stale) = stale
        && !reads_own(value)
        && computes(tree, value)
        && (!is_own || tree.kind(value) == Kind::Binary && matches!(tree.name(value), "+" | "-"))
    {
        let kept = tree.child(stale, Role::Target).map_or("", |kept| tree.name(kept));
        reports.add(id, format!("`{kept}` was read from `{text}` before an `await`; what others wrote to `{text}` meanwhile is lost"));
        return;
    }
    // `if (busy) return; await …; busy = true`
    let checked = nodes.iter().copied().find(|other| {
        tree.kind(*other) == Kind::If
            && *other < id
            && tree.child(*other, Role::Condition).is_some_and(|condition| {
                tree.subtree(condition).any(|part| canonical_is(tree, part, &own))
                    && !tree.subtree(condition).any(|part| tree.kind(part) == Kind::Await)
            })
            && (tree.within(id, *other)
                && tree
                    .child(*other, Role::Body)
                    .is_some_and(|body| tree.within(id, body))
                || leaves(tree, *other))
    });
    let Some(checked) = checked else {
        return;
    };
    let set_before = nodes.iter().any(|other| {
        *other > checked
            && *other < id
            && tree.kind(*other) == Kind::Assign
            && tree
                .child(*other, Role::Target)
                .is_some_and(|other| canonical_is(tree, other, &own))
    });
    let looked_again = nodes.iter().any(|other| {
        *other > checked
            && tree.kind(*other) == Kind::If
            && tree.within(id, *other)
            && awaits.iter().any(|wait| *wait < *other && *wait > checked)
            && tree
                .child(*other, Role::Condition)
                .is_some_and(|condition| tree.subtree(condition).any(|part| canonical_is(tree, part, &own)))
    });
    let wait_between = awaits.iter().any(|wait| {
        *wait > checked
            && *wait < id
            && !tree
                .child(checked, Role::Condition)
                .is_some_and(|condition| tree.within(*wait, condition))
    });
    if set_before || looked_again || !wait_between {
        return;
    }
    if is_own && is_renewed(tree, checked, id, nodes, &own) {
        let told = format!(
            "`{text}` is looked at before an `await` and set after it: two at once both find it out of date and renew it"
        );
        if spends_refresh_token(tree, nodes, checked) {
            reports.add(
                id,
                told + "; the refresh token that one of them spends is not the last any more",
            );
        } else {
            reports.note(id, told);
        }
        return;
    }
    let claims = matches!(tree.name(id), "-=" | "+=")
        || tree.kind(value) == Kind::Bool && tree.name(value) == "true"
        || tree.kind(value) == Kind::Binary && reads_own(value);
    let has_limit = tree.child(checked, Role::Condition).is_some_and(|condition| {
        tree.subtree(condition)
            .any(|part| tree.kind(part) == Kind::Binary && matches!(tree.name(part), "<" | "<=" | ">" | ">="))
    });
    let steps = matches!(tree.name(id), "-=" | "+=") || tree.kind(value) == Kind::Binary;
    if claims && (!is_own || steps && has_limit) {
        reports.add(
            id,
            format!(
                "`{text}` is looked at before an `await` and set after it: two at once both find it as it was"
            ),
        );
    } else if tree.kind(value) == Kind::Name && !is_own {
        reports.note(
            id,
            format!("`{text}` is looked at before an `await` and set after it: two at once both do the work"),
        );
    }
}

/// Whether what is set was asked for in between, and what was there is given back as long as it will do: a token, a cache of one.
fn is_renewed(tree: &Tree, checked: NodeId, id: NodeId, nodes: &[NodeId], own: &str) -> bool {
    let gives_back = tree.child(checked, Role::Body).is_some_and(|body| {
        tree.subtree(body).any(|part| {
            tree.kind(part) == Kind::Return
                && tree
                    .child(part, Role::Value)
                    .is_some_and(|value| tree.subtree(value).any(|part| canonical_is(tree, part, own)))
        })
    });
    let asked = tree.child(id, Role::Value).is_some_and(|value| {
        tree.subtree(value)
            .filter(|part| tree.kind(*part) == Kind::Name)
            .any(|part| awaited(tree, nodes, tree.name(part), checked, id))
    });
    gives_back && asked
}

/// Whether a name was given what an `await` brought between two places.
fn awaited(tree: &Tree, nodes: &[NodeId], name: &str, from: NodeId, to: NodeId) -> bool {
    nodes.iter().any(|node| {
        *node > from
            && *node < to
            && tree.kind(*node) == Kind::Assign
            && change::set(tree, &[*node]).contains(name)
            && tree
                .child(*node, Role::Value)
                .is_some_and(|value| tree.subtree(value).any(|part| tree.kind(part) == Kind::Await))
    })
}

/// Whether a refresh token is sent and the new one is kept: each is good for one use.
fn spends_refresh_token(tree: &Tree, nodes: &[NodeId], from: NodeId) -> bool {
    let is_it = |text: &str| matches!(text, "refresh_token" | "refreshToken");
    let taken = nodes.iter().any(|node| {
        *node > from
            && match tree.kind(*node) {
                Kind::Index => tree
                    .child(*node, Role::Index)
                    .is_some_and(|index| is_it(tree.name(index))),
                Kind::Member => {
                    is_it(tree.name(*node))
                        && tree.role(*node) != Role::Target
                        && tree
                            .child(*node, Role::Object)
                            .is_some_and(|of| !matches!(tree.source(of), "this" | "self"))
                }
                _ => false,
            }
    });
    let sent = nodes.iter().any(|node| {
        *node > from
            && match tree.kind(*node) {
                Kind::Pair => tree
                    .child(*node, Role::Key)
                    .is_some_and(|key| is_it(tree.name(key))),
                Kind::Keyword => is_it(tree.name(*node)),
                Kind::Str => is_it(tree.name(*node)) && tree.role(*node) != Role::Index,
                _ => false,
            }
    });
    taken && sent
}

fn canonical_is(tree: &Tree, id: NodeId, text: &str) -> bool {
    matches!(tree.kind(id), Kind::Name | Kind::Member | Kind::Index) && canonical(tree, id) == text
}

/// `a` of `a || 0`.
fn default_of(tree: &Tree, id: NodeId) -> Option<NodeId> {
    match tree.kind(id) {
        Kind::Binary if matches!(tree.name(id), "or" | "??") => tree.child(id, Role::Left),
        _ => None,
    }
}

/// Whether a value is made from others: a sum, a copy with more in it.
fn computes(tree: &Tree, value: NodeId) -> bool {
    matches!(tree.kind(value), Kind::Binary | Kind::List | Kind::Object)
        || tree.kind(value) == Kind::Call && tree.subtree(value).any(|part| tree.kind(part) == Kind::Binary)
}

fn leaves(tree: &Tree, id: NodeId) -> bool {
    tree.child(id, Role::Body).is_some_and(|body| {
        tree.children(body)
            .last()
            .is_some_and(|last| matches!(tree.kind(last), Kind::Return | Kind::Raise | Kind::Continue))
    })
}
