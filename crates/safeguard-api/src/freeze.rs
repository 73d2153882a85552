//! A code freeze: while one is open nothing moves towards production.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{FreezeId, Name};
use crate::release::Block;
use crate::time::{Span, Timestamp};

/// What a calendar's windows say of the time within them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WindowKind {
    /// Nothing moves within them.
    Deny,
    /// Nothing moves outside of them.
    Allow,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Freeze {
    pub id: FreezeId,
    /// The service it holds; none means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Name>,
    pub reason: String,
    pub opened_by: String,
    pub opened_at: Timestamp,
    /// When it ends by itself; none means when somebody closes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
}

/// What a client says when it opens one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FreezeSpec {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Name>,
    pub reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// What holds one service at one moment, and what will change that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FreezeCheck {
    pub service: Name,
    pub at: Timestamp,
    /// Whether releases may move.
    pub open: bool,
    /// When it is closed: the next opening. None means that it is not known, or further away than was looked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opens_at: Option<Timestamp>,
    /// When it is open: the next closing that a calendar knows of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closes_at: Option<Timestamp>,
    /// The freezes that hold it.
    pub freezes: Vec<Freeze>,
    /// Every calendar that concerns it.
    pub calendars: Vec<CalendarCheck>,
}

/// What one calendar says of a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CalendarCheck {
    pub calendar: Name,
    pub says: CalendarSays,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum CalendarSays {
    /// None of its deny windows covers the moment, and it has no allow windows.
    Nothing,
    Denied {
        window: String,
        until: Timestamp,
    },
    Allowed {
        window: String,
        until: Timestamp,
    },
    /// It has allow windows, and none covers the moment.
    NotAllowed,
    /// It can not be read or understood, and so it is closed.
    NotUnderstood {
        why: String,
    },
}

impl CalendarSays {
    /// Whether this alone would keep releases from moving.
    #[must_use]
    pub fn closes(&self) -> bool {
        match self {
            CalendarSays::Denied { .. } | CalendarSays::NotAllowed | CalendarSays::NotUnderstood { .. } => {
                true
            }
            CalendarSays::Nothing | CalendarSays::Allowed { .. } => false,
        }
    }
}

impl fmt::Display for CalendarSays {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CalendarSays::Nothing => write!(f, "no window"),
            CalendarSays::Denied { window, until } => write!(f, "{window} (deny window until {until})"),
            CalendarSays::Allowed { window, until } => write!(f, "{window} (allow window until {until})"),
            CalendarSays::NotAllowed => write!(f, "outside of its allow windows"),
            CalendarSays::NotUnderstood { why } => write!(f, "not understood, so closed: {why}"),
        }
    }
}

impl FreezeCheck {
    /// What stands between a release and its next step: the freeze first, else the calendar that closes.
    #[must_use]
    pub fn block(&self) -> Option<Block> {
        if self.open {
            return None;
        }
        if let Some(freeze) = self.freezes.first() {
            return Some(Block::Freeze {
                id: freeze.id.clone(),
                reason: freeze.reason.clone(),
                until: self.opens_at,
            });
        }
        // Outside of one calendar's windows another may allow; what denies closes by itself.
        let outside = |check: &&CalendarCheck| check.says == CalendarSays::NotAllowed;
        let mut closing = self.calendars.iter().filter(|check| check.says.closes());
        let found = closing
            .clone()
            .find(|check| !outside(check))
            .or_else(|| closing.next());
        Some(match found {
            Some(closing) => Block::Calendar {
                calendar: closing.calendar.clone(),
                reason: closing.says.to_string(),
                until: self.opens_at,
            },
            // What is closed stays closed when nothing says why.
            None => Block::Silent {
                what: "what closes it".to_owned(),
                since: Span(0),
            },
        })
    }
}

impl Freeze {
    /// Whether it holds `service` at `now`.
    #[must_use]
    pub fn holds(&self, service: &Name, now: Timestamp) -> bool {
        let open = self.closed_at.is_none() && self.until.is_none_or(|until| now < until);
        open && self.service.as_ref().is_none_or(|only| only == service)
    }
}
