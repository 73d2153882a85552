//! The judge: whether bad events come from the canary or from everyone. The formulas are in docs/judge.md.
//!
//! Time is passed in; a good request costs one look into a map. What a session is, the caller says: the key must be
//! the one by which users are assigned to arms, hashed with a secret.

mod evidence;
mod hard;
mod kinds;
mod proof;
mod sessions;
mod streak;

use safeguard_api::config::JudgePolicy;
use safeguard_api::traffic::{BadClass, Evaluation, TripCause};
use safeguard_stats::window::WindowQuantile;

use crate::observe::Sample;
pub use evidence::{LOOKS_MAX, Verdict, recompute};
pub use hard::hard_triggers;
pub use proof::{Proof, non_inferior};
pub use sessions::SESSIONS_MAX;

use evidence::Evidence;
use kinds::Kinds;
use sessions::{Sessions, Standing};
use streak::Streak;

/// Slots of every sliding window: the policy's window of 60 s moves in steps of 10 s.
pub const SLOTS: usize = safeguard_stats::window::SLOTS;
/// Stable's 95th percentile means nothing below this many answers in the window.
pub const LATENCIES_MIN: u64 = 100;
const SLOW_QUANTILE: f64 = 0.95;

/// An arm of the comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Stable,
    Canary,
}

/// One request, when its outcome is known.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Outcome {
    pub arm: Side,
    pub session: u64,
    pub status: OutcomeKind,
    /// From the request to the answer's header.
    pub headers_ms: f32,
    /// Of the route's shape and the status.
    pub fingerprint: u64,
    /// Not evidence: testers, mirrors, health checks, drills, a second try, streams, and what the client broke off.
    pub excluded: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutcomeKind {
    Answered { status: u16, truncated: bool },
    Refused,
    Reset,
    TimedOut,
}

/// What the judge made of a request.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Observed {
    /// The class of the bad event, if it was one.
    pub bad: Option<BadClass>,
    /// Whether it was counted as evidence: not while its session is muted, not while warming up.
    pub counted: bool,
    /// Said once: a judge that has tripped stays tripped and weighs nothing more.
    pub trip: Option<TripCause>,
}

/// Compares one candidate with one stable release from the first request to the verdict.
#[derive(Debug, Clone)]
pub struct Judge {
    policy: JudgePolicy,
    slot_ms: u64,
    start_ms: Option<u64>,
    at_ms: u64,
    slot: u64,
    sessions: Sessions,
    kinds: Kinds,
    latencies: WindowQuantile,
    slow_above_ms: Option<f32>,
    streak: Streak,
    evidence: Evidence,
    tripped: bool,
}

impl Judge {
    #[must_use]
    pub fn new(policy: &JudgePolicy) -> Judge {
        Judge {
            policy: policy.clone(),
            slot_ms: (policy.window.ms() / SLOTS as u64).max(1),
            start_ms: None,
            at_ms: 0,
            slot: 0,
            sessions: Sessions::default(),
            kinds: Kinds::default(),
            latencies: WindowQuantile::default(),
            slow_above_ms: None,
            streak: Streak::new(policy.failures_in_a_row_max),
            evidence: Evidence::new(policy),
            tripped: false,
        }
    }

    /// Forgets who was on which arm, because users move; the evidence stays.
    pub fn weight_changed(&mut self, now_ms: u64) {
        self.advance(now_ms);
        self.sessions.clear();
        self.streak.clear();
    }

    /// Takes note of a request, and weighs it if it is a bad event that counts.
    pub fn observe(&mut self, now_ms: u64, request: &Outcome) -> Observed {
        self.advance(now_ms);
        if request.excluded {
            return Observed::default();
        }
        let failed = request.status.failed();
        self.streak.note(request.arm, request.session, failed);
        let new_kind = failed && self.kinds.is_new(self.slot, request.fingerprint);
        let bad = match request.status {
            _ if new_kind => Some(BadClass::NewKind),
            _ if failed => Some(BadClass::Error),
            OutcomeKind::Answered { status, .. } if (400..500).contains(&status) && status != 404 => {
                Some(BadClass::ClientError)
            }
            _ if self.slow_above_ms.is_some_and(|limit| limit < request.headers_ms) => Some(BadClass::Slow),
            _ => None,
        };
        if request.arm == Side::Stable && !failed {
            self.latencies.record(request.headers_ms);
        }
        let mut counted = false;
        if self.policy.warm_up.ms() <= self.at_ms
            && let Some(standing) = self.sessions.touch(self.slot, request.arm, request.session)
        {
            counted = self.weigh(request.arm, standing, bad);
        } else if self.at_ms < self.policy.warm_up.ms() {
            self.sessions.touch(self.slot, request.arm, request.session);
        }
        Observed {
            bad,
            counted,
            trip: self.verdict(),
        }
    }

