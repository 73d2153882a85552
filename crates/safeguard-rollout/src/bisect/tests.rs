//! The search over batches whose answers are known, and what holds for every batch.

use std::collections::BTreeSet;

use proptest::prelude::*;
use safeguard_api::bisect::Symptom::{DoesNotStart, Drill, Worse};
use safeguard_api::bisect::TrialOutcome::{Bad, Good, NotBuilt, Unclear};

use super::*;

/// A batch of changes named by numbers, and what trials of them come to.
struct Scene<'a> {
    changes: usize,
    /// The most suspicious first.
    suspects: Vec<usize>,
    trials_max: usize,
    outcome: &'a dyn Fn(&BTreeSet<usize>, usize) -> TrialOutcome,
}

/// What was concluded, after which trials.
struct Narrowed {
    conclusion: Conclusion,
    tried: Vec<Tried>,
}

fn id(number: usize) -> ChangeId {
    ChangeId::new(1_700_000_000_000 + number as u64, 0)
}

fn numbers(changes: &[ChangeId]) -> BTreeSet<usize> {
    (0..200).filter(|number| changes.contains(&id(*number))).collect()
}

impl Scene<'_> {
    fn narrow(&self) -> Narrowed {
        let changes: Vec<ChangeId> = (0..self.changes).map(id).collect();
        let suspects: Vec<ChangeId> = self.suspects.iter().copied().map(id).collect();
        let batch = Batch {
            changes: &changes,
            suspects: &suspects,
            trials_max: self.trials_max,
        };
        let mut tried: Vec<Tried> = Vec::new();
        loop {
            match next(batch, &tried) {
                Next::Over(conclusion) => return Narrowed { conclusion, tried },
                Next::Try(changes) => {
                    assert!(tried.len() < self.trials_max, "more trials than are allowed");
                    let before = tried.iter().filter(|one| one.changes == changes).count();
                    let outcome = (self.outcome)(&numbers(&changes), before);
                    tried.push(Tried { changes, outcome });
                }
            }
        }
    }
}

fn narrow(changes: usize, outcome: impl Fn(&BTreeSet<usize>) -> TrialOutcome) -> Narrowed {
    let scene = Scene {
        changes,
        suspects: Vec::new(),
        trials_max: 10_000,
        outcome: &|changes, _| outcome(changes),
    };
    scene.narrow()
}

impl Narrowed {
    fn outcome(&self, changes: &BTreeSet<usize>) -> Vec<TrialOutcome> {
        let same = |one: &&Tried| numbers(&one.changes) == *changes;
        self.tried.iter().filter(same).map(|one| one.outcome).collect()
    }

    /// At fault and not separated, of each culprit that was not cleared.
    fn blamed(&self) -> Vec<(BTreeSet<usize>, BTreeSet<usize>)> {
        let (Conclusion::Found { culprits, .. } | Conclusion::GaveUp { culprits, .. }) = &self.conclusion
        else {
            return Vec::new();
        };
        let standing = culprits.iter().filter(|culprit| !culprit.cleared);
        standing
            .map(|culprit| (numbers(&culprit.at_fault), numbers(&culprit.not_separated)))
            .collect()
    }

    fn rest(&self) -> Option<Rest> {
        match self.conclusion {
            Conclusion::Found { rest, .. } => Some(rest),
            Conclusion::NotReproduced { .. }
            | Conclusion::BaseIsBad { .. }
            | Conclusion::NotTried { .. }
            | Conclusion::GaveUp { .. }
            | Conclusion::Suspicions => None,
        }
    }
}

fn bad_if(is_bad: bool) -> TrialOutcome {
    if is_bad { Bad { symptom: Worse } } else { Good }
}

fn set(numbers: &[usize]) -> BTreeSet<usize> {
    numbers.iter().copied().collect()
}

