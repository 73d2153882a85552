//! Rust: a statement that writes, and whose error is thrown away: `let _ = sqlx::query("UPDATE …").execute(&pool).await;`

use super::swallowed;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: &[Language::Rust],
    run,
    ..swallowed::CHECK
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.of_kind(Kind::Call).iter().copied() {
        if code.called(call) != "execute" || !is_dropped(code, call) {
            continue;
        }
        let writes = code
            .tree
            .subtree(call)
            .filter(|id| code.kind(*id) == Kind::Str)
            .any(|text| {
                let lower = code.name(text).trim_start().to_ascii_lowercase();
                ["insert", "update", "delete", "merge"]
                    .iter()
                    .any(|verb| lower.starts_with(verb))
            });
        if writes
            && !source.is_test()
            && !undoes_or_tests(code, call)
            && !swallowed::is_best_effort(code, call)
        {
            reports.add(
                call,
                "when this statement fails, nobody gets to know: its error is thrown away",
            );
        }
    }
}

/// `let _ = …;`, `….ok();`
fn is_dropped(code: Code<'_>, call: NodeId) -> bool {
    let mut at = call;
    let mut made_option = false;
    while let Some(parent) = code.tree.parent(at) {
        match code.kind(parent) {
            Kind::Await => {}
            Kind::Member if code.name(parent) == "ok" => made_option = true,
            Kind::Call if code.child(parent, Role::Callee) == Some(at) => {}
            Kind::ExprStmt => return made_option,
            Kind::Assign => {
                return code
                    .child(parent, Role::Target)
                    .is_some_and(|target| code.tree.source(target).trim() == "_");
            }
            _ => return false,
        }
        at = parent;
    }
    false
}
