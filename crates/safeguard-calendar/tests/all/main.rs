//! Freeze calendars, from text to open or closed.
#![allow(clippy::unwrap_used)]

mod export;
mod kargo;
mod properties;
mod refused;
mod traps;
mod vectors;

use safeguard_api::config::CalendarSpec;
use safeguard_api::freeze::WindowKind;
use safeguard_api::{Span, Timestamp};
use safeguard_calendar::{Calendar, Judgement, Timeline};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// A window written in `safeguard.toml`.
fn window(kind: WindowKind, zone: &str, start: &str, length: &str, rule: &str) -> CalendarSpec {
    let (end, duration) = if length.starts_with('P') {
        (None, Some(length.to_owned()))
    } else {
        (Some(length.to_owned()), None)
    };
    CalendarSpec {
        kind: Some(kind),
        zone: Some(zone.to_owned()),
        start: Some(start.to_owned()),
        end,
        duration,
        rrule: (!rule.is_empty()).then(|| rule.to_owned()),
        ..CalendarSpec::default()
    }
}

fn deny(zone: &str, start: &str, length: &str, rule: &str) -> CalendarSpec {
    window(WindowKind::Deny, zone, start, length, rule)
}

fn allow(zone: &str, start: &str, length: &str, rule: &str) -> CalendarSpec {
    window(WindowKind::Allow, zone, start, length, rule)
}

/// A file, and the zone of times that name none.
fn file(kind: Option<WindowKind>) -> CalendarSpec {
    CalendarSpec {
        kind,
        zone: Some("Europe/Berlin".to_owned()),
        ..CalendarSpec::default()
    }
}

/// What the calendars say together at a moment, in words.
fn said(specs: &[CalendarSpec], moment: &str) -> String {
    let moment = at(moment);
    let calendars: Vec<_> = specs
        .iter()
        .map(|spec| Calendar::read(spec, None).unwrap().schedule(moment).unwrap())
        .collect();
    let schedules: Vec<_> = calendars.iter().collect();
    let until = moment.plus(Span::hours(700 * 24));
    worded(Timeline::new(&schedules, moment, until).judge(&[], moment))
}

fn worded(judgement: Judgement) -> String {
    let shown =
        |at: Option<Timestamp>| at.map_or("?".to_owned(), |at| at.to_string().replace(":00.000Z", "Z"));
    match judgement {
        Judgement::Open { closes_at } => format!("open, closes {}", shown(closes_at)),
        Judgement::Closed { opens_at } => format!("closed, opens {}", shown(opens_at)),
    }
}
