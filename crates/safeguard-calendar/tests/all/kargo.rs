//! Kargo's promotion windows.

use insta::assert_snapshot;
use safeguard_api::config::CalendarSpec;
use safeguard_calendar::{Calendar, Timeline};

use crate::{at, file, worded};

fn said_for(stage: Option<&str>, text: &str, moment: &str) -> String {
    let spec = CalendarSpec {
        stage: stage.map(str::to_owned),
        ..file(None)
    };
    let moment = at(moment);
    match Calendar::read(&spec, Some(text)).and_then(|calendar| calendar.schedule(moment)) {
        Ok(schedule) => worded(Timeline::new(&[&schedule], moment, schedule.until).judge(&[], moment)),
        Err(error) => error.to_string(),
    }
}

fn said(text: &str, moment: &str) -> String {
    said_for(None, text, moment)
}

pub const PROJECT: &str = "\
apiVersion: kargo.akuity.io/v1alpha1
kind: ProjectConfig
metadata:
  name: shop
  namespace: shop
spec:
  promotionPolicies:
  - stageSelector: { name: test }
    autoPromotionEnabled: true
  promotionWindows:
  - name: us-offhours
    kind: Allow
    rrule: FREQ=DAILY
    dtstart: TZID=America/New_York:20260101T090000
    dtend: TZID=America/New_York:20260101T170000
  - name: blackout
    kind: Deny
    dtstart: TZID=America/New_York:20260102T110000
    dtend: TZID=America/New_York:20260102T130000
---
apiVersion: v1
kind: ConfigMap
metadata: { name: nothing to do with it }
";

#[test]
fn windows_of_a_project() {
    assert_snapshot!(said(PROJECT, "2026-01-01T14:00:00Z"), @"open, closes 2026-01-01T22:00Z");
    assert_snapshot!(said(PROJECT, "2026-01-02T17:00:00Z"), @"closed, opens 2026-01-02T18:00Z");
    assert_snapshot!(said(PROJECT, "2026-01-02T18:00:00Z"), @"open, closes 2026-01-02T22:00Z");
    assert_snapshot!(said(PROJECT, "2026-01-02T22:00:00Z"), @"closed, opens 2026-01-03T14:00Z");
}

#[test]
fn selectors_are_followed_exactly_or_refused() {
    let select = |selector: &str| PROJECT.replace("kind: Deny", &format!("kind: Deny\n    {selector}"));
    let of = |stage: Option<&str>, selector: &str| said_for(stage, &select(selector), "2026-01-02T17:00:00Z");
    assert_snapshot!(of(None, "stageSelector: { name: prod }"), @"promotion window `blackout`: it has a stageSelector: say with `stage` which of Kargo's stages is meant");
    assert_snapshot!(of(Some("prod"), "stageSelector: { name: prod }"), @"closed, opens 2026-01-02T18:00Z");
    assert_snapshot!(of(Some("test"), "stageSelector: { name: prod }"), @"open, closes 2026-01-02T22:00Z");
    assert_snapshot!(of(Some("prod"), "stageSelector: { name: 'glob:prod-*' }"), @"promotion window `blackout`: of a stageSelector only an exact name is supported");
    assert_snapshot!(of(Some("prod"), "stageSelector: { matchLabels: { pci: 'yes' } }"), @"promotion window `blackout`: of a stageSelector only an exact name is supported");
    assert_snapshot!(of(Some("prod"), "projectSelector: { name: shop }"), @"promotion window `blackout`: projectSelector is not supported: give the windows of one project a file of their own");
    assert_snapshot!(of(None, "timezone: UTC"), @"not Kargo's YAML: error: line 18 column 5: unknown field `timezone`, expected one of name, kind, stageSelector, projectSelector, rrule, dtstart, dtend");
}

/// The resource with a schedule of cron.
fn resource(spec: &str) -> String {
    format!(
        "apiVersion: kargo.akuity.io/v1alpha1\nkind: PromotionWindow\nmetadata: {{ name: nights }}\nspec: {{ {spec} }}\n"
    )
}

