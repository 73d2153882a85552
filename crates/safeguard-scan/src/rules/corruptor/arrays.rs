//! The callback of `map`, `reduce` or `filter` gives nothing back although its result is used.

use safeguard_api::evidence::Severity;

use super::SCRIPT;
use super::numeric_arrays::{computed_with, tested_as_numbers};
use crate::analysis::chain::Chain;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::{has_word, words};
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Flags, Kind, NodeId, Role};

check!(SORT, "numbers-sorted-as-text", "CWE-704", SCRIPT, sort);
check!(CALLBACK, "callback-gives-nothing", "CWE-394", SCRIPT, callback);

/// Whether an array holds numbers beyond doubt.
fn holds_numbers(code: Code<'_>, id: NodeId) -> bool {
    let id = code.set_to(id).unwrap_or(id);
    match code.kind(id) {
        Kind::List => {
            let mut items = code.tree.children(id).peekable();
            let numbers = items.peek().is_some()
                && items.all(|item| {
                    matches!(code.kind(item), Kind::Num)
                        || code.kind(item) == Kind::Unary
                            && code
                                .tree
                                .children(item)
                                .all(|inner| code.kind(inner) == Kind::Num)
                });
            numbers
                && code
                    .tree
                    .children(id)
                    .any(|item| code.name(item).len() > 1 || code.kind(item) == Kind::Unary)
        }
        Kind::Call => {
            code.called(id) == "map"
                && code.arg(id, 0).is_some_and(|by| match code.kind(by) {
                    Kind::Name | Kind::Member => matches!(
                        code.path_of(by).as_str(),
                        "Number" | "parseFloat" | "Number.parseFloat"
                    ),
                    Kind::Lambda => code.child(by, Role::Body).is_some_and(|body| {
                        code.kind(body) == Kind::Call
                            && matches!(
                                code.path(body),
                                "Number"
                                    | "parseInt"
                                    | "parseFloat"
                                    | "Number.parseInt"
                                    | "Math.round"
                                    | "Math.floor"
                            )
                            || code.kind(body) == Kind::Unary && code.name(body) == "+"
                            || code.kind(body) == Kind::Member && is_number_name(code.name(body))
                    }),
                    _ => false,
                })
        }
        _ => false,
    }
}

fn is_number_name(name: &str) -> bool {
    words(name).iter().any(|word| {
        let word = word.strip_suffix('s').unwrap_or(word);
        matches!(
            word,
            "price"
                | "amount"
                | "count"
                | "age"
                | "score"
                | "total"
                | "duration"
                | "size"
                | "length"
                | "timestamp"
                | "number"
                | "percentage"
        )
    })
}

fn sort(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.of_kind(Kind::Call).iter().copied() {
        if undoes_or_tests(code, call) {
            continue;
        }
        match code.called(call) {
            "sort" | "toSorted" if code.args(call).is_empty() => {
                let Some(of) = code.receiver(call) else {
                    continue;
                };
                // A copy is what it is a copy of.
                let of = match code.kind(of) {
                    Kind::List if code.tree.children(of).count() == 1 => code
                        .tree
                        .children(of)
                        .next()
                        .filter(|spread| code.kind(*spread) == Kind::Spread)
                        .and_then(|spread| code.child(spread, Role::Value))
                        .unwrap_or(of),
                    _ => of,
                };
                if holds_numbers(code, of)
                    || typed_as_numbers(code, of)
                    || tested_as_numbers(code, of)
                    || computed_with(code, call)
                {
                    reports.add(call, "sorts numbers as texts: 10 before 9");
                } else if matches!(code.kind(of), Kind::Name | Kind::Member)
                    && is_number_name(code.last_name(of))
                {
                    reports.note(
                        call,
                        format!(
                            "sorts `{}` as texts: 10 before 9, if they are numbers",
                            code.tree.source(of)
                        ),
                    );
                }
            }
            "map"
                if code.arg(call, 0).is_some_and(|by| {
                    matches!(code.kind(by), Kind::Name | Kind::Member)
                        && matches!(code.path_of(by).as_str(), "parseInt" | "Number.parseInt")
                }) && code.args(call).len() == 1 =>
            {
                reports.add(
                    call,
                    "`map` passes the position as the radix: `['1', '2', '3'].map(parseInt)` is 1, NaN, NaN",
                );
            }
            _ => {}
        }
    }
}

