//! SQL files in which two sessions take the same number.

use super::id_by_count;
use crate::analysis::sql_file;
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
fn run(source: &Source, _: &Project, reports: &mut Reports) {
    for statement in sql_file::of(source) {
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
