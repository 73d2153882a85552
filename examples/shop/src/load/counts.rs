//! What became of the requests, as their senders saw it.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hdrhistogram::Histogram;
use safeguard_api::{Environment, Timestamp};
use serde::{Deserialize, Serialize};

use super::exchange::Outcome;

/// Stands for a release where the answer named none, or there was none.
pub const UNNAMED: &str = "none";

const RELEASES_MAX: usize = 1000;
const LATENCY_US_MAX: u64 = 60_000_000;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Counts {
    pub at: Timestamp,
    pub environments: BTreeMap<Environment, EnvironmentCounts>,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct EnvironmentCounts {
    pub users: u32,
    pub sent: u64,
    pub outstanding: u64,
    /// Not sent, because too many were without an answer.
    pub skipped: u64,
    /// Questions before the environment had served anything; nobody's request.
    pub waited: u64,
    /// By the release that answered, as the router names it.
    pub releases: BTreeMap<String, ReleaseCounts>,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct ReleaseCounts {
    pub requests: u64,
    /// Answered with 5xx.
    pub failed: u64,
    /// Not answered completely.
    pub lost: u64,
    /// Answered, and later than the shop promises.
    pub slow: u64,
    pub bad: Times,
    pub slow_times: Times,
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
}

/// When the first and the last were seen.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Times {
    pub first: Option<Timestamp>,
    pub last: Option<Timestamp>,
}

impl Times {
    pub fn add(&mut self, at: Timestamp) {
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.last = Some(self.last.map_or(at, |last| last.max(at)));
    }

    /// The times of both together.
    #[must_use]
    pub fn with(mut self, other: Times) -> Times {
        for at in [other.first, other.last].into_iter().flatten() {
            self.add(at);
        }
        self
    }

    #[must_use]
    pub fn seconds(self) -> Option<f64> {
        let (first, last) = (self.first?, self.last?);
        #[expect(clippy::cast_precision_loss, reason = "milliseconds of one act")]
        Some(last.since(first).ms() as f64 / 1000.0)
    }
}

impl ReleaseCounts {
    /// The counts of both together; quantiles can not be added, and are dropped.
    #[must_use]
    pub fn with(self, other: &ReleaseCounts) -> ReleaseCounts {
        ReleaseCounts {
            requests: self.requests + other.requests,
            failed: self.failed + other.failed,
            lost: self.lost + other.lost,
            slow: self.slow + other.slow,
            bad: self.bad.with(other.bad),
            slow_times: self.slow_times.with(other.slow_times),
            p50_ms: 0.0,
            p95_ms: 0.0,
            p99_ms: 0.0,
        }
    }
}

/// Counts one environment while it is used.
pub struct Tally {
    users: u32,
    slow_over: Duration,
    /// All tasks are on one thread; the lock only says so to the compiler.
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    counts: EnvironmentCounts,
    latencies_us: BTreeMap<String, Histogram<u64>>,
}

impl Tally {
    #[must_use]
    pub fn new(users: u32, slow_over: Duration) -> Tally {
        Tally {
            users,
            slow_over,
            state: Mutex::default(),
        }
    }

    pub fn waited(&self) {
        self.state().counts.waited += 1;
    }

    pub fn skipped(&self) {
        self.state().counts.skipped += 1;
    }

    pub fn sent(&self) {
        let mut state = self.state();
        state.counts.sent += 1;
        state.counts.outstanding += 1;
    }

    #[must_use]
    pub fn outstanding(&self) -> u64 {
        self.state().counts.outstanding
    }

    /// Counts a request that was sent; `latency` runs from when it was due.
    pub fn ended(&self, outcome: &Outcome, latency: Duration, at: Timestamp) {
        let mut state = self.state();
        state.counts.outstanding = state.counts.outstanding.saturating_sub(1);
        let (release, status) = match outcome {
            Outcome::Answered { status, release, .. } => (release, Some(*status)),
            Outcome::Lost { release } => (release, None),
        };
        let name = release.as_deref().unwrap_or(UNNAMED);
        if !state.counts.releases.contains_key(name) && state.counts.releases.len() >= RELEASES_MAX {
            return;
        }
        let counts = state.counts.releases.entry(name.to_owned()).or_default();
        counts.requests += 1;
        match status {
            None => counts.lost += 1,
            Some(500..) => counts.failed += 1,
            Some(_) if latency > self.slow_over => {
                counts.slow += 1;
                counts.slow_times.add(at);
            }
            Some(_) => {}
        }
        if status.is_none_or(|status| status >= 500) {
            counts.bad.add(at);
        }
        let us = u64::try_from(latency.as_micros())
            .unwrap_or(u64::MAX)
            .clamp(1, LATENCY_US_MAX);
        if let Some(latencies) = state.latencies(name) {
            latencies.saturating_record(us);
        }
    }

    /// The counts since the last mark.
    #[must_use]
    pub fn counts(&self) -> EnvironmentCounts {
        let state = self.state();
        let mut counts = EnvironmentCounts {
            users: self.users,
            ..state.counts.clone()
        };
        for (name, release) in &mut counts.releases {
            let Some(latencies) = state.latencies_us.get(name) else {
                continue;
            };
            #[expect(clippy::cast_precision_loss, reason = "below a minute in microseconds")]
            let ms = |quantile| latencies.value_at_quantile(quantile) as f64 / 1000.0;
            (release.p50_ms, release.p95_ms, release.p99_ms) = (ms(0.5), ms(0.95), ms(0.99));
        }
        counts
    }

    /// The same, and counting starts anew; requests without an answer stay counted as such.
    #[must_use]
    pub fn mark(&self) -> EnvironmentCounts {
        let counts = self.counts();
        let outstanding = counts.outstanding;
        *self.state() = State {
            counts: EnvironmentCounts {
                outstanding,
                ..Default::default()
            },
            ..Default::default()
        };
        counts
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn latencies(&mut self, name: &str) -> Option<&mut Histogram<u64>> {
        if !self.latencies_us.contains_key(name) {
            let empty = Histogram::new_with_bounds(1, LATENCY_US_MAX, 2).ok()?;
            self.latencies_us.insert(name.to_owned(), empty);
        }
        self.latencies_us.get_mut(name)
    }
}
