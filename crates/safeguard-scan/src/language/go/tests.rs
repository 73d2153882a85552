//! Go sources to outlines.

mod declarations;
mod expressions;
mod limits;
mod literals;
mod patterns;
mod statements;

use super::parse;

fn outline(text: &str) -> String {
    match parse(text) {
        Ok(tree) => tree.outline(),
        Err(error) => error.to_string(),
    }
}
