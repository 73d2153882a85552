//! SQL files that delete what does not come back.

use std::collections::BTreeSet;

use safeguard_api::evidence::Severity;

use super::audit_removal::{DAYS_MIN, days_in, is_audit};
use super::filled_over::filled_over;
use super::migration_drops::is_of_records;
use super::prepared::is_prepared;
use super::sql_destroys_data::{self, PASSING, one_row, told_over};
use crate::analysis::sql_file::{self, Statement, is_in_function, is_migration, makes_anew};
use crate::analysis::sql_text::{Destroys, Token, destroys};
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::NodeId;

pub static DATA: Check = Check {
    languages: &[Language::Sql],
    run: data,
    ..sql_destroys_data::CHECK
};

pub static AUDIT: Check = Check {
    languages: &[Language::Sql],
    run: audit,
    ..super::audit_removal::CHECK
};

pub static CASCADE: Check = Check {
    id: "cascade-on-records",
    failure: "X1",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-1057"],
    languages: &[Language::Sql],
    run: cascade,
};

/// What the rest of a file says of a table.
struct File {
    migration: bool,
    anew: bool,
    /// Made in this file, or what another table is renamed to.
    made: BTreeSet<String>,
    /// Filled again in this file.
    filled: BTreeSet<String>,
}

impl File {
    fn of(source: &Source, all: &[Statement]) -> File {
        let renamed = all.iter().filter_map(|one| {
            let at = one.find(&["rename", "to"])?;
            Some(one.name(at + 2)?.0)
        });
        let filled = all.iter().filter_map(|one| {
            let at = match (one.word(0).as_str(), one.word(1).as_str()) {
                ("insert" | "replace" | "merge", "into") => 2,
                ("insert", "overwrite" | "ignore") => 3,
                ("copy" | "merge", _) => 1,
                _ => return None,
            };
            Some(one.name(at)?.0)
        });
        let lower = |name: String| last_part(&name);
        File {
            migration: is_migration(&source.path),
            anew: makes_anew(source, all),
            made: sql_file::created(all)
                .into_iter()
                .chain(renamed)
                .map(lower)
                .collect(),
            filled: filled.map(lower).collect(),
        }
    }
}

fn last_part(name: &str) -> String {
    name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase()
}

fn data(source: &Source, project: &Project, reports: &mut Reports) {
    let all = sql_file::of(source);
    let file = File::of(source, all);
    for statement in all {
        let text = source.tree.name(statement.node);
        for destroyed in destroys(text) {
            if let Destroys::Values { table } = &destroyed
                && let Some(column) = filled_over(statement, table, all)
            {
                reports.add(statement.node, told_over(&destroyed.told(), &column));
                continue;
            }
            judge(source, project, &file, statement.node, &destroyed, reports);
        }
    }
}

fn judge(
    source: &Source,
    project: &Project,
    file: &File,
    node: NodeId,
    destroyed: &Destroys,
    reports: &mut Reports,
) {
    let name = last_part(destroyed.of());
    const AWAY: &[&str] = &["old", "legacy", "unused", "deprecated", "obsolete", "bak"];
    /// What is made again, or set again, when it is asked for.
    const KEPT_FOR_NOW: &[&str] = &[
        "cache",
        "flags",
        "jobs",
        "locks",
        "migrations",
        "queue",
        "schema",
        "sessions",
        "settings",
        "staging",
        "stats",
        "tokens",
    ];
    if has_word(&name, PASSING) || name.starts_with('#') || name.is_empty() {
        return;
    }
    let made = file.made.contains(&name);
    let records = is_of_records(&name) && !has_word(&name, AWAY);
    let told = format!("this statement {}", destroyed.told());
    let sure = match destroyed {
        Destroys::Table { .. } if made && (file.anew || !file.migration) => return,
        Destroys::Database { .. } | Destroys::Schema { .. } if file.anew => false,
        Destroys::Database { .. } | Destroys::Schema { .. } => true,
        Destroys::Rows { .. } | Destroys::Truncates { .. } | Destroys::Values { .. } if made => return,
        // A table that is built anew from others.
        Destroys::Rows { .. } | Destroys::Truncates { .. } if file.filled.contains(&name) => false,
        // Filling a column is what migrations are for.
        Destroys::Values { .. } => {
            records
                && !file.migration
                && !has_word(
                    &source.path,
                    &[
                        "upgrade", "update", "patch", "backfill", "convert", "delta", "fix",
                    ],
                )
                && !one_row(&name)
        }
        // The step that comes last, after what it takes away was carried elsewhere.
        Destroys::Column { column, .. } => {
            file.migration
                && !file.anew
                && !made
                && !is_in_function(source, node)
                && !is_prepared(source, project, &name, Some(column))
        }
        Destroys::Table { .. }
            if file.migration && !records && !file.anew && !is_in_function(source, node) =>
        {
            !has_word(&name, AWAY)
                && !has_word(&name, KEPT_FOR_NOW)
                && !is_prepared(source, project, &name, None)
        }
        Destroys::Table { .. } | Destroys::Rows { .. } | Destroys::Truncates { .. } => {
            records || !file.migration && !file.anew && !is_in_function(source, node)
        }
    };
    if sure {
        reports.add(node, told);
    } else {
        reports.note(node, told);
    }
}

