//! Loops whose condition nothing in them can change.

use std::collections::BTreeSet;

use safeguard_api::evidence::Severity;

use super::skipped_step::skips_its_step;
use crate::analysis::{bodies, calls, change, loops};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::tree::{Flags, Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    id: "unchanging-condition",
    failure: "X2",
    severity: Severity::Critical,
    confidence: Confidence::High,
    cwe: &["CWE-835"],
    languages: ALL_LANGUAGES,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    for id in loops::conditional(source) {
        if let Some(again) = skips_its_step(source, id) {
            reports.add(
                again,
                "this begins the next round before the step: the same round runs again and again",
            );
            continue;
        }
        let Some(condition) = tree.child(id, Role::Condition) else {
            continue;
        };
        if loops::is_endless(tree, id) || !loops::exits(source, id).is_empty() {
            continue;
        }
        if let Some(name) = stays(source, id, condition) {
            reports.add(
                condition,
                format!("nothing in this loop changes `{name}`, so it never ends once it has begun"),
            );
        } else if spins_on_member(tree, id, condition) {
            reports.add(
                condition,
                "nothing else runs while this loop does, so nothing can change what it waits for",
            );
        } else if let Some(name) = moves_away(source, id, condition) {
            reports.add(
                condition,
                format!("each round moves `{name}` away from the end of this loop"),
            );
        }
    }
    for id in source.of_kind(Kind::ForEach) {
        if let Some(name) = grows_what_it_walks(source, *id) {
            reports.add(*id, format!("this loop walks `{name}` and makes it longer in every round, so it never comes to its end"));
        }
    }
}

/// The name that the condition depends on, if nothing that it depends on can change in a round.
fn stays(source: &Source, id: NodeId, condition: NodeId) -> Option<&str> {
    let tree = &source.tree;
    let mut names = BTreeSet::new();
    let mut counted = BTreeSet::new();
    for part in tree.subtree(condition) {
        match tree.kind(part) {
            Kind::Name => {
                names.insert(tree.name(part));
            }
            Kind::Num | Kind::Bool | Kind::Null | Kind::Str | Kind::Compare => {}
            Kind::Unary if matches!(tree.name(part), "not" | "-") => {}
            Kind::Binary if !matches!(tree.name(part), "in" | "not in" | "instanceof") => {}
            Kind::Call if calls::path(source, part) == "len" => {
                counted.insert("len");
            }
            Kind::Member if tree.name(part) == "length" => {
                counted.insert("length");
            }
            _ => return None,
        }
    }
    names.retain(|name| *name != "len" || !counted.contains("len"));
    let name = names.first().copied()?;
    let round = loops::round(tree, id);
    let function = bodies::enclosing(tree, id);
    let scope = function.unwrap_or(NodeId::ROOT);
    let set = change::set(tree, &round);
    let reaching: Vec<NodeId> = round
        .iter()
        .copied()
        .filter(|id| tree.kind(*id) != Kind::Call || !calls_nothing_of_ours(source, *id))
        .collect();
    let reached = change::reached(tree, &reaching);
    let inner = change::set_by_inner(tree, scope);
    // A list may be changed by whoever has it; what is compared with a number, or only ever set to plain values, may not.
    let called = round.iter().any(|id| {
        matches!(tree.kind(*id), Kind::Call | Kind::New | Kind::Await | Kind::Yield)
            && !calls_nothing_of_ours(source, *id)
    });
    if called && (!counted.is_empty() || names.iter().any(|name| !is_plain(tree, scope, condition, name))) {
        return None;
    }
    let others_run = round.iter().any(|id| {
        matches!(
            tree.kind(*id),
            Kind::Await | Kind::Yield | Kind::Call | Kind::New | Kind::Send | Kind::Select
        )
    }) || tree.language() != Language::JavaScript
        && tree.language() != Language::TypeScript
        && tree.language() != Language::Tsx;
    for name in &names {
        if set.contains(name) || reached.contains(name) && !is_plain(tree, scope, condition, name) {
            return None;
        }
        // What a callback sets can not change while this loop lets nothing else run.
        if inner.contains(name) && others_run {
            return None;
        }
        let local = match function {
            Some(function) => is_local(tree, function, name),
            // The names of a file are anybody's, unless nothing is called.
            None => !round
                .iter()
                .any(|id| matches!(tree.kind(*id), Kind::Call | Kind::New | Kind::Await)),
        };
        let constant = name
            .bytes()
            .all(|byte| byte.is_ascii_uppercase() || byte == b'_' || byte.is_ascii_digit());
        if !local && !constant {
            return None;
        }
        if tree.language() == Language::Go && address_taken(tree, scope, name) {
            return None;
        }
    }
    // One of them at least is no constant, or it was meant.
    names
        .iter()
        .any(|name| name.bytes().any(|byte| byte.is_ascii_lowercase()))
        .then_some(name)
}

