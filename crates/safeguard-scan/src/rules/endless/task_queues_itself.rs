//! A task that queues itself again with the very arguments that it was given, until something has come that may never come.

use super::retry_without_limit;
use crate::analysis::bodies;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: &[Language::Python],
    run,
    ..retry_without_limit::CHECK
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    for call in source.of_kind(Kind::Call).iter().copied() {
        if !matches!(code.called(call), "delay" | "apply_async") || undoes_or_tests(code, call) {
            continue;
        }
        let (Some(function), Some(of)) = (code.function(call), code.receiver(call)) else {
            continue;
        };
        let is_task = code.tree.children_in(function, Role::Decorator).any(|decorator| {
            code.names_in(decorator)
                .any(|name| matches!(name, "task" | "shared_task"))
        });
        if !is_task || code.kind(of) != Kind::Name || code.name(of) != code.name(function) {
            continue;
        }
        let params: Vec<&str> = bodies::params(code.tree, function)
            .map(|param| code.name(param))
            .filter(|name| *name != "self")
            .collect();
        let given = given(code, call);
        let same = !params.is_empty()
            && given.len() == params.len()
            && given
                .iter()
                .all(|arg| code.kind(*arg) == Kind::Name && params.contains(&code.name(*arg)));
        // A parameter that the function changes, or a moment that it looks at, may end it.
        let text = code.tree.source(function).to_ascii_lowercase();
        let ends = [
            "deadline",
            "expire",
            "retries",
            "attempt",
            "max_",
            "older",
            "timeout_at",
            "give_up",
            "created_at",
            "started",
            // Work in portions is done once there is none left.
            "batch",
            "chunk",
            "cursor",
            "offset",
            "last_",
            "[:",
        ]
        .iter()
        .any(|word| text.contains(word));
        let set = crate::analysis::change::set(code.tree, &bodies::body(code.tree, function));
        if same
            && !ends
            && !params.iter().any(|param| set.contains(param))
            && is_conditional(code, call, function)
        {
            reports.add(
                call,
                format!("`{}` queues itself again with the same arguments, as often as it has to: nothing counts, and nothing ends it where what it waits for never comes", code.name(function)),
            );
        }
    }
}

/// Only under a condition: what always queues itself is a clock.
fn is_conditional(code: Code<'_>, call: NodeId, function: NodeId) -> bool {
    code.tree
        .ancestors(call)
        .take_while(|around| *around != function)
        .any(|around| matches!(code.kind(around), Kind::If | Kind::Catch))
}

/// The arguments that the task is given: `delay(a)`, `apply_async(args=[a])`, `apply_async((a,))`, `kwargs={"a": a}`.
fn given(code: Code<'_>, call: NodeId) -> Vec<NodeId> {
    let tree = code.tree;
    if code.called(call) == "delay" {
        return tree
            .children_in(call, Role::Arg)
            .filter_map(|arg| match code.kind(arg) {
                Kind::Keyword => code.child(arg, Role::Value),
                _ => Some(arg),
            })
            .collect();
    }
    let mut found = Vec::new();
    for list in code
        .option(call, "args")
        .or_else(|| code.arg(call, 0))
        .into_iter()
        .chain(code.option(call, "kwargs"))
    {
        for item in tree.children(list) {
            found.push(match code.kind(item) {
                Kind::Pair => code.child(item, Role::Value).unwrap_or(item),
                _ => item,
            });
        }
    }
    found
}
