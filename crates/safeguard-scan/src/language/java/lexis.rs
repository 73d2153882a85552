//! Java's tokens, as far as the check before parsing and the replacements in patterns need them.

use crate::language::sitter;
use crate::tree::ParseError;

/// Refuses what would cost the parser much and could not become a tree anyway.
pub(super) fn check(text: &str) -> Result<(), ParseError> {
    sitter::check(text, literal_or_comment)
}

/// Where the text, character or comment ends that begins at `start`, if one does. What is not closed ends with its line, or with all.
pub(super) fn literal_or_comment(bytes: &[u8], start: usize) -> Option<usize> {
    let rest = &bytes[start..];
    let length = match rest {
        [b'"', b'"', b'"', ..] => Some(block(rest)),
        [quote @ (b'"' | b'\''), ..] => Some(sitter::quoted(rest, *quote)),
        [b'/', b'/', ..] => rest.iter().position(|byte| *byte == b'\n'),
        [b'/', b'*', inside @ ..] => inside.windows(2).position(|pair| pair == b"*/").map(|at| at + 4),
        _ => return None,
    };
    Some(start + length.unwrap_or(rest.len()))
}

/// The length of a text block.
fn block(rest: &[u8]) -> usize {
    let mut at = 3;
    while at < rest.len() {
        match &rest[at..] {
            [b'\\', ..] => at += 2,
            [b'"', b'"', b'"', ..] => return at + 3,
            _ => at += 1,
        }
    }
    rest.len()
}
