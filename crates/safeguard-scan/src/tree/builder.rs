//! Builds a tree in the order of the text, within its limits.

use std::ops::Range;

use super::{DEPTH_MAX, Flags, Kind, NODES_MAX, Name, Node, Role, Tree};
use crate::language::Language;

/// Why a file has no tree.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseError {
    #[error("line {line}: {message}")]
    Syntax { line: usize, message: String },
    #[error("line {line}: nested deeper than {DEPTH_MAX}")]
    TooDeep { line: usize },
    #[error("larger than {limit} {unit}")]
    TooLarge { limit: usize, unit: &'static str },
}

/// Builds a tree in the order of the text: `open`, its children, `close`.
pub struct Builder {
    tree: Tree,
    open: Vec<u32>,
    failed: Option<ParseError>,
}

impl Builder {
    pub fn new(language: Language, text: &str) -> Builder {
        Builder {
            tree: Tree {
                language,
                text: text.into(),
                decoded: String::new(),
                nodes: Vec::with_capacity(text.len() / 6),
                comments: Vec::new(),
                unread: Vec::new(),
                line_ends: std::sync::OnceLock::new(),
            },
            open: Vec::new(),
            failed: None,
        }
    }

    /// Begins a node. Returns whether its children may follow: where it lies too deep they must be left out, and the tree fails at its end.
    /// `close` is owed in both cases.
    #[must_use]
    pub fn open(&mut self, kind: Kind, role: Role, span: Range<usize>) -> bool {
        if self.failed.is_none() {
            if self.open.len() >= DEPTH_MAX {
                let line = self.tree.line(span.start);
                self.failed = Some(ParseError::TooDeep { line });
            } else if self.tree.nodes.len() >= NODES_MAX {
                self.failed = Some(ParseError::TooLarge {
                    limit: NODES_MAX,
                    unit: "nodes",
                });
            }
        }
        let id = self.tree.nodes.len() as u32;
        if self.failed.is_none() {
            self.tree.nodes.push(Node {
                kind,
                role,
                flags: Flags::NONE,
                start: span.start as u32,
                end: span.end as u32,
                parent: self.open.last().copied().unwrap_or(0),
                next: id + 1,
                name: Name::None,
            });
        }
        self.open.push(id);
        self.failed.is_none()
    }

    pub fn close(&mut self) {
        if let Some(id) = self.open.pop()
            && self.failed.is_none()
        {
            self.tree.nodes[id as usize].next = self.tree.nodes.len() as u32;
        }
    }

    /// A node without children.
    pub fn leaf(&mut self, kind: Kind, role: Role, span: Range<usize>) {
        let _children_may_follow = self.open(kind, role, span);
        self.close();
    }

    /// Names the innermost open node by a part of the text.
    pub fn name_source(&mut self, span: Range<usize>) {
        self.set_name(Name::Source(span.start as u32, span.end as u32));
    }

    /// Names it by a text that is not in the source as it is.
    pub fn name_decoded(&mut self, name: &str) {
        let start = self.tree.decoded.len() as u32;
        self.tree.decoded.push_str(name);
        self.set_name(Name::Decoded(start, self.tree.decoded.len() as u32));
    }

    pub fn name_static(&mut self, name: &'static str) {
        self.set_name(Name::Static(name));
    }

    pub fn flag(&mut self, flags: Flags) {
        if let Some(node) = self.innermost() {
            node.flags = node.flags.with(flags);
        }
    }

    /// A part that could not be read, beside what could.
    pub fn unread(&mut self, error: &ParseError) {
        self.tree.unread.push(error.to_string());
    }

    pub fn comment(&mut self, span: Range<usize>) {
        self.tree.comments.push(span);
    }

    fn set_name(&mut self, name: Name) {
        if let Some(node) = self.innermost() {
            node.name = name;
        }
    }

    fn innermost(&mut self) -> Option<&mut Node> {
        let id = *self.open.last()?;
        if self.failed.is_some() {
            return None;
        }
        self.tree.nodes.get_mut(id as usize)
    }

    /// The tree, once every node is closed.
    pub fn finish(self) -> Result<Tree, ParseError> {
        debug_assert!(self.open.is_empty(), "every node is closed");
        match self.failed {
            Some(error) => Err(error),
            None => Ok(self.tree),
        }
    }
}
