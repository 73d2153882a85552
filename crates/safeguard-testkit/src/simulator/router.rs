//! The router: tables by generation, the lease, the journal, and the real judge on drawn requests.

use safeguard_api::config::{JudgePolicy, Policy};
use safeguard_api::time::Timestamp;
use safeguard_api::traffic::{Trip, TripCause};
use safeguard_rollout::judge::{Judge, Outcome, OutcomeKind, Side};
use safeguard_rollout::observe::{Reduced, Sample};

use super::rng::{Rng, mix};
use super::targets::{ENVIRONMENTS, OURS, RELEASES};
use super::{Breakage, Candidate};

const PRODUCTION: usize = 3;
/// Requests a second that the judge sees one by one.
const RATE: u64 = 4;
const REQUESTS_MAX: u64 = 60;
const USERS: u64 = 5000;

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Table {
    pub generation: u64,
    pub routes: [Route; ENVIRONMENTS],
    pub instances: [[bool; RELEASES]; ENVIRONMENTS],
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Route {
    pub stable: Option<usize>,
    pub candidate: Option<Arm>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arm {
    pub release: usize,
    pub weight: u8,
    pub epoch: u32,
    pub journal_seen: u64,
    pub judged: bool,
    pub observe: bool,
}

/// What one part of the walk has truly seen.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counted {
    pub requests: u64,
    pub errors: u64,
}

pub struct Router {
    pub table: Table,
    /// The weights that users see.
    pub weights: [u8; ENVIRONMENTS],
    pub heard_at: u64,
    /// The candidate's entries: number, environment, what.
    pub journal: Vec<(u64, Reduced)>,
    /// The newest reduction by itself in each environment.
    pub reduced: [u64; ENVIRONMENTS],
    pub drained_at: u64,
    pub all_fail: bool,
    judge: Option<Judge>,
    lease_ms: u64,
    policy: JudgePolicy,
    breakage: Breakage,
    rng: Rng,
}

impl Router {
    pub fn new(policy: &Policy, breakage: Breakage, rng: Rng) -> Router {
        Router {
            table: Table::default(),
            weights: [0; ENVIRONMENTS],
            heard_at: 0,
            journal: Vec::new(),
            reduced: [0; ENVIRONMENTS],
            drained_at: 0,
            all_fail: false,
            judge: None,
            lease_ms: policy.rollback.lease.ms(),
            policy: policy.judge.clone(),
            breakage,
            rng,
        }
    }

    pub fn apply(&mut self, now: u64, table: &Table, stale: bool) {
        if table.generation < self.table.generation && self.breakage != Breakage::AppliesOlderTables {
            return;
        }
        // Renewing is for whoever has the table in force; a stuck executor renews nothing.
        if !stale || self.table.generation < table.generation {
            self.heard_at = now;
        }
        if self.table != *table {
            self.table = table.clone();
        }
        for environment in 0..ENVIRONMENTS {
            let wanted = self.table.routes[environment].candidate;
            let weight = match wanted {
                None => 0,
                Some(arm) => {
                    let refused = arm.journal_seen < self.reduced[environment]
                        && arm.release == OURS
                        && self.breakage != Breakage::RaisesAfterReduction;
                    if refused {
                        self.weights[environment].min(arm.weight)
                    } else {
                        arm.weight
                    }
                }
            };
            self.set(now, environment, weight);
        }
    }

    /// Lets time pass up to `now`: the lease may run out on the way.
    pub fn pass(&mut self, now: u64) {
        let over = self.lease_ms < now.saturating_sub(self.heard_at);
        if over && self.weights.iter().any(|weight| 0 < *weight) {
            self.take_down(now);
        }
    }

    pub fn restart(&mut self, now: u64) {
        self.take_down(now);
        self.table.generation = 0;
        self.judge = None;
    }

    fn take_down(&mut self, now: u64) {
        for environment in 0..ENVIRONMENTS {
            let ours = self.table.routes[environment]
                .candidate
                .is_some_and(|arm| arm.release == OURS);
            if 0 < self.weights[environment] && ours {
                let seq = self.journal.len() as u64 + 1;
                let at = Timestamp(i64::try_from(now).unwrap_or(i64::MAX));
                self.journal.push((seq, Reduced::LeaseExpired { seq, at }));
                self.reduced[environment] = seq;
            }
            self.set(now, environment, 0);
        }
    }

    fn set(&mut self, now: u64, environment: usize, weight: u8) {
        if self.weights[environment] == weight {
            return;
        }
        if environment == PRODUCTION {
            if let Some(judge) = &mut self.judge {
                judge.weight_changed(now);
            }
            if weight == 0 {
                self.drained_at = now + self.rng.between(0, 12_000);
            }
        }
        self.weights[environment] = weight;
    }

    /// Draws the requests of `dt` milliseconds before `now`.
    pub fn serve(
        &mut self,
        now: u64,
        dt: u64,
        environment: usize,
        candidate: Candidate,
        healthy: bool,
        wall: Timestamp,
    ) -> Counted {
        let weight = self.weights[environment];
        let arm = self.table.routes[environment].candidate;
        let Some(arm) = arm.filter(|arm| 0 < weight && arm.release == OURS) else {
            return Counted::default();
        };
        let bad_ppm = self.bad_ppm(now, environment, candidate, healthy);
        let count = (dt * RATE / 1000).clamp(1, REQUESTS_MAX);
        if !arm.judged || weight == 100 || environment != PRODUCTION {
            let errors = if bad_ppm < 5000 {
                u64::from(self.rng.ppm(bad_ppm * count))
            } else {
                (0..count).filter(|_| self.rng.ppm(bad_ppm)).count() as u64
            };
            return Counted {
                requests: count,
                errors,
            };
        }
        self.judged(now, dt, count, weight, bad_ppm, candidate, arm.observe, wall)
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one caller, which has just worked all of them out"
    )]
    fn judged(
        &mut self,
        now: u64,
        dt: u64,
        count: u64,
        weight: u8,
        bad_ppm: u64,
        candidate: Candidate,
        observe: bool,
        wall: Timestamp,
    ) -> Counted {
        let mut counted = Counted::default();
        let judge = self.judge.get_or_insert_with(|| Judge::new(&self.policy));
        for place in 0..count {
            let at = now - dt + dt * (place + 1) / count;
            let user = self.rng.below(USERS);
            let ours = mix(user) % 100 < u64::from(weight);
            let ppm = if ours {
                bad_ppm
            } else if self.all_fail {
                300_000
            } else {
                2000
            };
            let bad = self.rng.ppm(ppm);
            let slow = ours && candidate == Candidate::Slow;
            let headers_ms = (20 + self.rng.below(30)) as f32 * if slow { 2.5 } else { 1.0 };
            let request = Outcome {
                arm: if ours { Side::Canary } else { Side::Stable },
                session: user,
                status: OutcomeKind::Answered {
                    status: if bad { 500 } else { 200 },
                    truncated: false,
                },
                headers_ms,
                fingerprint: 7,
                excluded: false,
            };
            if ours {
                counted.requests += 1;
                counted.errors += u64::from(bad);
            }
            if let Some(cause) = judge.observe(at, &request).trip {
                self.tripped(now, cause, observe, wall);
                break;
            }
        }
        counted
    }

    fn tripped(&mut self, now: u64, cause: TripCause, observe: bool, wall: Timestamp) {
        let seq = self.journal.len() as u64 + 1;
        let trip = Trip { seq, at: wall, cause };
        if observe {
            self.journal.push((seq, Reduced::WouldTrip(trip)));
            return;
        }
        self.journal.push((seq, Reduced::Tripped(trip)));
        for environment in 0..ENVIRONMENTS {
            if self.table.routes[environment]
                .candidate
                .is_some_and(|arm| arm.release == OURS)
            {
                self.reduced[environment] = seq;
                self.set(now, environment, 0);
            }
        }
    }

    pub fn samples(&self) -> (Sample, Sample) {
        let side = |side| {
            self.judge
                .as_ref()
                .map_or_else(Sample::default, |judge| judge.sample(side))
        };
        (side(Side::Canary), side(Side::Stable))
    }

    fn bad_ppm(&self, now: u64, environment: usize, candidate: Candidate, healthy: bool) -> u64 {
        let ppm = |percent: u8| u64::from(percent) * 10_000;
        let own = match candidate {
            Candidate::Errors { percent } if environment == PRODUCTION => ppm(percent),
            Candidate::ErrorsEverywhere { percent } => ppm(percent),
            Candidate::TurnsBad { after_hours, percent } if u64::from(after_hours) * 3_600_000 <= now => {
                ppm(percent)
            }
            Candidate::Errors { .. }
            | Candidate::TurnsBad { .. }
            | Candidate::Healthy
            | Candidate::Slow
            | Candidate::NeverHealthy
            | Candidate::Crashes => 2000,
        };
        let own = if healthy { own } else { 900_000 };
        if self.all_fail { own.max(300_000) } else { own }
    }
}
