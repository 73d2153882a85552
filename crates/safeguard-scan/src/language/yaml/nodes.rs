//! What the parser tells of a file, as a list in the order of the text.

use std::ops::Range;

use granit_parser::{Event, Parser, ScalarStyle};

use crate::language::sitter::syntax;
use crate::tree::{DEPTH_MAX, NODES_MAX, ParseError};

pub(super) struct Node {
    pub what: What,
    pub span: Range<usize>,
    /// The first node after this one and all in it.
    pub next: usize,
    pub anchor: Option<String>,
}

pub(super) enum What {
    Scalar {
        text: String,
        plain: bool,
        /// By a tag that is the file's own: what it stands for is not known.
        tagged: bool,
    },
    Alias(String),
    List,
    Map,
}

pub(super) struct Nodes {
    pub all: Vec<Node>,
    pub comments: Vec<Range<usize>>,
}

impl Nodes {
    pub fn read(text: &str) -> Result<Nodes, ParseError> {
        let options = granit_parser::options! {
            emit_anchor_events: true,
            // What another file defines, for a tool that puts them together.
            emit_unresolved_aliases: true,
            flow_nesting_limit: DEPTH_MAX,
            block_nesting_limit: DEPTH_MAX,
        };
        let mut nodes = Nodes {
            all: Vec::new(),
            comments: Vec::new(),
        };
        let mut open: Vec<usize> = Vec::new();
        for event in Parser::new_from_str_with_options(text, options) {
            let (event, place) = event.map_err(|error| {
                let offset = error.marker().byte_offset().unwrap_or(0);
                let message = error.to_string();
                let message = message.split(" at char ").next().unwrap_or(&message).to_owned();
                syntax(text, offset, message)
            })?;
            let span = place.byte_range().unwrap_or(0..0);
            if nodes.all.len() >= NODES_MAX {
                return Err(ParseError::TooLarge {
                    limit: NODES_MAX,
                    unit: "nodes",
                });
            }
            match event {
                Event::Scalar(value, style, _, tag) => nodes.push(
                    What::Scalar {
                        text: value.into_owned(),
                        plain: style == ScalarStyle::Plain,
                        tagged: tag.is_some_and(|tag| !tag.is_yaml_core_schema() && tag.original() != "!"),
                    },
                    span,
                ),
                Event::Alias(_) | Event::UnresolvedAlias(_) => {
                    let name = text.get(span.clone()).unwrap_or("").trim_start_matches('*');
                    nodes.push(What::Alias(name.to_owned()), span);
                }
                Event::Anchor(_, name) => {
                    if let Some(last) = nodes.all.last_mut() {
                        last.anchor = Some(name.into_owned());
                    }
                }
                Event::SequenceStart(..) | Event::MappingStart(..) => {
                    open.push(nodes.all.len());
                    let what = match event {
                        Event::SequenceStart(..) => What::List,
                        _ => What::Map,
                    };
                    nodes.push(what, span);
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    let Some(begun) = open.pop() else { continue };
                    let closed = text.get(span.clone()).is_some_and(|end| matches!(end, "}" | "]"));
                    let inner = nodes.all[begun..].iter().map(|node| node.span.end).max();
                    let next = nodes.all.len();
                    let node = &mut nodes.all[begun];
                    node.span.end = if closed {
                        span.end
                    } else {
                        inner.unwrap_or(span.end)
                    };
                    node.next = next;
                }
                Event::Comment(..) => nodes.comments.push(span),
                Event::StreamStart | Event::StreamEnd | Event::DocumentStart(..) | Event::DocumentEnd => {}
                _ => {
                    return Err(syntax(
                        text,
                        span.start,
                        "something the parser has no word for".to_owned(),
                    ));
                }
            }
        }
        Ok(nodes)
    }

    fn push(&mut self, what: What, span: Range<usize>) {
        let next = self.all.len() + 1;
        self.all.push(Node {
            what,
            span,
            next,
            anchor: None,
        });
    }

    pub fn documents(&self) -> impl Iterator<Item = usize> + '_ {
        self.between(0, self.all.len())
    }

    pub fn children(&self, at: usize) -> impl Iterator<Item = usize> + '_ {
        self.between(at + 1, self.all[at].next)
    }

    fn between(&self, from: usize, end: usize) -> impl Iterator<Item = usize> + '_ {
        let mut next = from;
        std::iter::from_fn(move || {
            let at = (next < end).then_some(next)?;
            next = self.all[at].next;
            Some(at)
        })
    }

    /// Keys with their values.
    pub fn pairs(&self, at: usize) -> Vec<(usize, usize)> {
        if !matches!(self.all[at].what, What::Map) {
            return Vec::new();
        }
        let children: Vec<usize> = self.children(at).collect();
        children.chunks_exact(2).map(|pair| (pair[0], pair[1])).collect()
    }

    /// The entry of a mapping: its key and its value.
    pub fn entry(&self, map: usize, key: &str) -> Option<(usize, usize)> {
        let pairs = self.pairs(map);
        pairs.into_iter().find(|(name, _)| self.text(*name) == Some(key))
    }

    pub fn get(&self, map: usize, key: &str) -> Option<usize> {
        self.entry(map, key).map(|(_, value)| value)
    }

    pub fn text(&self, at: usize) -> Option<&str> {
        match &self.all[at].what {
            What::Scalar { text, .. } => Some(text),
            What::Alias(_) | What::List | What::Map => None,
        }
    }

    pub fn is_map(&self, at: usize) -> bool {
        matches!(self.all[at].what, What::Map)
    }

    pub fn is_list(&self, at: usize) -> bool {
        matches!(self.all[at].what, What::List)
    }
}
