//! Java: a table is emptied and filled again from elsewhere: what comes in between, or gives nothing, leaves it empty.

use super::delete_everything;
use crate::analysis::bodies;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::outside::java_decorators;
use crate::analysis::typed::declared_type;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId};

pub static CHECK: Check = Check {
    languages: &[Language::Java],
    run,
    ..delete_everything::CHECK
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let tree = code.tree;
    for call in source.calls().iter().copied() {
        let empties =
            matches!(code.called(call), "deleteAll" | "deleteAllInBatch") && code.args(call).is_empty();
        let Some(of) = code
            .receiver(call)
            .filter(|of| empties && is_repository(code, *of))
        else {
            continue;
        };
        let Some(function) = bodies::enclosing(tree, call).filter(|_| !undoes_or_tests(code, call)) else {
            continue;
        };
        let passing = [
            "cache", "cached", "session", "sessions", "temp", "tmp", "token", "tokens", "index", "test",
        ];
        let name = code.last_name(of);
        let around: Vec<&str> = code.names_around(call);
        if has_word(name, &passing)
            || declared_type(source, of).is_some_and(|written| has_word(written, &passing))
            || around.iter().any(|name| {
                has_word(
                    name,
                    &[
                        "cache",
                        "test",
                        "seed",
                        "seeder",
                        "demo",
                        "sample",
                        "fixture",
                        "clear",
                        "reset",
                        "purge",
                        "init",
                        "initializer",
                        "loader",
                    ],
                )
            })
        {
            continue;
        }
        let whole = |id: NodeId| java_decorators(tree, id).contains(&"Transactional");
        let in_one = whole(function) || bodies::class_of(tree, function).is_some_and(whole);
        let filled = tree.subtree(function).find(|id| {
            *id > call
                && code.kind(*id) == Kind::Call
                && matches!(
                    code.called(*id),
                    "saveAll" | "saveAllAndFlush" | "save" | "insert" | "insertAll" | "batchInsert"
                )
                && code.receiver(*id).is_some_and(|other| code.same(other, of))
                // What the caller hands over is there already.
                && !code
                    .arg(*id, 0)
                    .is_some_and(|given| bodies::has_param(tree, function, code.first_name(given)))
        });
        if filled.is_some() && !in_one {
            reports.add(
                call,
                format!("`{name}` is emptied, and only filled again afterwards: what fails in between, or gives nothing, loses all of its rows"),
            );
        }
    }
}

/// Whether something is a repository of rows, by its type or by its name.
fn is_repository(code: Code<'_>, of: NodeId) -> bool {
    let is_one = |name: &str| {
        let lower = name.split('<').next().unwrap_or(name).to_ascii_lowercase();
        ["repository", "repo", "dao", "mapper"]
            .iter()
            .any(|end| lower.ends_with(end))
    };
    is_one(code.last_name(of)) || declared_type(code.source, of).is_some_and(is_one)
}
