//! Go: what the whole package shares is made when it is first asked for, and two requests ask at once.

use safeguard_api::evidence::Severity;

use crate::analysis::{bodies, calls, rows, served};
use crate::language::Language;
use crate::matching::Source;
use crate::names::functions_around;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "made-twice",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-362", "CWE-609"],
    languages: &[Language::Go],
    run,
};

fn run(source: &Source, project: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    if source.is_test() {
        return;
    }
    for asked in source.of_kind(Kind::If).iter().copied() {
        let Some(name) = tree
            .child(asked, Role::Condition)
            .and_then(|condition| nothing_yet(source, condition))
        else {
            continue;
        };
        let Some(function) = bodies::enclosing(tree, asked) else {
            continue;
        };
        let made = tree
            .child(asked, Role::Body)
            .into_iter()
            .flat_map(|body| bodies::running(tree, body))
            .find(|id| {
                tree.kind(*id) == Kind::Assign
                    && tree.name(*id) == "="
                    && tree
                        .children_in(*id, Role::Target)
                        .flat_map(|target| tree.subtree(target))
                        .any(|target| tree.kind(target) == Kind::Name && tree.name(target) == name)
            });
        let Some(made) = made.filter(|_| is_of_package(source, name) && !is_local(source, function, name))
        else {
            continue;
        };
        // What `once.Do` runs, and what runs before there are requests.
        let once = functions_around(tree, asked).any(|around| {
            tree.role(around) == Role::Arg
                && tree
                    .parent(around)
                    .is_some_and(|call| calls::name(tree, call) == "Do")
        });
        if once
            || matches!(tree.name(function), "init" | "main")
            || rows::is_protected(source, function)
            || !served::is_served(source, project, function)
        {
            continue;
        }
        reports.add(
            made,
            format!("requests come here at the same time: two find no `{name}`, both make one, and others see it before it is complete"),
        );
    }
}

/// The name in `name == nil`.
fn nothing_yet(source: &Source, condition: NodeId) -> Option<&str> {
    let tree = &source.tree;
    if tree.kind(condition) != Kind::Binary || tree.name(condition) != "==" {
        return None;
    }
    let (left, right) = (
        tree.child(condition, Role::Left)?,
        tree.child(condition, Role::Right)?,
    );
    let is_nil =
        tree.kind(right) == Kind::Null || tree.kind(right) == Kind::Name && tree.name(right) == "nil";
    (is_nil && tree.kind(left) == Kind::Name).then(|| tree.name(left))
}

/// Whether the file declares it outside of functions.
fn is_of_package(source: &Source, name: &str) -> bool {
    let tree = &source.tree;
    source.assignments(name).iter().any(|assign| {
        functions_around(tree, *assign).next().is_none()
            && tree
                .children_in(*assign, Role::Target)
                .any(|target| tree.name(target) == name)
    })
}

fn is_local(source: &Source, function: NodeId, name: &str) -> bool {
    let tree = &source.tree;
    functions_around(tree, function).chain([function]).any(|around| {
        bodies::has_param(tree, around, name)
            || source
                .assignments(name)
                .iter()
                .any(|assign| tree.name(*assign) == ":=" && tree.within(*assign, around))
    })
}
