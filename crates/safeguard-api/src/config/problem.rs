//! What is wrong with a configuration, and where.

use std::fmt;
use std::ops::Range;

/// One thing that is wrong with a configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigProblem {
    /// The keys that lead there; an element of a list is named by its number, counted from 0.
    pub path: Vec<String>,
    /// Where it stands in the text; none when no text was read.
    pub place: Option<Place>,
    /// What is refused, with the figure and its limit.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

/// A place in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Counted from 1.
    pub line: usize,
    /// In characters, counted from 1.
    pub column: usize,
    /// The bytes it speaks of.
    pub span: Range<usize>,
}

impl Place {
    /// Finds line and column of a span of bytes; a span beyond the text is taken as its end.
    #[must_use]
    pub fn find(text: &str, span: Range<usize>) -> Place {
        let start = text.floor_char_boundary(span.start.min(text.len()));
        let end = text.floor_char_boundary(span.end.min(text.len())).max(start);
        let before = text.get(..start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().map_or(0, |rest| rest.chars().count()) + 1;
        Place {
            line,
            column,
            span: start..end,
        }
    }
}

impl ConfigProblem {
    #[must_use]
    pub fn new(path: &[&str], message: impl Into<String>) -> ConfigProblem {
        ConfigProblem {
            path: path.iter().map(|&key| key.to_owned()).collect(),
            place: None,
            message: message.into(),
            hint: None,
        }
    }

    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> ConfigProblem {
        self.hint = Some(hint.into());
        self
    }

    /// The path as it is written in TOML, with list elements in brackets.
    #[must_use]
    pub fn dotted(&self) -> String {
        let mut text = String::new();
        for key in &self.path {
            if key.bytes().all(|byte| byte.is_ascii_digit()) {
                text.push_str(&format!("[{key}]"));
            } else {
                if !text.is_empty() {
                    text.push('.');
                }
                text.push_str(key);
            }
        }
        text
    }
}

impl fmt::Display for ConfigProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{}:{}: ", place.line, place.column)?;
        }
        if !self.path.is_empty() {
            write!(f, "`{}`: ", self.dotted())?;
        }
        f.write_str(&self.message)?;
        match &self.hint {
            Some(hint) => write!(f, " ({hint})"),
            None => Ok(()),
        }
    }
}
