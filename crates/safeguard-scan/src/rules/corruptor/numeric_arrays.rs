//! Whether an array holds numbers beyond doubt, by what it is made with and by what is done with it.

use crate::analysis::code::Code;
use crate::analysis::words::words;
use crate::tree::{Kind, NodeId, Role};

/// Methods that give an array of what the other one has.
const SAME: &[&str] = &["filter", "slice", "concat", "reverse", "toReversed", "flat"];
const HOPS_MAX: usize = 6;

/// Made by a chain that tests its elements against numbers: `prices.filter((price) => price > 0)`, also through names and copies.
pub fn tested_as_numbers(code: Code<'_>, id: NodeId) -> bool {
    let mut at = id;
    for _ in 0..HOPS_MAX {
        at = code.bare(at);
        let next = match code.kind(at) {
            Kind::Call if SAME.contains(&code.called(at)) => {
                if code.called(at) == "filter" && code.arg(at, 0).is_some_and(|by| tests_numbers(code, by)) {
                    return true;
                }
                if code.called(at) == "filter"
                    && code.arg(at, 0).is_some_and(|by| {
                        matches!(
                            code.path_of(by).as_str(),
                            "Number.isFinite" | "Number.isInteger" | "Number.isSafeInteger"
                        )
                    })
                {
                    return true;
                }
                code.receiver(at)
            }
            Kind::Call if code.path(at) == "Array.from" => match code.arg(at, 1) {
                Some(_) => None,
                None => code.arg(at, 0),
            },
            Kind::Call if code.called(at) == "map" => {
                return code.arg(at, 0).is_some_and(|by| gives_numbers(code, by));
            }
            Kind::List => {
                let mut items = code.tree.children(at);
                match (items.next(), items.next()) {
                    (Some(only), None) if code.kind(only) == Kind::Spread => code.child(only, Role::Value),
                    _ => None,
                }
            }
            Kind::Name => code.set_to(at).filter(|value| *value != at),
            _ => None,
        };
        match next {
            Some(next) => at = next,
            None => return false,
        }
    }
    false
}

/// `(price) => price >= 10`, `(p) => p > least && p < 1000`
fn tests_numbers(code: Code<'_>, by: NodeId) -> bool {
    let Some(param) = code.tree.children_in(by, Role::Param).next() else {
        return false;
    };
    let name = code.name(param);
    let is_it = |id: NodeId| code.kind(id) == Kind::Name && code.name(id) == name;
    code.tree.subtree(by).any(|id| {
        let Some((operator, left, right)) = code.comparison(id) else {
            return false;
        };
        matches!(operator, "<" | ">" | "<=" | ">=")
            && (is_it(left) && is_number(code, right) || is_it(right) && is_number(code, left))
    })
}

/// `(row) => row.width * row.height`, `(row) => { return Number(row.at); }`
fn gives_numbers(code: Code<'_>, by: NodeId) -> bool {
    if code.kind(by) != Kind::Lambda && code.kind(by) != Kind::Function {
        return false;
    }
    let Some(body) = code.child(by, Role::Body) else {
        return false;
    };
    let is = |id: NodeId| is_arithmetic(code, id) || is_number(code, id);
    if code.kind(body) != Kind::Block {
        return is(body);
    }
    let mut returns = code
        .tree
        .subtree(body)
        .filter(|id| code.kind(*id) == Kind::Return && code.function(*id) == Some(by))
        .peekable();
    returns.peek().is_some() && returns.all(|id| code.child(id, Role::Value).is_some_and(is))
}

fn is_arithmetic(code: Code<'_>, id: NodeId) -> bool {
    match code.kind(id) {
        Kind::Binary => matches!(code.name(id), "*" | "/" | "-" | "%" | "**"),
        Kind::Call => {
            code.path(id).starts_with("Math.")
                || matches!(
                    code.path(id),
                    "Number" | "parseInt" | "parseFloat" | "Number.parseInt" | "Number.parseFloat"
                )
                || matches!(code.called(id), "getTime")
        }
        Kind::Unary => code.name(id) == "+",
        _ => false,
    }
}

