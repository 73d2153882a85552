//! Java: from tree-sitter's tree to ours.
//!
//! Fields are assignments, as locals are, so that what is known of names holds for both. `synchronized` and `volatile` before a declaration are
//! decorators; a `synchronized` block is a `With` of that name, and so is `try (…)`, without one.

mod declarations;
mod expressions;
mod lexis;
mod literals;
mod pattern;
mod statements;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

pub use pattern::parse_pattern;

use super::Language;
use super::sitter::nodes::{At, Grammar, Nodes};
use super::sitter::{self, Converter};
use crate::tree::{Builder, Kind, ParseError, Role, Tree};

static GRAMMAR: LazyLock<Grammar> = LazyLock::new(|| Grammar::of(tree_sitter_java::LANGUAGE.into()));

pub fn parse(text: &str) -> Result<Tree, ParseError> {
    lexis::check(text)?;
    let nodes = sitter::read(text, &GRAMMAR, sitter::steps_max(text))?;
    let mut convert = Convert {
        text,
        nodes: &nodes,
        out: Builder::new(Language::Java, text),
    };
    for comment in nodes.comments() {
        convert.out.comment(comment.clone());
    }
    convert.node(Kind::Module, Role::Item, 0..text.len(), |convert| {
        for child in convert.nodes.named(At::ROOT) {
            convert.statement(child, Role::Item);
        }
    });
    convert.out.finish()
}

/// The conversion of one file. Its methods lie where the constructs do: declarations, statements, expressions.
struct Convert<'t> {
    text: &'t str,
    nodes: &'t Nodes,
    out: Builder,
}

impl<'t> Converter<'t> for Convert<'t> {
    fn text(&self) -> &'t str {
        self.text
    }

    fn nodes(&self) -> &'t Nodes {
        self.nodes
    }

    fn out(&mut self) -> &mut Builder {
        &mut self.out
    }

    fn expression(&mut self, at: At, role: Role) {
        self.value(at, role);
    }
}
