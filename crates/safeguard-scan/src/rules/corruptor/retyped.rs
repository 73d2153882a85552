//! A migration gives a column a type that drops a part of each value: the cents of an amount, the time of a moment.

use super::sql_file::NARROWS;
use crate::analysis::made_tables;
use crate::analysis::sql_file::{self, Statement, is_migration};
use crate::analysis::sql_text::Token;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};

pub static CHECK: Check = Check {
    languages: &[Language::Sql],
    run,
    ..NARROWS
};

const WHOLE: &[&str] = &["integer", "int", "int4", "bigint", "int8", "smallint", "int2"];

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    if !is_migration(&source.path) {
        return;
    }
    for statement in sql_file::of(source) {
        let Some((table, end)) = statement.altered_table() else {
            continue;
        };
        let Some(made) = made_tables::of(project, &table, &source.path) else {
            continue;
        };
        for (column, ty, using) in retyped(statement, end) {
            let Some(old) = made.column(&column) else {
                continue;
            };
            let Some(lost) = lost(old, &ty) else {
                continue;
            };
            if using.as_deref().is_none_or(|using| only_casts(using, &column)) && !is_kept(source, &column) {
                reports.add(
                    statement.node,
                    format!("`{column}` was `{}`, and becomes `{ty}`: {lost} of each row is gone, and nothing keeps it", first_words(old)),
                );
            }
        }
    }
}

/// The columns that get another type: name, new type, and what stands behind `USING`.
fn retyped(statement: &Statement, end: usize) -> Vec<(String, String, Option<Vec<Token>>)> {
    let mut found = Vec::new();
    let breaks: Vec<usize> = statement
        .top(end)
        .filter(|at| statement.tokens.get(*at) == Some(&Token::Sign(',')))
        .collect();
    let begins = std::iter::once(end).chain(breaks.iter().map(|at| at + 1));
    let ends = breaks
        .iter()
        .copied()
        .chain(std::iter::once(statement.tokens.len()));
    for (from, to) in begins.zip(ends) {
        if !statement.is(from, "alter") {
            continue;
        }
        let name = from + 1 + usize::from(statement.is(from + 1, "column"));
        let column = statement.word(name);
        let Some(at) = (name + 1..to).find(|at| statement.is(*at, "type")) else {
            continue;
        };
        if at > name + 3 {
            continue;
        }
        let using = (at..to)
            .find(|at| statement.is(*at, "using"))
            .and_then(|using| statement.tokens.get(using + 1..to))
            .map(<[Token]>::to_vec);
        found.push((column, statement.word(at + 1), using));
    }
    found
}

/// What the new type has no place for.
fn lost(old: &str, new: &str) -> Option<&'static str> {
    let first = old.split(' ').next().unwrap_or(old);
    let scaled = matches!(first, "numeric" | "decimal")
        && old.split('(').nth(1).is_none_or(|inside| {
            let inside = inside.split(')').next().unwrap_or("");
            inside.split(',').nth(1).is_some_and(|scale| scale.trim() != "0")
        })
        || matches!(first, "real" | "double" | "float" | "float4" | "float8" | "money");
    if scaled && WHOLE.contains(&new) {
        return Some("what stands behind the point");
    }
    (matches!(first, "timestamp" | "timestamptz" | "datetime") && new == "date").then_some("the time of day")
}

/// `amount::integer`, `CAST(amount AS integer)`, `round(amount)`: nothing else is done with it, such as to make cents of it.
fn only_casts(using: &[Token], column: &str) -> bool {
    const CASTS: &[&str] = &[
        "cast", "as", "integer", "int", "int4", "bigint", "int8", "smallint", "int2", "date", "round",
        "trunc", "floor", "ceil", "ceiling", "numeric",
    ];
    using.iter().all(|token| match token {
        Token::Word(word) => {
            let word = word.to_ascii_lowercase();
            word == column || CASTS.contains(&word.as_str())
        }
        Token::Sign(sign) => matches!(sign, '(' | ')' | ':' | ';'),
        Token::Number(_) | Token::Text(_) | Token::Param | Token::Hole => false,
    })
}

/// Whether the file copies the column before, or asks about what would be lost.
fn is_kept(source: &Source, column: &str) -> bool {
    sql_file::of(source).iter().any(|other| {
        let names = (0..other.tokens.len()).any(|at| other.is(at, column));
        let copies = (other.is(0, "update") || other.is(0, "insert") || other.is(0, "create"))
            && other.has(&["select"])
            || other.is(0, "update");
        copies && (names || other.tokens.contains(&Token::Sign('*')))
    }) || source
        .tree
        .text()
        .to_ascii_lowercase()
        .contains("raise exception")
}

fn first_words(old: &str) -> String {
    old.split(" not ")
        .next()
        .unwrap_or(old)
        .split(" default ")
        .next()
        .unwrap_or(old)
        .replace(" ( ", "(")
        .replace(" )", ")")
        .replace(" ,", ",")
}
