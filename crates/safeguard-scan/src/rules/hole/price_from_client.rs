//! What somebody pays is what their own request says.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::sent::is_request;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_BUT_RUST, Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "price-from-client",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-602", "CWE-472"],
    languages: ALL_BUT_RUST,
    run,
};

/// How far a value is followed through names.
const HOPS_MAX: usize = 4;

/// Words of payments whose sum whoever pays may choose.
const CHOSEN: &[&str] = &[
    "donate",
    "donation",
    "donations",
    "topup",
    "top",
    "tip",
    "tips",
    "deposit",
    "pledge",
    "contribution",
    "gift",
    "giftcard",
    "wallet",
    "fund",
    "refund",
    "payout",
    "transfer",
    "withdraw",
    "withdrawal",
    "credits",
    "balance",
    "bid",
    "admin",
    "terminal",
    "backer",
    "sponsor",
];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    // Without their first letters, which are written small or large.
    const WITH_PAYMENTS: &[&str] = &["tripe", "raintree", "azorpay", "aypal", "ayPal", "ollie", "dyen"];
    let text = source.tree.text();
    if !WITH_PAYMENTS.iter().any(|name| text.contains(name)) {
        return;
    }
    for call in source.calls().iter().copied() {
        let Some(amount) = amount(code, call) else {
            continue;
        };
        let chosen = has_word(&source.path, CHOSEN)
            || code.names_around(call).iter().any(|name| has_word(name, CHOSEN))
            || code.functions(call).any(|function| {
                let decorated = code.tree.children_in(function, Role::Decorator);
                let route = code.tree.parent(function).filter(|around| code.is_call(*around));
                decorated
                    .flat_map(|part| code.texts_in(part).collect::<Vec<_>>())
                    .chain(
                        route
                            .and_then(|route| code.arg(route, 0))
                            .and_then(|path| code.text(path)),
                    )
                    .any(|text| has_word(text, CHOSEN))
            });
        if chosen || undoes_or_tests(code, call) || !comes_from_client(code, amount) {
            continue;
        }
        // Whoever compares it with what is owed may take it.
        let compared = code.function(call).is_some_and(|function| {
            code.tree.subtree(function).any(|id| {
                code.comparison(id).is_some_and(|(operator, left, right)| {
                    !matches!(operator, "+" | "-" | "*" | "/" | "and" | "or" | "??")
                        && [left, right].into_iter().any(|side| {
                            has_word(
                                code.last_name(side),
                                &["total", "price", "expected", "due", "owed"],
                            )
                        })
                })
            })
        });
        if !compared {
            reports.add(
                call,
                format!(
                    "whoever pays says how much: `{}` comes with the request, and nothing compares it with the price",
                    code.tree.source(amount)
                ),
            );
        }
    }
}

/// The sum that a call asks for.
fn amount(code: Code<'_>, call: NodeId) -> Option<NodeId> {
    let called = code.called(call);
    let of = code.child(call, Role::Callee).map_or(String::new(), |callee| {
        code.tree.source(callee).to_ascii_lowercase()
    });
    match code.tree.language() {
        Language::Java => (called == "setAmount" || called == "setUnitAmount")
            .then(|| code.arg(call, 0))
            .flatten(),
        Language::Go => {
            // `stripe.Int64(in.Amount)` that is set to `Amount`.
            let pair = code
                .tree
                .parent(call)
                .filter(|pair| code.kind(*pair) == Kind::Pair)?;
            let of_stripe = called == "Int64"
                && code
                    .receiver(call)
                    .is_some_and(|of| code.last_name(of) == "stripe");
            (of_stripe && matches!(code.key(pair), Some("Amount" | "UnitAmount")))
                .then(|| code.arg(call, 0))
                .flatten()
        }
        _ => {
            let pays = [
                "paymentintent",
                "charge",
                "sessions",
                "orders",
                "order",
                "transaction",
                "payments",
                "invoiceitems",
                "prices",
            ]
            .iter()
            .any(|part| of.contains(part));
            if !pays || !matches!(called, "create" | "sale" | "charge") {
                return None;
            }
            if let Some(amount) = code.option(call, "amount") {
                return Some(amount);
            }
            code.tree.subtree(call).find_map(|id| match code.kind(id) {
                Kind::Pair if matches!(code.key(id), Some("unit_amount" | "amount")) => code
                    .child(id, Role::Value)
                    .filter(|value| code.kind(*value) != Kind::Object),
                _ => None,
            })
        }
    }
}

