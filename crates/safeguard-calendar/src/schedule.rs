//! Expanded windows, and what they say together.

use safeguard_api::Timestamp;
use safeguard_api::freeze::CalendarSays;

/// A stretch of time, its end excluded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spell {
    pub from: Timestamp,
    pub to: Timestamp,
    /// What it is called.
    pub label: String,
}

/// The windows of one calendar around a moment, each list by its beginnings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    /// What it says holds from here …
    pub from: Timestamp,
    /// … to here.
    pub until: Timestamp,
    pub deny: Vec<Spell>,
    /// None when it has no allow window at all, past ones included.
    pub allow: Option<Vec<Spell>>,
}

/// Several calendars together, as the times in which they are closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timeline {
    pub from: Timestamp,
    pub until: Timestamp,
    /// Sorted, and with a gap between each and the next.
    closed: Vec<(Timestamp, Timestamp)>,
}

/// Whether releases may move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Judgement {
    Open {
        /// None means: not as far as was looked.
        closes_at: Option<Timestamp>,
    },
    Closed {
        /// None means: not as far as was looked.
        opens_at: Option<Timestamp>,
    },
}

impl Schedule {
    /// What its windows say of `at`; of several that cover it, the one that ends last.
    #[must_use]
    pub fn says(&self, at: Timestamp) -> CalendarSays {
        if let Some(spell) = covering(&self.deny, at) {
            return CalendarSays::Denied {
                window: spell.label.clone(),
                until: spell.to,
            };
        }
        let allowed = self.allow.as_ref().map(|allow| covering(allow, at));
        match allowed {
            Some(Some(spell)) => CalendarSays::Allowed {
                window: spell.label.clone(),
                until: spell.to,
            },
            Some(None) => CalendarSays::NotAllowed,
            None => CalendarSays::Nothing,
        }
    }
}

fn covering(spells: &[Spell], at: Timestamp) -> Option<&Spell> {
    let begun = spells.partition_point(|spell| spell.from <= at);
    let covering = spells.iter().take(begun).filter(|spell| at < spell.to);
    covering.max_by_key(|spell| spell.to)
}

impl Timeline {
    /// Lays calendars over each other: deny wins, and when one of them has an allow window, outside of all allow
    /// windows is closed.
    #[must_use]
    pub fn new(schedules: &[&Schedule], from: Timestamp, until: Timestamp) -> Timeline {
        let mut closed: Vec<_> = schedules
            .iter()
            .flat_map(|schedule| &schedule.deny)
            .map(|spell| (spell.from, spell.to))
            .collect();
        let allows = schedules.iter().filter_map(|schedule| schedule.allow.as_ref());
        if allows.clone().next().is_some() {
            let allowed = joined(allows.flatten().map(|spell| (spell.from, spell.to)).collect());
            let mut before = from;
            for (begins, ends) in allowed {
                closed.push((before, begins));
                before = ends;
            }
            closed.push((before, until));
        }
        closed.retain(|(begins, ends)| begins < ends && from < *ends && *begins < until);
        Timeline {
            from,
            until,
            closed: joined(closed),
        }
    }

    /// Whether it can say anything of `at`.
    #[must_use]
    pub fn knows(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }

    /// What holds at `at`, and what would change it. `frozen` are freezes that people have opened, those without an
    /// end last until somebody closes them.
    #[must_use]
    pub fn judge(&self, frozen: &[Option<Timestamp>], at: Timestamp) -> Judgement {
        let held = frozen.iter().any(|until| until.is_none_or(|until| at < until));
        if !held && self.closed_until(at).is_none() {
            let next = self
                .closed
                .get(self.closed.partition_point(|(begins, _)| *begins <= at));
            return Judgement::Open {
                closes_at: next.map(|(begins, _)| *begins),
            };
        }
        let thawed = frozen.iter().copied().collect::<Option<Vec<_>>>();
        let opens_at = thawed.and_then(|ends| {
            let free = ends.into_iter().max().unwrap_or(at).max(at);
            match self.closed_until(free) {
                Some(ends) if self.until <= ends => None,
                Some(ends) => Some(ends),
                None => Some(free),
            }
        });
        Judgement::Closed { opens_at }
    }

    /// The end of the time around `at` in which it is closed.
    fn closed_until(&self, at: Timestamp) -> Option<Timestamp> {
        let begun = self.closed.partition_point(|(begins, _)| *begins <= at);
        let last = begun.checked_sub(1).and_then(|last| self.closed.get(last));
        last.map(|(_, ends)| *ends).filter(|ends| at < *ends)
    }
}

/// Joins what overlaps or touches.
fn joined(mut spells: Vec<(Timestamp, Timestamp)>) -> Vec<(Timestamp, Timestamp)> {
    spells.sort_unstable();
    let mut joined: Vec<(Timestamp, Timestamp)> = Vec::with_capacity(spells.len());
    for (begins, ends) in spells {
        match joined.last_mut() {
            Some((_, last)) if begins <= *last => *last = ends.max(*last),
            Some(_) | None => joined.push((begins, ends)),
        }
    }
    joined
}
