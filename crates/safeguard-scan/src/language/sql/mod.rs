//! SQL files: their statements, in whatever dialect.
//!
//! No grammar of one dialect: a file is taken apart into statements by its quotes, comments and separators, with what the clients of databases
//! read as their own (`\connect`, `GO`, `DELIMITER //`, the rows of `COPY … FROM stdin`). A statement's name is its tokens, a space between.

mod lines;
mod pieces;
pub mod tokens;

use std::ops::Range;

use super::Language;
use crate::tree::{Builder, Kind, ParseError, Role, Tree};
use pieces::{Piece, Pieces, Spanned};

/// Within a body, begins a statement that no separator stands before.
const OPENERS: &[&str] = &["begin", "then", "else", "loop", "do", "declare"];
/// How deeply bodies may lie in each other: `DO $a$ … EXECUTE $b$ … $b$ … $a$`.
const BODIES_MAX: usize = 4;

pub fn parse(text: &str) -> Result<Tree, ParseError> {
    // Standard SQL knows no escapes by backslash; MySQL does. What ends within quotes by the one is read by the other.
    let pieces = match pieces::read(text, false) {
        Ok(pieces) => pieces,
        Err(error) => pieces::read(text, true).map_err(|_| error)?,
    };
    let mut out = Builder::new(Language::Sql, text);
    for comment in &pieces.comments {
        out.comment(comment.clone());
    }
    if out.open(Kind::Module, Role::Item, 0..text.len()) {
        write_file(&mut out, &pieces);
    }
    out.close();
    out.finish()
}

/// The statements of the way up, and those of the way down as a function of that name.
fn write_file(out: &mut Builder, pieces: &Pieces) {
    let mut down: Option<usize> = None;
    for piece in &pieces.all {
        match piece {
            Piece::Down(at) => {
                if down.is_none() && out.open(Kind::Function, Role::Item, *at..pieces.down_ends(*at)) {
                    out.name_static("down");
                    let _children_may_follow = out.open(Kind::Block, Role::Body, *at..pieces.down_ends(*at));
                }
                down = Some(*at);
            }
            Piece::Up => close_down(out, &mut down),
            Piece::Statement(tokens) => write_statement(out, tokens, 0),
        }
    }
    close_down(out, &mut down);
}

fn close_down(out: &mut Builder, down: &mut Option<usize>) {
    if down.take().is_some() {
        out.close();
        out.close();
    }
}

fn span(tokens: &[Spanned]) -> Range<usize> {
    let start = tokens.first().map_or(0, |token| token.span.start);
    start..tokens.last().map_or(start, |token| token.span.end)
}

/// A statement, and the ones of its body if it has one.
fn write_statement(out: &mut Builder, tokens: &[Spanned], depth: usize) {
    let (head, body) = pieces::head_and_body(tokens);
    if out.open(Kind::Statement, Role::Item, span(tokens)) {
        out.name_decoded(&pieces::told(head));
        if depth < BODIES_MAX && !body.is_empty() && out.open(Kind::Block, Role::Body, span(&body)) {
            for statement in in_body(&body) {
                write_statement(out, statement, depth + 1);
            }
            out.close();
        }
    }
    out.close();
}

/// The statements of a body: by separators, and by the words that others stand behind.
fn in_body(tokens: &[Spanned]) -> Vec<&[Spanned]> {
    let mut all = Vec::new();
    let (mut from, mut parens, mut cases) = (0usize, 0usize, 0usize);
    for (at, token) in tokens.iter().enumerate() {
        if token.is_sign('(') {
            parens += 1;
        } else if token.is_sign(')') {
            parens = parens.saturating_sub(1);
        } else if token.is_word("case") && from < at {
            cases += 1;
        } else if token.is_word("end") && cases > 0 {
            cases -= 1;
        }
        let separates = token.is_sign(';');
        let opens = parens == 0 && cases == 0 && OPENERS.iter().any(|word| token.is_word(word));
        if separates || opens {
            all.extend(tokens.get(from..at));
            from = at + 1;
            (parens, cases) = if separates { (0, 0) } else { (parens, cases) };
        }
    }
    all.extend(tokens.get(from..));
    all.retain(|statement: &&[Spanned]| !statement.is_empty());
    all
}

#[cfg(test)]
mod tests;
