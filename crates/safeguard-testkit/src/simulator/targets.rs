//! Where versions run: starts that take time, crashes, stops that take time.

use safeguard_rollout::observe::Instances;

use super::Candidate;
use super::rng::Rng;

/// Environments and releases by number: 0 dev to 3 production; 0 before the live one, 1 live, 2 the candidate.
pub const ENVIRONMENTS: usize = 4;
pub const RELEASES: usize = 3;
pub const LIVE: usize = 1;
pub const OURS: usize = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    None,
    Running { ready_at: u64 },
    Stopping { gone_at: u64 },
}

pub struct Targets {
    states: [[State; RELEASES]; ENVIRONMENTS],
    start_ms: (u64, u64),
    candidate: Candidate,
    /// The candidate fails its health checks in these times.
    pub sick: Vec<(u64, u64)>,
    rng: Rng,
}

impl Targets {
    pub fn new(candidate: Candidate, has_live: bool, start_ms: (u64, u64), rng: Rng) -> Targets {
        let mut states = [[State::None; RELEASES]; ENVIRONMENTS];
        if has_live {
            for environment in &mut states {
                environment[LIVE] = State::Running { ready_at: 0 };
            }
        }
        Targets {
            states,
            start_ms,
            candidate,
            sick: Vec::new(),
            rng,
        }
    }

    /// Starts what is wanted and missing, stops what is there and not wanted.
    pub fn apply(&mut self, now: u64, wanted: &[[bool; RELEASES]; ENVIRONMENTS]) {
        for (states, wanted) in self.states.iter_mut().zip(wanted) {
            for (release, (state, wanted)) in states.iter_mut().zip(wanted).enumerate() {
                match (wanted, *state) {
                    (true, State::None | State::Stopping { .. }) => {
                        let never = release == OURS && self.candidate == Candidate::NeverHealthy;
                        let takes = self.rng.between(self.start_ms.0, self.start_ms.1);
                        *state = State::Running {
                            ready_at: if never { u64::MAX } else { now + takes },
                        };
                    }
                    (false, State::Running { .. }) => {
                        *state = State::Stopping {
                            gone_at: now + self.rng.between(50, 3000),
                        };
                    }
                    (true, State::Running { .. }) | (false, State::None | State::Stopping { .. }) => {}
                }
            }
        }
    }

    pub fn instances(&self, now: u64, environment: usize, release: usize) -> Instances {
        match self.states[environment][release] {
            State::None => Instances::None,
            State::Stopping { gone_at } if gone_at <= now => Instances::None,
            State::Running { ready_at } if ready_at <= now => {
                if release == OURS && self.is_sick(now) {
                    Instances::Unhealthy {
                        why: "3 health checks failed in a row".to_owned(),
                    }
                } else {
                    Instances::Healthy
                }
            }
            State::Running { .. } | State::Stopping { .. } => Instances::Starting,
        }
    }

    pub fn healthy(&self, now: u64, environment: usize, release: usize) -> bool {
        matches!(self.states[environment][release], State::Running { ready_at } if ready_at <= now)
            && !(release == OURS && self.is_sick(now))
    }

    fn is_sick(&self, now: u64) -> bool {
        self.sick
            .iter()
            .any(|(from, until)| (*from..*until).contains(&now))
    }
}
