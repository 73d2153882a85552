//! JavaScript and TypeScript sources to outlines.

mod expressions;
mod limits;
mod patterns;
mod statements;
mod typescript;

use super::{parse, parse_pattern};
use crate::language::Language;

/// The outline of a file, or why it has none.
fn outline(language: Language, text: &str) -> String {
    match parse(language, text) {
        Ok(tree) => tree.outline(),
        Err(error) => error.to_string(),
    }
}

/// The outline of each of the pattern's roots, or why it is none.
fn pattern(language: Language, text: &str) -> String {
    let pattern = match parse_pattern(language, text) {
        Ok(pattern) => pattern,
        Err(error) => return error.to_string(),
    };
    let outline = pattern.tree.outline();
    let lines: Vec<&str> = outline.lines().collect();
    let mut text = String::new();
    for root in pattern.roots {
        let indent = 2 * pattern.tree.ancestors(root).count();
        for id in pattern.tree.subtree(root) {
            text.push_str(&lines[id.index()][indent..]);
            text.push('\n');
        }
    }
    text
}
