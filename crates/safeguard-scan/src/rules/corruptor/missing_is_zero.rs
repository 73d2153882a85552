//! A price that is not known counts as zero, or a cell that can not be read does.

use super::unreadable_is_zero;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::words;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: &[
        Language::Java,
        Language::JavaScript,
        Language::Python,
        Language::TypeScript,
        Language::Tsx,
    ],
    run,
    ..unreadable_is_zero::CHECK
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for product in source.of_kind(Kind::Binary).iter().copied() {
        if code.name(product) != "*" {
            continue;
        }
        for side in [Role::Left, Role::Right] {
            let Some(factor) = code.child(product, side) else {
                continue;
            };
            let factor = code.set_to(factor).unwrap_or(factor);
            if let Some(of) = rated(code, factor)
                && !undoes_or_tests(code, product)
            {
                reports.add(
                    factor,
                    format!(
                        "what `{of}` does not have is exchanged one to one: a missing rate is taken for 1"
                    ),
                );
            }
            let price = priced(code, factor);
            if let Some(of) = price
                && !undoes_or_tests(code, product)
            {
                reports.add(
                    product,
                    format!(
                        "what `{of}` does not have costs nothing here: a missing price is taken for zero"
                    ),
                );
            }
        }
    }
    for handler in source.of_kind(Kind::Catch).iter().copied() {
        lost_key(code, handler, reports);
    }
    if source.tree.language() == Language::Python {
        for call in source.of_kind(Kind::Call).iter().copied() {
            filled(code, call, reports);
        }
    }
}

/// `def tax_rate(country): try: return RATES[country] except KeyError: return 0`
fn lost_key(code: Code<'_>, handler: NodeId, reports: &mut Reports) {
    let of_key = code
        .tree
        .children_in(handler, Role::Type)
        .any(|class| matches!(code.tree.source(class), "KeyError" | "LookupError"));
    let name = code
        .function(handler)
        .map_or("", |function| code.function_name(function));
    let words = words(name);
    let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(&word.as_str()));
    let is_price = has(&["price"]) || has(&["tax", "vat", "exchange", "fx"]) && has(&["rate"]);
    let zero = code
        .tree
        .subtree(handler)
        .filter(|id| code.kind(*id) == Kind::Return)
        .find(|id| {
            code.child(*id, Role::Value)
                .is_some_and(|value| is_zero(code, value))
        });
    if let Some(zero) = zero
        && of_key
        && is_price
        && !has(&["discount", "extra", "old"])
        && !undoes_or_tests(code, handler)
    {
        reports.add(
            zero,
            format!("what `{name}` does not know costs nothing here: a missing one is taken for zero"),
        );
    }
}

/// `prices.get(sku, 0)`, `prices.getOrDefault(sku, 0L)`, `(prices[sku] || 0)`, `(prices.get(sku) ?? 0)`: what is asked.
fn priced<'s>(code: Code<'s>, id: NodeId) -> Option<&'s str> {
    match code.kind(id) {
        Kind::Call => {
            let asks = matches!(code.called(id), "get" | "getOrDefault") && code.args(id).len() == 2;
            let of = code.receiver(id).filter(|_| asks)?;
            (is_zero(code, code.arg(id, 1)?) && holds_prices(code.last_name(of)))
                .then(|| code.tree.source(of))
        }
        Kind::Binary if matches!(code.name(id), "or" | "??") => {
            let left = code.child(id, Role::Left)?;
            let of = match code.kind(left) {
                Kind::Index => code.child(left, Role::Object)?,
                Kind::Call if code.called(left) == "get" => code.receiver(left)?,
                _ => return None,
            };
            (is_zero(code, code.child(id, Role::Right)?) && holds_prices(code.last_name(of)))
                .then(|| code.tree.source(of))
        }
        _ => None,
    }
}

