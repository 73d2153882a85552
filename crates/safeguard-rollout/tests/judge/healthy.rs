//! False alarms over the life of healthy rollouts.

use std::thread;

use safeguard_api::config::JudgePolicy;
use safeguard_api::time::Span;
use safeguard_rollout::judge::{Judge, OutcomeKind, Side};
use safeguard_stats::binomial;

use crate::traffic::{Random, SLOT_MS, Users, good, status};

const LIFE_MS: u64 = 6 * 3_600_000;
/// One hour each; five changes.
const WEIGHTS: [f64; 6] = [0.05, 0.1, 0.25, 0.5, 0.25, 0.1];

/// How many users at a time, and how often each is seen, in slots of ten seconds.
#[derive(Clone, Copy)]
struct Crowd {
    size: f64,
    touch_slots: u64,
}

const FEW: Crowd = Crowd {
    size: 40.0,
    touch_slots: 5,
};
const HUNDRED: Crowd = Crowd {
    size: 100.0,
    touch_slots: 3,
};

#[derive(Default)]
struct Alarms {
    rollouts: u64,
    one_percent: u64,
    one_permille: u64,
    in_a_row: u64,
}

/// One rollout in which both arms are the same. Bad events come in bursts: one session fails again and again, on several
/// routes, also across changes of the weight. Returns the most evidence there ever was.
fn rollout(seed: u64, crowd: Crowd, burst_mean: f64) -> (f64, bool) {
    // A limit out of reach, so that one run tells for every α.
    let policy = JudgePolicy {
        alpha: 1e-300,
        planned: Span(LIFE_MS),
        warm_up: Span(0),
        ..JudgePolicy::default()
    };
    let mut random = Random(seed);
    let mut judge = Judge::new(&policy);
    let mut users = Users::new(&mut random, crowd.size, 300_000.0);
    let mut pending: Vec<(u64, u64, u16)> = Vec::new();
    let mut events: Vec<(u64, usize, Option<u16>)> = Vec::new();
    let (mut most, mut in_a_row) = (f64::NEG_INFINITY, false);
    let mut weight = WEIGHTS[0];
    for slot in 0..LIFE_MS / SLOT_MS {
        let now_ms = slot * SLOT_MS;
        let weight_due = WEIGHTS[(now_ms / 3_600_000) as usize];
        if weight_due != weight {
            weight = weight_due;
            judge.weight_changed(now_ms);
            users
                .sessions
                .iter_mut()
                .for_each(|session| session.touched_slot = u64::MAX);
        }
        users.pass(&mut random, now_ms, SLOT_MS);
        events.clear();
        for (place, session) in users.sessions.iter_mut().enumerate() {
            let at_ms = now_ms + random.below(SLOT_MS as usize) as u64;
            if session.touched_slot == u64::MAX || slot >= session.touched_slot + crowd.touch_slots {
                session.touched_slot = slot;
                events.push((at_ms, place, None));
            } else if session.side(weight) == Side::Canary {
                // Good and quick, as it is on stable too; there it would change nothing, here it ends failures in a row.
                events.push((at_ms, place, Some(200)));
            }
        }
        for _ in 0..random.poisson(crowd.size / 100.0) {
            // Some fail with their very first request.
            let newest = users.sessions.len() - 1;
            let place = if random.unit() < 0.3 {
                newest
            } else {
                random.below(newest + 1)
            };
            let session = users.sessions[place].id;
            let mut at_ms = now_ms + random.below(SLOT_MS as usize) as u64;
            for _ in 0..random.geometric(burst_mean) {
                let code = [500, 502, 503, 400, 429][random.below(5)];
                pending.push((at_ms, session, code));
                at_ms += random.exponential(2000.0) as u64;
            }
        }
        pending.retain(|(at_ms, id, code)| {
            let due = *at_ms < now_ms + SLOT_MS;
            if due && let Some(place) = users.sessions.iter().position(|session| session.id == *id) {
                events.push((*at_ms, place, Some(*code)));
            }
            !due
        });
        events.sort_unstable();
        for (at_ms, place, code) in &events {
            let session = users.sessions[*place];
            let side = session.side(weight);
            let latency = random.exponential(20.0) as f32;
            let request = match code {
                None => good(side, session.id, latency),
                Some(200) => good(side, session.id, 0.0),
                Some(code) => status(side, session.id, *code),
            };
            in_a_row |= judge.observe(*at_ms, &request).trip.is_some();
            most = most.max(judge.log_evidence());
        }
    }
    (most, in_a_row)
}

