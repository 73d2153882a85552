//! SQL files in which two sessions take the same number, or work with what the other one changes.

use super::{check_then_act, id_by_count, lost_update};
use crate::analysis::made_tables;
use crate::analysis::sql_file::{self, Statement};
use crate::analysis::sql_text::Token;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId};

pub static ID_BY_COUNT: Check = Check {
    languages: &[Language::Sql],
    run,
    ..id_by_count::CHECK
};

pub static LOST_UPDATE: Check = Check {
    languages: &[Language::Sql],
    run: lost_update,
    ..lost_update::CHECK
};

pub static CHECK_THEN_ACT: Check = Check {
    languages: &[Language::Sql],
    run: check_then_act,
    ..check_then_act::CHECK
};

/// What makes sessions wait for each other, or tells the second one that it comes late.
const WAITS: &[&str] = &[
    "for update",
    "for no key update",
    "for share",
    "lock table",
    "advisory",
    "serializable",
    "nextval",
    "unique_violation",
    "on conflict",
    "updlock",
    "holdlock",
    "get_lock",
];

/// The function that a statement stands in, as text in small letters, unless something in it makes sessions wait.
fn function_around(source: &Source, node: NodeId) -> Option<(NodeId, String)> {
    if !sql_file::is_in_function(source, node) {
        return None;
    }
    let around = source
        .tree
        .ancestors(node)
        .filter(|around| source.tree.kind(*around) == Kind::Statement)
        .last()?;
    let whole = source.tree.source(around).to_ascii_lowercase();
    (!WAITS.iter().any(|word| whole.contains(word))).then_some((around, whole))
}

/// `SELECT balance INTO x FROM t WHERE …`, then `UPDATE t SET balance = x - n WHERE …`.
fn lost_update(source: &Source, _: &Project, reports: &mut Reports) {
    let all = sql_file::of(source);
    for read in all {
        if read.word(0) != "select" {
            continue;
        }
        let (Some(into), Some(from)) = (read.find(&["into"]), read.find(&["from"])) else {
            continue;
        };
        let (Some((variable, _)), Some((table, _))) = (read.name(into + 1), read.name(from + 1)) else {
            continue;
        };
        let Some((function, _)) = function_around(source, read.node) else {
            continue;
        };
        let written = all.iter().find(|update| {
            update.node > read.node
                && source.tree.within(update.node, function)
                && update.word(0) == "update"
                && update
                    .name(1)
                    .is_some_and(|(of, _)| of.eq_ignore_ascii_case(&table))
                && computed_from(update, &variable)
        });
        if let Some(update) = written {
            reports.add(
                update.node,
                format!("`{variable}` was read before without a lock: what another session wrote to `{table}` meanwhile is lost"),
            );
        }
    }
}

/// `SET balance = x - n`, with nothing of `x` in the condition.
fn computed_from(update: &Statement, variable: &str) -> bool {
    let Some(set) = update.find(&["set"]) else {
        return false;
    };
    let end = update.find(&["where"]).unwrap_or(update.tokens.len());
    let at_variable = |at: &usize| update.is(*at, variable);
    let computes = (set..end).filter(at_variable).any(|at| {
        [at.checked_sub(1), Some(at + 1)]
            .into_iter()
            .flatten()
            .any(|beside| matches!(update.tokens.get(beside), Some(Token::Sign('+' | '-'))))
    });
    computes && !(end..update.tokens.len()).any(|at| at_variable(&at))
}

/// `IF EXISTS (SELECT … FROM t …)`, or a count of its rows that is compared, and then `INSERT INTO t`.
fn check_then_act(source: &Source, project: &Project, reports: &mut Reports) {
    let all = sql_file::of(source);
    for insert in all {
        let Some((table, _)) = insert.name(2).filter(|_| insert.begins(&["insert", "into"])) else {
            continue;
        };
        let Some((function, whole)) = function_around(source, insert.node) else {
            continue;
        };
        let before = all
            .iter()
            .filter(|other| other.node < insert.node && source.tree.within(other.node, function));
        let mut counts = false;
        let mut looks = false;
        for other in before {
            let of_table = (0..other.tokens.len())
                .filter(|at| other.is(*at, "from"))
                .any(|at| {
                    other
                        .name(at + 1)
                        .is_some_and(|(of, _)| of.eq_ignore_ascii_case(&table))
                });
            if !of_table {
                continue;
            }
            counts |= other.has(&["count"]) && (other.has(&["into"]) || other.word(0) == "if");
            looks |= other.has(&["exists"]) && other.word(0) == "if";
        }
        let compares = counts && [">=", " < ", " > "].iter().any(|sign| whole.contains(sign));
        let apart = made_tables::of(project, &table, "").is_none_or(|made| made.unique)
            || source.tree.text().to_ascii_lowercase().contains("unique");
        if compares {
            reports.add(
                insert.node,
                format!("rows of `{table}` are counted before one more is made: two sessions at once both find that there is room"),
            );
        } else if looks {
            let told =
                format!("`{table}` is looked at before a row is made: two sessions at once both find none");
            match apart {
                true => reports.note(insert.node, told),
                false => reports.add(insert.node, told),
            }
        }
    }
}

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
        .filter(|around| source.tree.kind(*around) == Kind::Statement)
        .last()?;
    let whole = source.tree.source(around).to_ascii_lowercase();
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