/// JavaScript's `while (!state.ready) {}`.
fn spins_on_member(tree: &Tree, id: NodeId, condition: NodeId) -> bool {
    let javascript = matches!(
        tree.language(),
        Language::JavaScript | Language::TypeScript | Language::Tsx
    );
    let empty = tree
        .child(id, Role::Body)
        .is_some_and(|body| tree.children(body).next().is_none())
        && tree.child(id, Role::Update).is_none();
    let plain = tree.subtree(condition).all(|part| {
        matches!(
            tree.kind(part),
            Kind::Member
                | Kind::Name
                | Kind::Unary
                | Kind::Bool
                | Kind::Null
                | Kind::Binary
                | Kind::Num
                | Kind::Str
        )
    });
    javascript
        && empty
        && plain
        && tree
            .subtree(condition)
            .any(|part| tree.kind(part) == Kind::Member)
}

/// Whether a call can not change a list of this function.
pub fn calls_nothing_of_ours(source: &Source, id: NodeId) -> bool {
    let path = calls::path(source, id);
    matches!(
        path.as_str(),
        "print"
            | "len"
            | "time.sleep"
            | "asyncio.sleep"
            | "fmt.Println"
            | "fmt.Printf"
            | "time.Sleep"
            | "str"
    ) || ["console.", "logger.", "logging.", "log."]
        .iter()
        .any(|start| path.starts_with(start))
        || source.tree.kind(id) == Kind::Await
            && source
                .tree
                .child(id, Role::Value)
                .is_some_and(|value| source.tree.kind(value) == Kind::Call)
}

/// Whether a name holds a number, a text or a truth value: by how it is compared, or by what it is set to.
fn is_plain(tree: &Tree, scope: NodeId, condition: NodeId, name: &str) -> bool {
    let compared = tree.subtree(condition).any(|id| {
        matches!(tree.kind(id), Kind::Binary | Kind::Compare)
            && !matches!(tree.name(id), "and" | "or")
            && tree
                .children(id)
                .any(|part| tree.kind(part) == Kind::Name && tree.name(part) == name)
    });
    let values: Vec<NodeId> = tree
        .subtree(scope)
        .filter(|id| {
            tree.kind(*id) == Kind::Assign
                && tree
                    .children_in(*id, Role::Target)
                    .any(|target| tree.kind(target) == Kind::Name && tree.name(target) == name)
        })
        .filter_map(|id| tree.child(id, Role::Value))
        .collect();
    let set_plainly = !values.is_empty()
        && values
            .iter()
            .all(|value| matches!(tree.kind(*value), Kind::Bool | Kind::Num | Kind::Null | Kind::Str));
    compared || set_plainly
}

/// Whether a name is one of the function's own.
pub fn is_local(tree: &Tree, function: NodeId, name: &str) -> bool {
    let body = bodies::body(tree, function);
    let declared_elsewhere = body
        .iter()
        .any(|id| tree.kind(*id) == Kind::Global && tree.children(*id).any(|item| tree.name(item) == name));
    if declared_elsewhere {
        return false;
    }
    if bodies::has_param(tree, function, name) {
        return true;
    }
    if tree.language() == Language::Python {
        return change::set(tree, &body).contains(name);
    }
    body.iter().any(|id| {
        tree.kind(*id) == Kind::Assign
            && (tree.flags(*id).has(Flags::DECLARATION) || tree.name(*id) == ":=")
            && tree.children_in(*id, Role::Target).any(|target| {
                tree.subtree(target)
                    .any(|id| tree.kind(id) == Kind::Name && tree.name(id) == name)
            })
    })
}

fn address_taken(tree: &Tree, within: NodeId, name: &str) -> bool {
    tree.subtree(within).any(|id| {
        tree.kind(id) == Kind::Unary
            && tree.name(id) == "&"
            && tree
                .child(id, Role::Value)
                .and_then(|value| calls::root(tree, value))
                .is_some_and(|root| tree.name(root) == name)
    })
}

