//! A column that is to have a value in every row: the rows that have one already are to keep it.

use crate::analysis::chain::Chain;
use crate::analysis::code::Code;
use crate::analysis::sql_file::Statement;
use crate::analysis::sql_text::{Token, statements};
use crate::tree::NodeId;

/// The columns that an `UPDATE` sets to a value that is written in it.
fn constants(statement: &Statement) -> Vec<String> {
    let Some(begins) = statement.find(&["set"]) else {
        return Vec::new();
    };
    let tokens = &statement.tokens;
    (begins + 1..tokens.len())
        .filter(|at| {
            let starts = *at == begins + 1 || tokens.get(at - 1) == Some(&Token::Sign(','));
            let ends = matches!(tokens.get(at + 3), None | Some(Token::Sign(',' | ';')));
            starts
                && ends
                && tokens.get(at + 1) == Some(&Token::Sign('='))
                && matches!(tokens.get(at + 2), Some(Token::Text(_) | Token::Number(_)))
        })
        .map(|at| statement.word(at))
        .filter(|column| !column.is_empty())
        .collect()
}

fn last_part(name: &str) -> String {
    name.rsplit('.').next().unwrap_or(name).to_ascii_lowercase()
}

/// Whether a statement says that a column has no row without a value from now on.
fn requires(statement: &Statement, table: &str, column: &str) -> bool {
    if statement
        .altered_table()
        .is_none_or(|(name, _)| last_part(&name) != table)
    {
        return false;
    }
    let set = statement.has(&["alter", column, "set", "not", "null"])
        || statement.has(&["alter", "column", column, "set", "not", "null"]);
    let described = [
        &["modify", column][..],
        &["modify", "column", column],
        &["change", column],
        &["change", "column", column],
        &["alter", "column", column],
    ]
    .iter()
    .any(|words| {
        statement.find(words).is_some_and(|at| {
            let end = (at..statement.tokens.len())
                .find(|at| statement.tokens.get(*at) == Some(&Token::Sign(',')))
                .unwrap_or(statement.tokens.len());
            (at..end).any(|at| statement.is(at, "not") && statement.is(at + 1, "null"))
        })
    });
    set || described
}

/// The column of an `UPDATE` of all rows that the other statements of the file have had before, and make required: only the rows without a
/// value are meant.
pub(super) fn filled_over(update: &Statement, table: &str, all: &[Statement]) -> Option<String> {
    let table = last_part(table);
    constants(update).into_iter().find(|column| {
        let made = all.iter().any(|one| {
            one.columns().iter().any(|made| made.name == *column)
                || one.has(&["to", column]) && one.has(&["rename"])
        });
        !made && all.iter().any(|one| requires(one, &table, column))
    })
}

/// The same of a migration in code, whose statement is a text.
pub(super) fn filled_over_by(code: Code<'_>, text: &str, table: &str) -> Option<String> {
    let parsed = |text: &str| -> Vec<Statement> {
        statements(text)
            .into_iter()
            .map(|tokens| Statement {
                node: NodeId::ROOT,
                tokens,
            })
            .collect()
    };
    let table = last_part(table);
    let columns: Vec<String> = parsed(text)
        .iter()
        .filter(|statement| statement.is(0, "update"))
        .flat_map(constants)
        .collect();
    let calls = code.calls();
    let texts: Vec<Statement> = code
        .texts_in(NodeId::ROOT)
        .filter(|text| {
            text.get(..5)
                .is_some_and(|begin| begin.eq_ignore_ascii_case("alter"))
        })
        .flat_map(parsed)
        .collect();
    columns.into_iter().find(|column| {
        let added = texts
            .iter()
            .any(|one| one.columns().iter().any(|made| made.name == *column))
            || calls.iter().any(|call| {
                matches!(
                    code.called(*call),
                    "add_column" | "AddField" | "addColumn" | "createTable" | "create_table"
                ) && code.texts_in(*call).any(|text| text == column)
            });
        let required = texts.iter().any(|one| requires(one, &table, column))
            || calls.iter().any(|call| match code.called(*call) {
                "alter_column" => {
                    code.args(*call)
                        .iter()
                        .any(|arg| code.text(*arg) == Some(column.as_str()))
                        && code
                            .option(*call, "nullable")
                            .and_then(|nullable| code.boolean(nullable))
                            == Some(false)
                }
                "dropNullable" => code.arg(*call, 0).and_then(|arg| code.text(arg)) == Some(column.as_str()),
                // `table.string('currency').notNullable().alter()`
                "alter" => {
                    let chain = Chain::around(code, *call);
                    chain.has(&["notNullable"]) && code.texts_in(chain.end).any(|text| text == column)
                }
                _ => false,
            });
        required && !added
    })
}
