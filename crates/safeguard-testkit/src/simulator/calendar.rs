//! Freeze calendars of a simulated rollout, and the same windows once more by arithmetic, for the checks.

use safeguard_api::config::CalendarSpec;
use safeguard_api::freeze::WindowKind;
use safeguard_api::{Name, Timestamp};
use safeguard_calendar::{Calendar, Calendars, Held};

use super::rng::Rng;

const HOUR_MS: i64 = 3_600_000;
/// 1 January 1970 was a Thursday.
const MONDAY_FIRST: i64 = 3;
const DAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// Hours of each day in which nothing moves, and hours of some weekdays outside of which nothing moves.
pub struct Season {
    /// From this hour of the day in UTC, for so many hours, over midnight too.
    deny: Option<(i64, i64)>,
    /// The days, Monday is 0; from this hour, for so many hours, within the day.
    allow: Option<(Vec<usize>, i64, i64)>,
}

impl Season {
    pub fn draw(rng: &mut Rng) -> Season {
        let deny = rng
            .permille(300)
            .then(|| (rng.below(24) as i64, rng.between(1, 20) as i64));
        let allow = rng.permille(200).then(|| {
            let days = (0..7).filter(|_| rng.permille(700)).collect();
            (days, rng.below(12) as i64, rng.between(4, 12) as i64)
        });
        // An allow window on no day at all is a calendar without a rule.
        let allow = allow.filter(|(days, _, _): &(Vec<usize>, i64, i64)| !days.is_empty());
        Season { deny, allow }
    }

    /// Whether it is closed when clocks show `wall`, by arithmetic alone.
    pub fn closed(&self, wall: Timestamp) -> bool {
        let hour = wall.0.div_euclid(HOUR_MS);
        let (of_day, day) = (hour.rem_euclid(24), hour.div_euclid(24));
        let denied = self
            .deny
            .is_some_and(|(from, hours)| (of_day - from).rem_euclid(24) < hours);
        let outside = self.allow.as_ref().is_some_and(|(days, from, hours)| {
            let weekday = (day + MONDAY_FIRST).rem_euclid(7);
            let today = days.iter().any(|one| i64::try_from(*one) == Ok(weekday));
            !(today && *from <= of_day && of_day < from + hours)
        });
        denied || outside
    }

    /// The same as calendars, as the server would read them.
    pub fn calendars(&self, service: &Name, wall: Timestamp) -> Result<Calendars, String> {
        let mut held = std::collections::BTreeMap::new();
        let mut add = |name: &str, spec: CalendarSpec| -> Result<(), String> {
            let calendar = Calendar::read(&spec, None).map_err(|error| error.to_string())?;
            let name = name.parse().map_err(|error| format!("{error}"))?;
            held.insert(
                name,
                Held {
                    services: Vec::new(),
                    calendar: Ok(calendar.into()),
                },
            );
            Ok(())
        };
        let window = |kind, from: i64, hours: i64, rule: String| CalendarSpec {
            kind: Some(kind),
            zone: Some("UTC".to_owned()),
            start: Some(format!("2026-01-01T{from:02}:00:00")),
            duration: Some(format!("PT{hours}H")),
            rrule: Some(rule),
            ..CalendarSpec::default()
        };
        if let Some((from, hours)) = self.deny {
            add(
                "nights",
                window(WindowKind::Deny, from, hours, "FREQ=DAILY".to_owned()),
            )?;
        }
        if let Some((days, from, hours)) = &self.allow {
            let days: Vec<&str> = days.iter().filter_map(|day| DAYS.get(*day).copied()).collect();
            let rule = format!("FREQ=WEEKLY;BYDAY={}", days.join(","));
            add("work", window(WindowKind::Allow, *from, *hours, rule))?;
        }
        Ok(Calendars::new(held, std::slice::from_ref(service), wall))
    }
}
