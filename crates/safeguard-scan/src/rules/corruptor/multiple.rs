//! A charge, a refund or a transfer is tried again when it fails, without a key by which the other side knows that it is the same one.

use safeguard_api::evidence::Severity;

use super::EVERY;
use super::transfer_helper;
use super::writes::writes;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::sql_text;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static TRANSFER: Check = Check {
    id: "transfer-without-transaction",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-460", "CWE-662"],
    languages: EVERY,
    run: transfer,
};

pub static RETRY: Check = Check {
    id: "retry-charges-twice",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-837"],
    languages: EVERY,
    run: retry,
};

const AMOUNTS: &[&str] = &[
    "balance",
    "cents",
    "stock",
    "quantity",
    "credits",
    "points",
    "funds",
    "inventory",
    "amount",
    "coins",
    "tokens",
];

/// What a function does to amounts: takes from one, gives to another.
#[derive(Default)]
pub(super) struct Moves {
    pub takes: Option<NodeId>,
    pub gives: Option<NodeId>,
}

fn transfer(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let mut functions = source.of_kind(Kind::Function).to_vec();
    functions.extend_from_slice(source.of_kind(Kind::Lambda));
    for function in functions {
        let own = code.own(function);
        let mut moves = Moves::default();
        for id in own.iter().copied() {
            look(code, id, &mut moves);
            transfer_helper::look(code, id, function, &mut moves);
        }
        let (Some(takes), Some(gives)) = (moves.takes, moves.gives) else {
            continue;
        };
        let stored = own
            .iter()
            .filter(|id| {
                code.kind(**id) == Kind::Call
                    && (writes(code, **id) == Some(true)
                        || is_statement(code, **id)
                        || transfer_helper::sign(code, **id, function).is_some())
            })
            .count();
        if stored < 2 || undoes_or_tests(code, function) || is_in_transaction(code, function, &own) {
            continue;
        }
        // One commit of both, and nothing before it, is a transaction of the session's own.
        if own.iter().any(|id| {
            code.kind(*id) == Kind::Call && matches!(code.called(*id), "commit" | "Commit" | "flush")
        }) && own
            .iter()
            .filter(|id| {
                code.kind(**id) == Kind::Call && matches!(code.called(**id), "commit" | "Commit" | "save")
            })
            .count()
            <= 1
        {
            continue;
        }
        let later = if code.tree.span(takes).start > code.tree.span(gives).start {
            takes
        } else {
            gives
        };
        reports.add(later, "one side is written without the other when this fails between: there is no transaction around both");
    }
}

fn is_statement(code: Code<'_>, call: NodeId) -> bool {
    matches!(
        code.called(call),
        "execute" | "exec" | "Exec" | "ExecContext" | "query" | "run" | "$executeRaw" | "QueryRow"
    ) && code
        .args(call)
        .into_iter()
        .take(2)
        .find_map(|arg| sql_text::text_of(code, arg))
        .is_some_and(|text| text.trim_start().to_ascii_lowercase().starts_with("update"))
        || matches!(
            code.called(call),
            "update" | "updateOne" | "update_one" | "increment" | "decrement" | "findByIdAndUpdate"
        ) && code.receiver(call).is_some()
}

fn is_amount(name: &str) -> bool {
    has_word(name, AMOUNTS)
}

pub(super) fn look(code: Code<'_>, id: NodeId, moves: &mut Moves) {
    let sign = match code.kind(id) {
        Kind::Assign => {
            let Some(target) = code.child(id, Role::Target).filter(|target| {
                matches!(code.kind(*target), Kind::Member | Kind::Index) && is_amount(code.last_name(*target))
            }) else {
                return;
            };
            match code.name(id) {
                "+=" => {
                    let text = code.tree.source(id);
                    if text.contains("-=") {
                        Some(false)
                    } else if text.contains("+=") {
                        Some(true)
                    } else {
                        None
                    }
                }
                "-=" => Some(false),
                _ => code
                    .child(id, Role::Value)
                    .and_then(|value| signed(code, value, target)),
            }
        }
        Kind::Call if is_statement(code, id) => {
            let text = code
                .args(id)
                .into_iter()
                .take(2)
                .find_map(|arg| sql_text::text_of(code, arg))
                .unwrap_or_default()
                .to_ascii_lowercase();
            let compact: String = text.chars().filter(|char| !char.is_whitespace()).collect();
            let has = |sign: char| {
                AMOUNTS.iter().any(|name| {
                    compact.match_indices(&format!("{name}=")).any(|(at, _)| {
                        let rest = &compact[at + name.len() + 1..];
                        rest.find(name)
                            .is_some_and(|begin| begin < 20 && rest[begin + name.len()..].starts_with(sign))
                    })
                })
            };
            if has('-') {
                Some(false)
            } else if has('+') {
                Some(true)
            } else {
                by_operator(code, id)
            }
        }
        _ => None,
    };
    match sign {
        Some(false) => moves.takes = moves.takes.or(Some(id)),
        Some(true) => moves.gives = moves.gives.or(Some(id)),
        None => {}
    }
}

