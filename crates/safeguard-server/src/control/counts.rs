//! Requests and errors since a stage or a canary step began, whatever restarts in between.

use safeguard_api::Stage;
use safeguard_api::release::Rollout;
use safeguard_api::time::Timestamp;
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
    /// A phase that is entered anew has nothing to show yet.
    since: Timestamp,
}

impl Memory {
    /// Adds what the router counted since the last look, and returns requests and errors of this part of the walk.
    pub fn count(&mut self, rollout: &Rollout, incarnation: &str, arm: Option<&ArmReport>) -> (u64, u64) {
        let part = Part {
            stage: rollout.stage,
            phase: rollout.phase.name(),
            since: rollout.phase_since,
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use safeguard_api::release::{Phase, Soak};
    use safeguard_api::{Digest, ReleaseId};

    use super::*;

    fn soaking(since: i64, requests: u64) -> Rollout {
        Rollout {
            release: ReleaseId::new(1, 1),
            service: "shop".parse().unwrap(),
            artifact: Digest::of(b"1"),
            policy: Digest::of(b"policy"),
            terms: safeguard_api::config::Terms::default(),
            generation: 1,
            stage: Stage::Qa,
            phase: Phase::Soaking,
            soak: Soak {
                requests,
                ..Soak::default()
            },
            epoch: 1,
            journal_seen: 0,
            hold: None,
            blocks: Vec::new(),
            would_have: Vec::new(),
            entered_at: Timestamp(0),
            phase_since: Timestamp(since),
        }
    }

    fn arm(requests: u64) -> ArmReport {
        ArmReport {
            release: ReleaseId::new(1, 1),
            requests,
            errors: 0,
            lost: 0,
            shielded: 0,
            mirrored: 0,
            mirrored_errors: 0,
            mirror_skipped: 0,
            judged_requests: 0,
            judged_errors: 0,
            sessions: 0,
            in_flight: 0,
            streams: 0,
            p50_ms: 0.0,
            p95_ms: 0.0,
            first_bad_at: None,
            last_bad_at: None,
            last_bad_request: None,
        }
    }

    #[test]
    fn counts_over_restarts_and_begins_anew_with_the_phase() {
        let mut memory = Memory::default();
        let mut count = |since, kept, incarnation, requests| {
            memory
                .count(&soaking(since, kept), incarnation, Some(&arm(requests)))
                .0
        };
        // What was there at the first look is not known to belong here; what is kept is.
        assert_eq!(count(1, 40, "a", 100), 40);
        assert_eq!(count(1, 40, "a", 130), 70);
        // The router starts anew.
        assert_eq!(count(1, 40, "b", 5), 75);
        // The arm does.
        assert_eq!(count(1, 40, "b", 2), 75);
        assert_eq!(count(1, 40, "b", 4), 77);
        // The same phase is entered again: nothing is shown yet.
        assert_eq!(count(2, 0, "b", 10), 0);
        assert_eq!(count(2, 0, "b", 11), 1);
    }
}
