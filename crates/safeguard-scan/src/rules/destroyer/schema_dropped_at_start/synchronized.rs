//! TypeORM is told to make the tables what the classes say, where migrations did that before.

use safeguard_api::evidence::Severity;

use crate::analysis::code::Code;
use crate::analysis::place;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::rule::Confidence;
use crate::rules::comparison::{Both, Comparison, Taken};
use crate::tree::{Kind, NodeId, Role};

pub static COMPARISON: Comparison = Comparison {
    id: "schema-dropped-at-start",
    failure: "X1",
    cwe: &["CWE-1057"],
    languages: &[Language::JavaScript, Language::TypeScript],
    run,
    gone: None,
};

fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let path = &both.head.path;
    if both.head.is_test() || place::is_local(path) || has_word(path, super::PASSING) {
        return;
    }
    let (was, is) = (Code::of(both.base), Code::of(both.head));
    // A database in memory, or in a file of one machine, has nothing to lose.
    let kept = [
        "postgres",
        "mysql",
        "mariadb",
        "mssql",
        "oracle",
        "cockroachdb",
        "url:",
    ]
    .iter()
    .any(|kind| both.head.tree.text().contains(kind));
    if !kept || synchronizes(was).is_some() || !by_migrations(was) {
        return;
    }
    if let Some(pair) = synchronizes(is) {
        taken.push(Taken {
            node: pair,
            severity: Severity::High,
            confidence: Confidence::High,
            message: "at each start the tables are made what the classes say: a column that was renamed or left out goes with what is in it".to_owned(),
        });
    }
}

/// The entry `synchronize: true`.
fn synchronizes(code: Code<'_>) -> Option<NodeId> {
    entries(code, "synchronize")
        .find(|(_, value)| code.boolean(*value) == Some(true))
        .map(|(pair, _)| pair)
}

fn by_migrations(code: Code<'_>) -> bool {
    entries(code, "synchronize").next().is_some() || entries(code, "migrations").next().is_some()
}

fn entries<'s>(code: Code<'s>, name: &'static str) -> impl Iterator<Item = (NodeId, NodeId)> + 's {
    code.source
        .of_kind(Kind::Pair)
        .iter()
        .filter(move |pair| code.key(**pair) == Some(name))
        .filter_map(move |pair| Some((*pair, code.child(*pair, Role::Value)?)))
}
