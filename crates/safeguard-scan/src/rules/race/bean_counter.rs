//! Java: a number in a bean that there is one of, which every request counts up.

use super::shared_bean::{beans, fields, method, sets_up};
use super::unlocked_counter;
use super::unsafe_shared_object::{is_local, runs_alone};
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::analysis::outside::java_decorators;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Flags, Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    languages: &[Language::Java],
    run,
    ..unlocked_counter::CHECK
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let tree = &source.tree;
    for class in beans(source) {
        if undoes_or_tests(code, class) {
            continue;
        }
        let numbers: Vec<&str> = fields(tree, class)
            .filter(|field| !tree.flags(*field).has(Flags::CONST))
            .filter(|field| {
                tree.child(*field, Role::Type)
                    .is_some_and(|of| matches!(tree.name(of), "int" | "long" | "Integer" | "Long" | "short"))
            })
            .filter_map(|field| tree.child(field, Role::Target).map(|target| tree.name(target)))
            // What is only shown may be off by one.
            .filter(|name| {
                !has_word(
                    name,
                    &[
                        "hits", "misses", "stats", "metric", "metrics", "errors", "failures", "calls",
                        "requests",
                    ],
                )
            })
            .collect();
        for step in source.of_kind(Kind::Assign).iter().copied() {
            let adds = matches!(tree.name(step), "+=" | "-=") && tree.within(step, class);
            let Some(target) = tree.child(step, Role::Target).filter(|_| adds) else {
                continue;
            };
            let name = tree.name(target);
            let own = match tree.kind(target) {
                Kind::Name => !is_local(tree, target, name),
                Kind::Member => tree
                    .child(target, Role::Object)
                    .is_some_and(|object| tree.name(object) == "this"),
                _ => false,
            };
            if own
                && numbers.contains(&name)
                && let Some(method) = method(tree, step, class)
                && !runs_alone(tree, step, method, class)
                && !sets_up(tree, method)
                && !is_kept_apart(tree, method)
            {
                reports.add(
                    step,
                    format!("there is one object of this class for all requests: two that count `{name}` at once read the same number, and one step is lost"),
                );
            }
        }
    }
}

/// Whether a method is one that others of the class call, perhaps under a lock, or that a clock calls.
fn is_kept_apart(tree: &Tree, method: NodeId) -> bool {
    let text = tree.source(method);
    let head = text.split('{').next().unwrap_or(text);
    head.contains("private ") || java_decorators(tree, method).contains(&"Scheduled")
}
