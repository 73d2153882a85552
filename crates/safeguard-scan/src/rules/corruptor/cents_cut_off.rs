//! An amount is made into cents by cutting off what comes behind the point.

use safeguard_api::evidence::Severity;

use super::money::is_money;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::typed::{declared_type, is_decimal};
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "cents-truncated",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-682", "CWE-681"],
    languages: ALL_LANGUAGES,
    run: cents,
};

/// `int(price * 100)`: 19.99 becomes 1998.
fn cents(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.of_kind(Kind::Call).iter().copied() {
        let path = code.path(call);
        if !matches!(
            path,
            "int"
                | "math.floor"
                | "math.trunc"
                | "Math.floor"
                | "Math.trunc"
                | "parseInt"
                | "Number.parseInt"
                | "int64"
                | "int32"
                | "uint64"
                | "math.Floor"
                | "math.Trunc"
        ) {
            continue;
        }
        let Some(product) = code.arg(call, 0) else {
            continue;
        };
        judge_cents(code, call, product, reports);
    }
    // `(int) (price * 100)`, `(price * 100.0) as i64`
    for cast in source.of_kind(Kind::Cast).iter().copied() {
        let whole = code.child(cast, Role::Type).is_some_and(|written| {
            matches!(
                code.name(written),
                "int" | "long" | "Long" | "i32" | "i64" | "u32" | "u64" | "i128" | "u128"
            )
        });
        if let Some(product) = code
            .child(cast, Role::Value)
            .filter(|_| whole && is_fraction(code, cast))
        {
            judge_cents(code, cast, product, reports);
        }
    }
    // `(price * 100) | 0`
    for binary in source.of_kind(Kind::Binary).iter().copied() {
        if matches!(code.name(binary), "|" | ">>")
            && code
                .child(binary, Role::Right)
                .and_then(|right| code.number(right))
                == Some(0)
            && let Some(product) = code.child(binary, Role::Left)
        {
            judge_cents(code, binary, product, reports);
        }
    }
}

fn judge_cents(code: Code<'_>, at: NodeId, product: NodeId, reports: &mut Reports) {
    if code.kind(product) != Kind::Binary || code.name(product) != "*" {
        return;
    }
    let (Some(left), Some(right)) = (code.child(product, Role::Left), code.child(product, Role::Right))
    else {
        return;
    };
    let hundred = |id: NodeId| {
        code.number(id) == Some(100)
            || code.kind(id) == Kind::Num && code.name(id) == "100.0"
            || code.kind(id) == Kind::Num && code.name(id) == "1e2"
    };
    let other = if hundred(right) {
        left
    } else if hundred(left) {
        right
    } else {
        return;
    };
    // A decimal times 100 is exact.
    let exact = code.mentions(product, |name| {
        matches!(name, "Decimal" | "round" | "quantize" | "Big" | "BigNumber")
    }) || code
        .set_to(other)
        .is_some_and(|value| code.mentions(value, |name| matches!(name, "Decimal" | "quantize" | "Big")))
        || is_decimal(code, other);
    let inner = match code.kind(other) {
        Kind::Call if matches!(code.path(other), "float" | "parseFloat" | "Number" | "float64") => {
            code.arg(other, 0).unwrap_or(other)
        }
        _ => other,
    };
    let name = code.last_name(inner);
    let name = if name.is_empty() {
        code.last_name(other)
    } else {
        name
    };
    let money = is_money(name) && !matches!(name, "share" | "shares")
        || matches!(name, "total" | "amount" | "dollars" | "euros" | "usd" | "eur")
        || kept_as_cents(code, at) && is_fraction(code, at);
    if money && !exact && !undoes_or_tests(code, at) {
        // Whether the value is a float can be seen where it is converted, divided, or in JavaScript, which has nothing else.
        let sure = code.tree.language() != Language::Python || inner != other || !is_decimal_file(code);
        let told = format!("cuts `{name}` off instead of rounding it: 19.99 becomes 1998");
        if sure {
            reports.add(at, told);
        } else {
            reports.note(at, told);
        }
    }
}

/// Whether a number is set to a name, or given by a function, that says cents.
fn kept_as_cents(code: Code<'_>, at: NodeId) -> bool {
    let is_cents = |name: &str| has_word(name, &["cents", "pence", "pennies"]);
    let Some(parent) = code.tree.parent(at) else {
        return false;
    };
    match code.kind(parent) {
        Kind::Assign => code
            .child(parent, Role::Target)
            .is_some_and(|target| is_cents(code.last_name(target))),
        Kind::Return => code
            .function(at)
            .is_some_and(|function| is_cents(code.function_name(function))),
        _ => false,
    }
}

/// Whether there is a fraction in a product: it was read as one, is declared as one, or is multiplied with `100.0`.
fn is_fraction(code: Code<'_>, at: NodeId) -> bool {
    code.tree.subtree(at).any(|id| match code.kind(id) {
        Kind::Num => code.name(id) == "100.0",
        Kind::Call => matches!(
            code.path(id),
            "float" | "parseFloat" | "Number.parseFloat" | "strconv.ParseFloat" | "Double.parseDouble"
        ),
        Kind::Name => {
            let read = code.set_to(id).is_some_and(|value| {
                code.kind(value) == Kind::Call
                    && matches!(
                        code.path(value),
                        "float"
                            | "parseFloat"
                            | "Number.parseFloat"
                            | "strconv.ParseFloat"
                            | "Double.parseDouble"
                    )
            });
            let typed = declared_type(code.source, id);
            read || matches!(typed, Some("float" | "double" | "float64" | "f64" | "f32"))
        }
        _ => false,
    })
}

fn is_decimal_file(code: Code<'_>) -> bool {
    code.imports("decimal") || code.source.tree.text().contains("DecimalField")
}
