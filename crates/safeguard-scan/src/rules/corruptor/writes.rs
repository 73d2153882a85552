//! What in a piece of code writes data for good.

use crate::analysis::code::Code;
use crate::analysis::sql_text;
use crate::analysis::words::{has_word, words};
use crate::tree::NodeId;

/// Whether a call writes to a store, charges, or passes a message on; whether that is beyond doubt.
pub fn writes(code: Code<'_>, call: NodeId) -> Option<bool> {
    let name = code.called(call);
    let receiver = code.receiver(call);
    let of = receiver.map_or("", |receiver| code.last_name(receiver));
    let db = has_word(
        of,
        &[
            "session",
            "db",
            "conn",
            "connection",
            "cursor",
            "cur",
            "tx",
            "trx",
            "transaction",
            "prisma",
            "pool",
            "client",
            "collection",
            "repo",
            "repository",
            "engine",
            "database",
            "knex",
            "manager",
            "em",
            "store",
            "dao",
            "model",
        ],
    );
    let sql = || {
        code.args(call)
            .into_iter()
            .take(2)
            .find_map(|arg| sql_text::text_of(code, arg))
            .map(|text| {
                let lower = text.trim_start().to_ascii_lowercase();
                ["insert", "update", "delete", "replace into", "merge", "upsert"]
                    .iter()
                    .any(|verb| lower.starts_with(verb))
            })
    };
    match name {
        "commit" | "Commit" if receiver.is_some() => Some(db),
        "bulk_create" | "bulk_update" | "bulk_save_objects" | "insertMany" | "insert_many" | "insertOne"
        | "insert_one" | "updateOne" | "update_one" | "update_many" | "updateMany" | "replace_one"
        | "bulkWrite" | "bulk_write" | "InsertOne" | "UpdateOne" | "InsertMany" | "createMany" | "upsert"
        | "put_item" | "PutItem" | "update_or_create" | "get_or_create" | "findOneAndUpdate"
        | "findByIdAndUpdate" => Some(true),
        "save" => {
            // Also of files and pictures: those are advice.
            let model = receiver.is_some()
                && code.args(call).is_empty()
                && !has_word(
                    of,
                    &[
                        "image",
                        "img",
                        "fig",
                        "figure",
                        "config",
                        "settings",
                        "cache",
                        "state",
                        "history",
                        "session",
                        "plt",
                        "wb",
                        "workbook",
                        "doc",
                        "document",
                        "model",
                        "editor",
                        "prefs",
                        "preferences",
                        "file",
                    ],
                );
            let kept = !code.args(call).is_empty()
                && has_word(
                    of,
                    &[
                        "repository",
                        "repo",
                        "dao",
                        "orders",
                        "payments",
                        "invoices",
                        "accounts",
                        "entries",
                    ],
                );
            Some(model || kept)
        }
        "saveAll" | "saveAndFlush" | "saveAllAndFlush" | "persist" if receiver.is_some() => {
            Some(db || has_word(of, &["repository", "repo", "dao", "em"]))
        }
        "execute" | "exec" | "Exec" | "ExecContext" | "query" | "run" | "$executeRaw" | "executemany" => {
            sql().filter(|writes| *writes).map(|_| true)
        }
        "create" | "update" | "insert" | "add" | "merge" | "Create" | "Save" | "Update" | "Insert" => {
            let by_keys = matches!(name, "create" | "update")
                && code.args(call).len() == 1
                && code.option(call, "data").is_some()
                && receiver.is_some_and(|receiver| {
                    matches!(code.first_name(receiver), "db" | "prisma" | "tx" | "database")
                });
            let model = by_keys
                || receiver.is_some_and(|receiver| {
                    code.mentions(receiver, |name| matches!(name, "objects" | "prisma"))
                })
                || name.starts_with(|first: char| first.is_ascii_uppercase()) && db;
            model.then_some(true)
        }
        "charge" | "capture" | "refund" | "transfer" | "payout" | "credit" | "debit" | "withdraw"
        | "deposit" => receiver.is_some().then_some(true),
        "publish" | "send_message" | "sendMessage" | "SendMessage" | "basic_publish" | "sendToQueue"
        | "produce" | "Publish" | "enqueue" | "apply_async" => {
            let queue = has_word(
                of,
                &[
                    "queue",
                    "producer",
                    "channel",
                    "sqs",
                    "sns",
                    "kafka",
                    "publisher",
                    "broker",
                    "bus",
                    "topic",
                    "rabbit",
                    "amqp",
                    "stream",
                    "nats",
                ],
            );
            queue.then_some(true)
        }
        _ => {
            // The project's own: `save_order(…)`, `recordPayment(…)`.
            let own = words(name);
            let verb = own.first().is_some_and(|word| {
                matches!(
                    word.as_str(),
                    "save"
                        | "store"
                        | "persist"
                        | "record"
                        | "insert"
                        | "create"
                        | "update"
                        | "charge"
                        | "transfer"
                        | "write"
                        | "process"
                        | "apply"
                )
            });
            let noun = own.iter().skip(1).any(|word| {
                matches!(
                    word.as_str(),
                    "order"
                        | "orders"
                        | "payment"
                        | "payments"
                        | "invoice"
                        | "invoices"
                        | "transaction"
                        | "transactions"
                        | "balance"
                        | "account"
                        | "customer"
                        | "ledger"
                        | "refund"
                        | "booking"
                        | "stock"
                        | "inventory"
                )
            });
            (verb && noun && own.len() <= 4).then_some(true)
        }
    }
}
