//! Effects of React that set what starts them again.

use std::collections::BTreeMap;

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::earlier_exits;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::names::functions_around;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "effect-starts-itself",
    failure: "X2",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-835"],
    languages: &[Language::JavaScript, Language::TypeScript, Language::Tsx],
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.of_kind(Kind::Call).iter().copied() {
        if !matches!(
            code.called(call),
            "useEffect" | "useLayoutEffect" | "useInsertionEffect" | "useIsomorphicLayoutEffect"
        ) {
            continue;
        }
        let (Some(callback), Some(component)) = (code.arg(call, 0), code.function(call)) else {
            continue;
        };
        if code.kind(callback) != Kind::Lambda {
            continue;
        }
        let states = states(code, component);
        let sets = sets(code, callback, component, &states);
        let Some(first) = sets.first() else {
            continue;
        };
        match code.arg(call, 1) {
            None => reports.add(
                first.call,
                format!(
                    "this effect runs after every render, and `{}` makes the next one: without end",
                    first.setter
                ),
            ),
            Some(list) if code.kind(list) == Kind::List => {
                for item in code.tree.children(list) {
                    let name = code.name(item);
                    let by_state = sets
                        .iter()
                        .find(|set| code.kind(item) == Kind::Name && set.state == name);
                    if let Some(set) = by_state {
                        reports.add(
                            set.call,
                            format!("this effect runs when `{name}` changes, and `{}` always changes it: without end", set.setter),
                        );
                    } else if is_new_each_time(code, item, component) {
                        let what = code.tree.source(item).chars().take(40).collect::<String>();
                        reports.add(
                            item,
                            format!("`{what}` is made anew in every render, so this effect runs after each of them, and `{}` makes the next one: without end", first.setter),
                        );
                    }
                }
            }
            Some(_) => {}
        }
    }
}

struct State<'s> {
    name: &'s str,
    /// Whether two equal values of it are one: then setting it again changes nothing.
    plain: bool,
}

/// A call in an effect that always gives a state a new value.
struct Set<'s> {
    call: NodeId,
    setter: &'s str,
    state: &'s str,
}

/// The states of a component by the functions that set them.
fn states<'s>(code: Code<'s>, component: NodeId) -> BTreeMap<&'s str, State<'s>> {
    let mut found = BTreeMap::new();
    for assign in code.tree.subtree(component) {
        let (Some(target), Some(value)) = (code.child(assign, Role::Target), code.child(assign, Role::Value))
        else {
            continue;
        };
        let value = code.bare(value);
        if code.kind(assign) != Kind::Assign
            || !matches!(code.kind(target), Kind::List | Kind::Tuple)
            || code.kind(value) != Kind::Call
            || code.called(value) != "useState"
            || code.function(assign) != Some(component)
        {
            continue;
        }
        let parts: Vec<NodeId> = code.tree.children(target).collect();
        let [name, setter] = parts.as_slice() else {
            continue;
        };
        let text = code.tree.source(value);
        let begins = code.arg(value, 0);
        let typed = text.split('(').next().is_some_and(|before| {
            before.contains('<')
                && !before.contains("[]")
                && ["string", "number", "boolean", "bigint"]
                    .iter()
                    .any(|word| before.contains(word))
        });
        let plain = typed
            || begins.is_some_and(|value| {
                matches!(
                    code.kind(value),
                    Kind::Num | Kind::Str | Kind::Bool | Kind::Interp
                )
            });
        found.insert(
            code.name(*setter),
            State {
                name: code.name(*name),
                plain,
            },
        );
    }
    found
}

/// What an effect always sets to something new.
fn sets<'s>(
    code: Code<'s>,
    callback: NodeId,
    component: NodeId,
    states: &BTreeMap<&'s str, State<'s>>,
) -> Vec<Set<'s>> {
    let mut found = Vec::new();
    let mut bodies = vec![callback];
    // A function of the component that the effect calls: `load()`.
    for call in code.tree.subtree(callback) {
        if code.kind(call) == Kind::Call
            && code.receiver(call).is_none()
            && runs_with(code, call, callback)
            && let Some(function) = inner_function(code, component, code.called(call))
            && !code.tree.within(function, callback)
            && !code.tree.within(callback, function)
        {
            bodies.push(function);
        }
    }
    for body in bodies {
        for call in code.tree.subtree(body) {
            if code.kind(call) != Kind::Call || code.receiver(call).is_some() {
                continue;
            }
            let Some((setter, state)) = states.get_key_value(code.called(call)) else {
                continue;
            };
            if runs_with(code, call, body)
                && code.arg(call, 0).is_some_and(|value| is_new(code, value, state))
            {
                found.push(Set {
                    call,
                    setter,
                    state: state.name,
                });
            }
        }
    }
    found
}

