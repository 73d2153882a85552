//! Narrows a bad batch to the changes at fault, by delta debugging (Zeller and Hildebrandt, 2002), one trial at a time.
//!
//! The search has no state of its own: it runs anew over everything that was tried so far, and where it needs an outcome
//! that nobody knows it asks for it. So it goes on after any interruption, and is computed again from the record.

mod verdict;

use safeguard_api::ChangeId;
use safeguard_api::bisect::{Conclusion, Culprit, Part, Rest, Symptom, TrialOutcome};

pub use verdict::{compared_requests_min, verdict};

/// The whole batch is tried so often before it counts as not bad: a fault may show itself only now and then.
pub const WHOLE_TRIALS_MAX: usize = 3;
/// A base that seems bad is tried once more: everything rests on it, and it serves its users without a complaint.
const BASE_TRIALS_MAX: usize = 2;
/// A trial that could not tell is held once more.
const UNCLEAR_TRIALS_MAX: usize = 2;

/// The batch that is narrowed.
#[derive(Debug, Clone, Copy)]
pub struct Batch<'a> {
    /// Sorted, which is the order in which they were recorded.
    pub changes: &'a [ChangeId],
    /// The most suspicious first: of two parts, the one with the more suspicious change is tried first.
    pub suspects: &'a [ChangeId],
    pub trials_max: usize,
}

/// A subset of the batch that was tried.
#[derive(Debug, Clone, PartialEq)]
pub struct Tried {
    pub changes: Vec<ChangeId>,
    pub outcome: TrialOutcome,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Try these changes alone; none: the base.
    Try(Vec<ChangeId>),
    Over(Conclusion),
}

/// Says which trial is next, or what all of them came to.
///
/// Changes are at fault when they are bad together, and good without any one of them. An outcome that is neither good
/// nor bad blames nobody, and neither does one that is bad in another way than the batch.
#[must_use]
pub fn next(batch: Batch<'_>, tried: &[Tried]) -> Next {
    let mut search = Search {
        batch,
        tried,
        culprits: Vec::new(),
        left: batch.changes.to_vec(),
    };
    match search.conclude() {
        Ok(conclusion) => Next::Over(conclusion),
        Err(Wanted(_)) if batch.trials_max <= tried.len() => Next::Over(Conclusion::GaveUp {
            trials: u32::try_from(tried.len()).unwrap_or(u32::MAX),
            culprits: search.culprits,
            left: search.left,
        }),
        Err(Wanted(changes)) => Next::Try(changes),
    }
}

struct Search<'a> {
    batch: Batch<'a>,
    tried: &'a [Tried],
    culprits: Vec<Culprit>,
    /// The least that is known to be bad, besides the culprits.
    left: Vec<ChangeId>,
}

/// An outcome that is not known.
struct Wanted(Vec<ChangeId>);