#[test]
fn schedules_of_cron() {
    let nights = resource("kind: deny, schedule: '0 22 * * 1-5', duration: 8h, timeZone: Europe/Berlin");
    assert_snapshot!(said(&nights, "2026-01-05T20:59:59Z"), @"open, closes 2026-01-05T21:00Z");
    assert_snapshot!(said(&nights, "2026-01-06T00:00:00Z"), @"closed, opens 2026-01-06T05:00Z");
    // Friday's night is the last of the week.
    assert_snapshot!(said(&nights, "2026-01-10T12:00:00Z"), @"open, closes 2026-01-12T21:00Z");
    // Either day is enough when both are restricted: the 13th, and each Friday.
    let either = resource("kind: deny, schedule: '0 0 13 * fri', duration: 1h");
    assert_snapshot!(said(&either, "2026-01-10T12:00:00Z"), @"open, closes 2026-01-13T00:00Z");
    assert_snapshot!(said(&either, "2026-01-13T12:00:00Z"), @"open, closes 2026-01-16T00:00Z");
    let stepped = resource("kind: allow, schedule: '*/30 9-17/4 * 1,7 7', duration: 15m");
    assert_snapshot!(said(&stepped, "2026-01-04T09:10:00Z"), @"open, closes 2026-01-04T09:15Z");
    assert_snapshot!(said(&stepped, "2026-01-04T09:20:00Z"), @"closed, opens 2026-01-04T09:30Z");
    assert_snapshot!(said(&stepped, "2026-01-25T17:50:00Z"), @"closed, opens 2026-07-05T09:00Z");
    let daily = resource("kind: allow, schedule: '@daily', duration: 1h");
    assert_snapshot!(said(&daily, "2026-01-04T09:20:00Z"), @"closed, opens 2026-01-05T00:00Z");
    let ruled = resource("kind: deny, dtstart: '20240101T030000Z', rrule: FREQ=DAILY, duration: 1h");
    assert_snapshot!(said(&ruled, "2026-01-04T03:20:00Z"), @"closed, opens 2026-01-04T04:00Z");
}

#[test]
fn what_is_not_understood_is_refused() {
    let refused = |spec: &str| said(&resource(spec), "2026-01-01T00:00:00Z");
    assert_snapshot!(refused("kind: deny, schedule: '0 22 * *', duration: 8h"), @"PromotionWindow `nights`: the rule `0 22 * *` is impossible: 4 fields, and five are wanted");
    assert_snapshot!(refused("kind: deny, schedule: '0 24 * * *', duration: 8h"), @"PromotionWindow `nights`: the rule `0 24 * * *` is impossible: `24` can not be the hour");
    assert_snapshot!(refused("kind: deny, schedule: '@every 1h', duration: 8h"), @"PromotionWindow `nights`: the rule `@every 1h` is impossible: 2 fields, and five are wanted");
    assert_snapshot!(refused("kind: deny, schedule: '0 5-2 * * *', duration: 8h"), @"PromotionWindow `nights`: the rule `0 5-2 * * *` is impossible: `5-2` can not be the hour");
    assert_snapshot!(refused("kind: deny, schedule: '0 0 30 2 *', duration: 8h"), @"`nights`: the rule `FREQ=DAILY;BYMONTH=2;BYHOUR=0;BYMINUTE=0;BYSECOND=0;BYMONTHDAY=30;BYDAY=SU,MO,TU,WE,TH,FR,SA` names no further date after 2024-12-28 00:00:00");
    assert_snapshot!(refused("kind: deny, schedule: '* * * * *', duration: 8h"), @"`nights`: the rule `FREQ=DAILY;BYMONTH=1,2,3,4,5,6,7,8,9,10,11,12;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23;BYMIN` begins a window more than 200000 times before 2028-03-11");
    assert_snapshot!(refused("kind: deny, schedule: '0 22 * * *', duration: P1D"), @"PromotionWindow `nights`: `P1D` is not a duration such as `1h30m`");
    assert_snapshot!(refused("kind: deny, schedule: '0 22 * * *'"), @"PromotionWindow `nights`: duration is missing");
    assert_snapshot!(refused("schedule: '0 22 * * *', duration: 8h"), @"PromotionWindow `nights`: kind is missing");
    assert_snapshot!(refused("kind: deny, schedule: '0 22 * * *', duration: 8h, timeZone: Mars/Olympus"), @"PromotionWindow `nights`: `Mars/Olympus` is not a time zone of the IANA database, nor a Windows name of one");
    assert_snapshot!(refused("kind: deny, schedule: '0 22 * * *', duration: 8h, labelSelector: {}"), @"PromotionWindow `nights`: labelSelector is not supported");
    assert_snapshot!(refused("kind: deny, rrule: FREQ=WEEKLY, duration: 8h"), @"PromotionWindow `nights`: dtstart is missing");
    assert_snapshot!(refused("kind: deny, schedule: '0 22 * * *', duration: 8h, rrule: FREQ=WEEKLY"), @"PromotionWindow `nights`: it has both a schedule and a rule");
    let moved = PROJECT.replace("autoPromotionEnabled: true", "promotionWindows: []");
    assert_snapshot!(said(&moved, "2026-01-01T00:00:00Z"), @"ProjectConfig `shop`: promotionWindows within promotionPolicies are not supported: write them under spec.promotionWindows");
    assert_snapshot!(said("apiVersion: kargo.akuity.io/v1alpha1", "2026-01-01T00:00:00Z"), @"a promotion window of kargo.akuity.io that concerns us is missing");
    let bomb = (0..9).map(|n| {
        format!(
            "a{}: &a{} [*a{n},*a{n},*a{n},*a{n},*a{n},*a{n},*a{n},*a{n}]\n",
            n + 1,
            n + 1
        )
    });
    let bomb = format!(
        "apiVersion: kargo.akuity.io/v1alpha1\na0: &a0 [x,x,x,x]\n{}",
        bomb.collect::<String>()
    );
    assert!(said(&bomb, "2026-01-01T00:00:00Z").starts_with("not Kargo's YAML"));
}