/// A function that the component has under a name, not kept between renders.
fn inner_function(code: Code<'_>, component: NodeId, name: &str) -> Option<NodeId> {
    code.tree.subtree(component).find(|id| {
        matches!(code.kind(*id), Kind::Function | Kind::Lambda)
            && *id != component
            && !name.is_empty()
            && code.function_name(*id) == name
    })
}

/// Whether a call runs whenever the function does, at once or when an answer comes; what asks for an end in between is passed over.
fn runs_with(code: Code<'_>, call: NodeId, outer: NodeId) -> bool {
    let mut at = call;
    for around in functions_around(code.tree, call) {
        let asks = earlier_exits(code, at)
            .into_iter()
            .chain(conditions_up_to(code, at, around));
        if !asks
            .into_iter()
            .all(|condition| only_asks_for_the_end(code, condition))
        {
            return false;
        }
        if around == outer {
            return true;
        }
        if !is_run(code, around, outer) {
            return false;
        }
        at = around;
    }
    false
}

fn conditions_up_to(code: Code<'_>, id: NodeId, outer: NodeId) -> Vec<NodeId> {
    let switched = code
        .tree
        .ancestors(id)
        .take_while(|around| *around != outer)
        .filter(|around| {
            matches!(
                code.kind(*around),
                Kind::Binary | Kind::ForEach | Kind::While | Kind::For | Kind::Catch | Kind::Switch
            )
        });
    code.conditions_around(id)
        .into_iter()
        .filter(|condition| code.tree.within(*condition, outer))
        .chain(switched)
        .collect()
}

/// Whether a function within an effect is run by it: it waits for an answer, or is called by its name.
fn is_run(code: Code<'_>, function: NodeId, outer: NodeId) -> bool {
    let Some(parent) = code.tree.parent(function) else {
        return false;
    };
    match code.kind(parent) {
        Kind::Call if code.tree.role(function) == Role::Callee => true,
        Kind::Call => code.called(parent) == "then" && code.arg(parent, 0) == Some(function),
        _ => {
            let name = code.function_name(function);
            !name.is_empty()
                && code.tree.subtree(outer).any(|id| {
                    code.kind(id) == Kind::Call
                        && code.receiver(id).is_none()
                        && code.called(id) == name
                        && !code.tree.within(id, function)
                        && code.function(id) == Some(outer)
                        && conditions_up_to(code, id, outer)
                            .into_iter()
                            .all(|condition| only_asks_for_the_end(code, condition))
                })
        }
    }
}

/// `if (!abort.signal.aborted)`, `if (cancelled) return`, `if (!response.ok) throw …`
fn only_asks_for_the_end(code: Code<'_>, condition: NodeId) -> bool {
    const WORDS: &[&str] = &[
        "aborted",
        "abort",
        "signal",
        "cancelled",
        "canceled",
        "cancel",
        "active",
        "alive",
        "mounted",
        "ignore",
        "ignored",
        "ok",
        "disposed",
        "unmounted",
        "stopped",
        "status",
    ];
    let mut names = code
        .tree
        .subtree(condition)
        .filter(|id| matches!(code.kind(*id), Kind::Name | Kind::Member))
        .peekable();
    matches!(
        code.kind(condition),
        Kind::Name | Kind::Member | Kind::Unary | Kind::Binary
    ) && names.peek().is_some()
        && names.all(|id| {
            has_word(code.name(id), WORDS)
                || code
                    .tree
                    .parent(id)
                    .is_some_and(|parent| code.kind(parent) == Kind::Member)
        })
}