/// Whether a value is put together from what a request says alone.
fn comes_from_client(code: Code<'_>, amount: NodeId) -> bool {
    let mut at = vec![amount];
    let mut sent = false;
    for _ in 0..HOPS_MAX {
        let mut next = Vec::new();
        for id in at
            .drain(..)
            .flat_map(|id| code.tree.subtree(id).collect::<Vec<_>>())
        {
            // A price that is looked up is nobody's to choose: `prices[item.sku]`, `product.price`.
            if code.kind(id) == Kind::Await || code.is_call(id) && looks_up(code.called(id)) {
                return false;
            }
            if code.kind(id) != Kind::Name {
                continue;
            }
            let used_as = code
                .tree
                .parent(id)
                .filter(|parent| code.kind(*parent) == Kind::Member && code.tree.role(id) == Role::Object);
            if is_sent(code, id, used_as) {
                sent = true;
                continue;
            }
            let value = code.set_to(id).filter(|value| *value != id);
            next.extend(
                value
                    .or_else(|| taken_apart(code, id))
                    .or_else(|| walked_over(code, id)),
            );
        }
        if next.is_empty() {
            break;
        }
        at = next;
    }
    sent
}

/// Whether a call gives another value than it is given: all but what converts, adds up and walks over.
fn looks_up(name: &str) -> bool {
    const CONVERTS: &[&str] = &[
        "parseInt",
        "parseFloat",
        "Number",
        "BigInt",
        "String",
        "int",
        "float",
        "str",
        "Decimal",
        "round",
        "floor",
        "ceil",
        "trunc",
        "abs",
        "map",
        "reduce",
        "sum",
        "filter",
        "flatMap",
        "toFixed",
        "Int64",
        "int64",
        "json",
        "loads",
        "intValue",
        "longValue",
        "multiply",
        "valueOf",
        "BigDecimal",
        "Atoi",
        "ParseInt",
        "cents",
        "toCents",
        "to_cents",
        "dict",
        "model_dump",
    ];
    !CONVERTS.contains(&name) && !name.starts_with("get")
}

/// `req.body`, `request.POST`, a parameter that the framework fills from the body.
fn is_sent(code: Code<'_>, name: NodeId, used_as: Option<NodeId>) -> bool {
    if is_request(code.name(name)) && code.tree.language() != Language::Java {
        return used_as.is_some_and(|member| {
            matches!(
                code.name(member),
                "body"
                    | "query"
                    | "POST"
                    | "GET"
                    | "json"
                    | "form"
                    | "data"
                    | "args"
                    | "params"
                    | "get_json"
                    | "values"
            )
        });
    }
    let Some(param) = crate::analysis::outside::parameter(code.tree, name) else {
        return bound(code, name);
    };
    let decorated = code.tree.children_in(param, Role::Decorator).any(|decorator| {
        code.mentions(decorator, |name| {
            matches!(
                name,
                "Body" | "RequestBody" | "Query" | "RequestParam" | "ModelAttribute"
            )
        })
    });
    let routed = code.tree.language() == Language::Python
        && code.function(name).is_some_and(|function| {
            code.tree.children_in(function, Role::Decorator).any(|decorator| {
                let value = code.child(decorator, Role::Value).unwrap_or(decorator);
                code.is_call(value)
                    && matches!(code.called(value), "post" | "put" | "patch")
                    && code
                        .arg(value, 0)
                        .and_then(|path| code.text(path))
                        .is_some_and(|path| {
                            path.starts_with('/') && !path.contains(&format!("{{{}", code.name(param)))
                        })
            })
        })
        && code.child(param, Role::Default).is_none();
    decorated || routed
}

/// Go: `c.ShouldBindJSON(&in)`, `json.NewDecoder(r.Body).Decode(&in)`.
fn bound(code: Code<'_>, name: NodeId) -> bool {
    let Some(function) = code
        .function(name)
        .filter(|_| code.tree.language() == Language::Go)
    else {
        return false;
    };
    code.tree.subtree(function).any(|call| {
        code.kind(call) == Kind::Call
            && matches!(
                code.called(call),
                "ShouldBindJSON" | "BindJSON" | "ShouldBind" | "Bind" | "BodyParser" | "Decode"
            )
            && code
                .args(call)
                .iter()
                .any(|arg| code.name(code.bare(*arg)) == code.name(name))
    })
}

/// What a callback is called with the elements of: `cart.lines` of `cart.lines.map((line) => …)`.
fn walked_over(code: Code<'_>, name: NodeId) -> Option<NodeId> {
    let param = crate::analysis::outside::parameter(code.tree, name)?;
    let callback = code.tree.parent(param)?;
    let call = code.tree.parent(callback).filter(|call| code.is_call(*call))?;
    code.receiver(call)
}

/// What `const { amount } = req.body` takes apart.
fn taken_apart(code: Code<'_>, name: NodeId) -> Option<NodeId> {
    let function = code.function(name)?;
    code.tree
        .subtree(function)
        .filter(|id| code.kind(*id) == Kind::Assign)
        .find(|assign| {
            code.child(*assign, Role::Target).is_some_and(|target| {
                code.kind(target) == Kind::Object
                    && code
                        .tree
                        .subtree(target)
                        .any(|part| code.kind(part) == Kind::Name && code.name(part) == code.name(name))
            })
        })
        .and_then(|assign| code.child(assign, Role::Value))
}
