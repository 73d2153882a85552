//! SQL: an update takes values from another table, and nothing says which row belongs to which.

use std::collections::BTreeSet;

use safeguard_api::evidence::Severity;

use crate::analysis::sql_file::{self, Statement};
use crate::analysis::sql_text::Token;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};

pub static CHECK: Check = Check {
    id: "update-without-join",
    failure: "X5",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-670"],
    languages: &[Language::Sql],
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    for statement in sql_file::of(source) {
        if let Some((table, other)) = unjoined(statement) {
            reports.add(
                statement.node,
                format!("nothing says which row of `{other}` belongs to which of `{table}`: every row gets the value of whichever comes first"),
            );
        }
    }
}

/// The table that is updated and the one that its values come from, if no condition names both.
fn unjoined(statement: &Statement) -> Option<(String, String)> {
    if !statement.is(0, "update") {
        return None;
    }
    let start = if statement.is(1, "only") { 2 } else { 1 };
    let (table, behind) = statement.name(start)?;
    let top: Vec<usize> = statement.top(0).collect();
    let set = top
        .iter()
        .copied()
        .find(|at| *at >= behind && statement.is(*at, "set"))?;
    let from = top
        .iter()
        .copied()
        .find(|at| *at > set && statement.is(*at, "from"))?;
    let (other, mut after) = statement.name(from + 1)?;
    // One table and its other name; more, and what is put together by JOIN, is not looked at.
    let mut names: BTreeSet<String> = BTreeSet::from([other.to_ascii_lowercase()]);
    names.extend(other.rsplit('.').next().map(str::to_ascii_lowercase));
    if statement.is(after, "as") {
        after += 1;
    }
    if let Some(Token::Word(alias)) = statement.tokens.get(after)
        && !statement.is(after, "where")
    {
        names.insert(alias.to_ascii_lowercase());
        after += 1;
    }
    if !statement.is(after, "where")
        && after < statement.tokens.len()
        && !matches!(statement.tokens.get(after), Some(Token::Sign(';')))
    {
        return None;
    }
    let condition = after..statement.tokens.len();
    // A name without its table may be a column of either.
    let mut qualified_or_none = true;
    let mut mentions = false;
    for at in condition {
        let Some(Token::Word(word)) = statement.tokens.get(at) else {
            continue;
        };
        mentions |= names.contains(&word.to_ascii_lowercase());
        let after_point =
            at.checked_sub(1).and_then(|at| statement.tokens.get(at)) == Some(&Token::Sign('.'));
        let before_point = statement.tokens.get(at + 1) == Some(&Token::Sign('.'));
        let is_word_of_sql = matches!(
            word.to_ascii_lowercase().as_str(),
            "where"
                | "and"
                | "or"
                | "not"
                | "is"
                | "null"
                | "in"
                | "true"
                | "false"
                | "between"
                | "like"
                | "exists"
                | "any"
                | "returning"
        );
        qualified_or_none &= after_point || before_point || is_word_of_sql;
    }
    (!mentions && qualified_or_none).then_some((table, other))
}
