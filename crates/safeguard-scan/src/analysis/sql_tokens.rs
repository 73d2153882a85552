//! The texts that expressions give, with holes where they are not known.

use super::code::Code;
use crate::language::sql::tokens::HOLE;
use crate::tree::{Kind, NodeId, Role};

const DEPTH_MAX: usize = 12;
const TEXT_BYTES_MAX: usize = 256 << 10;

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
