//! The judge of one candidate, and the switch that it throws.
//!
//! Each request is judged where it ended, under a lock that is held for a map look-up: with the one router thread that is
//! usual it is never contended, nothing is queued, so nothing is dropped, and a trip takes effect before the next
//! request is routed. Routes without a judged candidate never come here.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use safeguard_api::config::JudgePolicy;
use safeguard_api::id::ReleaseId;
use safeguard_api::time::Timestamp;
use safeguard_api::traffic::{Evaluation, TripCause};
use safeguard_rollout::judge::{Judge, Outcome};
use tokio::sync::Notify;

use crate::arm::Presence;
use crate::clock;

#[derive(Debug)]
pub struct Tripwire {
    pub release: ReleaseId,
    pub policy: JudgePolicy,
    presence: Arc<Presence>,
    /// The router took the weight to 0 by itself.
    closed: AtomicBool,
    /// Trips are written down and nothing is moved.
    observe: AtomicBool,
    // Guards the judge and the decision it made; never held across an await.
    bench: Mutex<Bench>,
    /// Wakes whoever writes decisions down.
    decided: Arc<Notify>,
}

#[derive(Debug)]
struct Bench {
    judge: Judge,
    decision: Option<Decision>,
    tripped: bool,
}

/// A trip that is in force and not yet written down.
#[derive(Debug, Clone)]
pub struct Decision {
    pub at: Timestamp,
    pub cause: TripCause,
    pub evidence: Vec<Evaluation>,
    pub observe: bool,
}

impl Tripwire {
    pub fn new(
        release: ReleaseId,
        policy: JudgePolicy,
        observe: bool,
        presence: Arc<Presence>,
        decided: Arc<Notify>,
    ) -> Tripwire {
        let judge = Judge::new(&policy);
        Tripwire {
            release,
            policy,
            presence,
            closed: AtomicBool::new(false),
            observe: AtomicBool::new(observe),
            bench: Mutex::new(Bench {
                judge,
                decision: None,
                tripped: false,
            }),
            decided,
        }
    }

    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub fn close(&self) {
        if !self.closed.swap(true, Ordering::AcqRel) {
            self.presence.evacuate();
        }
    }

    /// Lets the table's weight be in force again.
    pub fn open(&self) {
        self.closed.store(false, Ordering::Release);
    }

    pub fn set_observe(&self, observe: bool) {
        self.observe.store(observe, Ordering::Relaxed);
    }

    pub fn observe(&self, outcome: &Outcome) {
        let mut bench = self.bench();
        let observed = bench.judge.observe(clock::boot_ms(), outcome);
        if let Some(cause) = observed.trip {
            self.trip_locked(&mut bench, cause);
        }
    }

    pub fn tick(&self) {
        let mut bench = self.bench();
        if let Some(cause) = bench.judge.tick(clock::boot_ms()) {
            self.trip_locked(&mut bench, cause);
        }
    }

    /// Trips for a reason that needs no statistics.
    pub fn trip(&self, cause: TripCause) {
        self.trip_locked(&mut self.bench(), cause);
    }

    // Acts first: the weight is 0 before anybody is told.
    fn trip_locked(&self, bench: &mut Bench, cause: TripCause) {
        if bench.tripped {
            return;
        }
        bench.tripped = true;
        let observe = self.observe.load(Ordering::Relaxed);
        if !observe {
            self.close();
        }
        bench.decision = Some(Decision {
            at: clock::wall(),
            cause,
            evidence: bench.judge.evaluations(),
            observe,
        });
        self.decided.notify_one();
    }

    /// Takes the decision that is to be written down.
    pub fn take_decision(&self) -> Option<Decision> {
        self.bench().decision.take()
    }

    pub fn weight_changed(&self) {
        self.bench().judge.weight_changed(clock::boot_ms());
    }

    /// Reads figures of the judge.
    pub fn read<T>(&self, read: impl FnOnce(&Judge) -> T) -> T {
        read(&self.bench().judge)
    }

    fn bench(&self) -> MutexGuard<'_, Bench> {
        self.bench.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
