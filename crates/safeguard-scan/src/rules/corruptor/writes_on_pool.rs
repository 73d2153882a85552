//! Money and stock that are written to several tables by statements of a pool, each of which is a transaction of its own.

use super::multiple::is_in_transaction;
use super::writes_without_transaction;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::sql_text;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId};

pub static CHECK: Check = Check {
    languages: &[
        Language::Go,
        Language::JavaScript,
        Language::TypeScript,
        Language::Tsx,
    ],
    run,
    ..writes_without_transaction::CHECK
};

/// What must not be there in one table and missing in the other.
const OF_VALUE: &[&str] = &[
    "payment",
    "payments",
    "invoice",
    "invoices",
    "ledger",
    "posting",
    "postings",
    "balance",
    "balances",
    "stock",
    "inventory",
    "charge",
    "charges",
    "refund",
    "refunds",
    "wallet",
    "wallets",
    "transfer",
    "transfers",
    "credit",
    "credits",
    "payout",
    "payouts",
];
/// What may be missing.
const MINOR: &[&str] = &[
    "log",
    "logs",
    "audit",
    "event",
    "events",
    "history",
    "metric",
    "metrics",
    "notification",
    "notifications",
    "cache",
    "session",
    "sessions",
    "outbox",
    "stats",
    "statistics",
    "job",
    "jobs",
    "queue",
    "view",
    "views",
];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let functions = [Kind::Function, Kind::Lambda].map(|kind| source.of_kind(kind));
    for function in functions.into_iter().flatten().copied() {
        let own = code.own(function);
        let written: Vec<(NodeId, String)> = own
            .iter()
            .filter_map(|id| Some((*id, table_written(code, *id)?)))
            .filter(|(_, table)| !has_word(table, MINOR))
            .collect();
        let Some((_, first)) = written.first() else {
            continue;
        };
        let Some((second, table)) = written.iter().find(|(_, table)| table != first) else {
            continue;
        };
        let of_value = written.iter().any(|(_, table)| has_word(table, OF_VALUE));
        if of_value && !is_in_transaction(code, function, &own) && !undoes_or_tests(code, function) {
            reports.add(
                *second,
                format!("`{first}` is written without `{table}` when this fails: on a pool each statement is a transaction of its own"),
            );
        }
    }
}

/// The table that a statement of a pool writes.
fn table_written(code: Code<'_>, call: NodeId) -> Option<String> {
    if code.kind(call) != Kind::Call
        || !matches!(code.called(call), "query" | "execute" | "Exec" | "ExecContext")
    {
        return None;
    }
    let of = code.last_name(code.receiver(call)?);
    let is_pool = match code.tree.language() {
        Language::Go => of == "db" && code.imports("database/sql"),
        _ => of == "pool",
    };
    let text = code
        .args(call)
        .into_iter()
        .take(2)
        .filter(|_| is_pool)
        .find_map(|arg| sql_text::text_of(code, arg))?
        .to_ascii_lowercase();
    let mut words = text.split_whitespace();
    let table = match (words.next()?, words.next()?) {
        ("insert" | "delete", "into" | "from") => words.next()?,
        ("update", table) => table,
        _ => return None,
    };
    let plain = table
        .split('(')
        .next()
        .unwrap_or(table)
        .trim_matches(['"', '`', ';']);
    let is_name = !plain.is_empty()
        && plain
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'));
    is_name.then(|| plain.to_owned())
}