/// A number that is written, or a name that stands for one: `options.least || 100`, a parameter `least = 10`.
fn is_number(code: Code<'_>, id: NodeId) -> bool {
    let id = code.literal(id);
    match code.kind(id) {
        Kind::Num => true,
        Kind::Unary => {
            matches!(code.name(id), "-" | "+")
                && code.child(id, Role::Value).is_some_and(|of| is_number(code, of))
        }
        Kind::Binary if matches!(code.name(id), "or" | "??") => code
            .child(id, Role::Right)
            .is_some_and(|right| is_number(code, right)),
        Kind::Binary | Kind::Call => is_arithmetic(code, id),
        Kind::Name => {
            let by_default = code.functions(id).any(|function| {
                code.tree.children_in(function, Role::Param).any(|param| {
                    code.name(param) == code.name(id)
                        && (code
                            .child(param, Role::Default)
                            .is_some_and(|value| code.kind(value) == Kind::Num)
                            || code
                                .child(param, Role::Type)
                                .is_some_and(|ty| code.name(ty) == "number"))
                })
            });
            by_default
                || code
                    .set_to(id)
                    .is_some_and(|value| code.kind(value) != Kind::Name && is_number(code, value))
        }
        _ => false,
    }
}

/// What is sorted is then computed with, or is there for what only numbers have: a median, a percentile.
pub fn computed_with(code: Code<'_>, sort: NodeId) -> bool {
    let tree = code.tree;
    let Some(function) = code.function(sort) else {
        return false;
    };
    // `const sorted = xs.sort()`, or `xs.sort()` of a name in place.
    let parent = tree.parent(sort);
    let name = match parent.map(|parent| tree.kind(parent)) {
        Some(Kind::Assign) => parent
            .and_then(|parent| tree.child(parent, Role::Target))
            .filter(|target| tree.kind(*target) == Kind::Name)
            .map(|target| tree.name(target)),
        Some(Kind::ExprStmt) => code
            .receiver(sort)
            .filter(|of| tree.kind(*of) == Kind::Name)
            .map(|of| tree.name(of)),
        _ => None,
    };
    let Some(name) = name else {
        return false;
    };
    let is_it = |id: NodeId| tree.kind(id) == Kind::Name && tree.name(id) == name;
    let element =
        |id: NodeId| tree.kind(id) == Kind::Index && tree.child(id, Role::Object).is_some_and(is_it);
    let after = tree.span(sort).end;
    let mut taken = false;
    for id in tree.subtree(function).filter(|id| tree.span(*id).start >= after) {
        match tree.kind(id) {
            // `(a[i] + a[j]) / 2`, `a[i] - a[0]`
            Kind::Binary if matches!(tree.name(id), "-" | "*" | "/") => {
                let sides = [tree.child(id, Role::Left), tree.child(id, Role::Right)];
                let computed = sides.into_iter().flatten().any(|side| {
                    element(side)
                        || tree.kind(side) == Kind::Binary
                            && tree.name(side) == "+"
                            && tree.children(side).all(element)
                });
                if computed {
                    return true;
                }
            }
            Kind::Index => taken |= element(id),
            _ => {}
        }
    }
    // Texts have no median.
    taken
        && (code
            .functions(sort)
            .any(|around| is_of_numbers(code.function_name(around)))
            || tree.subtree(function).any(|id| {
                let named = match tree.kind(id) {
                    Kind::Pair => code.key(id).unwrap_or(""),
                    Kind::Assign => tree
                        .child(id, Role::Target)
                        .map_or("", |target| tree.name(target)),
                    _ => "",
                };
                is_of_numbers(named)
            }))
}

fn is_of_numbers(name: &str) -> bool {
    words(name).iter().any(|word| {
        matches!(
            word.as_str(),
            "median" | "percentile" | "percentiles" | "quantile" | "quantiles" | "quartile" | "iqr"
        )
    })
}
