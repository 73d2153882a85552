//! Patterns in Rust: what Rust has no word for is replaced by names, and the names are replaced in the tree.

use super::convert;
use super::lexis::literal_or_comment;
use crate::language::pattern::{self, DEEP, Hole, Pattern};
use crate::language::sitter::syntax;
use crate::tree::{Kind, NodeId, ParseError, Role, Tree};

/// Reads a pattern: an expression, statements, or items.
pub fn parse_pattern(text: &str) -> Result<Pattern, ParseError> {
    let code = replace(text);
    let trimmed = code.trim();
    if trimmed.is_empty() {
        return Err(syntax(text, 0, "the pattern is empty".to_owned()));
    }
    if let Some(attribute) = attribute(trimmed) {
        return Ok(attribute);
    }
    let ways = [
        (format!("fn f() {{\n{trimmed}\n}}"), 1),
        (format!("fn f() {{\n{trimmed};\n}}"), 1),
        (trimmed.to_owned(), 0),
        (format!("impl T {{\n{trimmed}\n}}"), 1),
    ];
    let mut first_error = None;
    for (code, depth) in ways {
        match convert(&code, false) {
            Ok(tree) => {
                if let Some(pattern) = within(tree, depth) {
                    return Ok(pattern);
                }
            }
            Err(error) => {
                first_error.get_or_insert(error);
            }
        }
    }
    Err(match first_error {
        Some(ParseError::Syntax { message, .. }) => ParseError::Syntax {
            line: 1,
            message: pattern::as_written(&message),
        },
        Some(error) => error,
        None => syntax(text, 0, "can not be read as Rust".to_owned()),
    })
}

fn within(tree: Tree, depth: usize) -> Option<Pattern> {
    let mut container = NodeId::ROOT;
    for _ in 0..depth {
        let only = tree.children(container).next()?;
        container = tree.child(only, Role::Body)?;
    }
    let pattern = Pattern::within(tree, container);
    let roots: Vec<NodeId> = pattern
        .roots
        .iter()
        .copied()
        .filter(|root| pattern.tree.kind(*root) != Kind::Pass)
        .collect();
    (!roots.is_empty()).then_some(Pattern { roots, ..pattern })
}

/// `#[a(…)]` alone is the attribute itself.
fn attribute(code: &str) -> Option<Pattern> {
    if !code.starts_with('#') || !code.ends_with(']') {
        return None;
    }
    let tree = convert(&format!("{code} fn f() {{}}"), false).ok()?;
    let item = tree.children(NodeId::ROOT).next()?;
    let decorator = match tree.kind(item) {
        Kind::Decorator => item,
        _ => tree.child(item, Role::Decorator)?,
    };
    Some(Pattern::within(tree, decorator))
}

/// Puts names where Rust has no word: `$X`, `$...X`, `...`, `<... x ...>`.
fn replace(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut code = String::with_capacity(text.len() * 2);
    let mut deep = 0_usize;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if let Some(end) = literal_or_comment(bytes, at) {
            let end = end.min(text.len());
            code.push_str(&text[at..end]);
            at = end;
        } else if rest.starts_with("<...") {
            code.push_str(DEEP);
            code.push('(');
            deep += 1;
            at += 4;
        } else if deep > 0 && rest.starts_with("...>") {
            code.push(')');
            deep -= 1;
            at += 4;
        } else if let Some((hole, length)) = Hole::at(rest) {
            let word = hole.identifier();
            let is_all = !matches!(hole, Hole::Metavariable(_));
            if is_all && is_statement(&text[..at], &rest[length..]) {
                code.push_str(&format!(" {word}!(); "));
            } else {
                code.push_str(&word);
            }
            at += length;
        } else {
            let letter = rest.chars().next().unwrap_or_default();
            code.push(letter);
            at += letter.len_utf8();
        }
    }
    code
}

/// Whether what stands here is a statement or an item by itself.
fn is_statement(before: &str, after: &str) -> bool {
    let before = before.trim_end();
    let line_begins = before.is_empty() || before.ends_with(['{', '}', ';']) || before.ends_with("...");
    let is_part = after.trim_start().starts_with([',', '.', ')', ';']);
    line_begins && !is_part && !before.strip_suffix('{').is_some_and(is_literal)
}

/// Whether a brace after this text begins the fields of a value: `Foo {`, and not `impl Foo {` or `-> Foo {`.
fn is_literal(before: &str) -> bool {
    let before = before.trim_end();
    let name = before
        .rsplit(|letter: char| !letter.is_alphanumeric() && letter != '_')
        .next()
        .unwrap_or("");
    let line = before.rsplit(['\n', ';', '{', '}']).next().unwrap_or(before);
    let declares = [
        "fn ", "impl", "trait ", "struct ", "enum ", "for ", "if ", "match ", "while ", "->", "mod ",
        "union ",
    ]
    .iter()
    .any(|word| line.contains(word));
    name.starts_with(|first: char| first.is_uppercase()) && !declares
}
