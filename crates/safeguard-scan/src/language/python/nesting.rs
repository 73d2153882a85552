//! How deeply a text may nest, judged by its tokens before the parser sees it.
//!
//! The parser takes more stack as it needs it, without a limit, and its tree is dropped by recursion: a file of two megabytes could end the process.

use ruff_python_ast::token::TokenKind;
use ruff_python_parser::{Mode, lexer};

use crate::tree::ParseError;

/// A tree is no higher than the tokens of it that may open a level, each within the other. This is far more than one of
/// [`crate::tree::DEPTH_MAX`] needs, as many such tokens open none, and little enough for the stack of any thread.
const HEIGHT_MAX: usize = 2_000;

/// Refuses what the parser must not see.
pub(super) fn check(text: &str) -> Result<(), ParseError> {
    // A level takes at least a byte.
    if text.len() <= HEIGHT_MAX {
        return Ok(());
    }
    let height = height(text);
    if height == Height::Fits {
        return Ok(());
    }
    // Tokens come without their offsets, but the more of the text there is the higher it gets.
    let line_ends: Vec<usize> = text.match_indices('\n').map(|(at, _)| at + 1).collect();
    let line = 1 + line_ends.partition_point(|end| self::height(&text[..*end]) == Height::Fits);
    Err(match height {
        Height::Unclosed => ParseError::Syntax {
            line,
            message: "a bracket that is opened before this line is never closed".to_owned(),
        },
        Height::Fits | Height::Exceeded => ParseError::TooDeep { line },
    })
}

#[derive(PartialEq, Eq)]
enum Height {
    Fits,
    Exceeded,
    /// It exceeds the limit because all that follows lies in one bracket.
    Unclosed,
}

/// A bracket, an indented block or an interpolated string that is open.
struct Level {
    opened_by: TokenKind,
    /// Tokens since the last separator that may each put what precedes or follows them one level deeper.
    chain: usize,
    /// The highest of what was closed since the last separator.
    inner: usize,
    /// The highest of what is separated already.
    tallest: usize,
}

impl Level {
    fn new(opened_by: TokenKind) -> Level {
        Level {
            opened_by,
            chain: 0,
            inner: 0,
            tallest: 0,
        }
    }

    fn height(&self) -> usize {
        self.tallest.max(self.chain + self.inner)
    }

    fn separate(&mut self) {
        self.tallest = self.height();
        self.chain = 0;
        self.inner = 0;
    }

    fn closes(&mut self, closed: &Level) {
        self.inner = self.inner.max(closed.height() + 1);
        // What follows a bracket may take it as its left side; the pieces of a string lie beside each other.
        if !is_string(self.opened_by) && !is_string(closed.opened_by) {
            self.chain += 1;
        }
    }
}

fn height(text: &str) -> Height {
    let mut lexer = lexer::lex(text, Mode::Module);
    let mut outer: Vec<Level> = Vec::new();
    let mut level = Level::new(TokenKind::EndOfFile);
    let mut exceeded = false;
    loop {
        let kind = lexer.next_token();
        match kind {
            TokenKind::EndOfFile => break,
            TokenKind::Name
            | TokenKind::Int
            | TokenKind::Float
            | TokenKind::Complex
            | TokenKind::String
            | TokenKind::FStringMiddle
            | TokenKind::TStringMiddle
            | TokenKind::Comment
            | TokenKind::NonLogicalNewline => {}
            TokenKind::Comma | TokenKind::Newline | TokenKind::Semi => level.separate(),
            TokenKind::Lpar
            | TokenKind::Lsqb
            | TokenKind::Lbrace
            | TokenKind::Indent
            | TokenKind::FStringStart
            | TokenKind::TStringStart => {
                outer.push(std::mem::replace(&mut level, Level::new(kind)));
                if outer.len() > HEIGHT_MAX {
                    return Height::Exceeded;
                }
            }
            // What does not close the innermost level may not close one for the parser either, and counts as any other token.
            _ => match outer.pop() {
                Some(below) if closes(kind, level.opened_by) => {
                    let closed = std::mem::replace(&mut level, below);
                    level.closes(&closed);
                }
                below => {
                    outer.extend(below);
                    level.chain += 1;
                }
            },
        }
        exceeded |= level.height() > HEIGHT_MAX;
    }
    let unclosed = outer
        .iter()
        .skip(1)
        .chain([&level])
        .any(|open| is_bracket(open.opened_by));
    while let Some(below) = outer.pop() {
        let closed = std::mem::replace(&mut level, below);
        level.closes(&closed);
    }
    exceeded |= level.height() > HEIGHT_MAX;
    match (exceeded, unclosed) {
        (false, _) => Height::Fits,
        (true, false) => Height::Exceeded,
        (true, true) => Height::Unclosed,
    }
}

fn closes(kind: TokenKind, opened_by: TokenKind) -> bool {
    matches!(
        (opened_by, kind),
        (TokenKind::Lpar, TokenKind::Rpar)
            | (TokenKind::Lsqb, TokenKind::Rsqb)
            | (TokenKind::Lbrace, TokenKind::Rbrace)
            | (TokenKind::Indent, TokenKind::Dedent)
            | (TokenKind::FStringStart, TokenKind::FStringEnd)
            | (TokenKind::TStringStart, TokenKind::TStringEnd)
    )
}

fn is_bracket(kind: TokenKind) -> bool {
    matches!(kind, TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace)
}

fn is_string(kind: TokenKind) -> bool {
    matches!(kind, TokenKind::FStringStart | TokenKind::TStringStart)
}
