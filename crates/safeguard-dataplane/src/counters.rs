//! What is counted of an arm. Every counter is an atomic: the hot path takes no lock.

use std::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use safeguard_api::time::Timestamp;

#[derive(Debug, Default)]
pub struct Counters {
    pub requests: AtomicU64,
    pub errors: AtomicU64,
    pub lost: AtomicU64,
    /// Failures that a client did not see, because stable answered instead.
    pub shielded: AtomicU64,
    /// Copies of stable's requests: sent, not answered well, and not sent because too many were under way.
    pub mirrored: AtomicU64,
    pub mirrored_errors: AtomicU64,
    pub mirror_skipped: AtomicU64,
    first_bad_ms: AtomicI64,
    last_bad_ms: AtomicI64,
    // Guards the id alone; written for bad answers only, and never held across an await.
    last_bad_request: Mutex<String>,
    latencies: Latencies,
}

impl Counters {
    pub fn count_latency(&self, latency: Duration) {
        self.latencies.add(latency);
    }

    pub fn count_bad(&self, at: Timestamp, lost: bool, request: &str) {
        self.errors.fetch_add(1, Relaxed);
        if lost {
            self.lost.fetch_add(1, Relaxed);
        }
        self.last_bad_ms.fetch_max(at.ms(), Relaxed);
        let mut last = self.last_bad_request();
        last.clear();
        last.push_str(request);
        drop(last);
        // A failed exchange means that another thread was first.
        if self.first_bad_ms.load(Relaxed) == 0 {
            self.first_bad_ms
                .compare_exchange(0, at.ms(), Relaxed, Relaxed)
                .unwrap_or(0);
        }
    }

    /// The id of the request that failed last; empty before the first.
    pub fn last_bad_request(&self) -> MutexGuard<'_, String> {
        self.last_bad_request
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    pub fn bad_times(&self) -> (Option<Timestamp>, Option<Timestamp>) {
        let read = |place: &AtomicI64| Some(place.load(Relaxed)).filter(|ms| *ms != 0).map(Timestamp);
        (read(&self.first_bad_ms), read(&self.last_bad_ms))
    }

    /// The latency that `share` of the last one to two windows' requests did not exceed, in milliseconds.
    pub fn latency_ms(&self, share: f64) -> f64 {
        self.latencies.quantile_ms(share)
    }

    /// Begins a new window and forgets the one before the last.
    pub fn turn_window(&self) {
        self.latencies.turn();
    }
}

/// Eight buckets for each doubling of microseconds: a quantile is at most 12.5 % too high.
const BUCKETS: usize = 240;

#[derive(Debug)]
struct Latencies {
    windows: [[AtomicU32; BUCKETS]; 2],
    current: AtomicUsize,
}

impl Default for Latencies {
    fn default() -> Self {
        let window = || std::array::from_fn(|_| AtomicU32::new(0));
        Latencies {
            windows: [window(), window()],
            current: AtomicUsize::new(0),
        }
    }
}

impl Latencies {
    fn add(&self, latency: Duration) {
        let micros = u32::try_from(latency.as_micros()).unwrap_or(u32::MAX);
        let window = &self.windows[self.current.load(Relaxed) & 1];
        window[bucket(micros)].fetch_add(1, Relaxed);
    }

    fn quantile_ms(&self, share: f64) -> f64 {
        let counts: [u64; BUCKETS] = std::array::from_fn(|at| {
            self.windows
                .iter()
                .map(|window| u64::from(window[at].load(Relaxed)))
                .sum()
        });
        let total: u64 = counts.iter().sum();
        let mut left = (total as f64 * share).ceil();
        for (at, count) in counts.iter().enumerate() {
            left -= *count as f64;
            if *count > 0 && left <= 0.0 {
                return upper_micros(at) as f64 / 1000.0;
            }
        }
        0.0
    }

    fn turn(&self) {
        let next = (self.current.load(Relaxed) + 1) & 1;
        for count in &self.windows[next] {
            count.store(0, Relaxed);
        }
        self.current.store(next, Relaxed);
    }
}

fn bucket(micros: u32) -> usize {
    if micros < 8 {
        return micros as usize;
    }
    let exponent = micros.ilog2();
    let part = (micros >> (exponent - 3)) & 7;
    (exponent as usize - 2) * 8 + part as usize
}

fn upper_micros(bucket: usize) -> u64 {
    if bucket < 8 {
        return bucket as u64;
    }
    let (exponent, part) = (bucket as u64 / 8 + 2, bucket as u64 % 8);
    ((8 + part + 1) << (exponent - 3)) - 1
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn buckets_are_in_order_and_narrow() {
        for micros in (0..100_000u32).chain([1 << 20, u32::MAX - 1, u32::MAX]) {
            let upper = upper_micros(bucket(micros));
            assert!(upper >= u64::from(micros), "{micros}");
            assert!(
                upper as f64 <= f64::from(micros) * 1.126 + 1.0,
                "{micros} {upper}"
            );
        }
        assert_eq!(bucket(u32::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_forget_after_two_windows() {
        let counters = Counters::default();
        for ms in 1..=100 {
            counters.count_latency(Duration::from_millis(ms));
        }
        let p95 = counters.latency_ms(0.95);
        assert!((95.0..108.0).contains(&p95), "{p95}");
        counters.turn_window();
        assert!(counters.latency_ms(0.5) >= 50.0);
        counters.turn_window();
        assert_eq!(counters.latency_ms(0.5), 0.0);
    }
}
