//! Java: a transfer between two entities that are saved one after the other, outside of a transaction.

use super::multiple;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: &[Language::Java],
    run,
    ..multiple::TRANSFER
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for function in source.of_kind(Kind::Function).iter().copied() {
        let own = code.own(function);
        let calls = || own.iter().copied().filter(|id| code.kind(*id) == Kind::Call);
        let saves = calls()
            .filter(|call| {
                matches!(
                    code.called(*call),
                    "save" | "saveAndFlush" | "persist" | "merge" | "update" | "updateById"
                )
            })
            .count();
        if saves < 2 || is_in_transaction(code, function) || undoes_or_tests(code, function) {
            continue;
        }
        let taken = calls().find_map(|call| (sign(code, call)? == Sign::Takes).then_some(call));
        let given = calls().find_map(|call| (sign(code, call)? == Sign::Gives).then_some(call));
        let (Some(taken), Some(given)) = (taken, given) else {
            continue;
        };
        let of = |call: NodeId| code.receiver(call).map_or("", |of| code.tree.source(of));
        // What is taken from one is given to another.
        if of(taken) != of(given) {
            let later = if code.tree.span(taken).start > code.tree.span(given).start {
                taken
            } else {
                given
            };
            reports.add(
                later,
                "one side is saved without the other when this fails between: there is no transaction around both (`@Transactional`)",
            );
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sign {
    Takes,
    Gives,
}

/// `a.setBalance(a.getBalance() - x)`, `a.setBalance(a.getBalance().subtract(x))`, `a.withdraw(x)`
fn sign(code: Code<'_>, call: NodeId) -> Option<Sign> {
    let name = code.called(call);
    let receiver = code.receiver(call).filter(|of| code.kind(*of) == Kind::Name)?;
    match (name, code.args(call).len()) {
        ("withdraw" | "debit" | "deduct" | "decreaseBalance" | "decreaseStock" | "subtractFunds", 1) => {
            return Some(Sign::Takes);
        }
        ("deposit" | "credit" | "increaseBalance" | "increaseStock" | "addFunds", 1) => {
            return Some(Sign::Gives);
        }
        _ => {}
    }
    let amount = name.strip_prefix("set")?;
    const AMOUNTS: &[&str] = &[
        "balance",
        "amount",
        "cents",
        "stock",
        "quantity",
        "credits",
        "points",
        "funds",
        "inventory",
    ];
    let value = code.arg(call, 0).filter(|_| has_word(amount, AMOUNTS))?;
    let getter = format!("{}.get{amount}()", code.tree.source(receiver));
    if !code.tree.source(value).starts_with(&getter) {
        return None;
    }
    match (code.kind(value), code.name(value), code.called(value)) {
        (Kind::Binary, "-", _) | (Kind::Call, _, "subtract") => Some(Sign::Takes),
        (Kind::Binary, "+", _) | (Kind::Call, _, "add") => Some(Sign::Gives),
        _ => None,
    }
}

/// Whether the function or its class says so, it uses a template, or it is only called from the class itself.
fn is_in_transaction(code: Code<'_>, function: NodeId) -> bool {
    let says = |id: NodeId| {
        code.tree
            .children_in(id, Role::Decorator)
            .any(|decorator| code.tree.source(decorator).contains("Transaction"))
    };
    let class = code
        .tree
        .ancestors(function)
        .find(|around| code.kind(*around) == Kind::Class);
    let text = code.tree.source(function);
    let head = text.split('{').next().unwrap_or("");
    says(function)
        || class.is_some_and(says)
        || head.contains("private ")
        || [
            "ransactionTemplate",
            "ransactionManager",
            "getTransaction",
            "beginTransaction",
            "setAutoCommit",
            "inTransaction",
            "UnitOfWork",
            "TransactionScope",
        ]
        .iter()
        .any(|word| text.contains(word))
}
