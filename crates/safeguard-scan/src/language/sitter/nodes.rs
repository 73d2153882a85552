//! Tree-sitter's tree, copied once into a flat list: tree-sitter answers most questions about a node by a search from the root.

use std::ops::Range;

use super::syntax;
use crate::tree::ParseError;

/// The place of a node in [`Nodes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::language) struct At(u32);

impl At {
    pub(in crate::language) const ROOT: At = At(0);
}

/// A language of tree-sitter, and what it calls its kinds and fields.
pub(in crate::language) struct Grammar {
    pub(super) language: tree_sitter::Language,
    /// By number of kind: its name, and whether it is more than a token.
    kinds: Vec<(&'static str, bool)>,
    fields: Vec<&'static str>,
}

impl Grammar {
    pub(in crate::language) fn of(language: tree_sitter::Language) -> Grammar {
        let kinds = (0..language.node_kind_count() as u16).map(|id| {
            let name = language.node_kind_for_id(id).unwrap_or("");
            (name, language.node_kind_is_named(id))
        });
        let fields =
            (0..=language.field_count() as u16).map(|id| language.field_name_for_id(id).unwrap_or(""));
        Grammar {
            kinds: kinds.collect(),
            fields: fields.collect(),
            language,
        }
    }
}

struct Node {
    kind: u16,
    /// Zero for none.
    field: u16,
    start: u32,
    end: u32,
    /// The first node after this one and all in it.
    next: u32,
}

/// The nodes in the order of the text, without the comments.
pub(in crate::language) struct Nodes {
    nodes: Vec<Node>,
    comments: Vec<Range<usize>>,
    grammar: &'static Grammar,
    /// Where the text that was read begins in the file, less what was put before it.
    offset: isize,
}

impl Nodes {
    pub(in crate::language) fn new(
        tree: &tree_sitter::Tree,
        grammar: &'static Grammar,
        text: &str,
    ) -> Result<Nodes, ParseError> {
        let mut nodes = Nodes {
            nodes: Vec::with_capacity(text.len() / 2),
            comments: Vec::new(),
            grammar,
            offset: 0,
        };
        nodes.copy(tree, text)?;
        Ok(nodes)
    }

    fn copy(&mut self, tree: &tree_sitter::Tree, text: &str) -> Result<(), ParseError> {
        let broken = tree.root_node().has_error();
        let mut cursor = tree.walk();
        let mut open: Vec<usize> = Vec::new();
        loop {
            let node = cursor.node();
            if broken && (node.is_error() || node.is_missing()) {
                return Err(describe(&node, text));
            }
            if node.kind_id() as usize >= self.grammar.kinds.len() {
                return Err(syntax(
                    text,
                    node.start_byte(),
                    "a node of no known kind".to_owned(),
                ));
            }
            let kind = self.grammar.kinds[node.kind_id() as usize].0;
            if node.is_extra() && kind.ends_with("comment") {
                let written = text.get(node.byte_range()).unwrap_or("");
                let end = node.start_byte() + written.trim_end_matches(['\r', '\n']).len();
                self.comments.push(node.start_byte()..end);
            } else {
                self.nodes.push(Node {
                    kind: node.kind_id(),
                    field: cursor.field_id().map_or(0, |id| id.get()),
                    start: node.start_byte() as u32,
                    end: node.end_byte() as u32,
                    next: self.nodes.len() as u32 + 1,
                });
                if cursor.goto_first_child() {
                    open.push(self.nodes.len() - 1);
                    continue;
                }
            }
            while !cursor.goto_next_sibling() {
                let Some(parent) = open.pop() else { return Ok(()) };
                self.nodes[parent].next = self.nodes.len() as u32;
                cursor.goto_parent();
            }
        }
    }

    /// The same nodes where the text that was read is a part of a file.
    pub(in crate::language) fn moved(mut self, by: isize) -> Nodes {
        self.offset = by;
        self
    }

    pub(in crate::language) fn comments(&self) -> &[Range<usize>] {
        &self.comments
    }

    pub(in crate::language) fn kind(&self, at: At) -> &'static str {
        self.grammar.kinds[self.nodes[at.0 as usize].kind as usize].0
    }

    pub(in crate::language) fn span(&self, at: At) -> Range<usize> {
        let node = &self.nodes[at.0 as usize];
        let place = |at: u32| (at as usize).saturating_add_signed(self.offset);
        place(node.start)..place(node.end)
    }

    pub(in crate::language) fn all(&self) -> impl Iterator<Item = At> + use<> {
        (0..self.nodes.len() as u32).map(At)
    }

    /// The node and all in it, in the order of the text.
    pub(in crate::language) fn subtree(&self, at: At) -> impl Iterator<Item = At> + use<> {
        (at.0..self.nodes[at.0 as usize].next).map(At)
    }

    /// Those in `at` that have no children, in the order of the text.
    pub(in crate::language) fn tokens(&self, at: At) -> impl Iterator<Item = At> + '_ {
        let end = self.nodes[at.0 as usize].next;
        (at.0..end)
            .filter(|id| self.nodes[*id as usize].next == id + 1)
            .map(At)
    }

    /// The children, tokens included.
    pub(in crate::language) fn children(&self, at: At) -> impl Iterator<Item = At> + '_ {
        let end = self.nodes[at.0 as usize].next;
        let mut next = at.0 + 1;
        std::iter::from_fn(move || {
            let id = (next < end).then_some(next)?;
            next = self.nodes[id as usize].next;
            Some(At(id))
        })
    }

    /// The children that are more than tokens.
    pub(in crate::language) fn named(&self, at: At) -> impl Iterator<Item = At> + '_ {
        self.children(at).filter(|child| self.is_named(*child))
    }

    pub(in crate::language) fn fields(&self, at: At, name: &'static str) -> impl Iterator<Item = At> + '_ {
        self.named(at)
            .filter(move |child| self.field_name(*child) == name)
    }

    pub(in crate::language) fn field(&self, at: At, name: &'static str) -> Option<At> {
        self.fields(at, name).next()
    }

    /// The name of the field of its parent that this node is.
    pub(in crate::language) fn field_name(&self, at: At) -> &'static str {
        self.grammar.fields[self.nodes[at.0 as usize].field as usize]
    }

    pub(in crate::language) fn first(&self, at: At) -> Option<At> {
        self.named(at).next()
    }

    pub(in crate::language) fn has_token(&self, at: At, token: &str) -> bool {
        self.children(at).any(|child| self.kind(child) == token)
    }

    pub(in crate::language) fn is_named(&self, at: At) -> bool {
        self.grammar.kinds[self.nodes[at.0 as usize].kind as usize].1
    }
}

fn describe(node: &tree_sitter::Node<'_>, text: &str) -> ParseError {
    const SHOWN_CHARS_MAX: usize = 40;
    if node.is_missing() {
        return syntax(text, node.start_byte(), format!("`{}` is missing", node.kind()));
    }
    let written = text.get(node.byte_range()).unwrap_or("");
    let line = written.lines().next().unwrap_or("");
    let shown: String = line.chars().take(SHOWN_CHARS_MAX).collect();
    syntax(text, node.start_byte(), format!("cannot be read: `{shown}`"))
}
