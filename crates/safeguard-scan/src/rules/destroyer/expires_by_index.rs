//! MongoDB: an index that lets records go by themselves some time after they were made.

use super::kept_records_deleted;
use super::migration_drops::is_of_records;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::matching::Source;
use crate::project::{Project, stem};
use crate::rules::{Check, EVERY_LANGUAGE, Reports};
use crate::tree::NodeId;

pub static CHECK: Check = Check {
    languages: EVERY_LANGUAGE,
    run,
    ..kept_records_deleted::CHECK
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    if !source.tree.text().contains("xpireAfterSeconds") {
        return;
    }
    for call in source.calls().iter().copied() {
        if !matches!(
            code.called(call),
            "index" | "createIndex" | "create_index" | "ensureIndex"
        ) || undoes_or_tests(code, call)
        {
            continue;
        }
        let Some(time) = code.option(call, "expireAfterSeconds") else {
            continue;
        };
        // Zero is a time that each row says for itself; a condition leaves most rows alone.
        if code.number(time) == Some(0) || code.option(call, "partialFilterExpression").is_some() {
            continue;
        }
        if let Some(of) = kept_in(code, call)
            .into_iter()
            .find(|name| is_of_records(&plural(name)))
        {
            reports.add(
                call,
                format!("`{of}` are records that somebody will ask for, and the database deletes them by itself when their time is over"),
            );
        }
    }
}

/// What the index is of: `orders` of `db.orders.createIndex(…)`, `order` of `orderSchema.index(…)`, or the file's own name.
fn kept_in(code: Code<'_>, call: NodeId) -> Vec<String> {
    let mut names = Vec::new();
    if let Some(receiver) = code.receiver(call) {
        let name = code.last_name(receiver);
        let of_schema = ["Schema", "schema"]
            .iter()
            .find_map(|ending| name.strip_suffix(ending));
        names.extend(
            of_schema
                .filter(|name| !name.is_empty())
                .or(Some(name))
                .map(str::to_owned),
        );
        if code.called(receiver) == "collection" {
            names.extend(
                code.arg(receiver, 0)
                    .and_then(|name| code.text(name))
                    .map(str::to_owned),
            );
        }
    }
    // `mongoose.model('Order', orderSchema)`
    for other in code
        .source
        .calls()
        .iter()
        .copied()
        .filter(|other| code.called(*other) == "model")
    {
        names.extend(
            code.arg(other, 0)
                .and_then(|name| code.text(name))
                .map(str::to_owned),
        );
    }
    names.push(
        stem(&code.source.path)
            .trim_end_matches(".model")
            .trim_end_matches(".schema")
            .to_owned(),
    );
    names
}

fn plural(name: &str) -> String {
    match name.ends_with('s') {
        true => name.to_owned(),
        false => format!("{name}s"),
    }
}
