//! All calendars of a policy together, and what they say of each service.

use std::collections::BTreeMap;
use std::sync::Arc;

use safeguard_api::freeze::{CalendarCheck, CalendarSays, Freeze, FreezeCheck};
use safeguard_api::{Name, Span, Timestamp};

use crate::LOOKED_AHEAD;
use crate::calendar::Calendar;
use crate::schedule::{Judgement, Schedule, Timeline};

/// What is known of one calendar: read, or why not.
#[derive(Debug, Clone)]
pub struct Held {
    /// The services it holds; empty means all.
    pub services: Vec<Name>,
    pub calendar: Result<Arc<Calendar>, String>,
}

/// Calendars expanded around a moment.
#[derive(Debug, Clone, Default)]
pub struct Calendars {
    held: BTreeMap<Name, Held>,
    schedules: BTreeMap<Name, Result<Arc<Schedule>, String>>,
    /// By service, where all of its calendars are understood.
    timelines: BTreeMap<Name, Timeline>,
    from: Timestamp,
    until: Timestamp,
}

impl Calendars {
    /// Expands the calendars for these services around `at`. It can take a second for calendars at their limits.
    #[must_use]
    pub fn new(held: BTreeMap<Name, Held>, services: &[Name], at: Timestamp) -> Calendars {
        let schedules: BTreeMap<Name, Result<Arc<Schedule>, String>> = held
            .iter()
            .map(|(name, held)| {
                let expanded = held.calendar.clone().and_then(|calendar| {
                    let schedule = calendar.schedule(at).map_err(|error| error.to_string());
                    schedule.map(Arc::new)
                });
                (name.clone(), expanded)
            })
            .collect();
        let mut calendars = Calendars {
            held,
            schedules,
            timelines: BTreeMap::new(),
            from: Timestamp(at.0.saturating_sub(i64::try_from(Span::hours(24).0).unwrap_or(0))),
            until: at.plus(LOOKED_AHEAD),
        };
        for service in services {
            let own: Result<Vec<&Schedule>, &String> = calendars
                .of(service)
                .map(|(_, schedule)| schedule.as_ref().map(Arc::as_ref))
                .collect();
            if let Ok(own) = own {
                let timeline = Timeline::new(&own, calendars.from, calendars.until);
                calendars.timelines.insert(service.clone(), timeline);
            }
        }
        calendars
    }

    /// The same calendars around another moment.
    #[must_use]
    pub fn around(&self, services: &[Name], at: Timestamp) -> Calendars {
        Calendars::new(self.held.clone(), services, at)
    }

    /// Whether they can say anything of `at`; when not, they are closed.
    #[must_use]
    pub fn know(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }

    /// Whether it is time to expand them anew: they know less and less of what is ahead.
    #[must_use]
    pub fn are_stale(&self, at: Timestamp) -> bool {
        !self.know(at) || self.from.plus(Span::hours(48)) < at
    }

    /// Each calendar with its windows, or why it is closed.
    pub fn outcomes(&self) -> impl Iterator<Item = (&Name, Result<usize, &str>)> {
        self.held.iter().map(|(name, held)| {
            let schedule = self.schedules.get(name);
            let outcome = match (&held.calendar, schedule) {
                (Ok(calendar), Some(Ok(_))) => Ok(calendar.windows()),
                (Err(why), _) | (_, Some(Err(why))) => Err(why.as_str()),
                (Ok(_), None) => Err("it was not expanded"),
            };
            (name, outcome)
        })
    }

    /// Each calendar's windows, where they are understood, and the services it holds.
    pub fn schedules(&self) -> impl Iterator<Item = (&Name, &[Name], &Schedule)> {
        self.held.iter().filter_map(|(name, held)| {
            let schedule = self.schedules.get(name)?.as_ref().ok()?;
            Some((name, held.services.as_slice(), schedule.as_ref()))
        })
    }

    /// What holds `service` at `at`: these calendars and those of `freezes` that people opened.
    #[must_use]
    pub fn check(&self, service: &Name, freezes: &[Freeze], at: Timestamp) -> FreezeCheck {
        let freezes: Vec<Freeze> = freezes
            .iter()
            .filter(|freeze| freeze.holds(service, at))
            .cloned()
            .collect();
        let calendars: Vec<CalendarCheck> = self
            .of(service)
            .map(|(name, schedule)| CalendarCheck {
                calendar: name.clone(),
                says: self.says(schedule, at),
            })
            .collect();
        let ends: Vec<Option<Timestamp>> = freezes.iter().map(|freeze| freeze.until).collect();
        let timeline = self.timelines.get(service).filter(|_| self.know(at));
        let nothing = Timeline::new(&[], at, Timestamp(i64::MAX));
        let judged = match timeline {
            Some(timeline) => timeline.judge(&ends, at),
            None if calendars.is_empty() => nothing.judge(&ends, at),
            None => Judgement::Closed { opens_at: None },
        };
        let (open, opens_at, closes_at) = match judged {
            Judgement::Open { closes_at } => (true, None, closes_at),
            Judgement::Closed { opens_at } => (false, opens_at, None),
        };
        FreezeCheck {
            service: service.clone(),
            at,
            open,
            opens_at,
            closes_at,
            freezes,
            calendars,
        }
    }

