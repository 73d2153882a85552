//! Tree-sitter's tree, copied once into a flat list: tree-sitter answers most questions about a node by a search from the root.

use std::ops::{ControlFlow, Range};

use crate::tree::ParseError;

/// How many steps a parser may take, per byte of the file and in any case. Real files take one, at most two a byte; `a+a+a…` of Go takes four,
/// and what has several readings up to nine. Counted, not timed: the same text gives the same answer.
const STEPS_PER_BYTE_MAX: usize = 10;
const STEPS_MIN: usize = 100_000;
/// The parser reports to us once in so many steps.
const STEPS_PER_REPORT: usize = 100;

/// How many steps a text may take.
pub(super) fn steps_max(text: &str) -> usize {
    STEPS_MIN.max(text.len() * STEPS_PER_BYTE_MAX)
}

/// Reads a text by a grammar of tree-sitter's.
pub(super) fn read(
    grammar: &tree_sitter::Language,
    text: &str,
    steps_max: usize,
) -> Result<Nodes, ParseError> {
    let mut parser = tree_sitter::Parser::new();
    parser.set_language(grammar).map_err(|error| ParseError::Syntax {
        line: 1,
        message: format!("the parser cannot be used: {error}"),
    })?;
    let mut steps = 0;
    let mut stuck_at = None;
    let mut watch = |state: &tree_sitter::ParseState| {
        steps += STEPS_PER_REPORT;
        if steps <= steps_max {
            return ControlFlow::Continue(());
        }
        stuck_at = Some(state.current_byte_offset());
        ControlFlow::Break(())
    };
    let options = tree_sitter::ParseOptions::new().progress_callback(&mut watch);
    let bytes = text.as_bytes();
    let tree = parser.parse_with_options(
        &mut |start, _| &bytes[start.min(bytes.len())..],
        None,
        Some(options),
    );
    match tree {
        Some(tree) => Nodes::new(&tree, text),
        None => Err(syntax(
            text,
            stuck_at.unwrap_or(0),
            "too many ways to read this".to_owned(),
        )),
    }
}

pub(super) fn syntax(text: &str, offset: usize, message: String) -> ParseError {
    ParseError::Syntax {
        line: line_of(text, offset),
        message,
    }
}

pub(super) fn line_of(text: &str, offset: usize) -> usize {
    let before = &text.as_bytes()[..offset.min(text.len())];
    before.iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The place of a node in [`Nodes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct At(u32);

impl At {
    pub(super) const ROOT: At = At(0);
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
pub(super) struct Nodes {
    nodes: Vec<Node>,
    comments: Vec<Range<usize>>,
    /// By number of kind: its name, and whether it is more than a token.
    kinds: Vec<(&'static str, bool)>,
    fields: Vec<&'static str>,
}

impl Nodes {
    fn new(tree: &tree_sitter::Tree, text: &str) -> Result<Nodes, ParseError> {
        let language = tree.language();
        let kinds = (0..language.node_kind_count() as u16).map(|id| {
            let name = language.node_kind_for_id(id).unwrap_or("");
            (name, language.node_kind_is_named(id))
        });
        let fields =
            (0..=language.field_count() as u16).map(|id| language.field_name_for_id(id).unwrap_or(""));
        let mut nodes = Nodes {
            nodes: Vec::with_capacity(text.len() / 2),
            comments: Vec::new(),
            kinds: kinds.collect(),
            fields: fields.collect(),
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
            if node.kind_id() as usize >= self.kinds.len() {
                return Err(syntax(
                    text,
                    node.start_byte(),
                    "a node of no known kind".to_owned(),
                ));
            }
            if node.is_extra() && self.kinds[node.kind_id() as usize].0 == "comment" {
                let written = text.get(node.byte_range()).unwrap_or("");
                let end = node.start_byte() + written.trim_end_matches('\r').len();
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

    pub(super) fn comments(&self) -> &[Range<usize>] {
        &self.comments
    }

    pub(super) fn kind(&self, at: At) -> &'static str {
        self.kinds[self.nodes[at.0 as usize].kind as usize].0
    }

    pub(super) fn span(&self, at: At) -> Range<usize> {
        let node = &self.nodes[at.0 as usize];
        node.start as usize..node.end as usize
    }

    pub(super) fn all(&self) -> impl Iterator<Item = At> + use<> {
        (0..self.nodes.len() as u32).map(At)
    }

    /// The node and all in it, in the order of the text.
    pub(super) fn subtree(&self, at: At) -> impl Iterator<Item = At> + use<> {
        (at.0..self.nodes[at.0 as usize].next).map(At)
    }

    /// Those in `at` that have no children, in the order of the text.
    pub(super) fn tokens(&self, at: At) -> impl Iterator<Item = At> + '_ {
        let end = self.nodes[at.0 as usize].next;
        (at.0..end)
            .filter(|id| self.nodes[*id as usize].next == id + 1)
            .map(At)
    }

    /// The children, tokens included.
    pub(super) fn children(&self, at: At) -> impl Iterator<Item = At> + '_ {
        let end = self.nodes[at.0 as usize].next;
        let mut next = at.0 + 1;
        std::iter::from_fn(move || {
            let id = (next < end).then_some(next)?;
            next = self.nodes[id as usize].next;
            Some(At(id))
        })
    }

    /// The children that are more than tokens.
    pub(super) fn named(&self, at: At) -> impl Iterator<Item = At> + '_ {
        self.children(at).filter(|child| self.is_named(*child))
    }

    pub(super) fn fields(&self, at: At, name: &'static str) -> impl Iterator<Item = At> + '_ {
        self.named(at)
            .filter(move |child| self.field_name(*child) == name)
    }

    pub(super) fn field(&self, at: At, name: &'static str) -> Option<At> {
        self.fields(at, name).next()
    }

    /// The name of the field of its parent that this node is.
    pub(super) fn field_name(&self, at: At) -> &'static str {
        self.fields[self.nodes[at.0 as usize].field as usize]
    }

    pub(super) fn first(&self, at: At) -> Option<At> {
        self.named(at).next()
    }

    pub(super) fn has_token(&self, at: At, token: &str) -> bool {
        self.children(at).any(|child| self.kind(child) == token)
    }

    pub(super) fn is_named(&self, at: At) -> bool {
        self.kinds[self.nodes[at.0 as usize].kind as usize].1
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