/// `{ balance: { decrement: amount } }`, `{ $inc: { balance: -amount } }`, `balance=F("balance") - amount`
fn by_operator(code: Code<'_>, call: NodeId) -> Option<bool> {
    for id in code.tree.subtree(call) {
        match code.kind(id) {
            Kind::Pair => {
                let key = code.key(id)?;
                let around = code
                    .tree
                    .ancestors(id)
                    .find(|around| code.kind(*around) == Kind::Pair)
                    .and_then(|around| code.key(around))
                    .unwrap_or("");
                if matches!(key, "increment" | "decrement") && is_amount(around) {
                    return Some(key == "increment");
                }
                if around == "$inc" && is_amount(key) {
                    let value = code.child(id, Role::Value)?;
                    return Some(!(code.kind(value) == Kind::Unary && code.name(value) == "-"));
                }
            }
            Kind::Keyword if is_amount(code.name(id)) => {
                let value = code.child(id, Role::Value)?;
                if code.kind(value) == Kind::Binary && code.mentions(value, |name| name == "F") {
                    return match code.name(value) {
                        "+" => Some(true),
                        "-" => Some(false),
                        _ => None,
                    };
                }
            }
            _ => {}
        }
    }
    match code.called(call) {
        "increment" if code.mentions_text(call, "balance") => Some(true),
        "decrement" if code.mentions_text(call, "balance") => Some(false),
        _ => None,
    }
}

/// `a.balance = a.balance - x`
fn signed(code: Code<'_>, value: NodeId, target: NodeId) -> Option<bool> {
    if code.kind(value) != Kind::Binary
        || !code
            .child(value, Role::Left)
            .is_some_and(|left| code.same(left, target) || code.mentions(left, |name| name == "F"))
    {
        return None;
    }
    match code.name(value) {
        "+" => Some(true),
        "-" => Some(false),
        _ => None,
    }
}

pub(super) fn is_in_transaction(code: Code<'_>, function: NodeId, own: &[NodeId]) -> bool {
    const SAYS: &[&str] = &[
        "transaction",
        "transactional",
        "atomic",
        "begin",
        "begin_nested",
        "tx",
        "txn",
        "trx",
        "queryrunner",
        "savepoint",
        "unitofwork",
        "uow",
        "starttransaction",
        "begintx",
        "runintransaction",
        "withtransaction",
        "manager",
        "locked",
    ];
    let says = |name: &str| has_word(name, SAYS) || SAYS.iter().any(|other| name.eq_ignore_ascii_case(other));
    if own
        .iter()
        .any(|id| matches!(code.kind(*id), Kind::Name | Kind::Member | Kind::Keyword) && says(code.name(*id)))
    {
        return true;
    }
    if own.iter().any(|id| {
        code.kind(*id) == Kind::Str
            && matches!(
                code.name(*id)
                    .trim()
                    .trim_end_matches(';')
                    .to_ascii_uppercase()
                    .as_str(),
                "BEGIN" | "BEGIN TRANSACTION" | "START TRANSACTION" | "BEGIN IMMEDIATE"
            )
    }) {
        return true;
    }
    // Whoever calls it has one: a parameter, a decorator, a callback of `transaction(…)`.
    std::iter::once(function)
        .chain(code.functions(function))
        .any(|around| {
            code.tree.children_in(around, Role::Param).any(|param| {
                says(code.name(param))
                    || code
                        .child(param, Role::Type)
                        .is_some_and(|ty| code.name(ty).contains("Tx"))
            }) || code
                .tree
                .children_in(around, Role::Decorator)
                .any(|decorator| code.mentions(decorator, says))
                || code
                    .tree
                    .parent(around)
                    .is_some_and(|parent| code.kind(parent) == Kind::Call && says(code.called(parent)))
        })
}

