//! Go's tokens, as far as the check before parsing and the replacements in patterns need them.

use crate::language::sitter;
use crate::tree::ParseError;

/// Refuses what would cost the parser much and could not become a tree anyway.
pub(super) fn check(text: &str) -> Result<(), ParseError> {
    sitter::check(text, literal_or_comment)
}

/// Where the string, rune or comment ends that begins at `start`, if one does. What is not closed ends with its line, or with the text.
pub(super) fn literal_or_comment(bytes: &[u8], start: usize) -> Option<usize> {
    let rest = &bytes[start..];
    let length = match rest {
        [b'`', inside @ ..] => inside.iter().position(|byte| *byte == b'`').map(|at| at + 2),
        [quote @ (b'"' | b'\''), ..] => Some(sitter::quoted(rest, *quote)),
        [b'/', b'/', ..] => rest.iter().position(|byte| *byte == b'\n'),
        [b'/', b'*', inside @ ..] => inside.windows(2).position(|pair| pair == b"*/").map(|at| at + 4),
        _ => return None,
    };
    Some(start + length.unwrap_or(rest.len()))
}

/// The text with other words of the same length for `new` and `make`, where they are called with a value, if there are such calls: `new(f(x))` is Go
/// since 1.26, and `make` may be a function of the file's own, but tree-sitter expects a type.
pub(super) fn without_builtins(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut code = String::with_capacity(text.len());
    let (mut at, mut copied) = (0, 0);
    while at < bytes.len() {
        if let Some(end) = literal_or_comment(bytes, at) {
            at = end;
            continue;
        }
        let begins_word = at == 0 || !is_word(bytes[at - 1]) && bytes[at - 1] != b'.';
        let other = match &bytes[at..] {
            [b'n', b'e', b'w', b'(', ..] if begins_word => "neW",
            [b'm', b'a', b'k', b'e', b'(', ..] if begins_word => "makE",
            _ => {
                at += 1;
                continue;
            }
        };
        let after = at + other.len();
        if !may_be_type(argument(text, after + 1)) {
            code.push_str(&text[copied..at]);
            code.push_str(other);
            copied = after;
        }
        at = after;
    }
    code.push_str(&text[copied..]);
    (copied > 0).then_some(code)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii()
}

/// The first argument of a call whose arguments begin at `start`.
fn argument(text: &str, start: usize) -> &str {
    let end = bracketed(text, start, b",");
    text[start..end].trim()
}

/// Where the bracket closes in which `start` lies, or one of `ends` stands in it.
fn bracketed(text: &str, start: usize, ends: &[u8]) -> usize {
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (start, 0_usize);
    while at < bytes.len() {
        if let Some(end) = literal_or_comment(bytes, at) {
            at = end;
            continue;
        }
        match bytes[at] {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' if depth == 0 => return at,
            b')' | b']' | b'}' => depth -= 1,
            byte if depth == 0 && ends.contains(&byte) => return at,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

fn may_be_type(argument: &str) -> bool {
    let mut rest = argument;
    loop {
        rest = rest.trim_start();
        let prefix = ["*", "<-", "map", "chan "]
            .into_iter()
            .find_map(|prefix| rest.strip_prefix(prefix));
        if let Some(after) = prefix {
            rest = after;
        } else if rest.starts_with('[') {
            let close = bracketed(rest, 1, &[]);
            rest = rest.get(close + 1..).unwrap_or("");
        } else {
            break;
        }
    }
    if ["struct", "interface", "func"]
        .into_iter()
        .any(|word| rest.starts_with(word))
    {
        return true;
    }
    let end = rest
        .bytes()
        .position(|byte| !is_word(byte) && byte != b'.')
        .unwrap_or(rest.len());
    let generic = rest[end..].starts_with('[') && bracketed(rest, end + 1, &[]) + 1 == rest.len();
    end > 0 && !rest.as_bytes()[0].is_ascii_digit() && (end == rest.len() || generic)
}