proptest! {
    #[test]
    fn a_single_guilty_change_is_found_in_logarithmically_many_trials(
        (changes, guilty) in (1usize..130).prop_flat_map(|changes| (Just(changes), 0..changes)),
    ) {
        let narrowed = narrow(changes, |tried| bad_if(tried.contains(&guilty)));
        prop_assert_eq!(narrowed.blamed(), vec![(set(&[guilty]), set(&[]))]);
        prop_assert_eq!(narrowed.rest(), Some(Rest::Good));
        let halvings = changes.next_power_of_two().trailing_zeros() as usize;
        prop_assert!(narrowed.tried.len() <= 2 * halvings + 3, "{} of {changes}", narrowed.tried.len());
    }

    #[test]
    fn what_is_suspected_rightly_is_found_sooner(
        (changes, guilty) in (2usize..130).prop_flat_map(|changes| (Just(changes), 0..changes)),
    ) {
        let scene = Scene {
            changes,
            suspects: vec![guilty],
            trials_max: 10_000,
            outcome: &|tried, _| bad_if(tried.contains(&guilty)),
        };
        let narrowed = scene.narrow();
        prop_assert_eq!(narrowed.blamed(), vec![(set(&[guilty]), set(&[]))]);
        let halvings = changes.next_power_of_two().trailing_zeros() as usize;
        prop_assert!(narrowed.tried.len() <= halvings + 3, "{} of {changes}", narrowed.tried.len());
    }

    #[test]
    fn two_changes_that_are_bad_only_together_are_found(
        (changes, one, other) in (2usize..40).prop_flat_map(|changes| (Just(changes), 0..changes, 0..changes)),
    ) {
        prop_assume!(one != other);
        let narrowed = narrow(changes, |tried| bad_if(tried.contains(&one) && tried.contains(&other)));
        prop_assert_eq!(narrowed.blamed(), vec![(set(&[one, other]), set(&[]))]);
        prop_assert_eq!(narrowed.rest(), Some(Rest::Good));
    }

    #[test]
    fn guilty_changes_with_faults_of_their_own_are_all_found(
        (changes, guilty) in (1usize..40).prop_flat_map(|changes| {
            (Just(changes), prop::collection::btree_set(0..changes, 1..=changes.min(4)))
        }),
    ) {
        let narrowed = narrow(changes, |tried| bad_if(!tried.is_disjoint(&guilty)));
        let blamed: BTreeSet<usize> = narrowed.blamed().into_iter().flat_map(|(at_fault, _)| at_fault).collect();
        prop_assert_eq!(blamed, guilty);
        prop_assert_eq!(narrowed.rest(), Some(Rest::Good));
    }

    /// Whatever comes out, whoever is blamed was shown to be needed, and it ends.
    #[test]
    fn nobody_is_blamed_without_two_trials_that_show_it(
        changes in 1usize..8,
        whole_is_bad in prop::bool::weighted(0.9),
        seed in prop::collection::vec(0u8..10, 512),
        trials_max in prop_oneof![Just(10_000usize), 1usize..40],
    ) {
        let outcome = |tried: &BTreeSet<usize>, before: usize| {
            if tried.len() == changes && whole_is_bad {
                return Bad { symptom: Worse };
            }
            let place = tried.iter().fold(0, |sum, number| sum | 1 << number) + 256 * before.min(1);
            match seed[place] {
                0..4 => Good,
                4..6 => Bad { symptom: Worse },
                6 => Bad { symptom: DoesNotStart },
                7 => Bad { symptom: Drill },
                8 => NotBuilt,
                _ => Unclear,
            }
        };
        let scene = Scene { changes, suspects: vec![1, 3], trials_max, outcome: &outcome };
        let narrowed = scene.narrow();
        // A subset is tried at most twice, the whole batch three times.
        prop_assert!(narrowed.tried.len() <= trials_max.min(2 * 256 + 1));
        let (Conclusion::Found { culprits, .. } | Conclusion::GaveUp { culprits, .. }) = &narrowed.conclusion else {
            return Ok(());
        };
        for culprit in culprits {
            let all = numbers(&culprit.changes());
            let bad = Bad { symptom: culprit.symptom };
            prop_assert!(narrowed.outcome(&all).contains(&bad));
            for change in numbers(&culprit.at_fault) {
                let mut without = all.clone();
                without.remove(&change);
                prop_assert!(narrowed.outcome(&without).contains(&Good), "{change} of {culprit:?}");
            }
        }
        if let Conclusion::Found { rest: Rest::Good, culprits } = &narrowed.conclusion {
            let gone: BTreeSet<usize> = culprits.iter().flat_map(|culprit| numbers(&culprit.changes())).collect();
            let rest: BTreeSet<usize> = (0..changes).filter(|change| !gone.contains(change)).collect();
            prop_assert!(narrowed.outcome(&rest).contains(&Good));
        }
    }

    /// The same record gives the same answer, and a part of it asks for what came next.
    #[test]
    fn it_goes_on_where_it_was_broken_off(guilty in prop::collection::btree_set(0usize..12, 1..4)) {
        let narrowed = narrow(12, |tried| bad_if(guilty.is_subset(tried)));
        let changes: Vec<ChangeId> = (0..12).map(id).collect();
        let batch = Batch { changes: &changes, suspects: &[], trials_max: 10_000 };
        for (at, one) in narrowed.tried.iter().enumerate() {
            prop_assert_eq!(next(batch, &narrowed.tried[..at]), Next::Try(one.changes.clone()));
        }
        prop_assert_eq!(next(batch, &narrowed.tried), Next::Over(narrowed.conclusion));
    }
}

