//! Whole numbers divided before they are multiplied, so that what the division cuts off is lost many times over.

use safeguard_api::evidence::Severity;

use super::EVERY;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

check!(CHECK, "whole-division", "CWE-682", EVERY, run);

const DEPTH_MAX: usize = 6;
const PARTS: &[&str] = &[
    "percent",
    "percentage",
    "pct",
    "rate",
    "bps",
    "basis",
    "discount",
    "vat",
    "tax",
    "share",
    "ratio",
    "commission",
    "fee",
    "interest",
    "markup",
    "margin",
    "quota",
];
const MONEY: &[&str] = &[
    "cents",
    "cent",
    "price",
    "amount",
    "total",
    "net",
    "gross",
    "balance",
    "subtotal",
    "cost",
    "salary",
    "minor",
    "pence",
    "principal",
];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for product in source.of_kind(Kind::Binary).iter().copied() {
        if code.name(product) != "*" {
            continue;
        }
        let (Some(left), Some(right)) = (code.child(product, Role::Left), code.child(product, Role::Right))
        else {
            continue;
        };
        let found = quotient(code, left)
            .map(|found| (found, right))
            .or_else(|| quotient(code, right).map(|found| (found, left)));
        let Some(((numerator, divisor), factor)) = found else {
            continue;
        };
        let hundred = code
            .number(divisor)
            .is_some_and(|by| matches!(by, 100 | 1000 | 10_000));
        // `n / 100 * 100` rounds down to whole hundreds.
        if !hundred
            || code.same(divisor, factor)
            || code.number(factor) == code.number(divisor)
            || undoes_or_tests(code, product)
        {
            continue;
        }
        if code.tree.language() == Language::Go
            && !(is_whole(code, numerator, 0) && is_whole(code, factor, 0))
        {
            continue;
        }
        let says = |id: NodeId, list: &[&str]| code.names_in(id).any(|name| has_word(name, list));
        let name = code.tree.source(numerator);
        if says(numerator, PARTS) && !says(numerator, MONEY) || says(numerator, PARTS) && says(factor, MONEY)
        {
            reports.add(
                product,
                format!("`{name}` is divided first, as whole numbers: below the divisor that is 0, and so is the product"),
            );
        } else if says(numerator, MONEY) && says(factor, PARTS) {
            reports.add(
                product,
                format!(
                    "`{name}` is divided first, as whole numbers: what is cut off is missing in the product"
                ),
            );
        }
    }
}

/// What is divided as whole numbers, and by what: `a / 100` of Go, `a // 100` of Python, `Math.floor(a / 100)`.
fn quotient(code: Code<'_>, id: NodeId) -> Option<(NodeId, NodeId)> {
    let division = match code.tree.language() {
        Language::Go => Some(id).filter(|id| code.name(*id) == "/"),
        Language::Python => match code.kind(id) {
            Kind::Call if code.called(id) == "int" && code.receiver(id).is_none() => {
                code.arg(id, 0).filter(|inner| code.name(*inner) == "/")
            }
            _ => Some(id).filter(|id| code.name(*id) == "//"),
        },
        _ => match code.path(id) {
            "Math.floor" | "Math.trunc" | "parseInt" if code.kind(id) == Kind::Call => {
                code.arg(id, 0).filter(|inner| code.name(*inner) == "/")
            }
            _ => None,
        },
    }?;
    if code.kind(division) != Kind::Binary {
        return None;
    }
    Some((
        code.child(division, Role::Left)?,
        code.child(division, Role::Right)?,
    ))
}

/// Go: whether a value is a whole number, by what the file says of its parts.
fn is_whole(code: Code<'_>, id: NodeId, depth: usize) -> bool {
    if depth > DEPTH_MAX {
        return false;
    }
    match code.kind(id) {
        Kind::Num => !code.name(id).contains(['.', 'e', 'p']),
        Kind::Unary if code.name(id) == "-" => code
            .child(id, Role::Value)
            .is_some_and(|value| is_whole(code, value, depth + 1)),
        Kind::Binary => code.tree.children(id).all(|part| is_whole(code, part, depth + 1)),
        Kind::Call => {
            let name = code.called(id);
            code.receiver(id).is_none() && (name == "len" || is_whole_type(name))
                || matches!(
                    code.called(id),
                    "Milliseconds" | "Unix" | "Int64" | "RowsAffected"
                )
        }
        Kind::Member => {
            let mut types = code
                .source
                .of_kind(Kind::Field)
                .iter()
                .filter(|field| code.name(**field) == code.name(id))
                .map(|field| code.child(*field, Role::Type).map_or("", |ty| code.name(ty)))
                .peekable();
            types.peek().is_some() && types.all(is_whole_type)
        }
        Kind::Name => by_name(code, id, depth),
        _ => false,
    }
}

fn by_name(code: Code<'_>, id: NodeId, depth: usize) -> bool {
    let name = code.name(id);
    let of_type = code
        .functions(id)
        .flat_map(|function| code.tree.children_in(function, Role::Param))
        .find(|param| code.name(*param) == name)
        .map(|param| code.child(param, Role::Type).map_or("", |ty| code.name(ty)));
    if let Some(of_type) = of_type {
        return is_whole_type(of_type);
    }
    let mut sets = code.sets(name).peekable();
    sets.peek().is_some()
        && sets.all(|assign| match code.child(assign, Role::Type) {
            Some(of) => is_whole_type(code.name(of)),
            None => code
                .child(assign, Role::Value)
                .is_some_and(|value| !code.tree.within(id, value) && is_whole(code, value, depth + 1)),
        })
}

fn is_whole_type(name: &str) -> bool {
    matches!(
        name,
        "int" | "int64" | "int32" | "int16" | "uint" | "uint64" | "uint32" | "uint16" | "uint8" | "int8"
    )
}
