//! Rollouts in virtual time: the real planner, judge and store; simulated targets, router, traffic, clocks and people.
//!
//! One seed is one rollout. Time jumps to the next thing that is due. After every step the invariants are checked by
//! code that shares nothing with the planner, and a violation names the seed that repeats it.

mod calendar;
mod check;
mod people;
mod rng;
mod router;
mod server;
mod targets;

use std::fmt;

pub use server::run;

/// What is broken on purpose: the checks must find each of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breakage {
    None,
    /// The planner is not told of freezes.
    IgnoresFreeze,
    /// The planner is not told of calendars.
    IgnoresCalendars,
    /// A soak grows by whatever the wall clock says.
    SoakSurvivesClockJump,
    /// The router raises a weight that it took down itself.
    RaisesAfterReduction,
    /// The router applies whatever table comes.
    AppliesOlderTables,
    /// The gates are always told to be green.
    IgnoresGates,
}

/// How one simulated rollout ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub seed: u64,
    /// What the candidate is like.
    pub candidate: Candidate,
    pub observed_only: bool,
    /// The phase after seven days.
    pub phase: &'static str,
    /// The word of what rolled it back.
    pub stopped_by: Option<String>,
    pub ticks: u64,
    pub commits: u64,
    pub crashes: u64,
    pub reentries: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Candidate {
    Healthy,
    /// Fails more often, in production only.
    Errors {
        percent: u8,
    },
    /// The same, in dev already.
    ErrorsEverywhere {
        percent: u8,
    },
    /// Healthy at first, and then not.
    TurnsBad {
        after_hours: u8,
        percent: u8,
    },
    Slow,
    NeverHealthy,
    /// Its process ends again and again.
    Crashes,
}

/// An invariant that did not hold.
#[derive(Debug)]
pub struct Violation {
    pub seed: u64,
    pub step: u64,
    /// Virtual milliseconds since the release was created.
    pub at_ms: u64,
    pub what: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Violation {
            seed,
            step,
            at_ms,
            what,
        } = self;
        write!(
            f,
            "seed {seed}, step {step}, {:.1} h: {what}",
            *at_ms as f64 / 3_600_000.0
        )
    }
}

impl std::error::Error for Violation {}

/// The length of a simulated rollout.
pub const RUN_MS: u64 = 7 * 24 * 3_600_000;
