//! From the fault's first moment to the trip: the table of docs/judge.md.
//!
//! `SAFEGUARD_UPDATE=1 cargo test -p safeguard-rollout --test judge delay` writes it anew; without, a few of its cells
//! are simulated again and compared.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::thread;

use safeguard_api::config::JudgePolicy;
use safeguard_rollout::judge::{Judge, Side};

use crate::traffic::{Random, SLOT_MS, Users, good, status, touch_stable};

const SHARE: f64 = 0.05;
/// A session asks every ten seconds and lasts a hundred.
const REQUESTS_PER_SECOND_OF_SESSION: f64 = 0.1;
const LIFE_MS: f64 = 100_000.0;
const WAIT_LONGEST_MS: u64 = 30 * 60_000;

const RATES: [(f64, f64); 4] = [(0.001, 0.02), (0.01, 0.02), (0.01, 0.06), (0.01, 0.5)];
const CANARY_PER_SECOND: [f64; 5] = [1.0, 5.0, 20.0, 50.0, 500.0];
const FAULT_AFTER_MINUTES: [u64; 3] = [1, 10, 60];

const BEGIN: &str = "<!-- delay table: begin -->\n";
const END: &str = "<!-- delay table: end -->\n";

#[derive(Clone, Copy)]
struct Cell {
    rates: (f64, f64),
    canary_per_second: f64,
    fault_after_minutes: u64,
}

struct Delays {
    seconds: Vec<f64>,
    failures: Vec<u64>,
}

/// Returns the time from the fault to the trip and the canary's failed requests until then.
fn delay(cell: Cell, seed: u64) -> (f64, u64) {
    let mut random = Random(seed.wrapping_mul(0x9E37_79B9) ^ cell.fault_after_minutes << 40);
    let mut judge = Judge::new(&JudgePolicy::default());
    let per_second = cell.canary_per_second / SHARE;
    let mut users = Users::new(&mut random, per_second / REQUESTS_PER_SECOND_OF_SESSION, LIFE_MS);
    let slot_s = SLOT_MS as f64 / 1000.0;
    let fault_ms = cell.fault_after_minutes * 60_000;
    let mut failures = 0;
    let mut events: Vec<(u64, usize, bool)> = Vec::new();
    for now_ms in (0..fault_ms + WAIT_LONGEST_MS).step_by(SLOT_MS as usize) {
        users.pass(&mut random, now_ms, SLOT_MS);
        touch_stable(&mut judge, &mut users, SHARE, now_ms, || 5.0);
        let (canary, stable): (Vec<usize>, Vec<usize>) =
            (0..users.sessions.len()).partition(|place| users.sessions[*place].side(SHARE) == Side::Canary);
        events.clear();
        let stable_bad = random.poisson((per_second - cell.canary_per_second) * slot_s * cell.rates.0);
        for _ in 0..if stable.is_empty() { 0 } else { stable_bad } {
            events.push((random.next() % SLOT_MS, stable[random.below(stable.len())], true));
        }
        let rate = if now_ms < fault_ms {
            cell.rates.0
        } else {
            cell.rates.1
        };
        let requests = if canary.is_empty() {
            0
        } else {
            random.poisson(cell.canary_per_second * slot_s)
        };
        for _ in 0..requests {
            let bad = random.unit() < rate;
            events.push((random.next() % SLOT_MS, canary[random.below(canary.len())], bad));
        }
        events.sort_unstable();
        for (after_ms, place, bad) in &events {
            let session = users.sessions[*place];
            let side = session.side(SHARE);
            let at_ms = now_ms + after_ms;
            let request = if *bad {
                status(side, session.id, 500)
            } else {
                good(side, session.id, 5.0)
            };
            failures += u64::from(*bad && side == Side::Canary && at_ms >= fault_ms);
            if judge.observe(at_ms, &request).trip.is_some() {
                assert!(at_ms >= fault_ms, "a false alarm, seed {seed}, at {at_ms} ms");
                return ((at_ms - fault_ms) as f64 / 1000.0, failures);
            }
        }
    }
    (f64::INFINITY, failures)
}

