//! Another service is asked for a state again and again, as fast as it answers.

use super::busy_wait;
use crate::analysis::{bodies, calls, change, loops, reach};
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{ALL_LANGUAGES, Check, Reports};
use crate::tree::{Kind, NodeId, Role, Tree};

pub static CHECK: Check = Check {
    languages: ALL_LANGUAGES,
    run,
    ..busy_wait::CHECK
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    if source.is_test() {
        return;
    }
    for around in loops::conditional(source) {
        if !loops::is_endless(tree, around) || reach::any_waits(source, around) {
            continue;
        }
        let round = loops::round(tree, around);
        let Some(asked) = round.iter().copied().find(|id| asks(source, *id)) else {
            continue;
        };
        // Who asks for something else in each round works through a list.
        let set = change::set(tree, &round);
        let moves = tree
            .children_in(asked, Role::Arg)
            .flat_map(|arg| tree.subtree(arg))
            .any(|part| tree.kind(part) == Kind::Name && set.contains(tree.name(part)));
        let pauses = round.iter().any(|id| {
            let name = tree.name(*id).to_ascii_lowercase();
            matches!(tree.kind(*id), Kind::Name | Kind::Member | Kind::Keyword)
                && [
                    "sleep",
                    "wait",
                    "pause",
                    "delay",
                    "backoff",
                    "after",
                    "tick",
                    "cursor",
                    "page",
                    "offset",
                    "next",
                    "queue",
                    "timeout_ms",
                ]
                .iter()
                .any(|word| name.contains(word))
        });
        let exits = loops::exits(source, around);
        let by_state = !exits.is_empty()
            && exits.iter().all(|exit| is_left_for_state(tree, *exit, around))
            && bodies::enclosing(tree, around).is_some();
        if by_state && !moves && !pauses {
            reports.add(
                asked,
                "this asks again as soon as it is answered: without a pause it does so thousands of times until the state is another one",
            );
        }
    }
}

/// A request of a client that gives the answer back.
fn asks(source: &Source, id: NodeId) -> bool {
    source.tree.kind(id) == Kind::Call
        && matches!(
            calls::path(source, id).as_str(),
            "requests.get"
                | "httpx.get"
                | "fetch"
                | "axios.get"
                | "http.Get"
                | "reqwest.get"
                | "reqwest.blocking.get"
        )
}

/// Whether a way out is taken for a text that a value is compared with: `if state == "ready": return`.
fn is_left_for_state(tree: &Tree, exit: NodeId, around: NodeId) -> bool {
    tree.ancestors(exit)
        .take_while(|other| *other != around)
        .filter(|other| tree.kind(*other) == Kind::If)
        .filter_map(|branch| tree.child(branch, Role::Condition))
        .any(|condition| {
            tree.subtree(condition).any(|part| {
                tree.kind(part) == Kind::Binary
                    && matches!(tree.name(part), "==" | "===")
                    && tree.children(part).any(|side| tree.kind(side) == Kind::Str)
            })
        })
}
