//! Each invariant of the planner, over random walks of what is seen.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;
use safeguard_api::release::Hold;

use super::tests::{freeze, policy, queued, well};
use super::*;
use crate::observe::{Command, Reduced};

/// What is out of order at one tick.
#[derive(Debug, Clone)]
enum Odd {
    Nothing,
    Frozen,
    Silent,
    Unhealthy,
    GatesRed,
    Poisoned,
    Held,
    Lease,
    TrippedBy,
    Promote,
    RollBack,
    ClockJump(i64),
    Restart,
}

fn odd() -> impl Strategy<Value = Odd> {
    prop_oneof![
        60 => Just(Odd::Nothing),
        3 => Just(Odd::Frozen),
        3 => Just(Odd::Silent),
        2 => Just(Odd::Unhealthy),
        3 => Just(Odd::GatesRed),
        1 => Just(Odd::Poisoned),
        1 => Just(Odd::Held),
        1 => Just(Odd::Lease),
        1 => Just(Odd::TrippedBy),
        2 => Just(Odd::Promote),
        1 => Just(Odd::RollBack),
        3 => (-100_000_000_i64..100_000_000).prop_map(Odd::ClockJump),
        2 => Just(Odd::Restart),
    ]
}

/// One tick of a walk, before and after.
struct Ticked {
    before: Rollout,
    observed: Observation,
    planned: Plan,
    /// True healthy time since the present part of the walk began.
    healthy_ms: u64,
}

/// Walks along the odd ticks; each is `step_ms` of true time after the one before.
fn walk(
    policy: &Policy,
    ticks: &[(Odd, u64)],
    mut check: impl FnMut(&Ticked) -> Result<(), TestCaseError>,
) -> Result<(), TestCaseError> {
    let (mut rollout, mut memory) = (queued(policy), Memory::default());
    let (mut at_ms, mut jumped, mut healthy_ms) = (0_u64, 0_i64, 0_u64);
    let mut journal = 0;
    for (odd, step_ms) in ticks {
        at_ms += step_ms;
        let mut observed = well(&rollout, policy, at_ms);
        match odd {
            Odd::Nothing => {}
            Odd::Frozen => observed.freeze = Some(freeze()),
            Odd::Silent => {
                observed.traffic = None;
                observed.router_silent = Span(*step_ms);
            }
            Odd::Unhealthy => {
                observed.instances = Instances::Unhealthy {
                    why: "odd".to_owned(),
                }
            }
            Odd::GatesRed => {
                observed.gates = safeguard_api::GateReport::of(policy.gates(rollout.stage), Vec::new())
            }
            Odd::Poisoned => observed.poisoned = true,
            Odd::Held => {
                observed.command = Some(Command::Hold {
                    by: "ada".to_owned(),
                    reason: None,
                })
            }
            Odd::Lease => {
                journal += 1;
                let seq = journal;
                let traffic = observed.traffic.as_mut().unwrap();
                traffic.reduced = Some(Reduced::LeaseExpired {
                    seq,
                    at: observed.now.wall,
                });
                traffic.route.weight = Percent::ZERO;
            }
            Odd::TrippedBy => {
                journal += 1;
                let cause = safeguard_api::traffic::TripCause::OutOfMemory;
                let trip = safeguard_api::traffic::Trip {
                    seq: journal,
                    at: observed.now.wall,
                    cause,
                };
                observed.traffic.as_mut().unwrap().reduced = Some(Reduced::Tripped(trip));
            }
            Odd::Promote => observed.command = Some(Command::Promote { by: "ada".to_owned() }),
            Odd::RollBack => observed.command = Some(Command::Rollback { by: "ada".to_owned() }),
            Odd::ClockJump(ms) => jumped += ms,
            Odd::Restart => memory = Memory::default(),
        }
        observed.now.wall = Timestamp(observed.now.wall.0 + jumped);
        healthy_ms += step_ms;
        let planned = plan(&rollout, &observed, policy, &memory);
        let tick = Ticked {
            before: rollout.clone(),
            observed,
            planned: planned.clone(),
            healthy_ms,
        };
        check(&tick)?;
        if planned.next.phase_since != rollout.phase_since || planned.next.phase != rollout.phase {
            healthy_ms = 0;
        }
        // A restart loses what is not committed.
        (rollout, memory) = (planned.next, planned.memory);
    }
    Ok(())
}

