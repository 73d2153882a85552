//! Async functions for those who do not wait.

use safeguard_api::evidence::Severity;

use crate::analysis::{bodies, calls, reach};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Flags, Kind, NodeId, Tree};

pub static CHECK: Check = Check {
    id: "async-callback",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-362"],
    languages: &[Language::JavaScript, Language::TypeScript, Language::Tsx],
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    for call in source.of_kind(Kind::Call).iter().copied() {
        let name = calls::name(tree, call);
        let Some(receiver) = calls::receiver(tree, call) else {
            continue;
        };
        if !calls::arg(tree, call, 0).is_some_and(|callback| is_async(source, callback)) {
            continue;
        }
        let root = calls::root(tree, receiver).map_or("", |root| tree.name(root));
        if matches!(
            root,
            "async" | "Promise" | "Bluebird" | "pMap" | "pFilter" | "cy" | "Effect" | "R"
        ) {
            continue;
        }
        match name {
            "filter" | "some" | "every" | "findIndex" | "findLast" | "sort"
                if calls::args(tree, call).count() == 1 =>
            {
                // What is no list may wait: a stream, a query.
                if tree
                    .parent(call)
                    .is_some_and(|parent| tree.kind(parent) == Kind::Await)
                    && name != "some"
                    && name != "every"
                    && name != "filter"
                {
                    continue;
                }
                let what = if name == "sort" { "a number" } else { "true" };
                reports.add(
                    call,
                    format!(
                        "`{name}` takes the promise of this async function for {what}, without waiting for it"
                    ),
                );
            }
            "forEach" => {
                if tree
                    .parent(call)
                    .is_some_and(|parent| tree.kind(parent) == Kind::Await)
                    && !is_list(tree, receiver)
                {
                    continue;
                }
                let statement = reach::statement(tree, call);
                let goes_on = tree
                    .parent(statement)
                    .and_then(|block| tree.children(block).last())
                    .is_some_and(|last| last != statement);
                if bodies::in_async(tree, call) || goes_on && bodies::enclosing(tree, call).is_some() {
                    reports.add(call, "`forEach` does not wait for this async function: what follows runs first, and its errors are lost");
                } else {
                    reports.note(
                        call,
                        "`forEach` does not wait for this async function, and its errors are lost",
                    );
                }
            }
            _ => {}
        }
    }
}

fn is_async(source: &Source, callback: NodeId) -> bool {
    let tree = &source.tree;
    tree.kind(callback) == Kind::Lambda && tree.flags(callback).has(Flags::ASYNC)
}

fn is_list(tree: &Tree, id: NodeId) -> bool {
    matches!(tree.kind(id), Kind::Name | Kind::List | Kind::Member)
}
