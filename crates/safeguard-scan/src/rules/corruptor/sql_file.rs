//! SQL files that lose or change values in silence.

use safeguard_api::evidence::Severity;

use super::money::{self, is_column_money, is_float_name};
use super::{cut_off, narrowing, time, values};
use crate::analysis::sql_file::{self, Statement, created, is_migration, makes_anew};
use crate::analysis::sql_text::Token;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};

const SQL: &[Language] = &[Language::Sql];

pub static MONEY: Check = Check {
    languages: SQL,
    run: money,
    ..money::CHECK
};

pub static NARROWS: Check = Check {
    languages: SQL,
    run: narrows,
    ..narrowing::CHECK
};

pub static NEVER_EQUAL: Check = Check {
    languages: SQL,
    run: never_equal,
    ..values::IDENTITY
};

pub static NAIVE: Check = Check {
    languages: SQL,
    run: naive,
    ..time::NAIVE
};

pub static CHECKS_OFF: Check = Check {
    id: "database-checks-off",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-354"],
    languages: SQL,
    run: checks_off,
};

fn money(source: &Source, _: &Project, reports: &mut Reports) {
    for statement in sql_file::of(source) {
        for column in statement.columns() {
            if is_column_money(&column.name) && is_float_name(&column.ty) {
                let (name, ty) = (column.name, column.ty);
                reports.add(
                    statement.node,
                    format!("the column `{name}` keeps money as `{ty}`, which can not hold 0.10"),
                );
            }
        }
        if let Some((name, ty)) = made_float(statement) {
            reports.add(
                statement.node,
                format!("the column `{name}` keeps money as `{ty}` from here on, which can not hold 0.10"),
            );
        }
    }
}

/// `ALTER COLUMN price [SET DATA] TYPE real`
fn made_float(statement: &sql_file::Statement) -> Option<(String, String)> {
    let (_, end) = statement.altered_table()?;
    (end..statement.tokens.len()).find_map(|at| {
        if !statement.is(at, "alter") {
            return None;
        }
        let (name, after) = statement.name(at + 1 + usize::from(statement.is(at + 1, "column")))?;
        let after = after + if statement.is(after, "set") { 2 } else { 0 };
        let ty = statement.word(after + 1);
        (statement.is(after, "type") && is_column_money(&name) && is_float_name(&ty)).then_some((name, ty))
    })
}

fn narrows(source: &Source, _: &Project, reports: &mut Reports) {
    if !is_migration(&source.path) {
        return;
    }
    let all = sql_file::of(source);
    let made = created(all);
    // MySQL gives such a column zeros and empty texts.
    let lower = source.tree.text().to_ascii_lowercase();
    let mysql = ["`", "engine=", "auto_increment", "unsigned"]
        .iter()
        .any(|text| lower.contains(text));
    for statement in all {
        let table = statement.altered_table().map(|(table, _)| table);
        let changed = match statement.is(0, "update") {
            true => statement.name(1).map(|(table, _)| table),
            false => table.clone(),
        };
        if changed.is_some_and(|table| !made.contains(&table.to_ascii_lowercase()))
            && let Some(cut) = cut_off::cut(&statement.tokens, source.tree.text())
        {
            match cut.sure {
                true => reports.add(statement.node, cut.told()),
                false => reports.note(statement.node, cut.told()),
            }
        }
        let Some(table) = table else {
            continue;
        };
        if made.contains(&table.to_ascii_lowercase()) {
            continue;
        }
        for column in statement.columns() {
            const FILLED: &[&str] = &["default", "generated", "identity", "auto_increment", "as"];
            let serial = column.ty.contains("serial");
            if column.has(&["not", "null"]) && !serial && !FILLED.iter().any(|word| column.has(&[word])) {
                let name = &column.name;
                if mysql {
                    reports.note(statement.node, format!("the rows that are there get zero or an empty text as `{name}`, which nobody chose"));
                } else {
                    reports.add(statement.node, format!("`{name}` must not be null and has no default: the rows that are there have none, and the statement fails"));
                }
            }
        }
        const SMALL: &[&str] = &["smallint", "int2", "tinyint", "real", "float4", "date"];
        let changes = statement.has(&["type"]) || statement.has(&["modify"]);
        if changes
            && statement
                .top(0)
                .any(|at| SMALL.contains(&statement.word(at).as_str()))
        {
            reports.note(
                statement.node,
                "the column's type becomes smaller: what does not fit is cut off, or the statement fails",
            );
        }
    }
}

