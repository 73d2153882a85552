//! A window and when it recurs.

use chrono::{Duration, NaiveDateTime};
use chrono_tz::Tz;
use safeguard_api::Timestamp;
use safeguard_api::freeze::WindowKind;

use crate::error::Trouble;
use crate::length::Length;
use crate::moment::{Moment, When};
use crate::rule::{Budget, Rule, midnight};
use crate::schedule::Spell;
use crate::zone;

#[derive(Debug, Clone)]
pub(crate) struct Window {
    /// What it is called in its file.
    pub label: String,
    pub kind: WindowKind,
    pub starts: Starts,
    /// Spells of their own, besides.
    pub rdates: Vec<Extra>,
    pub exdates: Vec<Excluded>,
    pub length: Length,
}

#[derive(Debug, Clone)]
pub(crate) enum Starts {
    /// Once, or from here on by the rules.
    From { start: Moment, rules: Vec<Rule> },
    /// By rules that have been in force since ever, as cron's are.
    Always { zone: Tz, rules: Vec<Rule> },
}

#[derive(Debug, Clone)]
pub(crate) struct Extra {
    pub start: Moment,
    /// None means as long as the others.
    pub length: Option<Length>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Excluded {
    At(Timestamp),
    /// Whatever begins on that day, by the window's own clocks.
    Day(chrono::NaiveDate),
}

impl Excluded {
    pub fn parse(text: &str, zone: Option<Tz>) -> Result<Excluded, Trouble> {
        let when = When::parse(text)?;
        match when {
            When::Date(date) => Ok(Excluded::Day(date)),
            When::Local(_) | When::Utc(_) => Ok(Excluded::At(when.within(text, zone)?.at()?)),
        }
    }
}

impl Window {
    /// Every spell that ends after `from` and begins before `until`.
    pub fn expand(
        &self,
        from: Timestamp,
        until: Timestamp,
        budget: &mut Budget,
    ) -> Result<Vec<Spell>, Trouble> {
        let mut found = Vec::new();
        let mut add = |start: Moment, length: &Length| -> Result<(), Trouble> {
            let spell = Spell {
                from: start.at()?,
                to: length.after(&start)?,
                label: self.label.clone(),
            };
            // A window that lies wholly in the hour that the clocks skip is empty, and holds nothing.
            let shows = spell.from < spell.to && from < spell.to && spell.from < until;
            if shows && !self.excludes(&start, spell.from) {
                found.push(spell);
            }
            Ok(())
        };
        match &self.starts {
            Starts::From { start, rules } => {
                // Where the start is not one of the rule's dates, RFC 5545 leaves open whether it belongs to the set:
                // it is read as whichever holds more.
                if rules.is_empty() || self.kind == WindowKind::Deny {
                    add(*start, &self.length)?;
                }
                let last = wall_at(start.zone, until)?;
                for rule in rules {
                    for wall in rule.expand(start, budget, last)? {
                        add(Moment { wall, ..*start }, &self.length)?;
                    }
                }
            }
            Starts::Always { zone, rules } => {
                // Lengths are limited to 366 days.
                let first = midnight(wall_at(*zone, from)?) - Duration::days(367);
                let start = Moment {
                    wall: first,
                    zone: *zone,
                    is_date: false,
                };
                let last = wall_at(*zone, until)?;
                for rule in rules {
                    for wall in rule.expand(&start, budget, last)? {
                        add(Moment { wall, ..start }, &self.length)?;
                    }
                }
            }
        }
        for extra in &self.rdates {
            add(extra.start, extra.length.as_ref().unwrap_or(&self.length))?;
        }
        Ok(found)
    }

    fn excludes(&self, start: &Moment, at: Timestamp) -> bool {
        self.exdates.iter().any(|excluded| match excluded {
            Excluded::At(other) => *other == at,
            Excluded::Day(day) => *day == start.wall.date(),
        })
    }
}

/// What the clocks show, or the last that they can.
fn wall_at(zone: Tz, at: Timestamp) -> Result<NaiveDateTime, Trouble> {
    zone::wall(zone, at).ok_or_else(|| Trouble::not_understood(&at.to_string(), "a time within reach"))
}
