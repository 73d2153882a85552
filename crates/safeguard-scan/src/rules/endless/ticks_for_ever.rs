//! Go: an answer that goes on with every tick of a clock, also when nobody listens any more.

use super::unending_loop;
use crate::analysis::{bodies, calls, loops};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    languages: &[Language::Go],
    run,
    ..unending_loop::CHECK
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    for each in source.of_kind(Kind::ForEach).iter().copied() {
        let ticks = source
            .tree
            .child(each, Role::Iter)
            .is_some_and(|iter| is_clock(source, iter));
        if ticks && bodies::handler_around(source, each).is_some() && loops::exits(source, each).is_empty() {
            reports.add(
                each,
                "this goes on when the client is gone: nothing in the loop ends it, and each request leaves one behind",
            );
        }
    }
}

/// `time.Tick(…)`, `ticker.C`
fn is_clock(source: &Source, iter: NodeId) -> bool {
    let tree = &source.tree;
    match tree.kind(iter) {
        Kind::Call => calls::path(source, iter) == "time.Tick",
        Kind::Member => tree.name(iter) == "C" && tree.text().contains("time.NewTicker"),
        _ => false,
    }
}
