//! Patterns in HCL: `...` among attributes is written as one, and put back in the tree.

use super::parse;
use crate::language::pattern::{Hole, Pattern, become_hole, restore};
use crate::language::sitter::syntax;
use crate::tree::{Kind, NodeId, ParseError, Role};

/// Reads a pattern: blocks and attributes, or an expression.
pub fn parse_pattern(text: &str) -> Result<Pattern, ParseError> {
    let code = replace(text);
    let (mut tree, is_expression) = match parse(&code) {
        Ok(tree) => (tree, false),
        Err(error) => match parse(&format!("__value__ = {code}\n")) {
            Ok(tree) => (tree, true),
            Err(_) => return Err(error),
        },
    };
    restore(&mut tree);
    for id in tree.all() {
        let named = match tree.kind(id) {
            Kind::Assign => tree.child(id, Role::Target),
            Kind::Pair => tree.child(id, Role::Key),
            _ => None,
        };
        if named.is_some_and(|named| tree.kind(named) == Kind::Ellipsis) {
            become_hole(&mut tree, id, Hole::Ellipsis);
        }
    }
    let statements: Vec<NodeId> = tree.children(NodeId::ROOT).collect();
    let roots = match (is_expression, statements.as_slice()) {
        (true, [assign]) => tree.child(*assign, Role::Value).into_iter().collect(),
        _ => statements,
    };
    if roots.is_empty() {
        return Err(syntax(text, 0, "the pattern is empty".to_owned()));
    }
    Ok(Pattern { tree, roots })
}

fn replace(text: &str) -> String {
    let mut code = String::new();
    let mut at = 0;
    let mut in_string = false;
    // What encloses: lists and arguments want a value, bodies and objects an entry.
    let mut brackets: Vec<char> = Vec::new();
    while let Some(letter) = text[at..].chars().next() {
        if letter == '"' && !code.ends_with('\\') {
            in_string = !in_string;
        }
        if !in_string {
            match letter {
                '[' | '(' | '{' => brackets.push(letter),
                ']' | ')' | '}' => {
                    brackets.pop();
                }
                _ => {}
            }
            if let Some((hole, length)) = Hole::at(&text[at..]) {
                let line = code.rsplit('\n').next().unwrap_or("");
                let begins = line.trim().is_empty() || line.trim_end().ends_with('{');
                let is_entry =
                    hole == Hole::Ellipsis && begins && matches!(brackets.last(), None | Some('{'));
                code.push_str(&hole.identifier());
                if is_entry {
                    code.push_str(" = true\n");
                }
                at += length;
                continue;
            }
        }
        code.push(letter);
        at += letter.len_utf8();
    }
    code
}
