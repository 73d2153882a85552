//! A file under the knife: its tree, and how its language writes the few words that are put in.

use std::ops::Range;

use safeguard_scan::analysis::functions;
use safeguard_scan::language::Language;
use safeguard_scan::matching::Source;
use safeguard_scan::tree::{Kind, NodeId, Role, Tree};

use crate::mutant::Operator;

/// How much of the code a sentence quotes.
const QUOTED_CHARS_MAX: usize = 60;

/// What an operator proposes.
#[derive(Debug)]
pub struct Candidate {
    /// Where it is: what decides whether it is in changed lines, and in which function.
    pub node: NodeId,
    pub span: Range<usize>,
    pub replacement: String,
    pub operator: Operator,
    pub would: String,
}

pub struct Site<'s> {
    pub tree: &'s Tree,
    pub found: Vec<Candidate>,
}

impl<'s> Site<'s> {
    pub fn new(source: &'s Source) -> Site<'s> {
        Site {
            tree: &source.tree,
            found: Vec::new(),
        }
    }

    pub fn propose(
        &mut self,
        node: NodeId,
        span: Range<usize>,
        replacement: impl Into<String>,
        operator: Operator,
        would: impl Into<String>,
    ) {
        self.found.push(Candidate {
            node,
            span,
            replacement: replacement.into(),
            operator,
            would: would.into(),
        });
    }

    pub fn is_python(&self) -> bool {
        self.tree.language() == Language::Python
    }

    pub fn is_go(&self) -> bool {
        self.tree.language() == Language::Go
    }

    pub fn bool(&self, holds: bool) -> &'static str {
        match (self.is_python(), holds) {
            (true, true) => "True",
            (true, false) => "False",
            (false, true) => "true",
            (false, false) => "false",
        }
    }

    /// A statement that does nothing.
    pub fn nothing(&self) -> &'static str {
        match self.tree.language() {
            Language::Python => "pass",
            Language::Go => "",
            _ => ";",
        }
    }

    /// An expression as it is written, in parentheses where it could be torn apart.
    pub fn whole(&self, id: NodeId) -> String {
        let text = self.tree.source(id);
        match self.tree.kind(id) {
            Kind::Name
            | Kind::Member
            | Kind::Index
            | Kind::Call
            | Kind::Str
            | Kind::Num
            | Kind::Bool
            | Kind::Null => text.to_owned(),
            _ => format!("({text})"),
        }
    }

    /// The code in one line, shortened.
    pub fn quoted(&self, id: NodeId) -> String {
        quoted(self.tree.source(id))
    }

    /// Where `token` stands between two nodes, outside of comments.
    pub fn token_between(&self, left: NodeId, right: NodeId, token: &str) -> Option<Range<usize>> {
        let gap = self.tree.span(left).end..self.tree.span(right).start;
        let text = self.tree.text().get(gap.clone())?;
        text.match_indices(token)
            .map(|(at, _)| gap.start + at..gap.start + at + token.len())
            .find(|at| {
                !self
                    .tree
                    .comments()
                    .iter()
                    .any(|comment| comment.contains(&at.start))
            })
    }

    pub fn left_and_right(&self, id: NodeId) -> Option<(NodeId, NodeId)> {
        Some((
            self.tree.child(id, Role::Left)?,
            self.tree.child(id, Role::Right)?,
        ))
    }

    /// Whether other mutants notice whatever its opposite would: those of the condition that it is, or of the `and` and `or` that it is a part of.
    pub fn is_noticed_otherwise(&self, id: NodeId) -> bool {
        let Some(parent) = self.tree.parent(id) else {
            return false;
        };
        match self.tree.kind(parent) {
            Kind::Unary if self.tree.name(parent) == "not" => self.is_noticed_otherwise(parent),
            Kind::Binary => matches!(self.tree.name(parent), "and" | "or" | "??"),
            Kind::Assert | Kind::Case => false,
            _ => self.tree.role(id) == Role::Condition,
        }
    }

    /// The statements of a body that is a block.
    pub fn statements(&self, block: NodeId) -> Vec<NodeId> {
        self.tree.children(block).collect()
    }

    /// What a call calls, by the last part of its name.
    pub fn called(&self, call: NodeId) -> &'s str {
        functions::called(self.tree, call).unwrap_or("")
    }
}

pub fn quoted(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut short: String = text.chars().take(QUOTED_CHARS_MAX).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("`{}`", short.replace('`', "'"))
}
