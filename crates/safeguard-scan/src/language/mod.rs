//! The languages that are read, and the frontend of each.

pub mod go;
mod java;
mod javascript;
pub mod pattern;
mod python;
mod rust;
mod sitter;

use pattern::Pattern;

use crate::tree::{ParseError, Tree};

/// How large a file may be, in bytes.
pub const FILE_BYTES_MAX: usize = 2 << 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Language {
    Go,
    Java,
    /// With JSX.
    JavaScript,
    Python,
    Rust,
    TypeScript,
    /// TypeScript with JSX.
    Tsx,
}

impl Language {
    /// The language of a file, by its name.
    pub fn of(path: &str) -> Option<Language> {
        let (_, ending) = path.rsplit_once('.')?;
        Some(match ending {
            "go" => Language::Go,
            "java" => Language::Java,
            "js" | "jsx" | "mjs" | "cjs" => Language::JavaScript,
            "py" | "pyi" => Language::Python,
            "rs" => Language::Rust,
            "ts" | "mts" | "cts" => Language::TypeScript,
            "tsx" => Language::Tsx,
            _ => return None,
        })
    }
}

/// Reads a file.
pub fn parse(language: Language, text: &str) -> Result<Tree, ParseError> {
    if text.len() > FILE_BYTES_MAX {
        return Err(ParseError::TooLarge {
            limit: FILE_BYTES_MAX,
            unit: "bytes",
        });
    }
    match language {
        Language::Go => go::parse(text),
        Language::Java => java::parse(text),
        Language::JavaScript | Language::TypeScript | Language::Tsx => javascript::parse(language, text),
        Language::Python => python::parse(text),
        Language::Rust => rust::parse(text),
    }
}

/// Reads the pattern of a rule.
pub fn parse_pattern(language: Language, text: &str) -> Result<Pattern, ParseError> {
    match language {
        Language::Go => go::parse_pattern(text),
        Language::Java => java::parse_pattern(text),
        Language::JavaScript | Language::TypeScript | Language::Tsx => {
            javascript::parse_pattern(language, text)
        }
        Language::Python => python::parse_pattern(text),
        Language::Rust => rust::parse_pattern(text),
    }
}
