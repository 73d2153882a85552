//! What is told of a place in a file.

use std::ops::Range;

use safeguard_api::evidence::Severity;
use sha2::{Digest, Sha256};

use crate::language::Language;
use crate::matching::{Source, canonical};
use crate::rule::Confidence;
use crate::tree::{Kind, NodeId, Role, Tree};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The page's name: `sql-injection`.
    pub rule: String,
    /// The pattern of failure, `X1` to `X6`, or empty.
    pub failure: String,
    pub severity: Severity,
    pub confidence: Confidence,
    pub cwe: Vec<String>,
    pub message: String,
    pub path: String,
    pub place: Place,
    /// Where the value comes from and what it goes through, for what follows values.
    pub trace: Vec<Step>,
    /// The same for the same code in the same function, wherever it stands and however it is laid out: SHA-256, hexadecimal.
    pub identity: String,
}

impl Finding {
    /// Whether it refuses a change that introduces it.
    pub fn blocks(&self) -> bool {
        self.confidence == Confidence::High && self.severity >= Severity::High
    }

    /// Whether a comment lets it pass only when somebody else than the author approves that. What refuses nothing needs nobody.
    pub fn asks_for_approval(&self) -> bool {
        self.blocks() && self.severity == Severity::Critical
    }
}

/// A part of a file. Lines and columns count from 1, columns in characters; the end is behind the last one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// In bytes.
    pub span: Range<usize>,
    pub line: usize,
    pub column: usize,
    pub end_line: usize,
    pub end_column: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub place: Place,
    pub message: String,
}

impl Place {
    /// In a text of which there is no tree.
    pub fn of(text: &str, span: Range<usize>) -> Place {
        Place::by(span, |offset| {
            let before = &text[..text.floor_char_boundary(offset)];
            let line = before.bytes().filter(|byte| *byte == b'\n').count() + 1;
            let begin = before.rfind('\n').map_or(0, |at| at + 1);
            (line, before[begin..].chars().count() + 1)
        })
    }

    /// In a file that knows its lines.
    pub fn within(tree: &Tree, span: Range<usize>) -> Place {
        Place::by(span, |offset| tree.line_and_column(offset))
    }

    fn by(span: Range<usize>, line_and_column: impl Fn(usize) -> (usize, usize)) -> Place {
        let (line, column) = line_and_column(span.start);
        let (end_line, end_column) = line_and_column(span.end);
        Place {
            span,
            line,
            column,
            end_line,
            end_column,
        }
    }
}

/// What leads to a node in a file of settings: the keys and blocks that it lies in.
fn keys(tree: &Tree, node: NodeId) -> String {
    let around: Vec<NodeId> = std::iter::once(node).chain(tree.ancestors(node)).collect();
    let mut path = String::new();
    for id in around.into_iter().rev() {
        let named = match tree.kind(id) {
            Kind::Pair => tree.child(id, Role::Key),
            Kind::Assign => tree.child(id, Role::Target),
            Kind::Section => {
                path.push_str(tree.name(id));
                path.push('/');
                let labels = tree
                    .children_in(id, Role::Arg)
                    .filter(|arg| tree.kind(*arg) == Kind::Str);
                path.extend(labels.map(|label| tree.name(label)));
                None
            }
            _ => continue,
        };
        path.push_str(named.map_or("", |named| tree.name(named)));
        path.push('/');
    }
    path
}

/// What a finding is known again by: its rule, and the statement that it is in, without white space and comments. Where it stands is no part of
/// it, so that what is moved is not new; of the same code twice, one is the other's twin.
pub fn identity(rule: &str, source: &Source, node: NodeId) -> String {
    let tree = &source.tree;
    let is_statement = |id: &NodeId| {
        tree.parent(*id)
            .is_none_or(|parent| matches!(tree.kind(parent), Kind::Module | Kind::Block))
    };
    // Of a statement with a body, the part of its head that is meant.
    let whole = std::iter::once(node)
        .chain(tree.ancestors(node))
        .find(is_statement)
        .filter(|statement| {
            tree.children(*statement)
                .all(|child| tree.kind(child) != Kind::Block)
        })
        .unwrap_or(node);
    let in_settings = matches!(
        tree.language(),
        Language::Hcl | Language::Settings | Language::Yaml
    ) && !tree
        .ancestors(node)
        .any(|around| tree.kind(around) == Kind::ExprStmt);
    let around = match () {
        () if in_settings => keys(tree, node),
        // A command is known by itself, whatever it is joined to by `&&`.
        () if tree.language().is_infrastructure() => String::new(),
        () => canonical(tree, whole),
    };
    // What holds a mapping or a block is known by its name, and not by all that is in it.
    let itself = match tree.kind(node) {
        Kind::Section | Kind::Object | Kind::List if in_settings => String::new(),
        _ => canonical(tree, node),
    };
    identity_of(&[rule, &around, &itself])
}

pub(crate) fn identity_of(texts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for text in texts {
        digest.update(text.as_bytes());
        digest.update([0]);
    }
    hex::encode(digest.finalize())
}
