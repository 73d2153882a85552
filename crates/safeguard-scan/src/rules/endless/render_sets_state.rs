//! A component of React that sets a state while it is rendered, and so renders for ever.

use super::effect_starts_itself;
use crate::analysis::code::Code;
use crate::analysis::meant::{earlier_exits, undoes_or_tests};
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    run,
    ..effect_starts_itself::CHECK
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for assign in source.of_kind(Kind::Assign).iter().copied() {
        let (Some(target), Some(value)) = (code.child(assign, Role::Target), code.child(assign, Role::Value))
        else {
            continue;
        };
        let is_state =
            code.kind(value) == Kind::Call && matches!(code.called(value), "useState" | "useReducer");
        let (Some(setter), Some(component)) = (
            code.tree.children(target).nth(1).map(|name| code.name(name)),
            code.function(assign),
        ) else {
            continue;
        };
        if !is_state || setter.is_empty() {
            continue;
        }
        for call in source.of_kind(Kind::Call).iter().copied() {
            let sets = code.receiver(call).is_none()
                && code.called(call) == setter
                && code.function(call) == Some(component);
            if sets && runs_always(code, call, component) && !undoes_or_tests(code, call) {
                reports.add(
                    call,
                    format!("`{setter}` is called by each rendering, and makes the next one: without end"),
                );
            }
        }
    }
}

/// Whether a call is made by every rendering: as a statement of the component, or as the value of an attribute.
fn runs_always(code: Code<'_>, call: NodeId, component: NodeId) -> bool {
    let under_condition = code
        .tree
        .ancestors(call)
        .take_while(|around| *around != component)
        .any(|around| {
            matches!(
                code.kind(around),
                Kind::If
                    | Kind::Conditional
                    | Kind::Case
                    | Kind::Switch
                    | Kind::Try
                    | Kind::While
                    | Kind::For
                    | Kind::ForEach
            ) || code.kind(around) == Kind::Binary && matches!(code.name(around), "and" | "or" | "??")
        });
    !under_condition && earlier_exits(code, call).is_empty()
}