fn never_equal(source: &Source, _: &Project, reports: &mut Reports) {
    const BEFORE: &[&str] = &["where", "and", "or", "on", "having", "when", "not"];
    for statement in sql_file::of(source) {
        for at in 0..statement.tokens.len() {
            if !statement.is(at, "null") {
                continue;
            }
            let sign = |behind: usize| at.checked_sub(behind).and_then(|at| statement.tokens.get(at));
            let ends = match (sign(2), sign(1)) {
                (Some(Token::Sign('<')), Some(Token::Sign('>')))
                | (Some(Token::Sign('!')), Some(Token::Sign('='))) => 2,
                (Some(Token::Sign('<' | '>' | ':')), Some(Token::Sign('='))) => continue,
                (_, Some(Token::Sign('='))) => 1,
                _ => continue,
            };
            if begins_condition(statement, at - ends, BEFORE) {
                reports.add(
                    statement.node,
                    "nothing equals NULL, and nothing differs from it: the condition holds for no row",
                );
                break;
            }
        }
    }
}

/// Whether what stands before an operator is a name behind a word that conditions begin with.
fn begins_condition(statement: &Statement, operator: usize, before: &[&str]) -> bool {
    let mut at = operator;
    while at > 0 {
        at -= 1;
        match statement.tokens.get(at) {
            Some(Token::Word(word)) if before.iter().any(|one| word.eq_ignore_ascii_case(one)) => {
                return at + 1 < operator;
            }
            Some(Token::Word(_)) => {
                // `a.b`, and a name alone.
                let part = at.checked_sub(1).and_then(|at| statement.tokens.get(at));
                if part == Some(&Token::Sign('.')) {
                    at -= 1;
                } else {
                    return at
                        .checked_sub(1)
                        .is_some_and(|at| before.iter().any(|one| statement.is(at, one)));
                }
            }
            _ => return false,
        }
    }
    false
}

/// Moments without a zone beside others that have one.
fn naive(source: &Source, _: &Project, reports: &mut Reports) {
    for statement in sql_file::of(source) {
        let columns = statement.columns();
        let zoned = |column: &&sql_file::Column| {
            column.ty == "timestamptz" || column.ty == "timestamp" && column.has(&["with", "time", "zone"])
        };
        let plain = columns
            .iter()
            .find(|column| column.ty == "timestamp" && !column.has(&["with", "time", "zone"]));
        if let (Some(with), Some(without)) = (columns.iter().find(zoned), plain) {
            let (with, without) = (&with.name, &without.name);
            reports.note(
                statement.node,
                format!("`{with}` has a zone and `{without}` has none: compared, they are hours apart"),
            );
        }
    }
}

/// Checks and guarantees of the database that are switched off, and not on again in the same file.
fn checks_off(source: &Source, _: &Project, reports: &mut Reports) {
    let all = sql_file::of(source);
    if makes_anew(source, all) {
        return;
    }
    for (at, statement) in all.iter().enumerate() {
        let Some((what, again)) = switched_off(statement) else {
            continue;
        };
        let on = all
            .iter()
            .skip(at + 1)
            .any(|later| again.iter().any(|words| later.has(words)) && switched_off(later).is_none());
        if !on {
            reports.add(statement.node, what);
        }
    }
}

/// What a statement switches off, and the words of what switches it on again.
fn switched_off(statement: &Statement) -> Option<(&'static str, &'static [&'static [&'static str]])> {
    const ROWS: &str =
        "from here on rows may refer to what is not there, and nothing switches the check on again";
    const LOST: &str = "what the database said is stored may be gone after a crash";
    let last = statement.tokens.last()?;
    let off = matches!(last, Token::Number(number) if number == "0")
        || matches!(last, Token::Word(word) if word.eq_ignore_ascii_case("off") || word.eq_ignore_ascii_case("false"))
        || matches!(last, Token::Text(text) if text.eq_ignore_ascii_case("off"));
    let names = |name: &str| {
        statement
            .tokens
            .iter()
            .any(|token| matches!(token, Token::Word(word) if word.eq_ignore_ascii_case(name)))
    };
    if statement.altered_table().is_some() && statement.has(&["disable", "trigger"]) {
        return Some((
            "the table's triggers are off from here on, those of its foreign keys too, and nothing switches them on again",
            &[&["enable", "trigger"]],
        ));
    }
    if statement.altered_table().is_some() && statement.has(&["nocheck", "constraint"]) {
        return Some((ROWS, &[&["check", "constraint"]]));
    }
    if statement.is(0, "set")
        && names("session_replication_role")
        && statement.word(statement.tokens.len() - 1) == "replica"
    {
        return Some((ROWS, &[&["session_replication_role"]]));
    }
    if off
        && (statement.is(0, "set") && names("foreign_key_checks")
            || statement.begins(&["pragma", "foreign_keys"]))
    {
        return Some((ROWS, &[&["foreign_key_checks"], &["pragma", "foreign_keys"]]));
    }
    let system = statement.begins(&["alter", "system"])
        || statement.begins(&["alter", "database"])
        || statement.begins(&["set", "global"]);
    if off
        && system
        && ["fsync", "full_page_writes", "innodb_doublewrite"]
            .iter()
            .any(|name| names(name))
    {
        return Some((LOST, &[]));
    }
    None
}
