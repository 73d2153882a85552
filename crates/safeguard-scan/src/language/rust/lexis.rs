//! Rust's tokens, as far as the check before parsing and the replacements in patterns need them.

use crate::language::sitter;
use crate::tree::ParseError;

/// Refuses what would cost the parser much and could not become a tree anyway.
pub(super) fn check(text: &str) -> Result<(), ParseError> {
    sitter::check(text, literal_or_comment)
}

/// Where the text, character or comment ends that begins at `start`, if one does. What is not closed ends with all.
pub(super) fn literal_or_comment(bytes: &[u8], start: usize) -> Option<usize> {
    let rest = &bytes[start..];
    let length = match rest {
        [b'r', b'"' | b'#', ..] if begins_word(bytes, start) => raw(rest)?,
        [b'"', ..] => text(rest),
        [b'\'', ..] => character(rest)?,
        [b'/', b'/', ..] => rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len()),
        [b'/', b'*', ..] => comment(rest),
        _ => return None,
    };
    Some(start + length)
}

/// The text with blanks for `pub` where a type is declared without saying which, as in the blocks of `wasm_bindgen`, if there are such: the grammar has them
/// in traits alone.
pub(super) fn without_public_types(text: &str) -> Option<String> {
    const BEGIN: &str = "pub type ";
    let mut code = text.to_owned();
    let mut at = 0;
    let mut found = false;
    while let Some(next) = text[at..].find(BEGIN) {
        let start = at + next;
        at = start + BEGIN.len();
        let name = text[at..].trim_start_matches(|letter: char| letter.is_alphanumeric() || letter == '_');
        if name.starts_with(';') {
            code.replace_range(start..start + 3, "   ");
            found = true;
        }
    }
    found.then_some(code)
}

/// Not within a word, unless it is the `b` or `c` of `br"…"`.
fn begins_word(bytes: &[u8], start: usize) -> bool {
    let is_word = |at: usize| bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_';
    match start {
        0 => true,
        1 => !is_word(0) || matches!(bytes[0], b'b' | b'c'),
        _ => !is_word(start - 1) || matches!(bytes[start - 1], b'b' | b'c') && !is_word(start - 2),
    }
}

/// `r#"…"#`; `None` for `r#name`.
fn raw(rest: &[u8]) -> Option<usize> {
    let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return None;
    }
    let mut end = vec![b'"'];
    end.resize(1 + hashes, b'#');
    let begin = 2 + hashes;
    let found = rest[begin..].windows(end.len()).position(|part| part == end);
    Some(found.map_or(rest.len(), |at| begin + at + end.len()))
}

/// Texts go over lines here.
fn text(rest: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = rest.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// `'a'` and `'\n'`; `None` for a lifetime.
fn character(rest: &[u8]) -> Option<usize> {
    const CHAR_BYTES_MAX: usize = 4;
    if rest.get(1) == Some(&b'\\') {
        return Some(sitter::quoted(rest, b'\''));
    }
    let end = rest
        .iter()
        .skip(2)
        .take(CHAR_BYTES_MAX)
        .position(|byte| *byte == b'\'')?;
    // `'a, 'b'` has more than one letter in between.
    let letters = std::str::from_utf8(&rest[1..2 + end]).ok()?;
    (letters.chars().count() == 1).then_some(end + 3)
}

/// Comments lie within each other.
fn comment(rest: &[u8]) -> usize {
    let mut deep = 0_usize;
    let mut at = 0;
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => {
                deep += 1;
                at += 2;
            }
            [b'*', b'/', ..] => {
                deep -= 1;
                at += 2;
                if deep == 0 {
                    return at;
                }
            }
            _ => at += 1,
        }
    }
    rest.len()
}
