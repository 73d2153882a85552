//! A count of tries that every round sets back: its limit is never reached.

use safeguard_api::evidence::Severity;

use crate::analysis::loops;
use crate::analysis::words::has_word;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "count-starts-again",
    failure: "X2",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-835"],
    languages: ALL_LANGUAGES,
    run,
};

/// Words of what counts how often something was tried.
const TRIES: &[&str] = &[
    "attempt",
    "attempts",
    "retry",
    "retries",
    "tries",
    "try",
    "tried",
    "failures",
    "failed",
    "errors",
    "reconnects",
    "polls",
];

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    for around in loops::conditional(source) {
        let round = loops::round(tree, around);
        let own = |id: NodeId| loops::around(tree, id).first() == Some(&around);
        for reset in round
            .iter()
            .copied()
            .filter(|id| sets_back(source, *id) && own(*id))
        {
            let Some(name) = tree.child(reset, Role::Target).map(|target| tree.name(target)) else {
                continue;
            };
            if !has_word(name, TRIES) {
                continue;
            }
            let Some(block) = tree.parent(reset) else {
                continue;
            };
            // It is counted behind, in the same round, by whatever way the round takes.
            let counted = round.iter().copied().any(|step| {
                step > reset && own(step) && tree.within(step, block) && steps(source, step, name)
            });
            let compares = |within: NodeId| {
                tree.subtree(within).any(|id| {
                    tree.kind(id) == Kind::Binary
                        && matches!(tree.name(id), "<" | "<=" | ">" | ">=" | "==" | "===")
                        && tree
                            .children(id)
                            .any(|side| tree.kind(side) == Kind::Name && tree.name(side) == name)
                })
            };
            // The limit ends the loop; a count of what went wrong in one round does not.
            let limited = tree.child(around, Role::Condition).is_some_and(compares)
                || round.iter().any(|id| {
                    tree.kind(*id) == Kind::If
                        && tree.child(*id, Role::Condition).is_some_and(compares)
                        && tree.child(*id, Role::Body).is_some_and(|body| {
                            tree.subtree(body).any(|part| {
                                matches!(tree.kind(part), Kind::Raise | Kind::Return | Kind::Break)
                            })
                        })
                });
            if counted && limited {
                reports.add(
                    reset,
                    format!(
                        "every round sets `{name}` back before it is counted: its limit is never reached"
                    ),
                );
            }
        }
    }
}

/// `attempts = 0`
fn sets_back(source: &Source, id: NodeId) -> bool {
    let tree = &source.tree;
    tree.kind(id) == Kind::Assign
        && matches!(tree.name(id), "=" | ":=")
        && tree
            .child(id, Role::Target)
            .is_some_and(|target| tree.kind(target) == Kind::Name)
        && tree
            .child(id, Role::Value)
            .is_some_and(|value| tree.kind(value) == Kind::Num && matches!(tree.name(value), "0" | "1"))
}

/// `attempts += 1`, `attempts = attempts + 1`
fn steps(source: &Source, id: NodeId, name: &str) -> bool {
    let tree = &source.tree;
    if tree.kind(id) != Kind::Assign
        || tree
            .child(id, Role::Target)
            .is_none_or(|target| tree.name(target) != name)
    {
        return false;
    }
    tree.name(id) == "+="
        || tree.child(id, Role::Value).is_some_and(|value| {
            tree.kind(value) == Kind::Binary
                && tree.name(value) == "+"
                && tree.children(value).any(|side| tree.name(side) == name)
        })
}