/// A retry around a charge that has no key by which the second one is known.
fn retry(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.of_kind(Kind::Call).iter().copied() {
        if !charges(code, call) || undoes_or_tests(code, call) {
            continue;
        }
        let scope = code.function(call).unwrap_or(NodeId::ROOT);
        let key = code.tree.subtree(scope).any(|id| match code.kind(id) {
            Kind::Name | Kind::Member | Kind::Keyword | Kind::Str => {
                let lower = code.name(id).to_ascii_lowercase();
                lower.contains("idempot")
                    || lower.contains("request_id")
                    || lower.contains("requestid")
                    || lower.contains("dedup")
            }
            _ => false,
        });
        if !key && is_retried(code, call) {
            reports.add(
                call,
                "is done again when the answer is lost: without a key of idempotency it is done twice",
            );
        }
    }
}

fn charges(code: Code<'_>, call: NodeId) -> bool {
    let Some(of) = code.receiver(call) else {
        return matches!(
            code.called(call),
            "charge_card"
                | "chargeCard"
                | "charge_customer"
                | "chargeCustomer"
                | "process_payment"
                | "processPayment"
                | "send_payment"
                | "sendPayment"
                | "create_payment"
                | "createPayment"
                | "transfer_funds"
                | "transferFunds"
        );
    };
    let of_name = code.last_name(of);
    let money = has_word(
        of_name,
        &[
            "charge",
            "charges",
            "payment",
            "payments",
            "intents",
            "intent",
            "payout",
            "payouts",
            "transfer",
            "transfers",
            "refund",
            "refunds",
            "gateway",
            "stripe",
            "paypal",
            "braintree",
            "adyen",
            "square",
            "invoices",
            "orders",
        ],
    ) || code.kind(of) == Kind::Member
        && matches!(
            code.name(of),
            "paymentIntents" | "PaymentIntent" | "Charge" | "Refund" | "Transfer" | "Payout"
        );
    match code.called(call) {
        "create" | "confirm" | "New" => money && !has_word(of_name, &["orders", "invoices"]),
        "charge" | "capture" | "payout" | "transfer" | "pay" | "Charge" | "Transfer" | "charge_card"
        | "chargeCard" | "charge_customer" | "chargeCustomer" | "process_payment" | "processPayment"
        | "refund" | "send_payment" | "sendPayment" | "create_payment" | "createPayment"
        | "transfer_funds" | "transferFunds" => true,
        _ => false,
    }
}

/// Whether something does it again when it fails: a decorator, a helper, a loop with an attempt in it.
pub(super) fn is_retried(code: Code<'_>, call: NodeId) -> bool {
    let says = |name: &str| {
        has_word(
            name,
            &["retry", "retries", "retrying", "backoff", "tenacity", "attempts"],
        ) || matches!(
            name,
            "on_exception" | "autoretry_for" | "pRetry" | "withRetry" | "retryAsync"
        )
    };
    for around in code.tree.ancestors(call) {
        match code.kind(around) {
            Kind::Function => {
                let decorated = code
                    .tree
                    .children_in(around, Role::Decorator)
                    .any(|decorator| code.mentions(decorator, says));
                return decorated;
            }
            Kind::Lambda
                if code
                    .tree
                    .parent(around)
                    .is_some_and(|parent| code.kind(parent) == Kind::Call && says(code.called(parent))) =>
            {
                return true;
            }
            Kind::ForEach | Kind::For | Kind::While | Kind::DoWhile => {
                let Some(body) = code.child(around, Role::Body) else {
                    continue;
                };
                // A loop over attempts, not over customers.
                let header: Vec<NodeId> = code.tree.children(around).filter(|part| *part != body).collect();
                let counts = header.iter().any(|part| {
                    code.mentions(*part, |name| {
                        has_word(
                            name,
                            &["attempt", "attempts", "retry", "retries", "tries", "tried"],
                        )
                    })
                });
                let handled = code.tree.subtree(body).any(|id| {
                    code.kind(id) == Kind::Try
                        && code.tree.within(call, id)
                        && !code.tree.children_in(id, Role::Handler).any(|handler| {
                            code.tree
                                .children(handler)
                                .any(|part| code.kind(part) == Kind::Raise)
                        })
                }) || code.tree.language() == Language::Go;
                if counts && handled {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}
