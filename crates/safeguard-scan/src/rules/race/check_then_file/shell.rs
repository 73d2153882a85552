//! Scripts: `[ -f "$LOCK" ] && exit`, and then `touch "$LOCK"`.

use super::CHECK as FILE;
use crate::analysis::commands::{Command, WITH_COMMANDS, commands};
use crate::matching::{Source, canonical};
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    languages: WITH_COMMANDS,
    run,
    ..FILE
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    let text = tree.text();
    // What makes a file only where there is none.
    if source.is_test()
        || ["flock", "noclobber", "set -C", "lockfile ", "shlock"]
            .iter()
            .any(|word| text.contains(word))
    {
        return;
    }
    let all = commands(source);
    for asked in &all {
        let Some(file) = looked_for(asked).filter(|file| is_lock(source, *file)) else {
            continue;
        };
        let wanted = canonical(tree, file);
        let made = all
            .iter()
            .filter(|later| later.node > asked.node && in_same(tree, &all, asked, later))
            .find(|later| makes(tree, later, &wanted));
        // What only tells whether something runs leaves nothing behind.
        if let Some(made) = made.filter(|_| leaves_between(tree, &all, asked)) {
            reports.add(
                made.node,
                "two runs at once both find no lock file, and both go on",
            );
        }
    }
}

/// The file that a test asks for: `[ -f "$LOCK" ]`, `test -e /run/x.pid`.
fn looked_for(command: &Command) -> Option<NodeId> {
    if !matches!(command.program(), "[" | "test" | "[[") {
        return None;
    }
    let at = command
        .words
        .iter()
        .position(|word| matches!(word.as_str(), "-f" | "-e" | "-r" | "-s"))?;
    command.nodes.get(at + 1).copied()
}

fn is_lock(source: &Source, file: NodeId) -> bool {
    let text = source.tree.source(file).to_ascii_lowercase();
    let named = |word: &str| {
        text.match_indices(word)
            .any(|(at, _)| !text[..at].ends_with(['b', 'c']))
    };
    (named("lock") || text.contains("pid"))
        && !["package-lock", "yarn.lock", ".lock.hcl", "poetry.lock"]
            .iter()
            .any(|known| text.contains(known))
}

fn makes(tree: &Tree, command: &Command, wanted: &str) -> bool {
    let same = |id: NodeId| canonical(tree, id) == wanted;
    let touched = command.program() == "touch" && command.nodes.iter().skip(1).any(|node| same(*node));
    // A script that starts a service writes down whom it has started, for the one that stops it.
    let of_child = tree
        .subtree(command.node)
        .any(|part| tree.kind(part) == Kind::Name && tree.name(part) == "!");
    let written = !of_child
        && tree.children_in(command.node, Role::Target).any(|target| {
            matches!(tree.name(target), ">" | ">>") && tree.child(target, Role::Value).is_some_and(same)
        });
    touched || written
}

/// Whether the script ends, or leaves its function, soon after the question.
fn leaves_between(tree: &Tree, all: &[Command], asked: &Command) -> bool {
    const NEAR: usize = 6;
    all.iter()
        .filter(|later| later.node > asked.node && tree.kind(later.node) == Kind::Call)
        .take(NEAR)
        .any(|later| matches!(later.program(), "exit" | "return"))
}

/// Whether both are in one function, or the first is in one that is called before the second.
fn in_same(tree: &Tree, all: &[Command], asked: &Command, later: &Command) -> bool {
    let (first, second) = (
        function_around(tree, asked.node),
        function_around(tree, later.node),
    );
    first == second
        || first.is_some_and(|function| {
            all.iter().any(|call| {
                call.node < later.node
                    && call.program() == tree.name(function)
                    && function_around(tree, call.node) == second
            })
        })
}

fn function_around(tree: &Tree, id: NodeId) -> Option<NodeId> {
    tree.ancestors(id)
        .find(|around| tree.kind(*around) == Kind::Function)
}
