//! Functions made in a loop that all see its last value.

use safeguard_api::evidence::Severity;

use crate::analysis::{bodies, calls, loops};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports, SCRIPT_LANGUAGES};
use crate::tree::{Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    id: "late-closure",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-366"],
    languages: SCRIPT_LANGUAGES,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    for lambda in source.of_kind(Kind::Lambda).iter().copied() {
        for round in loops::around(tree, lambda) {
            for name in variables(tree, round) {
                let used = tree.child(lambda, Role::Body).is_some_and(|body| {
                    tree.subtree(body)
                        .any(|id| tree.kind(id) == Kind::Name && tree.name(id) == name)
                });
                if !used || bodies::has_param(tree, lambda, name) {
                    continue;
                }
                match runs_later(source, lambda) {
                    Some(true) => reports.add(
                        lambda,
                        format!(
                            "this runs after the loop has gone on: it sees a later `{name}`, not its own"
                        ),
                    ),
                    Some(false) => reports.note(
                        lambda,
                        format!(
                            "if this runs after the loop has gone on, it sees a later `{name}`, not its own"
                        ),
                    ),
                    None => {}
                }
            }
        }
    }
}

/// The variables that all rounds of a loop share.
fn variables(tree: &Tree, round: NodeId) -> Vec<&str> {
    let mut names = Vec::new();
    let python = tree.language() == Language::Python;
    let shared = match tree.kind(round) {
        Kind::ForEach => python || tree.source(round).contains("(var "),
        Kind::For => tree.child(round, Role::Init).is_some_and(|init| {
            tree.source(init).trim_start().starts_with("var ")
                || tree.source(round).replace(' ', "").starts_with("for(var")
        }),
        _ => false,
    };
    if shared {
        let targets = tree.children_in(round, Role::Target).chain(
            tree.child(round, Role::Init)
                .into_iter()
                .flat_map(|init| tree.subtree(init).collect::<Vec<_>>()),
        );
        for target in targets {
            names.extend(
                tree.subtree(target)
                    .filter(|id| tree.kind(*id) == Kind::Name)
                    .map(|id| tree.name(id)),
            );
        }
        names.sort_unstable();
        names.dedup();
    }
    names
}

/// Whether a function is kept for later: for certain, perhaps, or not.
fn runs_later(source: &Source, lambda: NodeId) -> Option<bool> {
    let tree = &source.tree;
    let parent = tree.parent(lambda)?;
    let call = match tree.kind(parent) {
        Kind::Keyword => tree.parent(parent)?,
        Kind::Call | Kind::New => parent,
        Kind::Assign => {
            let target = tree.child(parent, Role::Target)?;
            let kept = tree.kind(target) == Kind::Index || tree.kind(target) == Kind::Member;
            return (kept && tree.role(lambda) == Role::Value).then_some(false);
        }
        _ => return None,
    };
    if tree.role(lambda) == Role::Callee {
        return None;
    }
    let path = calls::path(source, call);
    match calls::name(tree, call) {
        "setTimeout" | "setInterval" | "setImmediate" | "nextTick" | "call_later" | "Timer" => Some(true),
        "Thread" if path.ends_with("Thread") => Some(true),
        "submit" | "call_soon" | "add_done_callback" | "apply_async" => Some(true),
        "append" | "push" | "connect" | "bind" | "add_callback" | "on" | "addEventListener" | "subscribe"
        | "register" => Some(false),
        _ => (tree.kind(parent) == Kind::Keyword
            && matches!(tree.name(parent), "command" | "callback" | "target" | "on_click"))
        .then_some(false),
    }
}
