//! Retries by which a function calls itself.

use super::*;

/// Whether a call is the same call again: of the function that it stands in, with what that was given.
pub(super) fn calls_again(source: &Source, call: NodeId, function: NodeId) -> bool {
    let tree = &source.tree;
    let own = tree.name(function);
    let queues = matches!(calls::name(tree, call), "delay" | "apply_async");
    let waits =
        calls::keyword(tree, call, "countdown").is_some() || calls::keyword(tree, call, "eta").is_some();
    if own.is_empty() || waits || !queues && calls::name(tree, call) != own || calls::has_spread(tree, call) {
        return false;
    }
    let on_itself = match calls::receiver(tree, call) {
        // A task that queues itself again: `sync.delay(id)` in `sync`.
        Some(receiver) if queues && tree.kind(receiver) == Kind::Name => tree.name(receiver) == own,
        Some(receiver) => {
            tree.kind(receiver) == Kind::Name
                && bodies::own_object(tree, function) == Some(tree.name(receiver))
        }
        None => tree.language() == Language::Java || bodies::class_of(tree, function).is_none(),
    };
    let set = change::set(tree, &bodies::body(tree, function));
    let same = tree.children_in(call, Role::Arg).all(|arg| {
        let value = if tree.kind(arg) == Kind::Keyword {
            tree.child(arg, Role::Value).unwrap_or(arg)
        } else {
            arg
        };
        match tree.kind(value) {
            Kind::Name => {
                bodies::has_param(tree, function, tree.name(value)) && !set.contains(tree.name(value))
            }
            Kind::Str | Kind::Num | Kind::Bool | Kind::Null => true,
            _ => false,
        }
    });
    on_itself && same
}

pub(super) fn tell_recursion(
    source: &Source,
    function: NodeId,
    call: NodeId,
    handler: NodeId,
    reports: &mut Reports,
) {
    let tree = &source.tree;
    let name = tree.name(function);
    // Who has counted elsewhere (`this.attempts++`) and asks about it first has a limit.
    let asks_first = bodies::running(tree, handler).iter().any(|id| {
        matches!(
            tree.kind(*id),
            Kind::If | Kind::Conditional | Kind::Raise | Kind::Switch
        ) && *id != handler
    });
    if asks_first {
        return;
    }
    if reach::any_waits(source, handler) {
        reports.note(
            call,
            format!("`{name}` calls itself again for as long as it fails; nothing limits how often"),
        );
    } else {
        reports.add(
            call,
            format!("`{name}` calls itself again at once when it fails, without a limit"),
        );
    }
}

/// `except: return fetch(url)` in `fetch`.
pub(super) fn by_recursion(source: &Source, handler: NodeId, reports: &mut Reports) {
    let tree = &source.tree;
    let Some(function) = bodies::enclosing(tree, handler) else {
        return;
    };
    if !catches_failures(tree, handler) {
        let network = tree.children_in(handler, Role::Type).any(|type_| {
            [
                "Timeout",
                "Connection",
                "Request",
                "Network",
                "Http",
                "HTTP",
                "Operational",
            ]
            .iter()
            .any(|part| tree.source(type_).contains(part))
        });
        if !network {
            return;
        }
    }
    let again = bodies::running(tree, handler)
        .into_iter()
        .find(|id| tree.kind(*id) == Kind::Call && calls_again(source, *id, function));
    if let Some(call) = again {
        tell_recursion(source, function, call, handler, reports);
    }
}

/// `.catch(() => fetchUser(id))` in `fetchUser`.
pub(super) fn in_catch_callback(source: &Source, call: NodeId, reports: &mut Reports) {
    let tree = &source.tree;
    if tree.language() == Language::Go
        || calls::name(tree, call) != "catch"
        || calls::receiver(tree, call).is_none()
    {
        return;
    }
    let Some(callback) = calls::arg(tree, call, 0).filter(|arg| tree.kind(*arg) == Kind::Lambda) else {
        return;
    };
    let Some(function) = bodies::enclosing(tree, call) else {
        return;
    };
    let again = bodies::body(tree, callback)
        .into_iter()
        .find(|id| tree.kind(*id) == Kind::Call && calls_again(source, *id, function));
    if let Some(again) = again
        && let Some(body) = tree.child(callback, Role::Body)
    {
        tell_recursion(source, function, again, body, reports);
    }
}

/// `if (!answer.ok) return load(url)` in `load`.
pub(super) fn after_bad_answer(source: &Source, id: NodeId, reports: &mut Reports) {
    let tree = &source.tree;
    let (Some(function), Some(condition), Some(body)) = (
        bodies::enclosing(tree, id),
        tree.child(id, Role::Condition),
        tree.child(id, Role::Body),
    ) else {
        return;
    };
    if tree.language() == Language::Go {
        return;
    }
    let again = bodies::running(tree, body)
        .into_iter()
        .find(|id| tree.kind(*id) == Kind::Call && calls_again(source, *id, function));
    let Some(call) = again else {
        return;
    };
    let names: Vec<&str> = tree
        .subtree(condition)
        .filter(|part| tree.kind(*part) == Kind::Name)
        .map(|part| tree.name(part))
        .collect();
    let of_answer = bodies::body(tree, function).into_iter().any(|assign| {
        assign < id
            && tree.kind(assign) == Kind::Assign
            && tree
                .children_in(assign, Role::Target)
                .any(|target| names.contains(&tree.name(target)))
            && tree
                .child(assign, Role::Value)
                .is_some_and(|value| tree.subtree(value).any(|part| is_far(source, part)))
    });
    if of_answer {
        tell_recursion(source, function, call, body, reports);
    }
}

/// Go: `if err != nil { return fetch(url) }` in `fetch`.
pub(super) fn go_recursion(source: &Source, id: NodeId, reports: &mut Reports) {
    let tree = &source.tree;
    if tree.language() != Language::Go || !is_no_error(tree, id, "!=") {
        return;
    }
    let (Some(function), Some(body)) = (bodies::enclosing(tree, id), tree.child(id, Role::Body)) else {
        return;
    };
    let again = bodies::running(tree, body)
        .into_iter()
        .find(|id| tree.kind(*id) == Kind::Call && calls_again(source, *id, function));
    if let Some(call) = again {
        tell_recursion(source, function, call, body, reports);
    }
}