fn delays(cell: Cell) -> Delays {
    let runs = if cell.canary_per_second >= 500.0 { 20 } else { 100 };
    let of = |from: u64, to: u64| (from..to).map(|seed| delay(cell, seed)).collect::<Vec<_>>();
    let mut all = thread::scope(|scope| {
        let other = scope.spawn(|| of(0, runs / 2));
        let one = of(runs / 2, runs);
        [other.join().unwrap(), one].concat()
    });
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mut failures: Vec<u64> = all.iter().map(|(_, failures)| *failures).collect();
    failures.sort_unstable();
    Delays {
        seconds: all.into_iter().map(|(seconds, _)| seconds).collect(),
        failures,
    }
}

fn quantile<T: Copy>(sorted: &[T], q: f64) -> T {
    sorted[((sorted.len() as f64 * q).ceil() as usize).clamp(1, sorted.len()) - 1]
}

fn seconds(value: f64) -> String {
    if value.is_infinite() {
        "> 1800".to_owned()
    } else if value < 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

fn percent(rate: f64) -> String {
    format!("{}", rate * 100.0)
}

fn table() -> String {
    let mut table = String::from(
        "| errors, % | canary requests/s | fault after 1 min | after 10 min | after 60 min | failed requests (fault after 10 min) |\n\
         |---|---|---|---|---|---|\n",
    );
    for rates in RATES {
        for canary_per_second in CANARY_PER_SECOND {
            write!(
                table,
                "| {} → {} | {canary_per_second} |",
                percent(rates.0),
                percent(rates.1)
            )
            .unwrap();
            let mut failures = String::new();
            for fault_after_minutes in FAULT_AFTER_MINUTES {
                let found = delays(Cell {
                    rates,
                    canary_per_second,
                    fault_after_minutes,
                });
                let (median, late) = (quantile(&found.seconds, 0.5), quantile(&found.seconds, 0.95));
                write!(table, " {} / {} |", seconds(median), seconds(late)).unwrap();
                if fault_after_minutes == 10 {
                    let (median, late) = (quantile(&found.failures, 0.5), quantile(&found.failures, 0.95));
                    failures = format!(" {median} / {late} |");
                }
            }
            writeln!(table, "{failures}").unwrap();
            println!("{}", table.lines().next_back().unwrap());
        }
    }
    table
}

fn page() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/judge.md")
}

#[test]
fn delay_table_in_the_docs_is_current() {
    let text = std::fs::read_to_string(page()).unwrap();
    let (before, rest) = text.split_once(BEGIN).unwrap();
    let (kept, after) = rest.split_once(END).unwrap();
    if std::env::var_os("SAFEGUARD_UPDATE").is_some() {
        std::fs::write(page(), format!("{before}{BEGIN}{}{END}{after}", table())).unwrap();
        return;
    }
    assert_eq!(kept.lines().count(), 2 + RATES.len() * CANARY_PER_SECOND.len());
    for (rates, canary_per_second) in [((0.01, 0.06), 20.0), ((0.01, 0.06), 50.0), ((0.01, 0.5), 50.0)] {
        let row = format!(
            "| {} → {} | {canary_per_second} |",
            percent(rates.0),
            percent(rates.1)
        );
        let kept = kept.lines().find(|line| line.starts_with(&row)).expect(&row);
        let kept = kept
            .split(" | ")
            .nth(2)
            .unwrap()
            .split(" / ")
            .next()
            .unwrap()
            .parse::<f64>()
            .unwrap();
        let found = delays(Cell {
            rates,
            canary_per_second,
            fault_after_minutes: 1,
        });
        let median = quantile(&found.seconds, 0.5);
        assert!(
            (median - kept).abs() <= 0.2 + 0.15 * kept,
            "{row}: the page says {kept} s, now {median} s"
        );
    }
}
