//! What is written can be read again.

use insta::assert_snapshot;
use safeguard_api::freeze::WindowKind;
use safeguard_calendar::{Calendar, Event, export};

use crate::{at, file};

fn event(from: &str, to: &str, summary: &str) -> Event {
    Event {
        uid: format!("{from}@safeguard"),
        from: at(from),
        to: at(to),
        summary: summary.to_owned(),
        description: "nothing moves\nrolling back is allowed; as ever, \\o/".to_owned(),
    }
}

#[test]
fn it_is_written_as_rfc_5545_asks() {
    let text = export(
        "Freezes",
        &[event(
            "2026-12-19T17:00:00Z",
            "2027-01-04T07:00:00Z",
            "Freeze: year-end closing",
        )],
        at("2026-11-01T12:00:00.123Z"),
    );
    assert!(text.ends_with("END:VCALENDAR\r\n"));
    assert_snapshot!(text.replace("\r\n", "\n"), @r#"
BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//safeguard//freezes//EN
X-WR-CALNAME:Freezes
NAME:Freezes
REFRESH-INTERVAL;VALUE=DURATION:PT1H
X-PUBLISHED-TTL:PT1H
BEGIN:VEVENT
UID:2026-12-19T17:00:00Z@safeguard
DTSTAMP:20261101T120000Z
DTSTART:20261219T170000Z
DTEND:20270104T070000Z
SUMMARY:Freeze: year-end closing
DESCRIPTION:nothing moves\nrolling back is allowed\; as ever\, \\o/
TRANSP:TRANSPARENT
END:VEVENT
END:VCALENDAR
"#);
}

#[test]
fn what_is_written_is_read_again() {
    let long = "Weihnachtsgeschäft, größer als je; nobody moves anything ✋ until the shops are closed and counted ✋✋✋";
    let events = [
        event("2026-12-19T17:00:00Z", "2027-01-04T07:00:00Z", long),
        event("2026-12-20T17:00:00Z", "2026-12-20T17:00:01Z", "a \\ backslash"),
    ];
    let text = export("Freezes", &events, at("2026-11-01T12:00:00Z"));
    for line in text.split("\r\n") {
        assert!(line.len() <= 75, "{line}");
    }
    let read = Calendar::read(&file(Some(WindowKind::Deny)), Some(&text)).unwrap();
    let deny = read.schedule(at("2026-12-01T00:00:00Z")).unwrap().deny;
    let again: Vec<_> = deny
        .iter()
        .map(|spell| (spell.from, spell.to, spell.label.as_str()))
        .collect();
    let written: Vec<_> = events
        .iter()
        .map(|event| (event.from, event.to, event.summary.as_str()))
        .collect();
    assert_eq!(again, written);
}
