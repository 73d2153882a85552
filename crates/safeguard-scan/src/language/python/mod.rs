//! Python, from ruff's parser.
//!
//! What the [`crate::tree::Kind`]s leave open: `import a.b` is called `a.b` here (its `Target`), as nothing but that whole name stands for the
//! module; a statement that imports several modules is one `Import` for each. `except (A, B)` has two `Type`s. A string of bytes has a
//! character for each byte. A string with interpolations that has none is a `Str`; a template (`t"…"`) is no string, but an `Other`.

mod expression;
mod nesting;
mod pattern;
mod statement;
#[cfg(test)]
mod tests;

use std::ops::Range;

use ruff_python_ast::token::{Token, TokenKind};
use ruff_python_ast::{ModModule, PySourceType};
use ruff_python_parser::{ParseErrorType, Parsed, parse_unchecked_source};
use ruff_text_size::{Ranged, TextRange};

use super::Language;
use crate::tree::{Builder, Kind, ParseError, Role, Tree};

pub use pattern::parse_pattern;

pub fn parse(text: &str) -> Result<Tree, ParseError> {
    read(text, |_| false, Strings::AsWritten)
}

/// How interpolated strings are read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strings {
    AsWritten,
    /// `f"..."` stands for any interpolated string, so that it stays one.
    OfPatterns,
}

/// Reads a text, but for the errors that are forgiven.
fn read(text: &str, forgive: fn(&ParseErrorType) -> bool, strings: Strings) -> Result<Tree, ParseError> {
    nesting::check(text)?;
    let parsed = parse_unchecked_source(text, PySourceType::Python);
    if let Some(error) = parsed.errors().iter().find(|error| !forgive(&error.error)) {
        let at = usize::from(error.location.start()).min(text.len());
        let line = text.as_bytes()[..at]
            .iter()
            .filter(|byte| **byte == b'\n')
            .count()
            + 1;
        let message = error.error.to_string();
        return Err(ParseError::Syntax { line, message });
    }
    Converter::new(text, &parsed, strings).module(parsed.syntax())
}

/// Turns the parser's tree into ours. Each step down opens a node, so that the tree's limit of depth limits the recursion.
struct Converter<'a> {
    builder: Builder,
    text: &'a str,
    tokens: &'a [Token],
    strings: Strings,
    /// Whether the statements lie in a class, not in a function.
    in_class: bool,
    /// Whether the innermost function has a `yield`.
    yields: bool,
}

impl<'a> Converter<'a> {
    fn new(text: &'a str, parsed: &'a Parsed<ModModule>, strings: Strings) -> Converter<'a> {
        Converter {
            builder: Builder::new(Language::Python, text),
            text,
            tokens: parsed.tokens(),
            strings,
            in_class: false,
            yields: false,
        }
    }

    fn module(mut self, module: &ModModule) -> Result<Tree, ParseError> {
        for token in self.tokens {
            if token.kind() == TokenKind::Comment {
                self.builder.comment(span(token.range()));
            }
        }
        self.node(Kind::Module, Role::Item, module.range, |converter| {
            converter.statements(&module.body);
        });
        self.builder.finish()
    }

    fn node(&mut self, kind: Kind, role: Role, range: TextRange, children: impl FnOnce(&mut Self)) {
        if self.builder.open(kind, role, span(range)) {
            children(self);
        }
        self.builder.close();
    }

    fn leaf(&mut self, kind: Kind, role: Role, range: TextRange) {
        self.builder.leaf(kind, role, span(range));
    }

    /// Names the open node, without a copy where the text has the name as it is.
    fn name(&mut self, name: &str, range: TextRange) {
        let span = span(range);
        if self.text.get(span.clone()) == Some(name) {
            self.builder.name_source(span);
        } else {
            self.builder.name_decoded(name);
        }
    }

    /// A type, or a pattern of `match`: its text without white space and comments.
    fn type_text(&mut self, role: Role, range: TextRange) {
        self.node(Kind::Type, role, range, |converter| {
            let tokens = converter.tokens_in(range);
            let text: String = tokens
                .iter()
                .filter(|token| !token.kind().is_trivia() && token.kind() != TokenKind::Newline)
                .filter_map(|token| converter.text.get(span(token.range())))
                .collect();
            converter.name(&text, range);
        });
    }

    fn tokens_in(&self, range: TextRange) -> &'a [Token] {
        let from = self.tokens.partition_point(|token| token.start() < range.start());
        let tokens = &self.tokens[from..];
        &tokens[..tokens.partition_point(|token| token.end() <= range.end())]
    }
}

fn span(range: TextRange) -> Range<usize> {
    range.into()
}
