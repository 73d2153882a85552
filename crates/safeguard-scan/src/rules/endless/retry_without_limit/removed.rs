//! A limit of attempts that a change takes away.

use safeguard_api::evidence::Severity;

use super::{go_loop, is_far, try_loop};
use crate::analysis::{bodies, calls, loops};
use crate::language::Language;
use crate::matching::Source;
use crate::rule::Confidence;
use crate::rules::comparison::{Both, Comparison, Taken, pairs};
use crate::rules::{ALL_LANGUAGES, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static COMPARISON: Comparison = Comparison {
    id: "retry-without-limit",
    failure: "X2",
    cwe: &["CWE-835"],
    languages: ALL_LANGUAGES,
    run,
    gone: None,
};

fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    for (name, before, now) in pairs(both) {
        let Some(called) = tried_a_few_times(both.base, before) else {
            continue;
        };
        let endless = loops::conditional(both.head)
            .into_iter()
            .filter(|id| bodies::enclosing(&both.head.tree, *id) == Some(now))
            .find(|id| is_told(both.head, *id) && calls_one_of(both.head, *id, &called));
        if let Some(node) = endless {
            // What runs for as long as the process may wait as long for whom it works with.
            let for_ever = [
                "run", "main", "loop", "worker", "consume", "listen", "serve", "daemon", "watch",
            ]
            .iter()
            .any(|word| {
                name.to_ascii_lowercase()
                    .rsplit('.')
                    .next()
                    .is_some_and(|name| name.contains(word))
            });
            taken.push(Taken {
                node,
                severity: Severity::High,
                confidence: if for_ever {
                    Confidence::Medium
                } else {
                    Confidence::High
                },
                message:
                    "this was tried a limited number of times, and is now tried again for as long as it fails"
                        .to_owned(),
            });
        }
    }
}

/// What a loop that counts its rounds calls far away.
fn tried_a_few_times(source: &Source, function: NodeId) -> Option<Vec<String>> {
    let tree = &source.tree;
    let found = tree.subtree(function).find(|id| {
        let counted = match tree.kind(*id) {
            Kind::ForEach => tree.child(*id, Role::Iter).is_some_and(|iter| {
                tree.kind(iter) == Kind::Call && matches!(calls::name(tree, iter), "range" | "keys" | "count")
                    || tree.kind(iter) == Kind::Num
                    || tree.kind(iter) == Kind::Binary && tree.name(iter).starts_with("..")
                    || tree.source(iter).contains("..")
            }),
            Kind::While | Kind::For | Kind::DoWhile => {
                tree.child(*id, Role::Condition).is_some_and(|condition| {
                    tree.subtree(condition).any(|part| {
                        tree.kind(part) == Kind::Binary && matches!(tree.name(part), "<" | "<=" | ">" | ">=")
                    })
                })
            }
            _ => false,
        };
        counted && bodies::running(tree, *id).iter().any(|id| is_far(source, *id))
    })?;
    Some(far_calls(source, found))
}

fn far_calls(source: &Source, within: NodeId) -> Vec<String> {
    let tree = &source.tree;
    bodies::running(tree, within)
        .into_iter()
        .filter(|id| tree.kind(*id) == Kind::Call)
        .map(|id| calls::name(tree, id).to_owned())
        .collect()
}

fn calls_one_of(source: &Source, within: NodeId, called: &[String]) -> bool {
    bodies::running(&source.tree, within).into_iter().any(|id| {
        source.tree.kind(id) == Kind::Call && called.iter().any(|name| *name == calls::name(&source.tree, id))
    })
}

/// Whether the loop as it is is one that is advised against, or worse.
fn is_told(source: &Source, id: NodeId) -> bool {
    let mut reports = Reports::default();
    if source.tree.language() == Language::Go {
        go_loop(source, id, &mut reports);
    } else {
        try_loop(source, id, &mut reports);
    }
    !reports.all.is_empty()
}
