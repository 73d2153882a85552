//! Python sources to outlines.

mod expressions;
mod limits;
mod patterns;
mod statements;

use super::{parse, parse_pattern};

fn outline(text: &str) -> String {
    parse(text).unwrap().outline()
}

/// The outline of each of the pattern's roots.
fn pattern(text: &str) -> String {
    let pattern = parse_pattern(text).unwrap();
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