/// `rates.get(currency, 1)`, `rates[`${from}-${to}`] || 1`: what is asked, if it holds rates of exchange.
fn rated<'s>(code: Code<'s>, id: NodeId) -> Option<&'s str> {
    let (of, missing) = match code.kind(id) {
        Kind::Call if matches!(code.called(id), "get" | "getOrDefault") => {
            (code.receiver(id)?, code.arg(id, 1)?)
        }
        Kind::Binary if matches!(code.name(id), "or" | "??") => {
            let left = code.child(id, Role::Left)?;
            let of = match code.kind(left) {
                Kind::Index => code.child(left, Role::Object)?,
                Kind::Call if code.called(left) == "get" => code.receiver(left)?,
                _ => return None,
            };
            (of, code.child(id, Role::Right)?)
        }
        _ => return None,
    };
    let has = |name: &str, wanted: &[&str]| words(name).iter().any(|word| wanted.contains(&word.as_str()));
    let name = code.last_name(of);
    let function = code
        .function(id)
        .map_or("", |function| code.function_name(function));
    const EXCHANGE: &[&str] = &[
        "exchange",
        "fx",
        "currency",
        "currencies",
        "conversion",
        "convert",
        "forex",
    ];
    let is_of_exchange = has(name, &["rates", "rate"])
        && (has(name, EXCHANGE)
            || has(function, EXCHANGE)
            || code.mentions(id, |name| has(name, &["currency"])));
    let is_one = code.kind(missing) == Kind::Num && matches!(code.name(missing), "1" | "1.0" | "1L" | "1.0d")
        || code.kind(missing) == Kind::Call
            && matches!(code.tree.source(missing), "Decimal(1)" | "Decimal(\"1\")");
    (is_of_exchange && is_one).then(|| code.tree.source(of))
}

/// Whether a name is one of a list of prices or of rates of exchange.
fn holds_prices(name: &str) -> bool {
    let words = words(name);
    let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(&word.as_str()));
    let is_list = has(&["prices", "pricelist", "tariffs"])
        || has(&["price"]) && has(&["list", "map", "table", "by", "book"]);
    let exchange = has(&["exchange", "fx", "currency", "conversion"]) && has(&["rates", "rate", "table"]);
    (is_list || exchange)
        && !has(&[
            "discount",
            "discounts",
            "extra",
            "option",
            "options",
            "addon",
            "surcharge",
            "old",
            "previous",
        ])
}

fn is_zero(code: Code<'_>, id: NodeId) -> bool {
    code.kind(id) == Kind::Num && matches!(code.name(id), "0" | "0.0" | "0L" | "0.0d" | "0n")
        || code.kind(id) == Kind::Call && code.called(id) == "Decimal" && code.tree.source(id).contains('0')
        || code.tree.source(id) == "BigDecimal.ZERO"
}

/// `pd.to_numeric(frame["amount"], errors="coerce").fillna(0)`
fn filled(code: Code<'_>, call: NodeId, reports: &mut Reports) {
    if code.called(call) != "fillna" || !code.arg(call, 0).is_some_and(|value| is_zero(code, value)) {
        return;
    }
    let Some(of) = code.receiver(call).map(|of| code.set_to(of).unwrap_or(of)) else {
        return;
    };
    let coerced = code.kind(of) == Kind::Call
        && code.called(of) == "to_numeric"
        && code
            .option(of, "errors")
            .and_then(|errors| code.text(errors))
            .is_some_and(|errors| errors == "coerce");
    if !coerced || undoes_or_tests(code, call) {
        return;
    }
    const KEPT: &[&str] = &[
        "amount", "amounts", "price", "prices", "balance", "total", "cents", "cost", "salary", "quantity",
        "stock", "invoice", "payment", "revenue", "dose", "weight", "paid",
    ];
    let column = code.arg(of, 0).map_or("", |column| code.last_name(column));
    let told = "what can not be read becomes 0 here, and nothing tells it from a zero that somebody wrote";
    if words(column).iter().any(|word| KEPT.contains(&word.as_str())) {
        reports.add(call, told);
    } else {
        reports.note(call, told);
    }
}
