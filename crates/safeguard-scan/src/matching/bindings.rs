//! What metavariables stand for.

use std::ops::Range;

use super::canonical;
use crate::tree::{NodeId, Tree};

/// What a metavariable stands for at a match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bound {
    /// The node, unless it is a name or several nodes.
    pub node: Option<NodeId>,
    pub span: Range<usize>,
    /// What makes two of them equal: the syntax, without white space and comments.
    pub canonical: String,
}

/// Metavariables and what they stand for, in the order in which they were met.
pub type Bindings = Vec<(String, Bound)>;

pub fn bound<'b>(bindings: &'b Bindings, name: &str) -> Option<&'b Bound> {
    bindings
        .iter()
        .find(|(bound, _)| bound == name)
        .map(|(_, bound)| bound)
}

/// Whether one set of bindings says nothing else than the other; if so, both together.
pub fn agree(left: &Bindings, right: &Bindings) -> Option<Bindings> {
    let mut both = left.clone();
    for (name, value) in right {
        match bound(left, name) {
            Some(other) if other.canonical != value.canonical => return None,
            Some(_) => {}
            None => both.push((name.clone(), value.clone())),
        }
    }
    Some(both)
}

pub(super) fn bound_to(tree: &Tree, id: NodeId) -> Bound {
    Bound {
        node: Some(id),
        span: tree.span(id),
        canonical: canonical(tree, id),
    }
}
