//! Rust's guards: a lock that is held by a name, up to where the name ends, is dropped or passed on.

use super::bodies;
use super::code::Code;
use crate::matching::{Source, canonical};
use crate::tree::{Kind, NodeId, Role};

#[derive(Debug)]
pub struct Guard {
    /// The `let` that takes the lock.
    pub taken: NodeId,
    /// What is locked, as [`canonical`] writes it.
    pub lock: String,
    /// `lock`, `read` or `write`.
    pub method: String,
    /// Whether the lock is awaited: it is not one of the standard library.
    pub awaited: bool,
    /// What runs while it is held, within the same function.
    pub under: Vec<NodeId>,
}

/// The guards that a file keeps under a name.
pub fn guards(source: &Source) -> Vec<Guard> {
    let code = Code::of(source);
    let lets = source.of_kind(Kind::Assign).iter();
    lets.filter_map(|taken| guard(code, *taken)).collect()
}

fn guard(code: Code<'_>, taken: NodeId) -> Option<Guard> {
    let tree = code.tree;
    let target = code.child(taken, Role::Target)?;
    let name = tree.name(target);
    if tree.kind(target) != Kind::Name || name == "_" {
        return None;
    }
    let (call, awaited) = lock_call(code, code.child(taken, Role::Value)?)?;
    let receiver = code.receiver(call)?;
    let lock = canonical(tree, receiver);
    // The locks of the streams may be taken again.
    if ["stdout", "stderr", "stdin"]
        .iter()
        .any(|stream| lock.contains(stream))
    {
        return None;
    }
    let block = tree
        .parent(taken)
        .filter(|block| tree.kind(*block) == Kind::Block)?;
    let mut under = Vec::new();
    for statement in tree.children(block).filter(|statement| *statement > taken) {
        let running = bodies::running(tree, statement);
        let ends = running.iter().position(|id| is_given_away(code, *id, name));
        under.extend_from_slice(&running[..ends.unwrap_or(running.len())]);
        if ends.is_some() {
            break;
        }
    }
    Some(Guard {
        taken,
        lock,
        method: code.called(call).to_owned(),
        awaited,
        under,
    })
}

/// The call that locks, without what is done with its answer, and whether it is awaited.
pub fn lock_call(code: Code<'_>, value: NodeId) -> Option<(NodeId, bool)> {
    let mut at = value;
    let (mut awaited, mut unwrapped) = (false, false);
    loop {
        match code.kind(at) {
            Kind::Await => {
                awaited = true;
                at = code.child(at, Role::Value)?;
            }
            Kind::Unary if code.name(at) == "?" => {
                unwrapped = true;
                at = code.child(at, Role::Value)?;
            }
            Kind::Call if matches!(code.called(at), "unwrap" | "expect" | "unwrap_or_else") => {
                unwrapped = true;
                at = code.receiver(at)?;
            }
            Kind::Call => break,
            _ => return None,
        }
    }
    let takes = matches!(code.called(at), "lock" | "read" | "write")
        && code.args(at).is_empty()
        && (awaited || unwrapped)
        && code.receiver(at).is_some();
    takes.then_some((at, awaited))
}

/// `drop(guard)`, `f(guard)`, `return guard`, and another value under its name.
fn is_given_away(code: Code<'_>, id: NodeId, name: &str) -> bool {
    let tree = code.tree;
    if tree.kind(id) != Kind::Name || tree.name(id) != name {
        return false;
    }
    match tree.role(id) {
        Role::Arg | Role::Target => true,
        Role::Value => tree
            .parent(id)
            .is_some_and(|parent| tree.kind(parent) != Kind::Unary && tree.kind(parent) != Kind::Cast),
        Role::Item => tree
            .parent(id)
            .is_some_and(|parent| tree.kind(parent) == Kind::Tuple),
        _ => false,
    }
}