fn ticks() -> impl Strategy<Value = Vec<(Odd, u64)>> {
    proptest::collection::vec((odd(), 100_u64..6000), 20..160)
}

fn exposed(rollout: &Rollout, policy: &Policy) -> (Stage, u8) {
    (rollout.stage, desired::weight(rollout, policy, true).get())
}

fn is_back(phase: &Phase) -> bool {
    matches!(
        phase,
        Phase::RollingBack { .. } | Phase::RolledBack { .. } | Phase::RollbackFailed { .. }
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn exposure_grows_only_with_everything_it_asks_for(ticks in ticks()) {
        let policy = policy();
        walk(&policy, &ticks, |tick| {
            let (before, next) = (&tick.before, &tick.planned.next);
            let (from, to) = (exposed(before, &policy), exposed(next, &policy));
            if from.0 < to.0 || from.0 == to.0 && from.1 < to.1 {
                let stage_left = from.0 < to.0;
                prop_assert!(tick.observed.freeze.is_none(), "in a freeze: {from:?} to {to:?}");
                prop_assert!(!tick.observed.poisoned, "poisoned: {from:?} to {to:?}");
                prop_assert!(next.hold.is_none(), "on hold: {from:?} to {to:?}");
                prop_assert!(tick.observed.traffic.is_some(), "in silence: {from:?} to {to:?}");
                prop_assert!(!stage_left || tick.observed.gates.permit().is_ok(), "without a permit: {from:?} to {to:?}");
                prop_assert_eq!(tick.planned.commit, Commit::Transition);
                prop_assert!(!tick.planned.decisions.is_empty());
            }
            Ok(())
        })?;
    }

    #[test]
    fn no_clock_jump_and_no_restart_shortens_a_soak(ticks in ticks()) {
        let policy = policy();
        walk(&policy, &ticks, |tick| {
            let next = &tick.planned.next;
            let anew = next.phase != tick.before.phase || next.phase_since != tick.before.phase_since;
            if !anew && matches!(next.phase, Phase::Soaking | Phase::Analyzing { .. } | Phase::Warming) {
                prop_assert!(next.soak.elapsed.ms() <= tick.healthy_ms, "{} of {} ms", next.soak.elapsed, tick.healthy_ms);
            }
            if tick.before.phase == Phase::Soaking && next.phase == Phase::Verified {
                prop_assert!(20_000 <= tick.healthy_ms);
            }
            Ok(())
        })?;
    }

    #[test]
    fn a_rollback_is_always_accepted_and_never_rolled_back(ticks in ticks()) {
        let policy = policy();
        walk(&policy, &ticks, |tick| {
            let next = &tick.planned.next;
            if is_back(&tick.before.phase) {
                prop_assert!(is_back(&next.phase), "{} after {}", next.phase.name(), tick.before.phase.name());
            }
            // Whatever the phase and whatever is wrong, a person's word takes the users off.
            let mut observed = tick.observed.clone();
            observed.command = Some(Command::Rollback { by: "ada".to_owned() });
            observed.freeze = Some(freeze());
            observed.traffic = None;
            let mut held = tick.before.clone();
            held.hold = Some(Hold { by: "ada".to_owned(), reason: None, at: observed.now.wall });
            let planned = plan(&held, &observed, &policy, &Memory::default());
            prop_assert!(is_back(&planned.next.phase));
            prop_assert_eq!(desired::weight(&planned.next, &policy, true), Percent::ZERO);
            prop_assert!(matches!(planned.answer, Some(Answer::Done { .. })), "refused");
            Ok(())
        })?;
    }

    #[test]
    fn generations_grow_with_what_is_committed_and_with_nothing_else(ticks in ticks()) {
        let policy = policy();
        walk(&policy, &ticks, |tick| {
            let (before, next) = (&tick.before, &tick.planned.next);
            let grown = next.generation - before.generation;
            prop_assert_eq!(grown, u64::from(tick.planned.commit == Commit::Transition));
            let same = (&before.phase, before.stage, before.epoch, &before.hold, before.journal_seen)
                == (&next.phase, next.stage, next.epoch, &next.hold, next.journal_seen);
            prop_assert!(same || tick.planned.commit == Commit::Transition);
            prop_assert!(before.epoch <= next.epoch && before.journal_seen <= next.journal_seen);
            Ok(())
        })?;
    }
}
