//! Freeze calendars, as they are written.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Config, ConfigProblem};
use crate::freeze::WindowKind;
use crate::id::Name;

const CALENDARS_MAX: usize = 32;

/// A freeze calendar: one window written here, or a file of them. Within a `deny` window nothing moves towards
/// production; with an `allow` window, nothing moves outside of it. Deny wins, and what can not be understood is closed.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CalendarSpec {
    /// `deny` or `allow`. A file of Kargo's says it for each of its windows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<WindowKind>,
    /// The services it holds; unsaid: all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<Name>,
    /// The zone of times that name none, such as `Europe/Berlin`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// An iCalendar file (`.ics`), or one of Kargo's with promotion windows. It is read again when it changes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<PathBuf>,
    /// Which of Kargo's stages is meant, where its windows name one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
    /// When the window begins, such as `2026-12-19T18:00:00`; a date alone is the whole day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<String>,
    /// When it ends, in each recurrence by the same clock on the wall.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<String>,
    /// How long it lasts, instead of `end`, as RFC 5545 writes it: `PT8H`, `P1D`, `P2W`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<String>,
    /// How it recurs, as RFC 5545 writes it: `FREQ=WEEKLY;BYDAY=FR`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rrule: Option<String>,
    /// Beginnings that are left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exdate: Vec<String>,
    /// Beginnings besides.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rdate: Vec<String>,
    /// What people are told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl CalendarSpec {
    /// Whether it has anything of a window of its own.
    #[must_use]
    pub fn is_inline(&self) -> bool {
        let texts = [&self.start, &self.end, &self.duration, &self.rrule, &self.reason];
        texts.iter().any(|text| text.is_some()) || !self.exdate.is_empty() || !self.rdate.is_empty()
    }

    #[must_use]
    pub fn concerns(&self, service: &Name) -> bool {
        self.services.is_empty() || self.services.contains(service)
    }
}

/// The shape of each; what its texts mean is for whoever reads them.
pub(super) fn check(config: &Config, found: &mut Vec<ConfigProblem>) {
    if config.calendars.len() > CALENDARS_MAX {
        let message = format!("{} calendars (limit {CALENDARS_MAX})", config.calendars.len());
        found.push(ConfigProblem::new(&["calendars"], message));
    }
    for (name, calendar) in &config.calendars {
        let at = |key: &'static str| ["calendars", name.as_str(), key];
        for service in calendar
            .services
            .iter()
            .filter(|service| !config.services.contains_key(*service))
        {
            let message = format!("there is no service `{service}`");
            found.push(ConfigProblem::new(&at("services"), message).with_hint("leave it out to hold all"));
        }
        match (&calendar.file, calendar.is_inline()) {
            (Some(_), true) => {
                let message = "a calendar is a file or one window, and this is both";
                found.push(ConfigProblem::new(&at("file"), message).with_hint("make two calendars of it"));
            }
            (None, false) => {
                let message = "a calendar without a window and without a file says nothing";
                let hint = "set `kind`, `zone`, `start` and `end`, or `file`";
                found.push(ConfigProblem::new(&["calendars", name.as_str()], message).with_hint(hint));
            }
            (Some(file), false) if !file.is_absolute() => {
                let message = format!(
                    "`{}` depends on the folder in which safeguard was started",
                    file.display()
                );
                found.push(ConfigProblem::new(&at("file"), message).with_hint("write the absolute path"));
            }
            (Some(_), false) | (None, true) => {}
        }
    }
}
