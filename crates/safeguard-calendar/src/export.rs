//! Writes iCalendar, for people's own calendars.

use safeguard_api::Timestamp;

/// RFC 5545, 3.1: longer lines are folded, counted in bytes.
const LINE_BYTES_MAX: usize = 75;

/// One entry of somebody's calendar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The same for the same entry, at every export.
    pub uid: String,
    pub from: Timestamp,
    pub to: Timestamp,
    pub summary: String,
    pub description: String,
}

/// Writes a calendar of events, all times in UTC. `at` is the moment of the export.
#[must_use]
pub fn export(name: &str, events: &[Event], at: Timestamp) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: &str| fold(&mut text, &format!("{name}:{value}"));
    line("BEGIN", "VCALENDAR");
    line("VERSION", "2.0");
    line("PRODID", "-//safeguard//freezes//EN");
    line("X-WR-CALNAME", &escaped(name));
    line("NAME", &escaped(name));
    line("REFRESH-INTERVAL;VALUE=DURATION", "PT1H");
    line("X-PUBLISHED-TTL", "PT1H");
    for event in events {
        line("BEGIN", "VEVENT");
        line("UID", &escaped(&event.uid));
        line("DTSTAMP", &utc(at));
        line("DTSTART", &utc(event.from));
        line("DTEND", &utc(event.to));
        line("SUMMARY", &escaped(&event.summary));
        line("DESCRIPTION", &escaped(&event.description));
        // Nobody is less free for it.
        line("TRANSP", "TRANSPARENT");
        line("END", "VEVENT");
    }
    line("END", "VCALENDAR");
    text
}

fn utc(at: Timestamp) -> String {
    // The calendar has no milliseconds; a moment that it can not show is none that a window has.
    chrono::DateTime::from_timestamp_millis(at.0)
        .unwrap_or_default()
        .format("%Y%m%dT%H%M%SZ")
        .to_string()
}

fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    for letter in text.chars() {
        match letter {
            '\\' | ';' | ',' => {
                escaped.push('\\');
                escaped.push(letter);
            }
            '\n' => escaped.push_str("\\n"),
            other if other.is_control() => escaped.push(' '),
            other => escaped.push(other),
        }
    }
    escaped
}

fn fold(text: &mut String, line: &str) {
    let mut room = LINE_BYTES_MAX;
    for letter in line.chars() {
        if room < letter.len_utf8() {
            text.push_str("\r\n ");
            room = LINE_BYTES_MAX - 1;
        }
        text.push(letter);
        room -= letter.len_utf8();
    }
    text.push_str("\r\n");
}