    /// Lets time pass without a request, and says whether the judge trips.
    pub fn tick(&mut self, now_ms: u64) -> Option<TripCause> {
        self.advance(now_ms);
        self.verdict()
    }

    /// Returns the logarithm of the evidence that the canary is worse, as of the last bad event.
    #[must_use]
    pub fn log_evidence(&self) -> f64 {
        self.evidence.log_e()
    }

    /// Returns the limit at which the judge trips: ln 1/α.
    #[must_use]
    pub fn log_evidence_max(&self) -> f64 {
        self.evidence.log_e_max()
    }

    /// Returns the looks that the evidence consists of; [`recompute`] makes the verdict from them.
    #[must_use]
    pub fn evaluations(&self) -> Vec<Evaluation> {
        self.evidence.looks().to_vec()
    }

    /// Returns what the proof of no harm is made from: requests of sessions that were not muted, and their first errors.
    #[must_use]
    pub fn sample(&self, arm: Side) -> Sample {
        self.sessions.sample(arm)
    }

    /// Returns the distinct sessions within the window.
    #[must_use]
    pub fn sessions(&self, arm: Side) -> u64 {
        self.sessions.active(arm)
    }

    /// Returns the latency above which a response is slow: stable's 95th percentile, once enough is known.
    #[must_use]
    pub fn slow_above_ms(&self) -> Option<f32> {
        self.slow_above_ms
    }

    /// Moves time forward, never back.
    fn advance(&mut self, now_ms: u64) {
        let start_ms = *self.start_ms.get_or_insert(now_ms);
        self.at_ms = now_ms.saturating_sub(start_ms).max(self.at_ms);
        let slot = self.at_ms / self.slot_ms;
        if slot == self.slot {
            return;
        }
        for _ in 0..(slot - self.slot).min(SLOTS as u64) {
            // The quantile is of the whole window before this slot and holds for the length of the slot.
            let usual = self.latencies.quantile(SLOW_QUANTILE, LATENCIES_MIN);
            self.slow_above_ms = usual.filter(|_| self.policy.slowness);
            self.latencies.advance();
        }
        self.slot = slot;
        self.sessions.advance(slot);
        self.kinds.advance(slot);
    }

    /// Looks once for each class that the event belongs to; an error of a new kind is an error too.
    fn weigh(&mut self, arm: Side, standing: Standing, bad: Option<BadClass>) -> bool {
        self.sessions.count_request(arm, standing);
        let classes: &[BadClass] = match bad {
            None => return false,
            Some(BadClass::NewKind) => &[BadClass::NewKind, BadClass::Error],
            Some(BadClass::Error) => &[BadClass::Error],
            Some(BadClass::Slow) => &[BadClass::Slow],
            Some(BadClass::ClientError) => &[BadClass::ClientError],
        };
        let mut counted = false;
        for class in classes {
            let Some(at_risk) = self.sessions.mute(arm, standing, *class) else {
                continue;
            };
            counted = true;
            let informative = at_risk.canary > 0 && at_risk.stable > 0;
            if informative && !self.tripped {
                self.evidence.look(Evaluation {
                    at_ms: self.at_ms,
                    class: *class,
                    n: 1,
                    k: u32::from(arm == Side::Canary),
                    sessions_canary: at_risk.canary,
                    sessions_stable: at_risk.stable,
                });
            }
        }
        counted
    }

    fn verdict(&mut self) -> Option<TripCause> {
        if self.tripped {
            return None;
        }
        let cause = self.evidence.exceeded().map(|class| TripCause::Judge {
            class,
            log_evidence: self.evidence.log_e(),
            log_evidence_max: self.evidence.log_e_max(),
            canary_bad: self.sessions.bad(Side::Canary, class),
            canary_requests: self.sessions.sample(Side::Canary).requests,
            stable_bad: self.sessions.bad(Side::Stable, class),
            stable_requests: self.sessions.sample(Side::Stable).requests,
        });
        let cause = cause.or_else(|| {
            self.streak
                .exceeded()
                .map(|count| TripCause::FailuresInARow { count })
        });
        self.tripped = cause.is_some();
        cause
    }
}

impl OutcomeKind {
    /// Whether it is an error of the service: 5xx, or no complete answer.
    #[must_use]
    pub fn failed(self) -> bool {
        match self {
            OutcomeKind::Answered { status, truncated } => truncated || (500..600).contains(&status),
            OutcomeKind::Refused | OutcomeKind::Reset | OutcomeKind::TimedOut => true,
        }
    }
}