/// What makes a list, a map or an object at every call.
fn makes_new(code: Code<'_>, call: NodeId) -> bool {
    if matches!(
        code.path(call),
        "Object.keys"
            | "Object.values"
            | "Object.entries"
            | "Object.fromEntries"
            | "Object.assign"
            | "Array.from"
            | "JSON.parse"
            | "structuredClone"
            | "Array.of"
    ) {
        return true;
    }
    code.receiver(call).is_some()
        && matches!(
            code.called(call),
            "map"
                | "filter"
                | "slice"
                | "concat"
                | "flatMap"
                | "toSorted"
                | "toReversed"
                | "json"
                | "flat"
                | "split"
        )
}

fn is_fresh_literal(code: Code<'_>, id: NodeId) -> bool {
    matches!(code.kind(id), Kind::Object | Kind::List | Kind::New)
}

/// Whether a value is another one each time, also when nothing has changed.
fn is_new(code: Code<'_>, value: NodeId, state: &State<'_>) -> bool {
    let value = code.bare(value);
    match code.kind(value) {
        Kind::Object | Kind::List | Kind::New => true,
        Kind::Call => makes_new(code, value) && !state.plain,
        // `setCount(count + 1)`
        Kind::Binary => code.name(value) == "+" && counts_on(code, value, state.name),
        Kind::Lambda => code.child(value, Role::Body).is_some_and(|body| {
            let body = code.bare(body);
            let param = code
                .child(value, Role::Param)
                .map_or("", |param| code.name(param));
            is_fresh_literal(code, body)
                || code.kind(body) == Kind::Call && makes_new(code, body) && !state.plain
                || code.kind(body) == Kind::Binary && counts_on(code, body, param)
        }),
        Kind::Name if !state.plain => is_answer(code, value),
        _ => false,
    }
}

fn counts_on(code: Code<'_>, sum: NodeId, name: &str) -> bool {
    code.name(sum) == "+"
        && code
            .child(sum, Role::Left)
            .is_some_and(|left| code.name(left) == name)
        && code
            .child(sum, Role::Right)
            .is_some_and(|right| code.kind(right) == Kind::Num)
}

/// Whether a name is what an answer holds: awaited, or the parameter of `then`.
fn is_answer(code: Code<'_>, name: NodeId) -> bool {
    let wanted = code.name(name);
    for function in functions_around(code.tree, name) {
        let is_param = code
            .tree
            .children_in(function, Role::Param)
            .any(|param| code.name(param) == wanted);
        if is_param {
            return code
                .tree
                .parent(function)
                .is_some_and(|call| code.kind(call) == Kind::Call && code.called(call) == "then");
        }
        let set = code.tree.subtree(function).find(|id| {
            code.kind(*id) == Kind::Assign
                && code
                    .child(*id, Role::Target)
                    .is_some_and(|target| code.kind(target) == Kind::Name && code.name(target) == wanted)
        });
        if let Some(value) = set.and_then(|set| code.child(set, Role::Value)) {
            let bare = code.bare(value);
            return code.kind(value) == Kind::Await && code.is_call(bare)
                || is_fresh_literal(code, bare)
                || code.kind(bare) == Kind::Call && makes_new(code, bare);
        }
    }
    false
}

/// Whether a dependency is another value in every render of the component.
fn is_new_each_time(code: Code<'_>, item: NodeId, component: NodeId) -> bool {
    let item = code.bare(item);
    if is_fresh_literal(code, item) || code.kind(item) == Kind::Lambda {
        return true;
    }
    if code.kind(item) != Kind::Name {
        return false;
    }
    let name = code.name(item);
    let mut sets = code.tree.subtree(component).filter(|id| {
        code.function(*id) == Some(component)
            && match code.kind(*id) {
                Kind::Assign => code
                    .child(*id, Role::Target)
                    .is_some_and(|target| code.kind(target) == Kind::Name && code.name(target) == name),
                Kind::Function => code.name(*id) == name,
                _ => false,
            }
    });
    let (Some(only), None) = (sets.next(), sets.next()) else {
        return false;
    };
    if code.kind(only) == Kind::Function {
        return true;
    }
    code.child(only, Role::Value).is_some_and(|value| {
        let value = code.bare(value);
        is_fresh_literal(code, value)
            || code.kind(value) == Kind::Lambda
            || code.kind(value) == Kind::Call && makes_new(code, value)
    })
}