    fn of(&self, service: &Name) -> impl Iterator<Item = (&Name, &Result<Arc<Schedule>, String>)> {
        self.schedules.iter().filter(move |(name, _)| {
            let held = self.held.get(*name);
            held.is_none_or(|held| held.services.is_empty() || held.services.contains(service))
        })
    }

    fn says(&self, schedule: &Result<Arc<Schedule>, String>, at: Timestamp) -> CalendarSays {
        let schedule = match schedule {
            Ok(schedule) if self.know(at) => schedule,
            Ok(_) => {
                return CalendarSays::NotUnderstood {
                    why: format!("its windows around {at} are not known"),
                };
            }
            Err(why) => return CalendarSays::NotUnderstood { why: why.clone() },
        };
        schedule.says(at)
    }
}

#[cfg(test)]
mod tests {
    use safeguard_api::config::CalendarSpec;
    use safeguard_api::freeze::WindowKind;
    use safeguard_api::{Block, FreezeId};

    use super::*;

    fn name(text: &str) -> Name {
        text.parse().unwrap()
    }

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn held(services: &[&str], kind: WindowKind, start: &str, end: &str) -> Held {
        let spec = CalendarSpec {
            kind: Some(kind),
            zone: Some("UTC".to_owned()),
            start: Some(start.to_owned()),
            end: Some(end.to_owned()),
            reason: Some("stock-taking".to_owned()),
            ..CalendarSpec::default()
        };
        Held {
            services: services.iter().map(|service| name(service)).collect(),
            calendar: Ok(Arc::new(Calendar::read(&spec, None).unwrap())),
        }
    }

    fn block(calendars: &Calendars, service: &str, moment: &str) -> String {
        let block = calendars.check(&name(service), &[], at(moment)).block();
        block.map_or("open".to_owned(), |block| block.to_string())
    }

    #[test]
    fn a_calendar_holds_its_services_and_no_others() {
        let season = held(&["shop"], WindowKind::Deny, "2026-01-10", "2026-01-12");
        let services = [name("shop"), name("mail")];
        let calendars = Calendars::new(
            [(name("season"), season)].into(),
            &services,
            at("2026-01-11T00:00:00Z"),
        );
        assert_eq!(
            block(&calendars, "shop", "2026-01-11T00:00:00Z"),
            "calendar `season` is closed: stock-taking (deny window until 2026-01-12T00:00:00.000Z); next opening \
             2026-01-12T00:00:00.000Z"
        );
        assert_eq!(block(&calendars, "shop", "2026-01-12T00:00:00Z"), "open");
        assert_eq!(block(&calendars, "mail", "2026-01-11T00:00:00Z"), "open");
    }

    #[test]
    fn what_is_not_understood_or_not_known_is_closed() {
        let broken = Held {
            services: Vec::new(),
            calendar: Err("cannot read `/x.ics`".to_owned()),
        };
        let season = held(&[], WindowKind::Deny, "2026-01-10", "2026-01-12");
        let now = at("2026-02-01T00:00:00Z");
        let all = [(name("company"), broken), (name("season"), season.clone())];
        let calendars = Calendars::new(all.into(), &[name("shop")], now);
        assert_eq!(
            block(&calendars, "shop", "2026-02-01T00:00:00Z"),
            "calendar `company` is closed: not understood, so closed: cannot read `/x.ics`; no opening is known"
        );
        let calendars = Calendars::new([(name("season"), season)].into(), &[name("shop")], now);
        assert_eq!(block(&calendars, "shop", "2026-02-01T00:00:00Z"), "open");
        for unknown in ["2025-12-01T00:00:00Z", "2036-01-01T00:00:00Z"] {
            assert_ne!(block(&calendars, "shop", unknown), "open", "{unknown}");
        }
        // A service that nobody expanded for is closed as well, unless no calendar concerns it.
        assert_ne!(block(&calendars, "mail", "2026-02-01T00:00:00Z"), "open");
        assert_eq!(
            block(&Calendars::default(), "mail", "2026-02-01T00:00:00Z"),
            "open"
        );
    }

    #[test]
    fn the_next_opening_is_after_freeze_and_calendar_together() {
        let season = held(&[], WindowKind::Deny, "2026-01-10", "2026-01-12");
        let now = at("2026-01-09T12:00:00Z");
        let calendars = Calendars::new([(name("season"), season)].into(), &[name("shop")], now);
        let freeze = Freeze {
            id: FreezeId::new(1, 1),
            service: None,
            reason: "an outage".to_owned(),
            opened_by: "ada".to_owned(),
            opened_at: now,
            until: Some(at("2026-01-10T06:00:00Z")),
            closed_at: None,
        };
        let check = calendars.check(&name("shop"), &[freeze], now);
        assert_eq!(check.opens_at, Some(at("2026-01-12T00:00:00Z")));
        assert!(matches!(check.block(), Some(Block::Freeze { until, .. }) if until == check.opens_at));
    }
}
