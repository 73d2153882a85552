//! Requests and errors since a stage or a canary step began, whatever restarts in between.

use safeguard_api::Stage;
use safeguard_api::release::{Phase, Rollout};
use safeguard_api::traffic::ArmReport;

/// What the loop remembers of one rollout between two rounds.
#[derive(Default)]
pub(super) struct Memory {
    /// Empty after a restart, so that time spent down never counts.
    pub planner: safeguard_rollout::plan::Memory,
    counting: Option<Counting>,
}

struct Counting {
    part: Part,
    requests: u64,
    errors: u64,
    /// The router's counters at the last look, and the router's incarnation that they belong to.
    seen: Option<(String, u64, u64)>,
}

/// The stretch of the walk that is counted by itself.
#[derive(PartialEq, Eq)]
struct Part {
    stage: Stage,
    phase: &'static str,
    step: Option<usize>,
}

impl Memory {
    /// Adds what the router counted since the last look, and returns requests and errors of this part of the walk.
    pub fn count(&mut self, rollout: &Rollout, incarnation: &str, arm: Option<&ArmReport>) -> (u64, u64) {
        let step = match rollout.phase {
            Phase::Analyzing { step, .. } => Some(step),
            _ => None,
        };
        let part = Part {
            stage: rollout.stage,
            phase: rollout.phase.name(),
            step,
        };
        if self
            .counting
            .as_ref()
            .is_none_or(|counting| counting.part != part)
        {
            // After a restart the count goes on from what was committed; the rest is lost, which only takes longer.
            let (requests, errors) = (rollout.soak.requests, rollout.soak.errors);
            self.counting = Some(Counting {
                part,
                requests,
                errors,
                seen: None,
            });
        }
        let Some(counting) = &mut self.counting else {
            return (0, 0);
        };
        if let Some(arm) = arm {
            let (requests, errors) = match &counting.seen {
                Some((known, requests, errors)) if known == incarnation => (
                    arm.requests.saturating_sub(*requests),
                    arm.errors.saturating_sub(*errors),
                ),
                // A router that started anew counts from 0; all of it came after the last look.
                Some(_) => (arm.requests, arm.errors),
                None => (0, 0),
            };
            counting.requests += requests;
            counting.errors += errors;
            counting.seen = Some((incarnation.to_owned(), arm.requests, arm.errors));
        }
        (counting.requests, counting.errors)
    }
}
