//! What is not understood is an error, and says why.

use insta::assert_snapshot;
use safeguard_api::config::CalendarSpec;
use safeguard_api::freeze::WindowKind;
use safeguard_calendar::{Calendar, FILE_BYTES_MAX};

use crate::{at, deny, file};

fn refused(spec: &CalendarSpec, text: Option<&str>) -> String {
    let moment = at("2026-06-01T00:00:00Z");
    match Calendar::read(spec, text).and_then(|calendar| calendar.schedule(moment)) {
        Ok(schedule) => format!("understood: {} windows", schedule.deny.len()),
        Err(error) => error.to_string(),
    }
}

fn ruled(rule: &str) -> String {
    refused(&deny("UTC", "2020-01-01T10:00", "PT1H", rule), None)
}

#[test]
fn impossible_rules() {
    assert_snapshot!(ruled("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"), @"`a window`: the rule `FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30` names no further date after 2020-01-01 10:00:00");
    assert_snapshot!(ruled("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"), @"`a window`: the rule `FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30` names no further date after 2020-01-01 10:00:00");
    assert_snapshot!(ruled("FREQ=DAILY;INTERVAL=0"), @"`a window`: the rule `FREQ=DAILY;INTERVAL=0` names no further date after 2020-01-01 10:00:00");
    assert_snapshot!(ruled("FREQ=MONTHLY;BYMONTHDAY=32"), @"the rule `FREQ=MONTHLY;BYMONTHDAY=32` is impossible: RRule parsing error: `32` is not a valid BYMONTHDAY value. Expected a comma-separated list of values in range -31..=31, e.g. `-30,10`");
    assert_snapshot!(ruled("FREQ=MONTHLY;BYSETPOS=-1"), @"understood: 27 windows");
    assert_snapshot!(ruled("FREQ=FORTNIGHTLY"), @"the rule `FREQ=FORTNIGHTLY` is impossible: RRule parsing error: `FORTNIGHTLY` is not a valid frequency.");
    assert_snapshot!(ruled("BYDAY=MO"), @"the rule `BYDAY=MO` is impossible: RRule parsing error: The property `FREQ` wasn't found, and it is required.");
    assert_snapshot!(ruled("FREQ=DAILY;COUNT=0"), @"the rule `FREQ=DAILY;COUNT=0` is impossible: `COUNT=0` counts nothing");
    assert_snapshot!(ruled("FREQ=DAILY;COUNT=3;UNTIL=20260101"), @"the rule `FREQ=DAILY;COUNT=3;UNTIL=20260101` is impossible: it has two ends, of COUNT and UNTIL");
    assert_snapshot!(ruled("FREQ=DAILY;UNTIL=soon"), @"`soon` is not a date or time such as `2026-12-19T18:00:00`");
    assert_snapshot!(ruled("FREQ=DAILY;RSCALE=HEBREW"), @"the rule `FREQ=DAILY;RSCALE=HEBREW` is impossible: RRule parsing error: `RSCALE` is not a valid property parameter.");
    assert_snapshot!(ruled("DAILY"), @"the rule `DAILY` is impossible: `DAILY` has no value");
    assert_snapshot!(ruled("FREQ=HOURLY"), @"the rule `FREQ=HOURLY` is impossible: FREQ is DAILY or slower; list hours as in `FREQ=DAILY;BYHOUR=9,12,15`");
    assert_snapshot!(ruled("FREQ=SECONDLY"), @"the rule `FREQ=SECONDLY` is impossible: FREQ is DAILY or slower; list hours as in `FREQ=DAILY;BYHOUR=9,12,15`");
}

#[test]
fn a_rule_that_expands_too_far_is_not_expanded() {
    let hours: Vec<String> = (0..24).map(|hour| hour.to_string()).collect();
    let minutes: Vec<String> = (0..60).map(|minute| minute.to_string()).collect();
    let rule = format!(
        "FREQ=DAILY;BYHOUR={};BYMINUTE={}",
        hours.join(","),
        minutes.join(",")
    );
    let said = ruled(&rule);
    assert!(
        said.ends_with("begins a window more than 200000 times before 2028-08-09"),
        "{said}"
    );
}

#[test]
fn what_can_not_be_a_window() {
    let spec = |start: &str, length: &str| refused(&deny("UTC", start, length, ""), None);
    assert_snapshot!(spec("2026-01-02T10:00", "2026-01-02T10:00"), @"it ends at 2026-01-02 10:00:00, and begins at 2026-01-02 10:00:00");
    assert_snapshot!(spec("2026-01-02T10:00", "2026-01-01T10:00"), @"it ends at 2026-01-01 10:00:00, and begins at 2026-01-02 10:00:00");
    assert_snapshot!(spec("2026-01-02T10:00", "P400D"), @"it lasts 400 days (limit 366)");
    assert_snapshot!(spec("2026-01-02T10:00", "PT0S"), @"`PT0S` is not a duration such as `PT8H`, `P1D` or `P2W`");
    assert_snapshot!(spec("tomorrow", "PT1H"), @"`tomorrow` is not a date or time such as `2026-12-19T18:00:00`");
    assert_snapshot!(refused(&deny("Middle/Earth", "2026-01-02", "P1D", ""), None), @"`Middle/Earth` is not a time zone of the IANA database, nor a Windows name of one");
    let with = |change: fn(&mut CalendarSpec)| {
        let mut spec = deny("UTC", "2026-01-02T10:00", "PT1H", "");
        change(&mut spec);
        refused(&spec, None)
    };
    assert_snapshot!(with(|spec| spec.zone = None), @"`2026-01-02T10:00` names no time zone, and the calendar has none: set `zone`");
    assert_snapshot!(with(|spec| spec.kind = None), @"`kind` is missing");
    assert_snapshot!(with(|spec| spec.duration = None), @"`end` or `duration` is missing");
    assert_snapshot!(with(|spec| spec.end = Some("2026-01-03".to_owned())), @"both `end` and `duration`");
    assert_snapshot!(with(|spec| spec.start = None), @"`start` is missing");
    assert_snapshot!(with(|spec| spec.exdate = vec!["x".to_owned()]), @"`x` is not a date or time such as `2026-12-19T18:00:00`");
    assert_snapshot!(with(|spec| spec.rdate = vec!["20260101T000000".to_owned(), "x".to_owned()]), @"`x` is not a date or time such as `2026-12-19T18:00:00`");
}

