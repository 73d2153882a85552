//! Types of values as far as a file says them, and chains of what is called on what.

use super::Source;
use crate::analysis::typed::{declared_type, made_type};
use crate::tree::{Kind, NodeId, Role, Tree};

/// Whether a value has a type, as far as the file says.
pub(crate) fn has_type(source: &Source, id: NodeId, wanted: &str) -> bool {
    let is_text = source.tree.kind(id) == Kind::Str && wanted == "String";
    let types = [declared_type(source, id), made_type(source, id)];
    is_text
        || types
            .into_iter()
            .flatten()
            .any(|found| is_same_type(wanted, found) || is_same_type(found, wanted))
}

/// Whether a type is the one that a pattern names: `List` fits `java.util.List<String>`.
pub(super) fn is_same_type(wanted: &str, found: &str) -> bool {
    if wanted == found {
        return true;
    }
    let found = if wanted.contains('<') {
        found
    } else {
        found.split('<').next().unwrap_or(found)
    };
    found
        .strip_suffix(wanted)
        .is_some_and(|before| before.is_empty() || before.ends_with(['.', ':']))
}

/// A value, and what it is called and taken on: `a.b().c`, `a.b()`, `a.b`, `a`.
pub(super) fn along_chain(tree: &Tree, id: NodeId) -> Vec<NodeId> {
    let mut parts = vec![id];
    let mut at = id;
    while let Some(next) = match tree.kind(at) {
        Kind::Member | Kind::Index => tree.child(at, Role::Object),
        Kind::Call => tree.child(at, Role::Callee),
        Kind::Await | Kind::Cast | Kind::Unary => tree.child(at, Role::Value),
        _ => None,
    } {
        parts.push(next);
        at = next;
    }
    parts
}
