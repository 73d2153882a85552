//! Java: a product of whole numbers that is larger than an `int` holds, and is kept as a `long` only when it is too late.

use super::numbers;
use crate::analysis::code::Code;
use crate::analysis::typed::declared_type;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    cwe: &["CWE-190"],
    languages: &[Language::Java],
    run,
    ..numbers::NUMBER
};

/// The milliseconds of a day: 25 of them are more than an `int` holds.
const DAY_MS: u64 = 86_400_000;

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    if source.is_test() {
        return;
    }
    for product in source.of_kind(Kind::Binary).iter().copied() {
        let is_part = code
            .tree
            .parent(product)
            .is_some_and(|parent| code.kind(parent) == Kind::Binary && code.name(parent) == "*");
        if code.name(product) != "*" || is_part {
            continue;
        }
        let mut factors = Vec::new();
        collect(code, product, &mut factors);
        let mut constant: u64 = 1;
        let mut others = Vec::new();
        for factor in factors {
            match (code.kind(factor), code.number(factor)) {
                (Kind::Num, Some(number)) => constant = constant.saturating_mul(number),
                // `24L`, `1.5`: what is multiplied after it is no `int` any more.
                (Kind::Num, None) => {
                    others.clear();
                    constant = 0;
                    break;
                }
                _ => others.push(factor),
            }
        }
        if constant > u64::from(u32::MAX / 2) && others.is_empty() {
            reports.add(
                product,
                format!(
                    "{constant} is more than an `int` holds, and wraps around before it is kept: `24L * …`"
                ),
            );
            continue;
        }
        // `days * 24 * 60 * 60 * 1000` of an `int`, kept as a `long`.
        let [only] = others.as_slice() else {
            continue;
        };
        let is_int = code.kind(*only) == Kind::Name
            && matches!(declared_type(source, *only), Some("int" | "Integer" | "short"));
        if constant >= DAY_MS && is_int && kept_as_long(code, product) {
            reports.add(
                product,
                format!(
                    "from 25 days on this wraps around: `{}` is an `int`, and so is the product; it becomes a `long` only then",
                    code.name(*only)
                ),
            );
        }
    }
}

fn collect(code: Code<'_>, id: NodeId, factors: &mut Vec<NodeId>) {
    if code.kind(id) == Kind::Binary && code.name(id) == "*" {
        for side in [Role::Left, Role::Right] {
            if let Some(side) = code.child(id, side) {
                collect(code, side, factors);
            }
        }
    } else {
        factors.push(id);
    }
}

/// Whether the value is set to a `long`, or added to a moment.
fn kept_as_long(code: Code<'_>, product: NodeId) -> bool {
    let Some(parent) = code.tree.parent(product) else {
        return false;
    };
    match code.kind(parent) {
        Kind::Assign => code
            .child(parent, Role::Type)
            .is_some_and(|written| matches!(code.name(written), "long" | "Long")),
        Kind::Binary => code.mentions(parent, |name| {
            matches!(name, "currentTimeMillis" | "getTime" | "toEpochMilli")
        }),
        Kind::Return => code
            .function(parent)
            .and_then(|function| code.child(function, Role::Type))
            .is_some_and(|written| matches!(code.name(written), "long" | "Long")),
        _ => false,
    }
}