#[test]
fn what_is_not_bad_in_staging_is_said_after_three_trials() {
    let narrowed = narrow(8, |_| Good);
    assert_eq!(narrowed.conclusion, Conclusion::NotReproduced { trials: 3 });
    assert_eq!(narrowed.tried.len(), 3);
}

#[test]
fn a_fault_that_shows_itself_at_the_third_trial_is_narrowed() {
    let scene = Scene {
        changes: 4,
        suspects: Vec::new(),
        trials_max: 100,
        outcome: &|tried, before| bad_if(tried.contains(&2) && (tried.len() < 4 || before == 2)),
    };
    assert_eq!(scene.narrow().blamed(), [(set(&[2]), set(&[]))]);
}

#[test]
fn a_base_that_is_bad_too_says_nothing_of_the_changes() {
    let narrowed = narrow(8, |_| bad_if(true));
    assert_eq!(narrowed.conclusion, Conclusion::BaseIsBad { symptom: Worse });
    assert_eq!(narrowed.tried.len(), 3, "the base is tried twice");
}

#[test]
fn a_base_that_was_bad_by_chance_is_good() {
    let scene = Scene {
        changes: 4,
        suspects: Vec::new(),
        trials_max: 100,
        outcome: &|tried, before| bad_if(tried.contains(&2) || (tried.is_empty() && before == 0)),
    };
    assert_eq!(scene.narrow().blamed(), [(set(&[2]), set(&[]))]);
}

#[test]
fn what_can_not_be_built_or_told_is_said() {
    let whole = narrow(8, |_| NotBuilt);
    assert_eq!(whole.conclusion, Conclusion::NotTried { part: Part::Whole });
    assert_eq!(whole.tried.len(), 1);
    let base = narrow(8, |tried| if tried.is_empty() { Unclear } else { bad_if(true) });
    assert_eq!(base.conclusion, Conclusion::NotTried { part: Part::Base });
    assert_eq!(base.tried.len(), 3, "what could not be told is tried once more");
}

/// 5 is guilty, and is built with 4 alone.
#[test]
fn a_change_that_can_not_be_taken_away_is_not_blamed() {
    let narrowed = narrow(8, |tried| match (tried.contains(&4), tried.contains(&5)) {
        (false, true) => NotBuilt,
        (_, is_guilty) => bad_if(is_guilty),
    });
    assert_eq!(narrowed.blamed(), [(set(&[5]), set(&[4]))]);
    assert_eq!(narrowed.rest(), Some(Rest::Good));
}

/// 1 needs 0 and does not start without it; 6 is why the batch does not start.
#[test]
fn a_change_that_only_lacks_another_one_is_cleared() {
    let narrowed = narrow(8, |tried| {
        let lacks = tried.contains(&1) && !tried.contains(&0);
        match lacks || tried.contains(&6) {
            true => Bad {
                symptom: DoesNotStart,
            },
            false => Good,
        }
    });
    assert_eq!(
        narrowed.blamed(),
        [(set(&[6]), set(&[]))],
        "{:?}",
        narrowed.conclusion
    );
}

/// 2 is worse than stable, and whatever has 3 without 4 does not start: that is another fault.
#[test]
fn a_subset_that_is_bad_in_another_way_is_not_followed() {
    let narrowed = narrow(6, |tried| match tried.contains(&3) && !tried.contains(&4) {
        true => Bad {
            symptom: DoesNotStart,
        },
        false => bad_if(tried.contains(&2)),
    });
    assert_eq!(narrowed.blamed(), [(set(&[2]), set(&[]))]);
    assert_eq!(narrowed.rest(), Some(Rest::Good));
}

#[test]
fn a_second_fault_of_another_kind_is_found_too() {
    let narrowed = narrow(16, |tried| match (tried.contains(&3), tried.contains(&12)) {
        (true, _) => bad_if(true),
        (false, true) => Bad { symptom: Drill },
        (false, false) => Good,
    });
    assert_eq!(narrowed.blamed(), [(set(&[3]), set(&[])), (set(&[12]), set(&[]))]);
}

#[test]
fn after_the_last_trial_it_says_what_is_left() {
    let scene = Scene {
        changes: 64,
        suspects: Vec::new(),
        trials_max: 5,
        outcome: &|tried, _| bad_if(tried.contains(&10)),
    };
    let Conclusion::GaveUp {
        trials,
        culprits,
        left,
    } = scene.narrow().conclusion
    else {
        panic!("it did not give up");
    };
    assert_eq!((trials, culprits.len()), (5, 0));
    assert_eq!(
        numbers(&left),
        (0..16).collect(),
        "the least that is known to be bad"
    );
}
