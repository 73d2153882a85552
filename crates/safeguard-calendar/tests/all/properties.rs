//! What holds for every calendar, and no text makes it panic.

use proptest::prelude::*;
use safeguard_api::Timestamp;
use safeguard_api::freeze::WindowKind;
use safeguard_calendar::{Calendar, Judgement, Schedule, Spell, Timeline};

use crate::{at, file};

const HOUR_MS: i64 = 3_600_000;

fn spells() -> impl Strategy<Value = Vec<Spell>> {
    let spell = (0_i64..200, 1_i64..20).prop_map(|(from, hours)| Spell {
        from: Timestamp(from * HOUR_MS),
        to: Timestamp((from + hours) * HOUR_MS),
        label: String::new(),
    });
    proptest::collection::vec(spell, 0..8).prop_map(|mut spells| {
        spells.sort_by_key(|spell| (spell.from, spell.to));
        spells
    })
}

fn schedule() -> impl Strategy<Value = Schedule> {
    (spells(), proptest::option::of(spells())).prop_map(|(deny, allow)| Schedule {
        from: Timestamp(0),
        until: Timestamp(250 * HOUR_MS),
        deny,
        allow,
    })
}

/// The rule itself, hour by hour: deny wins, and where there is an allow window at all, outside of them is closed.
fn open_at(schedules: &[Schedule], at: Timestamp) -> bool {
    let covers = |spell: &Spell| spell.from <= at && at < spell.to;
    let denied = schedules.iter().any(|one| one.deny.iter().any(covers));
    let must_be_allowed = schedules.iter().any(|one| one.allow.is_some());
    let allowed = schedules
        .iter()
        .flat_map(|one| &one.allow)
        .any(|allow| allow.iter().any(covers));
    !denied && (allowed || !must_be_allowed)
}

proptest! {
    #[test]
    fn a_timeline_agrees_with_the_rule_at_every_hour(schedules in proptest::collection::vec(schedule(), 0..4), now in 0_i64..250) {
        let all: Vec<&Schedule> = schedules.iter().collect();
        let (from, until) = (Timestamp(0), Timestamp(250 * HOUR_MS));
        let now = Timestamp(now * HOUR_MS);
        let later = |open: bool| {
            let mut hours = (now.0 / HOUR_MS..250).map(|hour| Timestamp(hour * HOUR_MS));
            hours.find(|at| open_at(&schedules, *at) == open)
        };
        let judged = Timeline::new(&all, from, until).judge(&[], now);
        let wanted = if open_at(&schedules, now) {
            Judgement::Open { closes_at: later(false) }
        } else {
            Judgement::Closed { opens_at: later(true) }
        };
        prop_assert_eq!(judged, wanted);
    }

    #[test]
    fn no_text_makes_it_panic(text in "[A-Z0-9:;=,TZ/P\\-\"\n\t a-z+\\\\éß]{0,200}") {
        let moment = at("2026-01-01T00:00:00Z");
        let event = format!("BEGIN:VCALENDAR\nBEGIN:VEVENT\n{text}\nEND:VEVENT\nEND:VCALENDAR");
        for kind in [None, Some(WindowKind::Deny)] {
            for text in [&text, &event] {
                let read = Calendar::read(&file(kind), Some(text)).and_then(|calendar| calendar.schedule(moment));
                if let Ok(schedule) = read {
                    prop_assert!(schedule.from <= moment);
                }
            }
        }
    }

    #[test]
    fn no_twisted_project_makes_it_panic(
        edits in proptest::collection::vec((any::<u16>(), 0_usize..40, "[-A-Za-z0-9:;=,\\[\\]{}&*!|>%@\"'#\n ]{0,6}"), 1..6),
    ) {
        let moment = at("2026-01-01T00:00:00Z");
        let mut text = crate::kargo::PROJECT.to_owned();
        for (from, length, put) in edits {
            let from = usize::from(from) % (text.len() + 1);
            let until = (from + length).min(text.len());
            text.replace_range(from..until, &put);
        }
        if let Ok(schedule) = Calendar::read(&file(None), Some(&text)).and_then(|calendar| calendar.schedule(moment)) {
            prop_assert!(schedule.from <= moment);
        }
    }

    #[test]
    fn no_rule_makes_it_panic(
        freq in "YEARLY|MONTHLY|WEEKLY|DAILY",
        parts in proptest::collection::vec("(BYDAY=-?[0-9]{0,3}(MO|TU)|BYMONTHDAY=-?[0-9]{1,3}|BYMONTH=[0-9]{1,2}|BYSETPOS=-?[0-9]{1,3}|BYYEARDAY=-?[0-9]{1,4}|BYWEEKNO=-?[0-9]{1,3}|INTERVAL=[0-9]{1,7}|COUNT=[0-9]{1,9}|UNTIL=[0-9T]{1,15}Z?|BYHOUR=[0-9]{1,2}|WKST=(SU|MO))", 0..4),
        date in "20[0-9]{2}(0[1-9]|1[0-2])(0[1-9]|2[0-9]|3[01])T0[0-9]3000",
        zone in "Europe/Berlin|America/Santiago|Pacific/Apia|Africa/Cairo",
    ) {
        let spec = crate::deny(&zone, &date, "PT1H", &format!("FREQ={freq};{}", parts.join(";")));
        let moment = at("2026-01-01T00:00:00Z");
        if let Ok(schedule) = Calendar::read(&spec, None).and_then(|calendar| calendar.schedule(moment)) {
            for spell in &schedule.deny {
                prop_assert!(spell.from < spell.to && schedule.from < spell.to && spell.from < schedule.until);
            }
        }
    }
}
