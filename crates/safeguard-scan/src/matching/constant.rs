//! Whether a text is the same in every run.

use super::Source;
use crate::tree::{Kind, NodeId};

/// Whether a value is text that does not change: a literal, a constant, or such texts put together.
pub fn is_constant_string(source: &Source, id: NodeId, depth: usize) -> bool {
    const DEPTH_MAX: usize = 8;
    let tree = &source.tree;
    if depth > DEPTH_MAX {
        return false;
    }
    match tree.kind(id) {
        Kind::Str => true,
        Kind::Interp => tree
            .children(id)
            .all(|part| is_constant_string(source, part, depth + 1)),
        Kind::Binary if tree.name(id) == "+" => tree
            .children(id)
            .all(|part| is_constant_string(source, part, depth + 1)),
        Kind::Name => source
            .names
            .constant(tree, id)
            .is_some_and(|constant| is_constant_string(source, constant, depth + 1)),
        _ => false,
    }
}
