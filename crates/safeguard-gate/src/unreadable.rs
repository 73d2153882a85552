//! Why bytes that somebody sent can not be read, and what to do about it.

use std::fmt;

/// A report, a diff or a list of owners that can not be read as what it is said to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Unreadable {
    pub place: Place,
    /// What was met there, with the figure and its limit.
    pub what: String,
    pub hint: String,
}

/// Where reading ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// The whole of it.
    Whole,
    /// Counted from 1.
    Line(usize),
    /// Both counted from 1; the column in characters.
    Column { line: usize, column: usize },
    /// The way through a JSON document, such as `runs[0].results[3]`.
    Key(String),
}

impl Unreadable {
    #[must_use]
    pub fn new(place: Place, what: impl Into<String>, hint: impl Into<String>) -> Unreadable {
        Unreadable {
            place,
            what: what.into(),
            hint: hint.into(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Whole => Ok(()),
            Place::Line(line) => write!(f, "line {line}: "),
            Place::Column { line, column } => write!(f, "line {line}, column {column}: "),
            Place::Key(key) => write!(f, "`{key}`: "),
        }
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.place, self.what)
    }
}

/// At most `chars_max` characters of what was met, fit to be shown in one line.
#[must_use]
pub(crate) fn shown(text: &str, chars_max: usize) -> String {
    let mut shown: String = text
        .chars()
        .take(chars_max)
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect();
    if text.chars().nth(chars_max).is_some() {
        shown.push('…');
    }
    shown
}
