//! Freeze calendars: text and moment in, open or closed and the next opening out.
//!
//! Windows are written as RFC 5545 writes recurring events: inline in `safeguard.toml`, in `.ics` files, or in Kargo's
//! promotion windows. What can not be understood is an error, and whoever holds the error is to hold it as closed.
//!
//! This crate reads no files and knows no clock: the shell hands it texts and moments. Recurrence rules are expanded on
//! wall-clock time that belongs to no zone, and each wall-clock time is then looked up in its zone here.

mod calendar;
mod calendars;
mod cron;
mod error;
mod export;
mod ics;
mod kargo;
mod length;
mod moment;
mod rule;
mod schedule;
mod window;
mod windows_zones;
mod zone;

pub use calendar::{Calendar, FILE_BYTES_MAX};
pub use calendars::{Calendars, Held};
pub use error::{CalendarError, Trouble};
pub use export::{Event, export};
pub use schedule::{Judgement, Schedule, Spell, Timeline};
pub use zone::database_version;

/// How far the next opening is looked for.
pub const LOOKED_AHEAD: safeguard_api::Span = safeguard_api::Span::hours(800 * 24);
