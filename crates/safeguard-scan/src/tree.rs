//! One syntax tree for all languages: an arena in the order of the text, with the spans of the text.
//!
//! Each language has a frontend (`language/`) that turns its parser's tree into this one, so that one matcher and one set of analyses serve all
//! of them. A construct that several languages share has one [`Kind`]; what only one has keeps its own. Parentheses are left out.

mod builder;
mod kind;

use std::ops::Range;
use std::sync::OnceLock;

use crate::language::Language;

pub use builder::{Builder, ParseError};
pub use kind::{Flags, Kind, Role};

/// How deeply nodes may lie within each other.
pub const DEPTH_MAX: usize = 400;
/// How many nodes a file may have.
pub const NODES_MAX: usize = 4_000_000;

/// A node of one [`Tree`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(u32);

impl NodeId {
    pub const ROOT: NodeId = NodeId(0);

    pub fn index(self) -> usize {
        self.0 as usize
    }
}

#[derive(Debug, Clone, Copy)]
struct Node {
    kind: Kind,
    role: Role,
    flags: Flags,
    start: u32,
    end: u32,
    parent: u32,
    /// The first node after this one and all in it.
    next: u32,
    name: Name,
}

/// Where a name stands: in the text, or among the decoded ones.
#[derive(Debug, Clone, Copy)]
enum Name {
    None,
    Source(u32, u32),
    Decoded(u32, u32),
    Static(&'static str),
}

/// A file's syntax. Nodes lie in the order of the text: a node's children follow it, up to where the next one begins.
#[derive(Debug)]
pub struct Tree {
    language: Language,
    text: Box<str>,
    decoded: String,
    nodes: Vec<Node>,
    /// Spans of the comments, in the order of the text, with what begins and ends them.
    comments: Vec<Range<usize>>,
    /// Why parts of it could not be read, such as scripts within it.
    unread: Vec<String>,
    line_ends: OnceLock<Vec<usize>>,
}

impl Tree {
    pub fn language(&self) -> Language {
        self.language
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    pub fn comments(&self) -> &[Range<usize>] {
        &self.comments
    }

    pub fn unread(&self) -> &[String] {
        &self.unread
    }

    pub fn kind(&self, id: NodeId) -> Kind {
        self.nodes[id.index()].kind
    }

    pub fn role(&self, id: NodeId) -> Role {
        self.nodes[id.index()].role
    }

    pub fn flags(&self, id: NodeId) -> Flags {
        self.nodes[id.index()].flags
    }

    pub fn span(&self, id: NodeId) -> Range<usize> {
        let node = &self.nodes[id.index()];
        node.start as usize..node.end as usize
    }

    /// The node as it is written.
    pub fn source(&self, id: NodeId) -> &str {
        self.text.get(self.span(id)).unwrap_or("")
    }

    /// The node's name, as its [`Kind`] says; empty if it has none.
    pub fn name(&self, id: NodeId) -> &str {
        match self.nodes[id.index()].name {
            Name::None => "",
            Name::Source(start, end) => &self.text[start as usize..end as usize],
            Name::Decoded(start, end) => &self.decoded[start as usize..end as usize],
            Name::Static(name) => name,
        }
    }

    pub fn parent(&self, id: NodeId) -> Option<NodeId> {
        (id != NodeId::ROOT).then(|| NodeId(self.nodes[id.index()].parent))
    }

    /// The nodes that this one lies in, from the inside out.
    pub fn ancestors(&self, id: NodeId) -> impl Iterator<Item = NodeId> + '_ {
        std::iter::successors(self.parent(id), |id| self.parent(*id))
    }

    pub fn children(&self, id: NodeId) -> Children<'_> {
        Children {
            tree: self,
            next: id.0 + 1,
            end: self.nodes[id.index()].next,
        }
    }

    pub fn children_in(&self, id: NodeId, role: Role) -> impl Iterator<Item = NodeId> + '_ {
        self.children(id).filter(move |child| self.role(*child) == role)
    }

    pub fn child(&self, id: NodeId, role: Role) -> Option<NodeId> {
        self.children_in(id, role).next()
    }

    /// The node itself and all that lie in it, in the order of the text.
    pub fn subtree(&self, id: NodeId) -> impl Iterator<Item = NodeId> + use<> {
        (id.0..self.nodes[id.index()].next).map(NodeId)
    }

    /// The same without what lies in nodes of certain kinds, the first one's own kind aside.
    pub fn pruned(&self, id: NodeId, closed: impl Fn(Kind) -> bool) -> impl Iterator<Item = NodeId> {
        let end = self.nodes[id.index()].next;
        std::iter::successors(Some(id), move |last| {
            let node = &self.nodes[last.index()];
            let next = if *last != id && closed(node.kind) {
                node.next
            } else {
                last.0 + 1
            };
            (next < end).then_some(NodeId(next))
        })
    }

    pub fn all(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    /// Whether `inner` is `outer` or lies in it.
    pub fn within(&self, inner: NodeId, outer: NodeId) -> bool {
        (outer.0..self.nodes[outer.index()].next).contains(&inner.0)
    }

    /// The line, from 1, that a byte is in.
    pub fn line(&self, offset: usize) -> usize {
        self.line_ends().partition_point(|end| *end < offset) + 1
    }

    /// The line and the column, in characters and from 1, of a byte.
    pub fn line_and_column(&self, offset: usize) -> (usize, usize) {
        let offset = self.text.floor_char_boundary(offset);
        let line = self.line(offset);
        let ends = self.line_ends();
        let begin = line
            .checked_sub(2)
            .and_then(|above| ends.get(above))
            .map_or(0, |end| end + 1);
        (line, self.text[begin..offset].chars().count() + 1)
    }

    fn line_ends(&self) -> &[usize] {
        self.line_ends.get_or_init(|| {
            let bytes = self.text.bytes().enumerate();
            bytes
                .filter(|(_, byte)| *byte == b'\n')
                .map(|(at, _)| at)
                .collect()
        })
    }

    /// A part that is not read, beside what is.
    pub(crate) fn add_unread(&mut self, error: &ParseError) {
        self.unread.push(error.to_string());
    }

    pub(crate) fn set_kind(&mut self, id: NodeId, kind: Kind) {
        self.nodes[id.index()].kind = kind;
    }

    pub(crate) fn set_name(&mut self, id: NodeId, name: &str) {
        let start = self.decoded.len() as u32;
        self.decoded.push_str(name);
        self.nodes[id.index()].name = Name::Decoded(start, self.decoded.len() as u32);
    }

    /// Kinds, names and roles, a node a line; for tests.
    pub fn outline(&self) -> String {
        let mut text = String::new();
        for id in self.all() {
            let depth = self.ancestors(id).count();
            let (kind, role) = (self.kind(id), self.role(id));
            text.push_str(&"  ".repeat(depth));
            if role != Role::Item {
                text.push_str(&format!("{role:?}: "));
            }
            text.push_str(&format!("{kind:?}"));
            if !matches!(self.nodes[id.index()].name, Name::None) {
                text.push_str(&format!(" {:?}", self.name(id)));
            }
            text.push_str(&self.flags(id).outline());
            text.push('\n');
        }
        text
    }
}

pub struct Children<'t> {
    tree: &'t Tree,
    next: u32,
    end: u32,
}

impl Iterator for Children<'_> {
    type Item = NodeId;

    fn next(&mut self) -> Option<NodeId> {
        if self.next >= self.end {
            return None;
        }
        let id = NodeId(self.next);
        self.next = self.tree.nodes[id.index()].next;
        Some(id)
    }
}
