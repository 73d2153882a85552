//! SQL that does not end.

use super::unending_loop;
use crate::analysis::sql_file;
use crate::analysis::sql_text::Token;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId};

pub static CHECK: Check = Check {
    languages: &[Language::Sql],
    run,
    ..unending_loop::CHECK
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let all = sql_file::of(source);
    for statement in all {
        if always(statement) && !leaves(source, all, statement.node) {
            reports.add(statement.node, "nothing in this loop ends it");
        }
        if recursion_without_end(statement) {
            reports.add(
                statement.node,
                "each row gives another one: nothing ends this recursion",
            );
        }
    }
}

/// `WHILE true`, `WHILE 1 = 1`.
fn always(statement: &sql_file::Statement) -> bool {
    statement.is(0, "while")
        && match statement.tokens.get(1..) {
            Some([Token::Word(word), ..]) => word.eq_ignore_ascii_case("true"),
            Some(
                [
                    Token::Sign('('),
                    Token::Number(left),
                    Token::Sign('='),
                    Token::Number(right),
                    ..,
                ],
            )
            | Some([Token::Number(left), Token::Sign('='), Token::Number(right), ..]) => left == right,
            _ => false,
        }
}

/// Whether a later statement of the same body may leave the loop.
fn leaves(source: &Source, all: &[sql_file::Statement], node: NodeId) -> bool {
    let tree = &source.tree;
    let around = |id: NodeId| {
        tree.ancestors(id)
            .find(|around| tree.kind(*around) == Kind::Block)
    };
    const LEAVE: &[&str] = &[
        "exit", "break", "leave", "return", "raise", "throw", "signal", "goto",
    ];
    all.iter()
        .filter(|later| later.node > node && around(later.node) == around(node))
        .any(|later| (0..later.tokens.len()).any(|at| LEAVE.contains(&later.word(at).as_str())))
}

/// `WITH RECURSIVE t AS (SELECT 1 UNION ALL SELECT n + 1 FROM t)` without a condition, a join or a limit.
fn recursion_without_end(statement: &sql_file::Statement) -> bool {
    let Some(with) = statement.find(&["with", "recursive"]) else {
        return false;
    };
    let Some((name, _)) = statement.name(with + 2) else {
        return false;
    };
    let Some(union) = statement.find(&["union", "all"]) else {
        return false;
    };
    let Some(from) = (union..statement.tokens.len()).find(|at| statement.is(*at, "from")) else {
        return false;
    };
    let of_itself =
        statement.is(from + 1, &name) && statement.tokens.get(from + 2) == Some(&Token::Sign(')'));
    of_itself && !statement.has(&["limit"]) && !statement.has(&["fetch"]) && !statement.has(&["top"])
}