/// What takes away from the record of who did what.
fn audit(source: &Source, _: &Project, reports: &mut Reports) {
    let all = sql_file::of(source);
    for (at, statement) in all.iter().enumerate() {
        let is_trail = statement
            .tokens
            .iter()
            .any(|token| matches!(token, Token::Word(name) if is_audit(name)));
        if statement.begins(&["delete", "from"]) {
            let Some((table, _)) = statement.name(2).filter(|(table, _)| is_audit(&last_part(table))) else {
                continue;
            };
            let days = statement.tokens.iter().find_map(|token| match token {
                Token::Text(text) => days_in(text),
                _ => None,
            });
            if days.is_none_or(|days| days < DAYS_MIN) {
                reports.add(
                    statement.node,
                    format!("removes from `{table}`, the record of who did what"),
                );
            }
        } else if statement.begins(&["drop", "trigger"]) && is_trail {
            let name = statement.name(2 + if statement.is(2, "if") { 2 } else { 0 });
            let again = name.is_some_and(|(name, _)| {
                all.iter()
                    .skip(at + 1)
                    .any(|later| later.is(0, "create") && later.find(&["trigger", &name]).is_some())
            });
            if !again {
                reports.add(
                    statement.node,
                    "drops the trigger that writes the record of who did what",
                );
            }
        } else if is_trail && statement.altered_table().is_some() && statement.has(&["disable", "trigger"]) {
            let enabled = all
                .iter()
                .skip(at + 1)
                .any(|later| later.has(&["enable", "trigger"]));
            if !enabled {
                reports.add(
                    statement.node,
                    "switches the trigger off that writes the record of who did what",
                );
            }
        }
    }
}

fn cascade(source: &Source, _: &Project, reports: &mut Reports) {
    const ACCOUNTS: &[&str] = &[
        "invoice",
        "invoices",
        "payment",
        "payments",
        "order",
        "orders",
        "ledger",
        "transaction",
        "transactions",
        "booking",
        "bookings",
        "receipt",
        "receipts",
        "charges",
        "refunds",
        "audit",
    ];
    let all = sql_file::of(source);
    // What another rule kept from being deleted until here.
    let loosened: BTreeSet<String> = all
        .iter()
        .filter(|statement| {
            statement.has(&["drop", "constraint"]) || statement.has(&["drop", "foreign", "key"])
        })
        .filter_map(|statement| Some(last_part(&statement.altered_table()?.0)))
        .collect();
    for statement in all {
        let Some((table, _)) = statement.created_table().or_else(|| statement.altered_table()) else {
            continue;
        };
        let table = last_part(&table);
        if !is_of_records(&table) || !statement.has(&["on", "delete", "cascade"]) {
            continue;
        }
        let told = format!("with one row of the other table go all of its rows in `{table}`");
        let is_loosened = loosened.contains(&table) && statement.altered_table().is_some();
        let is_last = |words: &str| ACCOUNTS.iter().any(|one| words.rsplit('_').next() == Some(one));
        if is_loosened && is_last(&table) {
            reports.add(
                statement.node,
                format!("{told}, which the constraint that is dropped here has prevented"),
            );
        } else {
            reports.note(statement.node, told);
        }
    }
}
