//! Simulated: from a fault's first moment to the judge's verdict, and the requests that failed until then.
//!
//! Every request is simulated, one by one: 50 a second on the canary, 1 % of errors, then 6 %.

use std::thread;

use anyhow::{Context, bail};
use rand::{RngExt as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use safeguard_api::config::JudgePolicy;
use safeguard_rollout::judge::{Judge, Outcome, OutcomeKind, Side};

use crate::report::{Row, quantile};

const CANARY_PER_SECOND: f64 = 50.0;
const RATE_BEFORE: f64 = 0.01;
const RATE_AFTER: f64 = 0.06;
const RATE_TOTAL: f64 = 1.0;
const SHARES: [f64; 2] = [0.05, 0.1];
const FAULT_AFTER_MINUTES: [u64; 3] = [1, 10, 60];
const SEEDS: u64 = 40;
const WAIT_LONGEST_MS: f64 = 600_000.0;
/// A user asks every ten seconds in the mean.
const SECONDS_BETWEEN_REQUESTS: f64 = 10.0;

pub fn run() -> anyhow::Result<Vec<Row>> {
    let (mut seconds, mut failed) = (Vec::new(), Vec::new());
    for share in SHARES {
        for minutes in FAULT_AFTER_MINUTES {
            for found in both_halves(share, minutes, RATE_AFTER)? {
                seconds.push(found.seconds);
                failed.push(found.failed as f64);
            }
        }
    }
    let total: Vec<Found> = both_halves(0.1, 1, RATE_TOTAL)?;
    let mut total: Vec<f64> = total.into_iter().map(|found| found.seconds).collect();
    Ok(vec![
        Row::new(
            "judge 1→6 %, fault to verdict, median",
            quantile(&mut seconds, 0.5),
            "s",
        )
        .at_most(4.0),
        Row::new(
            "judge 1→6 %, fault to verdict, p95",
            quantile(&mut seconds, 0.95),
            "s",
        )
        .at_most(10.0),
        Row::new(
            "judge 1→6 %, failed requests, median",
            quantile(&mut failed, 0.5),
            "requests",
        )
        .at_most(10.0),
        Row::new(
            "judge 1→6 %, failed requests, p95",
            quantile(&mut failed, 0.95),
            "requests",
        )
        .at_most(30.0),
        Row::new(
            "judge total failure, fault to verdict, p95",
            quantile(&mut total, 0.95),
            "s",
        )
        .at_most(0.5),
    ])
}

struct Found {
    seconds: f64,
    /// On the canary, from the fault to the verdict.
    failed: u64,
}

fn both_halves(share: f64, minutes: u64, rate_after: f64) -> anyhow::Result<Vec<Found>> {
    let some = |seeds: std::ops::Range<u64>| {
        seeds
            .map(|seed| one(share, minutes, rate_after, seed))
            .collect::<anyhow::Result<Vec<Found>>>()
    };
    thread::scope(|scope| {
        let other = scope.spawn(|| some(0..SEEDS / 2));
        let mut found = some(SEEDS / 2..SEEDS)?;
        found.extend(other.join().ok().context("the simulation panicked")??);
        Ok(found)
    })
}

fn one(share: f64, minutes: u64, rate_after: f64, seed: u64) -> anyhow::Result<Found> {
    let mut random = ChaCha8Rng::seed_from_u64(seed << 8 | minutes);
    let mut judge = Judge::new(&JudgePolicy::default());
    let per_second = CANARY_PER_SECOND / share;
    let users = (per_second * SECONDS_BETWEEN_REQUESTS) as u64;
    let on_canary = (users as f64 * share) as u64;
    let fault_ms = (minutes * 60_000) as f64;
    let mut failed = 0;
    let mut now_ms = 0.0;
    while now_ms < fault_ms + WAIT_LONGEST_MS {
        // The time to the next request of a Poisson process.
        now_ms += -(1.0 - random.random::<f64>()).ln() * 1000.0 / per_second;
        let session = random.random_range(0..users);
        let arm = if session < on_canary {
            Side::Canary
        } else {
            Side::Stable
        };
        let faulty = arm == Side::Canary && now_ms >= fault_ms;
        let bad = random.random::<f64>() < if faulty { rate_after } else { RATE_BEFORE };
        failed += u64::from(faulty && bad);
        let status = if bad { 500 } else { 200 };
        let request = Outcome {
            arm,
            session,
            status: OutcomeKind::Answered {
                status,
                truncated: false,
            },
            headers_ms: 5.0,
            fingerprint: u64::from(status),
            excluded: false,
        };
        if judge.observe(now_ms as u64, &request).trip.is_some() {
            if now_ms < fault_ms {
                bail!("a false alarm at {now_ms} ms: share {share}, seed {seed}");
            }
            return Ok(Found {
                seconds: (now_ms - fault_ms) / 1000.0,
                failed,
            });
        }
    }
    bail!("no verdict within {WAIT_LONGEST_MS} ms: share {share}, fault after {minutes} min, seed {seed}")
}