/// An event with these lines, in a file.
fn event(lines: &str) -> String {
    let text = format!(
        "BEGIN:VCALENDAR\nVERSION:2.0\nBEGIN:VEVENT\nUID:1\nSUMMARY:season\n{lines}\nEND:VEVENT\nEND:VCALENDAR\n"
    );
    refused(&file(Some(WindowKind::Deny)), Some(&text))
}

#[test]
fn events_that_are_not_understood_close_the_whole_calendar() {
    assert_snapshot!(event("DTSTART:20260601T000000Z\nDTEND:20260601T010000Z"), @"understood: 1 windows");
    assert_snapshot!(event("DTSTART:20260601T000000Z"), @"`season` in line 3: DTEND or DURATION is missing");
    assert_snapshot!(event("DTEND:20260601T000000Z"), @"`season` in line 3: DTSTART is missing");
    assert_snapshot!(event("DTSTART;TZID=Customized Time Zone:20260601T000000\nDURATION:PT1H"), @"`season` in line 3: `Customized Time Zone` is not a time zone of the IANA database, nor a Windows name of one");
    assert_snapshot!(event("DTSTART:20260601T000000Z\nDURATION:PT1H\nEXRULE:FREQ=DAILY"), @"`season` in line 3: EXRULE is not supported");
    assert_snapshot!(event("DTSTART:20260601T000000Z\nDURATION:PT1H\nDTSTART:20260601T000000Z"), @"line 8: DTSTART stands twice in one event");
    assert_snapshot!(event("DTSTART:20260601T000000Z\nDURATION:PT1H\nDTEND:20260602T000000Z"), @"`season` in line 3: it has both DTEND and DURATION");
    assert_snapshot!(event("DTSTART:20260601T000000Z\nDURATION:PT1H\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260601T000000Z"), @"`season` in line 3: RECURRENCE-ID with RANGE is not supported: write the later dates as an event of their own");
    assert_snapshot!(event("DTSTART:20260601T000000Z\nDURATION:PT1H\nRDATE;VALUE=PERIOD:20260601T000000Z/x"), @"`season` in line 3: `x` is not a date or time such as `2026-12-19T18:00:00`");
    assert_snapshot!(event("DTSTART:20260601T000000Z\nDURATION:PT1H\nno line at all"), @"line 8: `no line at all` is not a line of iCalendar");
    assert_snapshot!(event("DTSTART:20260601T000000Z\nDURATION:PT1H\nSTATUS:CANCELLED"), @"understood: 0 windows");
}

#[test]
fn files_that_are_not_what_they_should_be() {
    let read = |text: &str| refused(&file(Some(WindowKind::Deny)), Some(text));
    assert_snapshot!(read(""), @"neither iCalendar, which begins with BEGIN:VCALENDAR, nor YAML of kargo.akuity.io");
    assert_snapshot!(read("BEGIN:VCALENDAR\nEND:VCALENDAR\n"), @"understood: 0 windows");
    assert_snapshot!(read("kind: ProjectConfig\napiVersion: kargo.akuity.io/v1alpha1\n"), @"`kind` is said by each of Kargo's windows: remove it");
    assert_snapshot!(read("BEGIN:VCALENDAR\nBEGIN:VEVENT\n"), @"the file ends within VEVENT");
    assert_snapshot!(read("BEGIN:VCALENDAR\nEND:VEVENT\n"), @"line 2: END:VEVENT ends what was not begun");
    assert_snapshot!(read("BEGIN:VEVENT\nEND:VEVENT\n"), @"line 1: BEGIN:VEVENT is out of place");
    assert_snapshot!(read("BEGIN:VCALENDAR\nEND:VCALENDAR\nX:1\n"), @"line 3: X:1 stands outside of a calendar");
    assert_snapshot!(read("<html>not found</html>"), @"neither iCalendar, which begins with BEGIN:VCALENDAR, nor YAML of kargo.akuity.io");
    let deep = "BEGIN:VCALENDAR\n".to_owned() + &"BEGIN:X\n".repeat(9);
    assert_snapshot!(read(&deep), @"line 9: BEGIN:X is out of place");
    assert_snapshot!(read(&"x".repeat(FILE_BYTES_MAX + 1)), @"4194305 bytes (limit 4194304)");
    assert_snapshot!(refused(&file(None), Some("BEGIN:VCALENDAR\nEND:VCALENDAR\n")), @"`kind`, which iCalendar has no word for, is missing");
}