/// The name that is compared with a limit, if every change of it in the loop leads away from that.
fn moves_away(source: &Source, id: NodeId, condition: NodeId) -> Option<&str> {
    let tree = &source.tree;
    if tree.kind(condition) != Kind::Binary {
        return None;
    }
    let (left, right) = (
        tree.child(condition, Role::Left)?,
        tree.child(condition, Role::Right)?,
    );
    let (name, upwards) = match (tree.kind(left), tree.kind(right), tree.name(condition)) {
        (Kind::Name, _, "<" | "<=") => (left, true),
        (Kind::Name, _, ">" | ">=") => (left, false),
        _ => return None,
    };
    let limit_is_plain = matches!(tree.kind(right), Kind::Num | Kind::Name)
        || tree.kind(right) == Kind::Member && tree.name(right) == "length"
        || tree.kind(right) == Kind::Call && calls::path(source, right) == "len";
    if !limit_is_plain {
        return None;
    }
    let name = tree.name(name);
    let round = loops::round(tree, id);
    let inner = change::set_by_inner(tree, bodies::enclosing(tree, id).unwrap_or(NodeId::ROOT));
    if inner.contains(name) {
        return None;
    }
    // A limit that moves too may be reached.
    let limit = tree
        .subtree(right)
        .filter(|id| tree.kind(*id) == Kind::Name)
        .map(|id| tree.name(id));
    let (set, reached) = (change::set(tree, &round), change::reached(tree, &round));
    let mut limit = limit.filter(|name| *name != "len");
    if limit.any(|name| set.contains(name) || reached.contains(name)) {
        return None;
    }
    let mut changes = 0;
    for id in &round {
        let sets = matches!(
            tree.kind(*id),
            Kind::Assign | Kind::ForEach | Kind::WithItem | Kind::Delete
        ) && tree.children_in(*id, Role::Target).any(|target| {
            tree.subtree(target)
                .any(|id| tree.kind(id) == Kind::Name && tree.name(id) == name)
        });
        if !sets {
            continue;
        }
        if step(tree, *id, name)? == upwards {
            return None;
        }
        changes += 1;
    }
    (changes > 0).then_some(name)
}

/// Whether an assignment makes a name greater; `None` if it is not known.
fn step(tree: &Tree, assign: NodeId, name: &str) -> Option<bool> {
    let target = tree.child(assign, Role::Target)?;
    if tree.kind(assign) != Kind::Assign || tree.kind(target) != Kind::Name {
        return None;
    }
    let value = tree.child(assign, Role::Value)?;
    let number = |id: NodeId| {
        tree.kind(id) == Kind::Num && tree.name(id).bytes().any(|byte| (b'1'..=b'9').contains(&byte))
    };
    match tree.name(assign) {
        "+=" => number(value).then_some(true),
        "-=" => number(value).then_some(false),
        "=" => {
            let (left, right) = (tree.child(value, Role::Left)?, tree.child(value, Role::Right)?);
            let same = tree.kind(left) == Kind::Name && tree.name(left) == name && number(right);
            match tree.name(value) {
                "+" if same => Some(true),
                "-" if same => Some(false),
                _ => None,
            }
        }
        _ => None,
    }
}

/// The list that a loop walks, if every round adds to it and nothing leaves the loop.
fn grows_what_it_walks(source: &Source, id: NodeId) -> Option<&str> {
    let tree = &source.tree;
    // Go's `range` looks at the list as it was.
    if tree.language() == Language::Go || !matches!(tree.name(id), "in" | "of") {
        return None;
    }
    let iter = tree.child(id, Role::Iter)?;
    let body = tree.child(id, Role::Body)?;
    if tree.kind(iter) != Kind::Name || (tree.name(id) == "in" && tree.language() != Language::Python) {
        return None;
    }
    let round = loops::round(tree, id);
    if !loops::exits(source, id).is_empty() || change::set(tree, &round).contains(tree.name(iter)) {
        return None;
    }
    let on_it = |call: NodeId| {
        calls::receiver(tree, call).is_some_and(|receiver| {
            tree.kind(receiver) == Kind::Name && tree.name(receiver) == tree.name(iter)
        })
    };
    let shrinks = round.iter().any(|id| {
        tree.kind(*id) == Kind::Call
            && on_it(*id)
            && matches!(
                calls::name(tree, *id),
                "pop" | "popleft" | "lpop" | "remove" | "discard" | "clear" | "shift" | "splice" | "delete"
            )
    });
    let grows = round.iter().any(|id| {
        tree.kind(*id) == Kind::Call
            && on_it(*id)
            && matches!(calls::name(tree, *id), "append" | "push" | "extend" | "insert")
            && crate::analysis::reach::always(tree, *id, body)
            && !round.iter().any(|other| tree.kind(*other) == Kind::Continue)
    });
    (grows && !shrinks).then(|| tree.name(iter))
}
