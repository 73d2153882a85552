//! Why a calendar can not be understood.

use std::fmt;

/// What is wrong, and with which window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalendarError {
    /// The window or line that is wrong; none when it is the whole.
    pub place: Option<String>,
    pub trouble: Trouble,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    #[error("{0}")]
    Unreadable(String),
    #[error("{bytes} bytes (limit {max})")]
    TooBig { bytes: usize, max: usize },
    #[error("{count} {what} (limit {max})")]
    TooMany {
        count: usize,
        what: &'static str,
        max: usize,
    },
    #[error("`{text}` is not {wanted}")]
    NotUnderstood { text: String, wanted: &'static str },
    #[error("`{0}` is not a time zone of the IANA database, nor a Windows name of one")]
    UnknownZone(String),
    #[error("`{0}` names no time zone, and the calendar has none: set `zone`")]
    NoZone(String),
    #[error("{0} is missing")]
    Missing(&'static str),
    #[error("{0}")]
    NotSupported(String),
    #[error("it ends at {end}, and begins at {start}")]
    EndsBeforeStart { start: String, end: String },
    #[error("it lasts {days} days (limit {max})")]
    TooLong { days: i64, max: i64 },
    #[error("the rule `{rule}` is impossible: {why}")]
    Rule { rule: String, why: String },
    #[error("the rule `{rule}` names no further date after {after}")]
    NeverAgain { rule: String, after: String },
    #[error("the rule `{rule}` begins a window more than {max} times before {until}")]
    ExpandsTooFar { rule: String, max: usize, until: String },
}

impl Trouble {
    /// Says which window has it.
    pub(crate) fn of(self, place: impl Into<String>) -> CalendarError {
        CalendarError {
            place: Some(place.into()),
            trouble: self,
        }
    }

    pub(crate) fn not_understood(text: &str, wanted: &'static str) -> Trouble {
        Trouble::NotUnderstood {
            text: text.chars().take(80).collect(),
            wanted,
        }
    }
}

impl From<Trouble> for CalendarError {
    fn from(trouble: Trouble) -> CalendarError {
        CalendarError { place: None, trouble }
    }
}

impl fmt::Display for CalendarError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.place {
            Some(place) => write!(f, "{place}: {}", self.trouble),
            None => write!(f, "{}", self.trouble),
        }
    }
}

impl std::error::Error for CalendarError {}
