//! Patterns in YAML: what stands for holes is written as plain scalars, and put back in the tree.

use super::parse;
use crate::language::pattern::{Hole, Pattern, become_hole, restore};
use crate::language::sitter::syntax;
use crate::tree::{Kind, NodeId, ParseError, Role};

/// Reads a pattern: one entry of a mapping, a mapping, a sequence or a value.
pub fn parse_pattern(text: &str) -> Result<Pattern, ParseError> {
    let code = replace(text);
    let mut tree = parse(&code)?;
    let nodes: Vec<NodeId> = tree.all().collect();
    for id in nodes.into_iter().rev() {
        let name = tree.name(id).to_owned();
        match tree.kind(id) {
            Kind::Str if tree.source(id) == name => {
                if let Some(hole) = Hole::from_identifier(&name) {
                    become_hole(&mut tree, id, hole);
                }
            }
            // `...` in the place of a value is any value.
            Kind::Object if tree.role(id) == Role::Value => {
                let mut inner = tree.children(id);
                if let (Some(only), None) = (inner.next(), inner.next())
                    && tree.kind(only) == Kind::Ellipsis
                {
                    become_hole(&mut tree, id, Hole::Ellipsis);
                }
            }
            Kind::Pair => {
                let key = tree.child(id, Role::Key);
                if key.is_some_and(|key| tree.kind(key) == Kind::Ellipsis) {
                    become_hole(&mut tree, id, Hole::Ellipsis);
                }
            }
            _ => {}
        }
    }
    restore(&mut tree);
    let documents: Vec<NodeId> = tree.children(NodeId::ROOT).collect();
    let [document] = documents.as_slice() else {
        return Err(syntax(text, 0, "a pattern is one document".to_owned()));
    };
    let pairs: Vec<NodeId> = tree.children(*document).collect();
    let roots = match pairs.as_slice() {
        [pair] if tree.kind(*document) == Kind::Object => vec![*pair],
        _ => vec![*document],
    };
    Ok(Pattern { tree, roots })
}

/// Writes identifiers in the place of the holes. `...` on a line of its own is an entry or an item, as its neighbours are.
fn replace(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let mut code = String::new();
    for (number, line) in lines.iter().enumerate() {
        let trimmed = line.trim();
        if trimmed == "..." {
            let depth = indent(line);
            let beside =
                |other: &&&str| !other.trim().is_empty() && indent(other) <= depth && other.trim() != "...";
            let before = lines[..number].iter().rev().find(beside);
            let after = lines[number + 1..].iter().find(beside);
            let is_item = [before, after]
                .into_iter()
                .flatten()
                .any(|other| indent(other) == depth && other.trim_start().starts_with("- "));
            let ellipsis = Hole::Ellipsis.identifier();
            code.push_str(&" ".repeat(depth));
            match is_item {
                true => code.push_str(&format!("- {ellipsis}")),
                false => code.push_str(&format!("{ellipsis}: {ellipsis}")),
            }
        } else {
            in_line(line, &mut code);
        }
        code.push('\n');
    }
    code
}

fn in_line(line: &str, code: &mut String) {
    let mut quote: Option<char> = None;
    let mut at = 0;
    while let Some(letter) = line[at..].chars().next() {
        let hole = match quote {
            None => Hole::at(&line[at..]),
            Some(_) => None,
        };
        match (quote, letter) {
            (Some(open), _) if open == letter => quote = None,
            (None, '"' | '\'') => quote = Some(letter),
            _ => {}
        }
        match hole {
            Some((hole, length)) => {
                code.push_str(&hole.identifier());
                at += length;
            }
            None => {
                code.push(letter);
                at += letter.len_utf8();
            }
        }
    }
}
