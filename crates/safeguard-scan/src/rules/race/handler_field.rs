//! Go: a handler sets a field of the object that all requests share.

use super::unlocked_map;
use crate::analysis::bodies;
use crate::analysis::code::Code;
use crate::analysis::meant::undoes_or_tests;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    run,
    ..unlocked_map::CHECK
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let code = Code::of(source);
    let tree = &source.tree;
    for method in source.of_kind(Kind::Function).iter().copied() {
        let Some(own) = bodies::own_object(tree, method) else {
            continue;
        };
        let by_pointer = code
            .child(method, Role::Receiver)
            .and_then(|receiver| code.child(receiver, Role::Type))
            .is_some_and(|of| code.name(of).starts_with('*'));
        if !by_pointer
            || !bodies::is_handler(source, method)
            || undoes_or_tests(code, method)
            || lets_one_in(code, method)
        {
            continue;
        }
        let set = bodies::body(tree, method).into_iter().find_map(|id| {
            let target = code
                .child(id, Role::Target)
                .filter(|_| code.kind(id) == Kind::Assign)?;
            let of = code
                .child(target, Role::Object)
                .filter(|_| code.kind(target) == Kind::Member)?;
            (code.kind(of) == Kind::Name && code.name(of) == own).then_some(target)
        });
        // What is set and given out in the same request only, as a context of its own has it.
        let per_request = code
            .child(method, Role::Receiver)
            .and_then(|receiver| code.child(receiver, Role::Type))
            .is_some_and(|of| {
                let name = code.name(of).to_ascii_lowercase();
                [
                    "context", "request", "session", "writer", "recorder", "ctx", "response",
                ]
                .iter()
                .any(|word| name.contains(word))
            });
        if let Some(target) = set.filter(|_| !per_request) {
            reports.add(
                target,
                format!("each request runs in its own goroutine; `{}` is set here without a lock, while others read it", tree.source(target)),
            );
        }
    }
}

/// A lock, `sync.Once`, a channel, or an atomic value.
fn lets_one_in(code: Code<'_>, method: NodeId) -> bool {
    code.tree.subtree(method).any(|id: NodeId| match code.kind(id) {
        Kind::Call => {
            let name = code.called(id);
            matches!(name, "Do" | "Acquire" | "TryLock") || name.to_ascii_lowercase().contains("lock")
        }
        Kind::Select => true,
        Kind::Unary => code.name(id) == "<-",
        _ => false,
    })
}
