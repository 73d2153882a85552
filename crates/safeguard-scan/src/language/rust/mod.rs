//! Rust: from tree-sitter's tree to ours.
//!
//! Paths are members (`std::fs::read` is `std.fs.read`), `impl` is a class, `loop` is a `while` of `true`, what a function ends with is returned.
//! `format!` is a text with values in it. What other macros are given is read as expressions or statements where it can be, and else by its words.

mod declarations;
mod expressions;
mod lexis;
mod literals;
mod macros;
mod pattern;
mod patterns;
mod statements;
#[cfg(test)]
mod tests;

use std::sync::LazyLock;

pub use pattern::parse_pattern;

use super::Language;
use super::sitter::nodes::{At, Grammar, Nodes};
use super::sitter::{self, Converter};
use crate::tree::{Builder, Kind, ParseError, Role, Tree};

static GRAMMAR: LazyLock<Grammar> = LazyLock::new(|| Grammar::of(tree_sitter_rust::LANGUAGE.into()));

pub fn parse(text: &str) -> Result<Tree, ParseError> {
    convert(text, true)
}

/// Reads a text. `returns` says whether what a function ends with is returned.
fn convert(text: &str, returns: bool) -> Result<Tree, ParseError> {
    lexis::check(text)?;
    let nodes = match read(text) {
        Ok(nodes) => nodes,
        Err(error) => match lexis::without_public_types(text) {
            Some(code) => read(&code).map_err(|_| error)?,
            None => return Err(error),
        },
    };
    let mut convert = Convert {
        text,
        nodes: &nodes,
        out: Builder::new(Language::Rust, text),
        macros_deep: 0,
        returns,
    };
    for comment in nodes.comments() {
        convert.out.comment(comment.clone());
    }
    convert.node(Kind::Module, Role::Item, 0..text.len(), |convert| {
        convert.items(At::ROOT);
    });
    convert.out.finish()
}

fn read(text: &str) -> Result<Nodes, ParseError> {
    sitter::read(text, &GRAMMAR, sitter::steps_max(text))
}

/// The conversion of one file. Its methods lie where the constructs do.
struct Convert<'t> {
    text: &'t str,
    nodes: &'t Nodes,
    out: Builder,
    /// In how many macros what is converted lies.
    macros_deep: usize,
    returns: bool,
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
