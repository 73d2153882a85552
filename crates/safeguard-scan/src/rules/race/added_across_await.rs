//! Callbacks that run at the same time add to one variable, each to what it was before the callback waited.

use super::state_across_await;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Flags, Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: &[Language::JavaScript, Language::Tsx, Language::TypeScript],
    run,
    ..state_across_await::CHECK
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for assign in source.of_kind(Kind::Assign).iter().copied() {
        let (Some(target), Some(value)) = (code.child(assign, Role::Target), code.child(assign, Role::Value))
        else {
            continue;
        };
        let name = code.name(target);
        let awaits = code.tree.subtree(value).any(|id| code.kind(id) == Kind::Await);
        // `total = total + await price()` reads it first too.
        let again = code.name(assign) == "="
            && code.kind(value) == Kind::Binary
            && code
                .child(value, Role::Left)
                .is_some_and(|left| code.same(left, target));
        let adds = matches!(code.name(assign), "+=" | "-=") || again;
        if !awaits || !adds || code.kind(target) != Kind::Name {
            continue;
        }
        let Some(callback) = code
            .function(assign)
            .filter(|function| is_one_of_many(code, *function))
        else {
            continue;
        };
        let own = code.tree.subtree(callback).any(|id| {
            code.kind(id) == Kind::Param && code.name(id) == name
                || code.kind(id) == Kind::Assign
                    && code.tree.flags(id).has(Flags::DECLARATION)
                    && code
                        .child(id, Role::Target)
                        .is_some_and(|target| code.name(target) == name)
        });
        if !own && !undoes_or_tests(code, assign) {
            reports.add(
                assign,
                format!("`{name}` is read before the `await` and written after it, by all of these callbacks at once: what the others have added is lost"),
            );
        }
    }
}

/// An async callback that `map` or `forEach` starts for every element, without waiting for the one before.
fn is_one_of_many(code: Code<'_>, function: NodeId) -> bool {
    code.kind(function) == Kind::Lambda
        && code.tree.flags(function).has(Flags::ASYNC)
        && code.tree.parent(function).is_some_and(|call| {
            code.kind(call) == Kind::Call && matches!(code.called(call), "map" | "forEach" | "flatMap")
        })
}
