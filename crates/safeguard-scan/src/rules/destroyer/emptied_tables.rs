//! Tables that are emptied by what the libraries of Rust and TypeScript have for it.

use super::delete_everything;
use crate::analysis::chain::Chain;
use crate::analysis::code::Code;
use crate::analysis::meant::{asks_first, named_so, undoes_or_tests};
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: &[
        Language::JavaScript,
        Language::Rust,
        Language::Tsx,
        Language::TypeScript,
    ],
    run,
    ..delete_everything::CHECK
};

/// Words of tables that are made again by themselves.
const PASSING: &[&str] = &[
    "cache", "cached", "session", "sessions", "tmp", "temp", "staging", "scratch", "job", "jobs", "lock",
    "locks", "test", "fixture",
];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.calls().iter().copied() {
        let Some(of) = emptied(code, call) else {
            continue;
        };
        let passing = has_word(&of, PASSING)
            || code
                .names_around(call)
                .into_iter()
                .any(|name| has_word(name, PASSING));
        if passing || undoes_or_tests(code, call) {
            continue;
        }
        let told = format!("this deletes every row of `{of}`");
        match asks_first(code, call) || named_so(code, call) {
            true => reports.note(call, told),
            false => reports.add(call, told),
        }
    }
}

/// What is emptied by a call.
fn emptied(code: Code<'_>, call: NodeId) -> Option<String> {
    match code.tree.language() {
        Language::Rust => {
            let chain = Chain::around(code, call);
            let chosen = chain.has(&["filter", "find", "set", "belonging_to"]);
            match code.called(call) {
                // Diesel: `diesel::delete(carts::table).execute(connection)`
                "delete" if matches!(code.path(call), "diesel.delete" | "delete") && !chosen => {
                    let table = code
                        .arg(call, 0)
                        .filter(|table| code.last_name(*table) == "table")?;
                    Some(code.last_name_of_object(table).to_owned())
                }
                // SeaORM: `Contact::delete_many().exec(&db)`
                "delete_many" if !chosen && chain.has(&["exec"]) && code.args(call).is_empty() => {
                    Some(code.first_name_of_call(call)?.to_owned())
                }
                _ => None,
            }
        }
        // TypeORM: `this.products.clear()`
        _ if code.called(call) == "clear" && code.args(call).is_empty() => {
            let repository = code.receiver(call)?;
            let name = code.last_name(repository);
            let declared = code
                .source
                .of_kind(Kind::Param)
                .iter()
                .chain(code.source.of_kind(Kind::Field))
                .any(|param| {
                    code.name(*param) == name
                        && code
                            .child(*param, Role::Type)
                            .is_some_and(|ty| code.name(ty).starts_with("Repository<"))
                });
            let given = code.called(repository) == "getRepository";
            (declared || given).then(|| {
                if given {
                    "the repository".to_owned()
                } else {
                    name.to_owned()
                }
            })
        }
        _ => None,
    }
}