fn rollouts(from: u64, to: u64, crowd: Crowd, burst_mean: f64) -> Alarms {
    let half = |from: u64, to: u64| {
        let mut alarms = Alarms::default();
        for seed in from..to {
            let (most, in_a_row) = rollout(seed, crowd, burst_mean);
            alarms.rollouts += 1;
            alarms.one_percent += u64::from(in_a_row || most >= 100_f64.ln());
            alarms.one_permille += u64::from(in_a_row || most >= 1000_f64.ln());
            alarms.in_a_row += u64::from(in_a_row);
        }
        alarms
    };
    thread::scope(|scope| {
        let middle = u64::midpoint(from, to);
        let other = scope.spawn(move || half(from, middle));
        let one = half(middle, to);
        let other = other.join().unwrap();
        Alarms {
            rollouts: one.rollouts + other.rollouts,
            one_percent: one.one_percent + other.one_percent,
            one_permille: one.one_permille + other.one_permille,
            in_a_row: one.in_a_row + other.in_a_row,
        }
    })
}

fn check(burst_mean: f64, alarms: &Alarms) {
    let most = |alpha| binomial::quantile(alarms.rollouts, alpha, 0.999).unwrap();
    println!(
        "bursts of {burst_mean}: {} healthy rollouts of 6 h: α = 1 %: {} alarms (limit {}); α = 0.1 %: {} (limit {}); \
         in a row: {}",
        alarms.rollouts,
        alarms.one_percent,
        most(0.01),
        alarms.one_permille,
        most(0.001),
        alarms.in_a_row
    );
    assert!(
        alarms.one_percent <= most(0.01),
        "α = 1 %: {} alarms",
        alarms.one_percent
    );
    assert!(
        alarms.one_permille <= most(0.001),
        "α = 0.1 %: {} alarms",
        alarms.one_permille
    );
}

#[test]
fn ten_thousand_healthy_rollouts_alarm_no_more_than_alpha() {
    // `./test --fast` looks at the first tenth of each.
    let part = if std::env::var_os("SAFEGUARD_FAST").is_some() {
        10
    } else {
        1
    };
    // Two to twenty sessions on the canary; too few answers for a percentile, so nothing is slow.
    for (first_seed, burst_mean) in [(0, 3.0), (5000, 10.0)] {
        check(
            burst_mean,
            &rollouts(first_seed, first_seed + 5000 / part, FEW, burst_mean),
        );
    }
    // With slow responses too.
    check(3.0, &rollouts(10_000, 10_000 + 200 / part, HUNDRED, 3.0));
}

#[test]
fn long_healthy_rollouts_alarm_no_more_than_alpha() {
    if std::env::var_os("SAFEGUARD_LONG").is_none() {
        return;
    }
    for (first_seed, burst_mean) in [(1_000_000, 1.0), (2_000_000, 3.0), (3_000_000, 10.0)] {
        check(
            burst_mean,
            &rollouts(first_seed, first_seed + 20_000, HUNDRED, burst_mean),
        );
    }
}

/// Everything fails on both arms for a while, and heals: nobody's fault.
#[test]
fn both_arms_failing_together_never_trips() {
    for seed in 0..200 {
        let mut random = Random(seed);
        let policy = JudgePolicy {
            warm_up: Span(0),
            ..JudgePolicy::default()
        };
        let mut judge = Judge::new(&policy);
        let weight = [0.01, 0.05, 0.1, 0.25, 0.5][seed as usize % 5];
        let share_failed = [1.0, 0.8, 0.5, 0.2][seed as usize / 5 % 4];
        let users = Users::new(&mut random, 400.0, 1e12);
        for request in 0..60_000_u64 {
            let now_ms = request * 5;
            let outage = (60_000..120_000).contains(&now_ms) || (200_000..210_000).contains(&now_ms);
            let session = users.sessions[random.below(400)];
            let mut outcome = good(session.side(weight), session.id, random.exponential(20.0) as f32);
            if outage && random.unit() < share_failed {
                outcome.fingerprint = random.below(40) as u64;
                outcome.status = if random.unit() < 0.5 {
                    OutcomeKind::Refused
                } else {
                    OutcomeKind::TimedOut
                };
            }
            let observed = judge.observe(now_ms, &outcome);
            assert_eq!(observed.trip, None, "seed {seed} at {now_ms} ms");
        }
    }
}
