//! An amount is divided among several, each part is rounded, and all parts are the same: together they are not the amount.

use safeguard_api::evidence::Severity;

use super::EVERY;
use super::money::{is_column_money, is_money};
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::has_word;
use crate::matching::{Source, canonical};
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "money-in-floats",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-682"],
    languages: EVERY,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let repeats = source
        .of_kind(Kind::Binary)
        .iter()
        .filter_map(|id| Some((*id, repeated_list(code, *id)?)));
    let calls = source
        .calls()
        .iter()
        .filter_map(|id| Some((*id, repeated_by_call(code, *id)?)));
    for (at, (part, times)) in repeats.chain(calls) {
        let Some((amount, by)) = rounded_quotient(code, part) else {
            continue;
        };
        let name = code.last_name(amount);
        let is_amount = is_money(name)
            || is_column_money(name)
            || has_word(name, &["cents", "amount", "price", "bill", "invoice", "total"]);
        let same = canonical(code.tree, by) == canonical(code.tree, times);
        if is_amount && same && !gives_the_rest(code, at) && !undoes_or_tests(code, at) {
            reports.add(
                at,
                format!("the parts of `{name}` are rounded and all the same: together they are more or less than it, and nobody gets the rest"),
            );
        }
    }
}

/// `[share] * n`
fn repeated_list(code: Code<'_>, id: NodeId) -> Option<(NodeId, NodeId)> {
    let ("*", left, right) = code.comparison(id)? else {
        return None;
    };
    let (list, times) = match (code.kind(left), code.kind(right)) {
        (Kind::List, _) => (left, right),
        (_, Kind::List) => (right, left),
        _ => return None,
    };
    let mut items = code.tree.children(list);
    match (items.next(), items.next()) {
        (Some(only), None) => Some((only, times)),
        _ => None,
    }
}

/// `Array(n).fill(share)`, `new Array(n).fill(share)`, `Array.from({ length: n }, () => share)`
fn repeated_by_call(code: Code<'_>, id: NodeId) -> Option<(NodeId, NodeId)> {
    match code.called(id) {
        "fill" => {
            let array = code.receiver(id)?;
            (code.is_call(array) && code.called(array) == "Array")
                .then(|| Some((code.arg(id, 0)?, code.arg(array, 0)?)))?
        }
        "from" if code.path(id) == "Array.from" => {
            let times = code.option(id, "length")?;
            let by = code.arg(id, 1).filter(|by| code.kind(*by) == Kind::Lambda)?;
            let body = code.child(by, Role::Body)?;
            (code.kind(body) != Kind::Block).then_some((body, times))
        }
        _ => None,
    }
}

/// The amount and what it is divided by, of a quotient that is rounded.
fn rounded_quotient(code: Code<'_>, part: NodeId) -> Option<(NodeId, NodeId)> {
    let part = code.set_to(part).unwrap_or(part);
    let (mut at, mut rounded) = (code.bare(part), false);
    const DEPTH_MAX: usize = 5;
    for _ in 0..DEPTH_MAX {
        match code.kind(at) {
            Kind::Call => {
                let name = code.called(at);
                at = match name {
                    "round" | "floor" | "ceil" | "trunc" | "int" | "Decimal" | "Number" | "parseFloat" => {
                        rounded |= !matches!(name, "Decimal" | "Number" | "parseFloat");
                        code.arg(at, 0)?
                    }
                    "quantize" | "toFixed" | "toDecimalPlaces" => {
                        rounded = true;
                        code.receiver(at)?
                    }
                    _ => return None,
                };
            }
            Kind::Binary if code.name(at) == "//" => {
                return Some((
                    source_of(code, code.child(at, Role::Left)?),
                    code.child(at, Role::Right)?,
                ));
            }
            Kind::Binary if code.name(at) == "/" && rounded => {
                let left = code.child(at, Role::Left)?;
                // `Math.round((total / n) * 100) / 100`
                if code
                    .number(code.child(at, Role::Right)?)
                    .is_some_and(|number| number == 100)
                {
                    at = left;
                    continue;
                }
                return Some((source_of(code, left), code.child(at, Role::Right)?));
            }
            Kind::Binary if code.name(at) == "/" => {
                // The outermost step of `Math.round(…) / 100`.
                let by_hundred = code
                    .number(code.child(at, Role::Right)?)
                    .is_some_and(|number| number == 100);
                if !by_hundred {
                    return None;
                }
                at = code.child(at, Role::Left)?;
            }
            Kind::Binary if code.name(at) == "*" => {
                code.number(code.child(at, Role::Right)?)
                    .filter(|number| *number == 100)?;
                at = code.child(at, Role::Left)?;
            }
            _ => return None,
        }
    }
    None
}

/// `order.total` of `float(order.total)`, also through a name.
fn source_of(code: Code<'_>, id: NodeId) -> NodeId {
    match code.kind(id) {
        Kind::Call
            if matches!(
                code.called(id),
                "float" | "Decimal" | "Number" | "parseFloat" | "str"
            ) =>
        {
            code.arg(id, 0).map_or(id, |inner| source_of(code, inner))
        }
        _ => id,
    }
}

/// Whether the function looks after what is left over: a remainder, a difference, a last part of its own.
fn gives_the_rest(code: Code<'_>, at: NodeId) -> bool {
    let tree = code.tree;
    let function = code.function(at).unwrap_or(NodeId::ROOT);
    tree.subtree(function).any(|id| match tree.kind(id) {
        Kind::Binary => {
            tree.name(id) == "%"
                || tree.name(id) == "-"
                    && tree
                        .child(id, Role::Right)
                        .is_none_or(|right| tree.kind(right) != Kind::Num)
        }
        Kind::Assign => {
            matches!(tree.name(id), "-=" | "+=")
                || tree
                    .child(id, Role::Target)
                    .is_some_and(|target| tree.kind(target) == Kind::Index)
        }
        Kind::Name | Kind::Member => has_word(
            tree.name(id),
            &[
                "divmod",
                "remainder",
                "rest",
                "leftover",
                "residual",
                "remaining",
                "diff",
                "difference",
            ],
        ),
        _ => false,
    })
}
