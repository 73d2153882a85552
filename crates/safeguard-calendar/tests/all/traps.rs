//! The nights in which the clocks are set, the ends of years, and other days that catch calendars out.

use insta::assert_snapshot;

use crate::{allow, deny, said};

#[test]
fn deny_wins_and_outside_of_all_allow_windows_is_closed() {
    let work = allow(
        "Europe/Berlin",
        "2026-01-05T09:00",
        "2026-01-05T17:00",
        "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
    );
    let evening = allow(
        "Europe/Berlin",
        "2026-01-05T17:00",
        "PT2H",
        "FREQ=WEEKLY;BYDAY=TU",
    );
    let lunch = deny("Europe/Berlin", "2026-01-01T12:00", "PT1H", "FREQ=DAILY");
    let all = [work.clone(), evening.clone(), lunch.clone()];
    // Tuesday.
    assert_snapshot!(said(&all, "2026-01-06T08:00:00Z"), @"open, closes 2026-01-06T11:00Z");
    assert_snapshot!(said(&all, "2026-01-06T11:00:00Z"), @"closed, opens 2026-01-06T12:00Z");
    assert_snapshot!(said(&all, "2026-01-06T12:00:00Z"), @"open, closes 2026-01-06T18:00Z");
    assert_snapshot!(said(&all, "2026-01-06T18:00:00Z"), @"closed, opens 2026-01-07T08:00Z");
    // Friday evening: two days and three nights.
    assert_snapshot!(said(&all, "2026-01-09T16:00:00Z"), @"closed, opens 2026-01-12T08:00Z");
    assert_snapshot!(said(&[lunch], "2026-01-09T16:00:00Z"), @"open, closes 2026-01-10T11:00Z");
    assert_snapshot!(said(&[], "2026-01-09T16:00:00Z"), @"open, closes ?");
}

#[test]
fn an_allow_window_that_is_over_opens_nothing_any_more() {
    let once = allow("UTC", "2026-01-05T09:00", "PT8H", "");
    assert_snapshot!(said(std::slice::from_ref(&once), "2026-01-05T08:59:59Z"), @"closed, opens 2026-01-05T09:00Z");
    assert_snapshot!(said(std::slice::from_ref(&once), "2026-01-05T17:00:00Z"), @"closed, opens ?");
    assert_snapshot!(said(&[once], "2036-01-05T10:00:00Z"), @"closed, opens ?");
}

#[test]
fn a_window_in_the_skipped_hour_holds_an_hour_later_by_the_clock() {
    // New York skips from 02:00 EST to 03:00 EDT at 07:00Z.
    let window = [deny(
        "America/New_York",
        "2026-03-07T02:15",
        "2026-03-07T02:45",
        "FREQ=DAILY",
    )];
    assert_snapshot!(said(&window, "2026-03-07T07:20:00Z"), @"closed, opens 2026-03-07T07:45Z");
    assert_snapshot!(said(&window, "2026-03-08T07:14:00Z"), @"open, closes 2026-03-08T07:15Z");
    assert_snapshot!(said(&window, "2026-03-08T07:20:00Z"), @"closed, opens 2026-03-08T07:45Z");
    assert_snapshot!(said(&window, "2026-03-09T06:20:00Z"), @"closed, opens 2026-03-09T06:45Z");
}

#[test]
fn a_window_that_ends_in_the_doubled_hour_ends_the_first_time() {
    let window = [deny(
        "America/New_York",
        "2026-10-31T23:00",
        "2026-11-01T01:30",
        "",
    )];
    assert_snapshot!(said(&window, "2026-11-01T04:00:00Z"), @"closed, opens 2026-11-01T05:30Z");
}

#[test]
fn an_end_is_by_the_wall_and_a_duration_in_hours_by_the_stopwatch() {
    // Berlin's night of 28 to 29 March has seven hours from 22:00 to 06:00.
    let by_end = [deny(
        "Europe/Berlin",
        "2026-03-27T22:00",
        "2026-03-28T06:00",
        "FREQ=DAILY",
    )];
    assert_snapshot!(said(&by_end, "2026-03-29T00:00:00Z"), @"closed, opens 2026-03-29T04:00Z");
    let by_duration = [deny("Europe/Berlin", "2026-03-27T22:00", "PT8H", "FREQ=DAILY")];
    assert_snapshot!(said(&by_duration, "2026-03-29T00:00:00Z"), @"closed, opens 2026-03-29T05:00Z");
    // A day has 23 hours there.
    let day = [deny("Europe/Berlin", "2026-03-29T00:00", "P1D", "")];
    assert_snapshot!(said(&day, "2026-03-29T00:00:00Z"), @"closed, opens 2026-03-29T22:00Z");
    // An end in UTC is exact.
    let mixed = [deny(
        "Europe/Berlin",
        "2026-03-27T22:00",
        "2026-03-28T05:00:00Z",
        "FREQ=DAILY",
    )];
    assert_snapshot!(said(&mixed, "2026-03-29T00:00:00Z"), @"closed, opens 2026-03-29T05:00Z");
}

