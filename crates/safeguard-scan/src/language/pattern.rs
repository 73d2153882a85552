//! Patterns of rules: code with holes in it, read by the parser of its language.
//!
//! A frontend writes identifiers in the place of the holes ([`Hole::identifier`]), so that its parser takes the pattern as code, and
//! [`restore`]s the holes in the tree.

use crate::tree::{Kind, NodeId, Role, Tree};

/// A pattern's tree. The nodes around the pattern's own, which its parser wanted, stay in it.
#[derive(Debug)]
pub struct Pattern {
    pub tree: Tree,
    /// The pattern's own topmost nodes: one expression, or statements.
    pub roots: Vec<NodeId>,
}

impl Pattern {
    /// The pattern whose nodes are the children of `container`, with its holes restored.
    pub(super) fn within(mut tree: Tree, container: NodeId) -> Pattern {
        restore(&mut tree);
        let roots: Vec<NodeId> = tree.children(container).collect();
        let roots = match roots.as_slice() {
            [statement] if tree.kind(*statement) == Kind::ExprStmt => tree.children(*statement).collect(),
            _ => roots,
        };
        Pattern { tree, roots }
    }
}

const ELLIPSIS: &str = "__ellipsis__";
const METAVARIABLE: &str = "__mv_";
const METAVARIABLES: &str = "__mvs_";

