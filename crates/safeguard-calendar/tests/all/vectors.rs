//! Against what other implementations say of the same rules and files; `vectors/make.py` has asked them.

use safeguard_api::Timestamp;
use safeguard_api::freeze::WindowKind;
use safeguard_calendar::Calendar;
use serde_json::Value;

use crate::{allow, at, file};

fn cases(text: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(text).unwrap();
    file["cases"].as_array().unwrap().clone()
}

fn texts(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one.as_str().unwrap())
        .collect()
}

#[test]
fn rules_begin_when_dateutil_says() {
    let cases = cases(include_str!("../../vectors/recurrences.json"));
    assert_eq!(cases.len(), 400);
    let mut wrong = Vec::new();
    for case in &cases {
        let text = |name: &str| case[name].as_str().unwrap();
        let spec = allow(text("zone"), text("start"), "PT1H", text("rule"));
        let looked = at(text("at"));
        let begins = texts(&case["begins"])
            .into_iter()
            .map(at)
            .collect::<Vec<Timestamp>>();
        let schedule = Calendar::read(&spec, None).and_then(|calendar| calendar.schedule(looked));
        let ours = schedule.map(|schedule| {
            let from = schedule.allow.unwrap().into_iter().map(|spell| spell.from);
            from.filter(|from| looked <= *from)
                .take(begins.len())
                .collect::<Vec<_>>()
        });
        if ours.as_ref() != Ok(&begins) {
            wrong.push(format!("{case}\n  ours: {ours:?}"));
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn files_hold_when_recurring_ical_events_says() {
    let cases = cases(include_str!("../../vectors/events.json"));
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/vectors/files");
    assert_eq!(cases.len(), std::fs::read_dir(folder).unwrap().count());
    for case in &cases {
        let name = case["file"].as_str().unwrap();
        let text = std::fs::read_to_string(format!("{folder}/{name}")).unwrap();
        let (first, last) = (at("2026-01-01T00:00:00Z"), at("2028-01-01T00:00:00Z"));
        let calendar = Calendar::read(&file(Some(WindowKind::Deny)), Some(&text)).unwrap();
        let ours: Vec<[String; 3]> = calendar
            .schedule(first)
            .unwrap()
            .deny
            .into_iter()
            .filter(|spell| first < spell.to && spell.from < last)
            .map(|spell| {
                let shown = |at: Timestamp| at.to_string().replace(".000Z", "Z");
                [shown(spell.from), shown(spell.to), spell.label]
            })
            .collect();
        let theirs: Vec<[String; 3]> = case["spells"]
            .as_array()
            .unwrap()
            .iter()
            .map(|spell| {
                let texts = texts(spell);
                [0, 1, 2].map(|at| texts[at].to_owned())
            })
            .collect();
        assert_eq!(ours, theirs, "{name}");
    }
}
