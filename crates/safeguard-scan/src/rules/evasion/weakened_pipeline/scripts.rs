//! Scripts that a pipeline calls by name: emptied, so that they find nothing, or past the hooks that look at every commit.

use std::collections::BTreeMap;

use safeguard_api::evidence::Severity;

use super::guards::guards;
use super::taken_at;
use crate::analysis::commands::{Command, commands};
use crate::matching::Source;
use crate::rules::comparison::{Both, Taken};
use crate::tree::{Kind, NodeId, Role};

/// `"test": "jest"` that became `"test": "echo ok"`.
pub(super) fn emptied(both: &Both<'_>, taken: &mut Vec<Taken>) {
    if !both.head.path.ends_with("package.json") {
        return;
    }
    let before = by_key(both.base);
    let guarding = guards(both.base);
    let tree = &both.head.tree;
    let does_something = commands(both.head);
    for (key, (pair, _)) in by_key(both.head) {
        let Some((was, _)) = before.get(&key) else {
            continue;
        };
        let guarded = guarding
            .iter()
            .find(|guard| both.base.tree.within(guard.node, *was) && guard.class != "lint");
        let empty = does_something
            .iter()
            .filter(|command| tree.within(command.node, pair))
            .all(|command| matches!(command.program(), "echo" | "true" | ":" | "exit" | "printf"));
        if let Some(guard) = guarded.filter(|_| empty) {
            taken.push(taken_at(
                pair,
                Severity::High,
                true,
                format!(
                    "`{key}` ran `{}`, and does nothing now: whatever calls it is told that all is well",
                    guard.name
                ),
            ));
        }
    }
}

/// The scripts of a `package.json`, and how they are written.
fn by_key(source: &Source) -> BTreeMap<String, (NodeId, String)> {
    let tree = &source.tree;
    let scripts = source
        .of_kind(Kind::Pair)
        .iter()
        .copied()
        .filter(|pair| tree.child(*pair, Role::Body).is_some());
    scripts
        .filter_map(|pair| {
            let key = tree.child(pair, Role::Key)?;
            Some((tree.name(key).to_owned(), (pair, tree.source(pair).to_owned())))
        })
        .collect()
}

/// `git commit --no-verify` where it was `git commit`.
pub(super) fn hooks_skipped(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let of_git = |source: &Source| -> Vec<(String, bool, NodeId)> {
        let all = commands(source).into_iter();
        all.filter_map(|command| {
            let verb = verb(&command)?.to_owned();
            Some((verb, command.has("--no-verify"), command.node))
        })
        .collect()
    };
    let (before, after) = (of_git(both.base), of_git(both.head));
    for (verb, past, node) in after {
        let was_past = before.iter().any(|(old, past, _)| *old == verb && *past);
        let was_looked_at = before.iter().any(|(old, past, _)| *old == verb && !*past);
        if past && !was_past {
            taken.push(taken_at(
                node,
                Severity::High,
                was_looked_at,
                format!(
                    "`git {verb} --no-verify` goes past the hooks that look for secrets and run the checks"
                ),
            ));
            return;
        }
    }
}

fn verb(command: &Command) -> Option<&str> {
    let verb = command.plain().first().copied()?;
    (command.program() == "git" && matches!(verb, "commit" | "push" | "merge" | "rebase")).then_some(verb)
}