/// Called with what `<... x ...>` has in it.
pub(crate) const DEEP: &str = "__deep__";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hole<'p> {
    /// `...`
    Ellipsis,
    /// `$X`
    Metavariable(&'p str),
    /// `$...X`
    Metavariables(&'p str),
}

impl<'p> Hole<'p> {
    /// The hole that a text begins with, and its length.
    pub(super) fn at(text: &'p str) -> Option<(Hole<'p>, usize)> {
        if text.starts_with("...") {
            return Some((Hole::Ellipsis, 3));
        }
        let rest = text.strip_prefix('$')?;
        let (prefix, rest) = match rest.strip_prefix("...") {
            Some(rest) => (4, rest),
            None => (1, rest),
        };
        let name = metavariable_name(rest)?;
        let hole = if prefix == 1 {
            Hole::Metavariable(name)
        } else {
            Hole::Metavariables(name)
        };
        Some((hole, prefix + name.len()))
    }

    /// What stands for it in the code that is parsed.
    pub(super) fn identifier(self) -> String {
        match self {
            Hole::Ellipsis => ELLIPSIS.to_owned(),
            Hole::Metavariable(name) => format!("{METAVARIABLE}{name}"),
            Hole::Metavariables(name) => format!("{METAVARIABLES}{name}"),
        }
    }

    /// Whether a text has a hole in it, written as its identifier.
    pub(super) fn is_in(text: &str) -> bool {
        [ELLIPSIS, METAVARIABLE, METAVARIABLES]
            .iter()
            .any(|one| text.contains(one))
    }

    pub(super) fn from_identifier(identifier: &'p str) -> Option<Hole<'p>> {
        if identifier == ELLIPSIS {
            return Some(Hole::Ellipsis);
        }
        let (hole, name): (fn(&'p str) -> Hole<'p>, _) = match identifier.strip_prefix(METAVARIABLES) {
            Some(name) => (Hole::Metavariables, name),
            None => (Hole::Metavariable, identifier.strip_prefix(METAVARIABLE)?),
        };
        (metavariable_name(name)? == name).then(|| hole(name))
    }
}

/// The name at the beginning of a text: capitals, digits and `_`, and nothing else that an identifier may have.
fn metavariable_name(text: &str) -> Option<&str> {
    let end = text
        .find(|c: char| c != '_' && !c.is_alphanumeric())
        .unwrap_or(text.len());
    let name = &text[..end];
    let first = name.chars().next()?;
    let fits = (first == '_' || first.is_ascii_uppercase())
        && name
            .chars()
            .all(|c| c == '_' || c.is_ascii_uppercase() || c.is_ascii_digit());
    fits.then_some(name)
}

/// Puts the holes back in the place of the identifiers that stood for them.
pub(super) fn restore(tree: &mut Tree) {
    let nodes: Vec<NodeId> = tree.all().collect();
    // What lies in a node comes before it.
    for id in nodes.into_iter().rev() {
        match tree.kind(id) {
            Kind::Name => restore_name(tree, id),
            Kind::Str if tree.role(id) == Role::Key && tree.source(id) == tree.name(id) => {
                restore_name(tree, id)
            }
            // `f"...{$X}..."`
            Kind::Str
                if tree.name(id) == "..."
                    && tree
                        .parent(id)
                        .is_some_and(|parent| tree.kind(parent) == Kind::Interp) =>
            {
                become_hole(tree, id, Hole::Ellipsis);
            }
            Kind::Str | Kind::Regex | Kind::Num => {}
            Kind::Param | Kind::Keyword | Kind::Field | Kind::JsxAttribute | Kind::ImportItem => {
                restore_element(tree, id)
            }
            Kind::Pair => restore_pair(tree, id),
            Kind::ExprStmt | Kind::Decorator | Kind::WithItem => restore_wrapper(tree, id),
            Kind::Spread
                if tree
                    .parent(id)
                    .is_some_and(|parent| tree.kind(parent) == Kind::Object) =>
            {
                restore_wrapper(tree, id);
            }
            Kind::Call => restore_deep(tree, id),
            _ => rename(tree, id),
        }
    }
}

fn restore_name(tree: &mut Tree, id: NodeId) {
    let name = tree.name(id).to_owned();
    match Hole::from_identifier(&name) {
        Some(hole) => become_hole(tree, id, hole),
        None => rename(tree, id),
    }
}

/// An element of a list that stands for any number of them. One whose name is a metavariable is still an element, with that name.
fn restore_element(tree: &mut Tree, id: NodeId) {
    let name = tree.name(id).to_owned();
    match Hole::from_identifier(&name) {
        Some(hole @ (Hole::Ellipsis | Hole::Metavariables(_))) => become_hole(tree, id, hole),
        Some(Hole::Metavariable(_)) | None => rename(tree, id),
    }
}

/// `{ ... }`, where an object's entry without a value has its name for one.
fn restore_pair(tree: &mut Tree, id: NodeId) {
    let mut children = tree.children(id);
    if let (Some(key), Some(value), None) = (children.next(), children.next(), children.next())
        && is_any_number(tree, key)
        && tree.span(key) == tree.span(value)
    {
        become_child(tree, id, key);
    }
}

/// A node that says no more than that there is one of its kind, and holds a hole for any number of them.
fn restore_wrapper(tree: &mut Tree, id: NodeId) {
    let mut children = tree.children(id);
    if let (Some(child), None) = (children.next(), children.next())
        && is_any_number(tree, child)
    {
        become_child(tree, id, child);
    }
}

fn restore_deep(tree: &mut Tree, id: NodeId) {
    let is_deep = tree
        .child(id, Role::Callee)
        .is_some_and(|callee| tree.kind(callee) == Kind::Name && tree.name(callee) == DEEP);
    if is_deep {
        tree.set_kind(id, Kind::Deep);
    }
}

pub(super) fn is_any_number(tree: &Tree, id: NodeId) -> bool {
    matches!(tree.kind(id), Kind::Ellipsis | Kind::Metavariables)
}

fn become_child(tree: &mut Tree, id: NodeId, child: NodeId) {
    let name = tree.name(child).to_owned();
    tree.set_kind(id, tree.kind(child));
    tree.set_name(id, &name);
}

pub(super) fn become_hole(tree: &mut Tree, id: NodeId, hole: Hole<'_>) {
    let (kind, name) = match hole {
        Hole::Ellipsis => (Kind::Ellipsis, ""),
        Hole::Metavariable(name) => (Kind::Metavariable, name),
        Hole::Metavariables(name) => (Kind::Metavariables, name),
    };
    tree.set_kind(id, kind);
    tree.set_name(id, name);
}

/// The text of an error with the pattern as its author wrote it.
pub(super) fn as_written(code: &str) -> String {
    code.replace(METAVARIABLES, "$...")
        .replace(METAVARIABLE, "$")
        .replace(ELLIPSIS, "...")
        .replace(DEEP, "<...")
}

/// Writes the holes in a name as they are in the pattern: `$X`.
fn rename(tree: &mut Tree, id: NodeId) {
    let name = tree.name(id);
    if !name.contains("__") {
        return;
    }
    let renamed = name
        .replace(METAVARIABLES, "$...")
        .replace(METAVARIABLE, "$")
        .replace(ELLIPSIS, "...");
    if renamed != name {
        tree.set_name(id, &renamed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_holes() {
        assert_eq!(Hole::at("...x"), Some((Hole::Ellipsis, 3)));
        assert_eq!(Hole::at("$X.y"), Some((Hole::Metavariable("X"), 2)));
        assert_eq!(Hole::at("$_A1("), Some((Hole::Metavariable("_A1"), 4)));
        assert_eq!(Hole::at("$...ARGS)"), Some((Hole::Metavariables("ARGS"), 8)));
        for other in ["$x", "$Xy", "$1", "$", "$...", "..", "X", ""] {
            assert_eq!(Hole::at(other), None, "{other}");
        }
    }

    #[test]
    fn an_identifier_stands_for_its_hole_alone() {
        for hole in [
            Hole::Ellipsis,
            Hole::Metavariable("X_1"),
            Hole::Metavariables("ARGS"),
        ] {
            assert_eq!(Hole::from_identifier(&hole.identifier()), Some(hole));
        }
        for other in ["__mv_", "__mv_x", "__mv_X.y", "__deep__", "X", "x__mv_X"] {
            assert_eq!(Hole::from_identifier(other), None, "{other}");
        }
    }
}