#[test]
fn a_whole_day_is_a_day_of_its_zone() {
    let day = [deny("Pacific/Auckland", "2026-12-25", "P1D", "FREQ=YEARLY")];
    assert_snapshot!(said(&day, "2026-12-24T10:59:59Z"), @"open, closes 2026-12-24T11:00Z");
    assert_snapshot!(said(&day, "2027-12-24T11:00:00Z"), @"closed, opens 2027-12-25T11:00Z");
    // A day whose midnight is skipped begins at 01:00.
    let day = [deny("America/Santiago", "2026-09-06", "2026-09-07", "")];
    assert_snapshot!(said(&day, "2026-09-06T03:59:59Z"), @"open, closes 2026-09-06T04:00Z");
    assert_snapshot!(said(&day, "2026-09-06T04:00:00Z"), @"closed, opens 2026-09-07T03:00Z");
}

#[test]
fn windows_cross_midnight_and_the_end_of_the_year() {
    let season = [deny(
        "Europe/Berlin",
        "2024-12-19T18:00",
        "2025-01-04T08:00",
        "FREQ=YEARLY",
    )];
    assert_snapshot!(said(&season, "2026-12-31T23:59:59Z"), @"closed, opens 2027-01-04T07:00Z");
    assert_snapshot!(said(&season, "2027-01-04T07:00:00Z"), @"open, closes 2027-12-19T17:00Z");
}

#[test]
fn a_leap_day_comes_in_leap_years_only() {
    let day = [deny("UTC", "2024-02-29", "P1D", "FREQ=YEARLY")];
    assert_snapshot!(said(&day, "2026-06-01T12:00:00Z"), @"open, closes 2028-02-29T00:00Z");
    assert_snapshot!(said(&day, "2025-03-01T12:00:00Z"), @"open, closes ?");
    assert_snapshot!(said(&day, "2028-02-29T23:59:59Z"), @"closed, opens 2028-03-01T00:00Z");
}

#[test]
fn until_in_utc_and_until_by_the_wall() {
    // Midnight of 10 January in New York is 05:00Z.
    let until = |until: &str| {
        let rule = format!("FREQ=DAILY;UNTIL={until}");
        said(
            &[deny("America/New_York", "2026-01-01T00:00", "PT1H", &rule)],
            "2026-01-10T05:30:00Z",
        )
    };
    assert_snapshot!(until("20260110T045959Z"), @"open, closes ?");
    assert_snapshot!(until("20260110T050000Z"), @"closed, opens 2026-01-10T06:00Z");
    assert_snapshot!(until("20260109T235959"), @"open, closes ?");
    assert_snapshot!(until("20260110T000000"), @"closed, opens 2026-01-10T06:00Z");
    // A date is the whole day.
    assert_snapshot!(until("20260109"), @"open, closes ?");
    assert_snapshot!(until("20260110"), @"closed, opens 2026-01-10T06:00Z");
}

#[test]
fn excluded_dates_count_and_may_be_written_in_another_zone() {
    let mut window = deny("Europe/Berlin", "2026-01-05T18:00", "PT2H", "FREQ=WEEKLY;COUNT=3");
    // 18:00 in Berlin, and a whole day.
    window.exdate = vec!["20260112T170000Z".to_owned(), "2026-01-19".to_owned()];
    assert_snapshot!(said(std::slice::from_ref(&window), "2026-01-12T17:30:00Z"), @"open, closes ?");
    assert_snapshot!(said(&[window], "2026-01-05T17:00:00Z"), @"closed, opens 2026-01-05T19:00Z");
}

#[test]
fn a_start_that_is_not_one_of_the_rules_dates_is_read_as_what_holds_more() {
    // A Thursday, and a rule of Fridays.
    let rule = "FREQ=WEEKLY;BYDAY=FR";
    let denied = [deny("UTC", "2026-01-01T10:00", "PT1H", rule)];
    assert_snapshot!(said(&denied, "2026-01-01T10:30:00Z"), @"closed, opens 2026-01-01T11:00Z");
    let allowed = [allow("UTC", "2026-01-01T10:00", "PT1H", rule)];
    assert_snapshot!(said(&allowed, "2026-01-01T10:30:00Z"), @"closed, opens 2026-01-02T10:00Z");
}

#[test]
fn freezes_that_people_opened_hold_besides() {
    use safeguard_calendar::{Calendar, Timeline};
    let night = deny("UTC", "2026-01-01T22:00", "PT8H", "FREQ=DAILY");
    let now = crate::at("2026-01-05T20:00:00Z");
    let schedule = Calendar::read(&night, None).unwrap().schedule(now).unwrap();
    let timeline = Timeline::new(&[&schedule], now, schedule.until);
    let judged = |frozen: &[Option<&str>]| {
        let frozen: Vec<_> = frozen.iter().map(|until| until.map(crate::at)).collect();
        crate::worded(timeline.judge(&frozen, now))
    };
    assert_snapshot!(judged(&[]), @"open, closes 2026-01-05T22:00Z");
    assert_snapshot!(judged(&[Some("2026-01-05T21:00:00Z")]), @"closed, opens 2026-01-05T21:00Z");
    // It ends in the night, so it opens when the night is over.
    assert_snapshot!(judged(&[Some("2026-01-05T23:00:00Z")]), @"closed, opens 2026-01-06T06:00Z");
    assert_snapshot!(judged(&[Some("2026-01-05T21:00:00Z"), None]), @"closed, opens ?");
    assert_snapshot!(judged(&[Some("2026-01-05T20:00:00Z")]), @"open, closes 2026-01-05T22:00Z");
}