fn typed_as_numbers(code: Code<'_>, of: NodeId) -> bool {
    if code.kind(of) != Kind::Name {
        return false;
    }
    let is = |ty: &str| matches!(ty, "number[]" | "Array<number>" | "readonlynumber[]");
    let params = code
        .functions(of)
        .flat_map(|function| code.tree.children_in(function, Role::Param));
    let by_param = params
        .filter(|param| code.name(*param) == code.name(of))
        .any(|param| code.child(param, Role::Type).is_some_and(|ty| is(code.name(ty))));
    let scope = code.function(of).unwrap_or(NodeId::ROOT);
    by_param
        || code.tree.subtree(scope).any(|id| {
            code.kind(id) == Kind::Assign
                && code.child(id, Role::Type).is_some_and(|ty| is(code.name(ty)))
                && code
                    .child(id, Role::Target)
                    .is_some_and(|target| code.name(target) == code.name(of))
        })
}

/// Callbacks whose result is used, and that give none, or a promise where a truth is wanted.
fn callback(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.of_kind(Kind::Call).iter().copied() {
        let name = code.called(call);
        if code.receiver(call).is_none() || undoes_or_tests(code, call) {
            continue;
        }
        let Some(callback) = code
            .arg(call, 0)
            .filter(|callback| matches!(code.kind(*callback), Kind::Lambda | Kind::Function))
        else {
            continue;
        };
        let Some(body) = code.child(callback, Role::Body) else {
            continue;
        };
        let wants_truth = matches!(
            name,
            "filter" | "some" | "every" | "find" | "findIndex" | "findLast"
        );
        if wants_truth && code.tree.flags(callback).has(Flags::ASYNC) && is_array_like(code, call) {
            reports.add(
                call,
                format!("`{name}` gets a promise from its callback, and a promise is always true"),
            );
            continue;
        }
        if name == "sort" && code.args(call).len() == 1 {
            if code.kind(body) == Kind::Binary
                && matches!(code.name(body), "<" | ">" | "<=" | ">=")
                && code.tree.children_in(callback, Role::Param).count() == 2
            {
                reports.add(call, "a comparison for `sort` gives a number below, at or above 0; true and false leave the order to chance");
            }
            continue;
        }
        let uses = matches!(
            name,
            "map" | "reduce" | "filter" | "some" | "every" | "find" | "flatMap" | "findIndex" | "reduceRight"
        );
        if !uses || code.kind(body) != Kind::Block || code.tree.flags(callback).has(Flags::GENERATOR) {
            continue;
        }
        let own = |wanted: Kind| {
            code.tree.subtree(body).any(|id| {
                code.kind(id) == wanted
                    && code.function(id) == Some(callback)
                    && (wanted != Kind::Return || code.child(id, Role::Value).is_some())
            })
        };
        if own(Kind::Return) || own(Kind::Raise) || code.tree.children(body).next().is_none() {
            continue;
        }
        // The result must be used for it to matter.
        let used = code
            .tree
            .parent(call)
            .is_some_and(|parent| match code.kind(parent) {
                Kind::Assign
                | Kind::Return
                | Kind::Pair
                | Kind::Call
                | Kind::Member
                | Kind::Spread
                | Kind::Binary => true,
                Kind::Lambda => {
                    code.tree.role(call) == Role::Body && matches!(name, "reduce" | "reduceRight" | "filter")
                }
                _ => false,
            });
        if used && !is_awaited_all(code, call) && is_array_like(code, call) {
            reports.add(
                call,
                format!("the callback of `{name}` gives nothing back: each result is undefined"),
            );
        }
    }
}

/// `Promise.all(xs.map(async (x) => { … }))` wants promises, not values; a chart's `map` is another thing.
fn is_awaited_all(code: Code<'_>, call: NodeId) -> bool {
    code.tree
        .parent(call)
        .is_some_and(|parent| code.kind(parent) == Kind::Call && code.path(parent).starts_with("Promise."))
        || code
            .arg(call, 0)
            .is_some_and(|callback| code.tree.flags(callback).has(Flags::ASYNC))
            && matches!(code.called(call), "map" | "flatMap")
}

fn is_array_like(code: Code<'_>, call: NodeId) -> bool {
    let chain = Chain::around(code, call);
    !chain.has(&["$", "jQuery", "pipe", "Observable", "Rx", "cy", "async", "page"])
        && code.receiver(call).is_some_and(|of| {
            let name = code.last_name(of);
            !has_word(
                name,
                &[
                    "async",
                    "promise",
                    "observable",
                    "stream",
                    "bluebird",
                    "collection",
                    "$",
                ],
            ) && !name.ends_with('$')
        })
}
