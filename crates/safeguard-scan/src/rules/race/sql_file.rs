//! SQL files in which two sessions take the same number.

use super::id_by_count;
use crate::analysis::made_tables;
use crate::analysis::sql_file::{self, Statement};
use crate::analysis::sql_text::Token;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};

pub static ID_BY_COUNT: Check = Check {
    languages: &[Language::Sql],
    run,
    ..id_by_count::CHECK
};

/// `INSERT INTO t … SELECT max(id) + 1 FROM t`, as code that runs again and again.
fn run(source: &Source, project: &Project, reports: &mut Reports) {
    for statement in sql_file::of(source) {
        if let Some(table) = taken_in_trigger(source, statement) {
            let told = format!(
                "two sessions read the same rows of `{table}` and take the same number: nothing makes one wait for the other"
            );
            let held_apart = made_tables::of(project, &table, "").is_none_or(|made| made.unique)
                || source.tree.text().to_ascii_lowercase().contains("unique");
            if held_apart {
                reports.note(statement.node, told);
            } else {
                reports.add(statement.node, told);
            }
        }
        if !statement.begins(&["insert", "into"])
            || sql_file::is_migration(&source.path) && !sql_file::is_in_function(source, statement.node)
        {
            continue;
        }
        let Some((table, _)) = statement.name(2) else {
            continue;
        };
        let counts = statement.tokens.windows(2).enumerate().any(|(at, pair)| {
            let adds = matches!(pair, [Token::Sign('+'), Token::Number(number)] if number == "1");
            adds && (0..at)
                .rev()
                .take(8)
                .any(|at| statement.is(at, "max") || statement.is(at, "count"))
        });
        let same = statement.find(&["from", &table]).is_some();
        if counts && same && !statement.has(&["for", "update"]) {
            reports.add(
                statement.node,
                format!("two sessions read the same rows of `{table}` and take the same number"),
            );
        }
    }
}

/// `SELECT max(n) + 1 INTO x FROM t`, `NEW.n := (SELECT max(n) + 1 FROM t)` in a function that gives it to the new row: the table.
fn taken_in_trigger(source: &Source, statement: &Statement) -> Option<String> {
    if !sql_file::is_in_function(source, statement.node) {
        return None;
    }
    let around = source
        .tree
        .ancestors(statement.node)
        .filter(|around| source.tree.kind(*around) == crate::tree::Kind::Statement)
        .last()?;
    let whole = source.tree.source(around).to_ascii_lowercase();
    const WAITS: &[&str] = &[
        "for update",
        "for no key update",
        "lock table",
        "advisory",
        "serializable",
        "nextval",
        "unique_violation",
    ];
    if WAITS.iter().any(|word| whole.contains(word))
        || !whole.contains("new.") && !whole.contains("insert into")
    {
        return None;
    }
    let tokens = &statement.tokens;
    let adds = tokens.windows(2).enumerate().any(|(at, pair)| {
        matches!(pair, [Token::Sign('+'), Token::Number(number)] if number == "1")
            && (0..at).rev().take(8).any(|at| statement.is(at, "max"))
    });
    let gives = statement.has(&["into"]) && statement.has(&["select"]) && !statement.has(&["insert"])
        || tokens
            .windows(2)
            .any(|pair| pair == [Token::Sign(':'), Token::Sign('=')]);
    if !adds || !gives {
        return None;
    }
    let from = statement.find(&["from"])?;
    Some(statement.name(from + 1)?.0)
}