impl Search<'_> {
    fn conclude(&mut self) -> Result<Conclusion, Wanted> {
        let all = self.batch.changes.to_vec();
        let mut symptom = match self.whole()? {
            TrialOutcome::Bad { symptom } => symptom,
            TrialOutcome::Good => {
                let trials = self.outcomes(&all).count();
                return Ok(Conclusion::NotReproduced {
                    trials: u32::try_from(trials).unwrap_or(u32::MAX),
                });
            }
            TrialOutcome::NotBuilt | TrialOutcome::Unclear => {
                return Ok(Conclusion::NotTried { part: Part::Whole });
            }
        };
        match self.outcome(&[])? {
            TrialOutcome::Good => {}
            TrialOutcome::Bad { symptom } => return Ok(Conclusion::BaseIsBad { symptom }),
            TrialOutcome::NotBuilt | TrialOutcome::Unclear => {
                return Ok(Conclusion::NotTried { part: Part::Base });
            }
        }
        let mut rest = all;
        loop {
            self.left.clone_from(&rest);
            let least = self.least_bad(rest.clone(), symptom)?;
            rest = without(&rest, &least);
            let culprit = self.culprit(least, symptom)?;
            self.culprits.push(culprit);
            self.left.clone_from(&rest);
            let rest = match self.outcome(&rest)? {
                TrialOutcome::Bad { symptom: another } => {
                    symptom = another;
                    continue;
                }
                TrialOutcome::NotBuilt | TrialOutcome::Unclear => Rest::NotTried,
                TrialOutcome::Good => {
                    self.clear_the_innocent(&rest)?;
                    Rest::Good
                }
            };
            let culprits = std::mem::take(&mut self.culprits);
            return Ok(Conclusion::Found { culprits, rest });
        }
    }

    fn whole(&self) -> Result<TrialOutcome, Wanted> {
        let outcome = self.outcome(self.batch.changes)?;
        let again =
            outcome == TrialOutcome::Good && self.outcomes(self.batch.changes).count() < WHOLE_TRIALS_MAX;
        if again {
            Err(Wanted(self.batch.changes.to_vec()))
        } else {
            Ok(outcome)
        }
    }

    /// The paper's ddmin: parts of `bad`, then all but one part, then smaller parts; ends where no single change can go.
    fn least_bad(&mut self, mut bad: Vec<ChangeId>, symptom: Symptom) -> Result<Vec<ChangeId>, Wanted> {
        let mut count = 2;
        while 1 < bad.len() {
            let parts = self.parts(&bad, count);
            if let Some(part) = self.first_bad(parts.iter().cloned(), symptom)? {
                (bad, count) = (part, 2);
            } else if let Some(most) =
                self.first_bad(parts.iter().rev().map(|part| without(&bad, part)), symptom)?
            {
                (bad, count) = (most, (count - 1).max(2));
            } else if count < bad.len() {
                count = bad.len().min(2 * count);
            } else {
                break;
            }
            self.left.clone_from(&bad);
        }
        Ok(bad)
    }

    fn first_bad(
        &self,
        parts: impl Iterator<Item = Vec<ChangeId>>,
        symptom: Symptom,
    ) -> Result<Option<Vec<ChangeId>>, Wanted> {
        for part in parts {
            if self.outcome(&part)? == (TrialOutcome::Bad { symptom }) {
                return Ok(Some(part));
            }
        }
        Ok(None)
    }

    /// Cuts into `count` parts of neighbours, for changes that need each other are often recorded one after the other.
    fn parts(&self, changes: &[ChangeId], count: usize) -> Vec<Vec<ChangeId>> {
        let edge = |part: usize| part * changes.len() / count;
        let mut parts: Vec<Vec<ChangeId>> = (0..count)
            .filter_map(|part| Some(changes.get(edge(part)..edge(part + 1))?.to_vec()))
            .collect();
        let suspects = self.batch.suspects;
        let rank = |change: &ChangeId| {
            let place = suspects.iter().position(|suspect| suspect == change);
            place.unwrap_or(suspects.len())
        };
        parts.sort_by_key(|part| part.iter().map(rank).min());
        parts
    }

    /// Says of each change of the least bad set whether it is needed. ddmin has tried all of it.
    fn culprit(&self, least: Vec<ChangeId>, symptom: Symptom) -> Result<Culprit, Wanted> {
        let (mut at_fault, mut not_separated) = (Vec::new(), Vec::new());
        for change in &least {
            match self.outcome(&without(&least, std::slice::from_ref(change)))? {
                TrialOutcome::Good => at_fault.push(change.clone()),
                TrialOutcome::Bad { .. } | TrialOutcome::NotBuilt | TrialOutcome::Unclear => {
                    not_separated.push(change.clone());
                }
            }
        }
        Ok(Culprit {
            symptom,
            at_fault,
            not_separated,
            cleared: false,
        })
    }

    /// Where there are several, each is tried once more beside everything that is good: a change that is bad alone
    /// because it lacks another one is good there. If that held of all of them it would explain nothing, and none is cleared.
    fn clear_the_innocent(&mut self, rest: &[ChangeId]) -> Result<(), Wanted> {
        if self.culprits.len() < 2 {
            return Ok(());
        }
        let mut are_good = Vec::with_capacity(self.culprits.len());
        for culprit in &self.culprits {
            let mut beside = [rest.to_vec(), culprit.changes()].concat();
            beside.sort();
            are_good.push(self.outcome(&beside)? == TrialOutcome::Good);
        }
        if are_good.contains(&false) {
            for (culprit, is_good) in self.culprits.iter_mut().zip(are_good) {
                culprit.cleared = is_good;
            }
        }
        Ok(())
    }

    /// What is known of a subset. One that was bad once is bad; the base is good if it was good once.
    fn outcome(&self, changes: &[ChangeId]) -> Result<TrialOutcome, Wanted> {
        let known: Vec<TrialOutcome> = self.outcomes(changes).collect();
        let is_base = changes.is_empty();
        let weight = |outcome: &TrialOutcome| match outcome {
            TrialOutcome::Unclear => 0,
            TrialOutcome::NotBuilt => 1,
            TrialOutcome::Good if is_base => 4,
            TrialOutcome::Good => 2,
            TrialOutcome::Bad { .. } => 3,
        };
        let unclear = known.iter().filter(|outcome| **outcome == TrialOutcome::Unclear);
        let unclear = unclear.count();
        let wanted = || Err(Wanted(changes.to_vec()));
        match known.iter().copied().max_by_key(weight) {
            None => wanted(),
            Some(TrialOutcome::Unclear) if unclear < UNCLEAR_TRIALS_MAX => wanted(),
            Some(TrialOutcome::Bad { .. }) if is_base && known.len() < BASE_TRIALS_MAX => wanted(),
            Some(outcome) => Ok(outcome),
        }
    }

    fn outcomes(&self, changes: &[ChangeId]) -> impl Iterator<Item = TrialOutcome> {
        let same = move |tried: &&Tried| tried.changes == changes;
        self.tried.iter().filter(same).map(|tried| tried.outcome)
    }
}

fn without(changes: &[ChangeId], some: &[ChangeId]) -> Vec<ChangeId> {
    let stays = |change: &&ChangeId| !some.contains(change);
    changes.iter().filter(stays).cloned().collect()
}

#[cfg(test)]
mod tests;
