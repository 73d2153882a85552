//! PL/pgSQL: `EXCEPTION WHEN OTHERS THEN` and nothing more, around what writes.

use super::swallowed;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};

pub static CHECK: Check = Check {
    languages: &[Language::Sql],
    run,
    ..swallowed::CHECK
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    if source.is_test() {
        return;
    }
    let text = source.tree.text();
    let lower = text.to_ascii_lowercase();
    for (at, found) in lower.match_indices("when others then") {
        let rest = &lower[at + found.len()..];
        let handler = rest.split("end;").next().unwrap_or(rest);
        let handler = handler.split("end $").next().unwrap_or(handler);
        // What is done is to go on as if nothing had been: `NULL;`, `RETURN NEW;`
        let plain: String = handler
            .lines()
            .map(|line| line.split("--").next().unwrap_or(line).trim())
            .collect::<Vec<_>>()
            .join(" ");
        let is_silent = plain
            .split(';')
            .map(str::trim)
            .filter(|part| !part.is_empty())
            .all(|part| {
                matches!(
                    part,
                    "null" | "return" | "return new" | "return old" | "return null" | "return true" | "end"
                )
            });
        // The block that it belongs to.
        let before = &lower[..at];
        let begin = before.rfind("begin").unwrap_or(0);
        let block = &before[begin..];
        let writes = ["insert into", "update ", "delete from", "merge into"]
            .iter()
            .any(|verb| block.contains(verb));
        let minor = [
            "audit_read",
            "cache",
            "metric",
            "last_seen",
            "drop ",
            "create extension",
            "create type",
            "notify",
        ]
        .iter()
        .any(|word| block.contains(word));
        if is_silent && writes && !minor {
            reports.at(
                text,
                at..at + found.len(),
                "whatever fails in this block is forgotten, what it has written is taken back, and the caller goes on as if it were stored",
                false,
            );
        }
    }
}
