//! An amount that is kept as decimals is computed in binary fractions, and the result is booked.

use safeguard_api::evidence::Severity;

use super::money::{is_column_money, is_money};
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "money-in-floats",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-682"],
    languages: ALL_LANGUAGES,
    run,
};

const FILES_MAX: usize = 300;
/// Functions that book what they are given.
const BOOKS: &[&str] = &[
    "charge", "credit", "debit", "book", "post", "pay", "payout", "refund", "invoice", "bill", "settle",
    "transfer", "deposit", "withdraw", "capture",
];

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.calls().iter().copied() {
        let Some(amount) = made_float(code, call) else {
            continue;
        };
        let name = money_name(code, amount);
        // What only a column of decimals shows to be money.
        let by_column = has_word(
            &name,
            &["net", "gross", "vat", "tax", "subtotal", "discount", "surcharge"],
        );
        if !(is_money(&name) || is_column_money(&name) || by_column) || undoes_or_tests(code, call) {
            continue;
        }
        let computed = computed(code, call);
        if computed.scaled
            && code.tree.language() == Language::Python
            && let Some(column) = kept_in(code, call, &name)
            && is_decimal_column(code, project, &name)
            && is_decimal_column(code, project, column)
        {
            reports.add(
                call,
                format!(
                    "`{column}` is kept as decimals, and is set to what was computed as a binary fraction"
                ),
            );
        } else if !is_money(&name) {
            continue;
        } else if computed.back {
            reports.add(
                call,
                format!("`{name}` is computed as a binary fraction, and made into decimals again: what was rounded on the way is booked"),
            );
        } else if computed.rounded
            && code.tree.language() == Language::Python
            && is_booked(code)
            && is_decimal_column(code, project, &name)
        {
            reports.add(
                call,
                format!(
                    "`{name}` is kept as decimals, and what is booked of it is computed as a binary fraction"
                ),
            );
        }
    }
}

/// What a call makes a binary fraction of.
fn made_float(code: Code<'_>, call: NodeId) -> Option<NodeId> {
    match (code.tree.language(), code.called(call)) {
        (Language::Python, "float") if code.receiver(call).is_none() => code.arg(call, 0),
        (Language::Java, "doubleValue" | "floatValue")
        | (Language::Go, "InexactFloat64" | "Float64")
        | (Language::Rust, "to_f64")
        | (Language::JavaScript | Language::TypeScript | Language::Tsx, "toNumber") => code.receiver(call),
        _ => None,
    }
}

/// The name of an amount: `price` of `plan.price`, of `plan.getPrice()`.
fn money_name(code: Code<'_>, id: NodeId) -> String {
    let last = code.last_name(id);
    if !last.is_empty() {
        return last.to_owned();
    }
    match code.kind(id) {
        Kind::Call => {
            let called = code.called(id);
            called.strip_prefix("get").unwrap_or(called).to_owned()
        }
        _ => String::new(),
    }
}

/// The column that the result is set as: `order.total = round(float(order.total) * rate, 2)`, `total = float(order.total)` and
/// `invoice.total = total * rate` behind it.
fn kept_in<'s>(code: Code<'s>, call: NodeId, name: &str) -> Option<&'s str> {
    let tree = code.tree;
    let assign = tree
        .ancestors(call)
        .take_while(|around| !matches!(tree.kind(*around), Kind::Function | Kind::Lambda | Kind::Block))
        .find(|around| tree.kind(*around) == Kind::Assign)?;
    let target = tree.child(assign, Role::Target)?;
    let column = tree.name(target);
    (tree.kind(target) == Kind::Member && (column == name || is_money(column) || is_column_money(column)))
        .then_some(column)
}

#[derive(Default)]
struct Computed {
    /// It is multiplied, divided, added, and then made into decimals again.
    back: bool,
    /// It is multiplied or divided, and rounded to what an amount has.
    rounded: bool,
    /// It is multiplied or divided.
    scaled: bool,
}

fn computed(code: Code<'_>, call: NodeId) -> Computed {
    let tree = code.tree;
    let mut found = Computed::default();
    let (mut at, mut steps) = (call, false);
    for around in tree.ancestors(call) {
        match tree.kind(around) {
            Kind::Binary if matches!(tree.name(around), "*" | "/" | "+" | "-") => {
                steps = true;
                found.scaled |= matches!(tree.name(around), "*" | "/");
            }
            Kind::Call | Kind::New if tree.role(at) == Role::Arg => {
                let name = code.called(around);
                let back = matches!(
                    (tree.language(), name),
                    (Language::Python, "Decimal")
                        | (Language::Java, "BigDecimal")
                        | (Language::Go, "NewFromFloat" | "NewFromFloatWithExponent")
                        | (Language::Rust, "from_f64" | "from_f64_retain")
                        | (
                            Language::JavaScript | Language::TypeScript | Language::Tsx,
                            "Decimal" | "Big" | "BigNumber"
                        )
                ) || tree.language() == Language::Java
                    && name == "valueOf"
                    && code
                        .receiver(around)
                        .is_some_and(|of| code.last_name(of) == "BigDecimal");
                if back {
                    // Decimals of a text that was rounded to cents lose nothing.
                    let quantized = tree
                        .parent(around)
                        .is_some_and(|parent| matches!(tree.name(parent), "quantize"));
                    found.back = steps && !quantized;
                    return found;
                }
                if name == "round" && code.arg(around, 1).and_then(|places| code.number(places)) == Some(2) {
                    found.rounded = found.scaled;
                }
            }
            Kind::Member | Kind::Unary | Kind::Conditional | Kind::Call | Kind::Cast => {}
            Kind::Keyword | Kind::Assign | Kind::Return | Kind::Pair => return found,
            _ => return found,
        }
        at = around;
    }
    found
}

/// Whether the file books amounts.
fn is_booked(code: Code<'_>) -> bool {
    code.source.calls().iter().any(|call| {
        let name = code.called(*call);
        has_word(name, BOOKS) && !has_word(name, &["http", "requests"]) && !code.args(*call).is_empty()
            || matches!(name, "add" | "save" | "create")
                && code
                    .receiver(*call)
                    .is_some_and(|of| has_word(code.last_name(of), &["session", "objects", "ledger"]))
    })
}

/// Whether a model of the repository has a column of that name that keeps decimals.
fn is_decimal_column(code: Code<'_>, project: &Project, name: &str) -> bool {
    let says = |text: &str| {
        text.lines().any(|line| {
            let line = line.trim_start();
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with([':', ' ', '=']))
                && ["Decimal", "Numeric", "DECIMAL", "NUMERIC"]
                    .iter()
                    .any(|ty| line.contains(ty))
        })
    };
    says(code.tree.text())
        || project
            .files()
            .filter(|path| path.ends_with(".py") && !crate::analysis::place::is_test(path))
            .take(FILES_MAX)
            .filter_map(|path| project.text(path))
            .any(|text| says(&text))
}
