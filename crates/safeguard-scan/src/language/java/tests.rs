//! Java sources to outlines.

mod declarations;
mod patterns;
mod statements;

use super::parse;

fn outline(text: &str) -> String {
    match parse(text) {
        Ok(tree) => tree.outline(),
        Err(error) => error.to_string(),
    }
}
