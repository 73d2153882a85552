//! The texts that expressions give, with holes where they are not known, and the tokens of SQL in them.

use super::code::Code;
use crate::tree::{Kind, NodeId, Role};

/// Stands where a text has a value that is not known.
pub const HOLE: char = '\u{fffc}';
const DEPTH_MAX: usize = 12;
const TEXT_BYTES_MAX: usize = 256 << 10;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Token {
    /// A name or key word as written; may have holes.
    Word(String),
    /// A text between single quotes.
    Text(String),
    Number(String),
    /// What is bound later: `?`, `$1`, `:id`, `%s`, `@id`.
    Param,
    /// A value or a piece of SQL that is not known.
    Hole,
    Sign(char),
}

/// The text that an expression gives, with holes where it is not known. `None` if nothing of it is.
pub fn text_of(code: Code<'_>, id: NodeId) -> Option<String> {
    let mut text = String::new();
    write_text(code, id, &mut text, 0);
    text.chars().any(|char| char != HOLE).then_some(text)
}

fn write_text(code: Code<'_>, id: NodeId, text: &mut String, depth: usize) {
    if depth > DEPTH_MAX || text.len() > TEXT_BYTES_MAX {
        return text.push(HOLE);
    }
    let inner = |id, text: &mut String| write_text(code, id, text, depth + 1);
    let id = code.bare(id);
    match code.kind(id) {
        Kind::Str => text.push_str(code.name(id)),
        Kind::Interp => {
            for part in code.tree.children(id) {
                match code.kind(part) {
                    Kind::Str => text.push_str(code.name(part)),
                    _ => match code.text(part) {
                        Some(known) => text.push_str(known),
                        None => text.push(HOLE),
                    },
                }
            }
        }
        Kind::Tagged => match code.child(id, Role::Arg) {
            Some(arg) => inner(arg, text),
            None => text.push(HOLE),
        },
        Kind::Binary if code.name(id) == "+" => {
            for part in code.tree.children(id) {
                inner(part, text);
            }
        }
        Kind::Binary if code.name(id) == "%" => {
            let mut left = String::new();
            if let Some(part) = code.child(id, Role::Left) {
                inner(part, &mut left);
            }
            text.push_str(&filled(&left, true));
        }
        Kind::Call | Kind::New => match (code.called(id), code.receiver(id), code.arg(id, 0)) {
            ("format", Some(of), _) => {
                let mut left = String::new();
                inner(of, &mut left);
                text.push_str(&filled(&left, false));
            }
            ("Sprintf" | "Sprint", _, Some(first)) => {
                let mut left = String::new();
                inner(first, &mut left);
                text.push_str(&filled(&left, true));
            }
            (
                "strip" | "trim" | "rstrip" | "lstrip" | "TrimSpace" | "encode" | "as_string",
                Some(of),
                None,
            ) => inner(of, text),
            (
                "text" | "SQL" | "sql" | "raw" | "Raw" | "literal" | "dedent" | "RawSQL" | "DDL"
                | "TextClause" | "unsafe" | "String",
                _,
                Some(first),
            ) => {
                inner(first, text);
            }
            _ => text.push(HOLE),
        },
        Kind::Name => match code.set_to(id) {
            Some(value) if value != id => inner(value, text),
            _ => match code.text(id) {
                Some(known) => text.push_str(known),
                None => text.push(HOLE),
            },
        },
        _ => text.push(HOLE),
    }
}

/// `%s` or `{…}` as holes.
fn filled(text: &str, percent: bool) -> String {
    let mut out = String::new();
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        match char {
            '%' if percent => {
                if chars.peek() == Some(&'%') {
                    chars.next();
                    out.push('%');
                    continue;
                }
                if chars.peek() == Some(&'(') {
                    chars.by_ref().find(|char| *char == ')');
                }
                while chars.peek().is_some_and(|char| !char.is_ascii_alphabetic()) {
                    chars.next();
                }
                chars.next();
                out.push(HOLE);
            }
            '{' if !percent => {
                chars.by_ref().find(|char| *char == '}');
                out.push(HOLE);
            }
            other => out.push(other),
        }
    }
    out
}

fn is_word(char: char) -> bool {
    char.is_alphanumeric() || matches!(char, '_' | '$' | HOLE)
}

/// The statements of a text.
pub fn statements(text: &str) -> Vec<Vec<Token>> {
    let mut all = vec![Vec::new()];
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        let (token, used) = token(rest, char);
        rest = rest.get(used..).unwrap_or("");
        match token {
            Some(Token::Sign(';')) => all.push(Vec::new()),
            Some(token) => {
                if let Some(last) = all.last_mut() {
                    last.push(token);
                }
            }
            None => {}
        }
    }
    all.retain(|statement| !statement.is_empty());
    all
}

/// The first token of a text, if it is not white space or a comment, and how many bytes it has.
fn token(rest: &str, first: char) -> (Option<Token>, usize) {
    let until = |end: &str, from: usize| {
        rest.get(from..)
            .and_then(|tail| tail.find(end))
            .map_or(rest.len(), |at| from + at + end.len())
    };
    if rest.starts_with("--") {
        return (None, until("\n", 2));
    }
    if rest.starts_with("/*") {
        return (None, until("*/", 2));
    }
    match first {
        _ if first.is_whitespace() => (None, first.len_utf8()),
        '\'' => {
            let mut text = String::new();
            let mut chars = rest.char_indices().skip(1).peekable();
            while let Some((at, char)) = chars.next() {
                if char != '\'' {
                    text.push(char);
                } else if chars.peek().is_some_and(|(_, next)| *next == '\'') {
                    chars.next();
                    text.push('\'');
                } else {
                    return (Some(Token::Text(text)), at + 1);
                }
            }
            (Some(Token::Text(text)), rest.len())
        }
        '"' | '`' => {
            let end = until(if first == '"' { "\"" } else { "`" }, 1);
            let name = rest.get(1..end.saturating_sub(1)).unwrap_or("");
            (Some(Token::Word(name.to_owned())), end)
        }
        '[' => {
            let end = until("]", 1);
            let name = rest.get(1..end.saturating_sub(1)).unwrap_or("");
            (Some(Token::Word(name.to_owned())), end)
        }
        HOLE => {
            let end = rest.find(|char| !is_word(char)).unwrap_or(rest.len());
            if end == HOLE.len_utf8() {
                (Some(Token::Hole), end)
            } else {
                (Some(Token::Word(rest[..end].to_owned())), end)
            }
        }
        '?' => (Some(Token::Param), 1),
        '%' if rest.starts_with("%s") => (Some(Token::Param), 2),
        '%' if rest.starts_with("%(") => (Some(Token::Param), until(")s", 2)),
        '$' | ':' | '@' => {
            let name = rest[1..].find(|char| !is_word(char)).unwrap_or(rest.len() - 1);
            if name == 0 || rest.starts_with("::") {
                (Some(Token::Sign(first)), 1)
            } else {
                (Some(Token::Param), 1 + name)
            }
        }
        '{' => (Some(Token::Hole), until("}", 1)),
        _ if first.is_ascii_digit() => {
            let end = rest
                .find(|char: char| !char.is_ascii_alphanumeric() && char != '.')
                .unwrap_or(rest.len());
            (Some(Token::Number(rest[..end].to_owned())), end)
        }
        _ if is_word(first) => {
            let end = rest.find(|char| !is_word(char)).unwrap_or(rest.len());
            (Some(Token::Word(rest[..end].to_owned())), end)
        }
        _ => (Some(Token::Sign(first)), first.len_utf8()),
    }
}
