//! Bounds of quantiles against samples of which everything is known.

use safeguard_stats::quantile::{Quantile, Summary};

/// Normal numbers from a counter, the same at every run.
struct Normal(u64);

impl Normal {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    fn next(&mut self) -> f64 {
        let (radius, angle) = (self.uniform().max(1e-300), self.uniform());
        (-2.0 * radius.ln()).sqrt() * (std::f64::consts::TAU * angle).cos()
    }

    /// Of `count` latencies around `median`, with the given spread of their logarithm.
    fn summary(&mut self, count: usize, median: f64, spread: f64) -> Summary {
        let mut values: Vec<f64> = (0..count)
            .map(|_| median * (spread * self.next()).exp())
            .collect();
        values.sort_by(f64::total_cmp);
        let at = |share: f64| values[((count as f64 * share).ceil() as usize).clamp(1, count) - 1];
        Summary {
            count: count as u64,
            p50: at(0.50),
            p95: at(0.95),
            p99: Some(at(0.99)),
        }
    }
}

const TRIALS: usize = 400;

/// The share of trials in which the upper bound is at most `limit`, if the truth is `factor`.
fn shown(count: usize, spread: f64, factor: f64, limit: f64, quantile: Quantile) -> f64 {
    let mut normal = Normal(count as u64);
    let passed = (0..TRIALS).filter(|_| {
        let base = normal.summary(count, 10.0, spread);
        let ours = normal.summary(count, 10.0 * factor, spread);
        ours.ratio(&base, quantile).unwrap().upper <= limit
    });
    passed.count() as f64 / TRIALS as f64
}

#[test]
fn what_is_just_over_the_limit_is_seldom_shown_to_be_within() {
    for quantile in [Quantile::P50, Quantile::P95, Quantile::P99] {
        for spread in [0.3, 1.0] {
            let wrong = shown(1000, spread, 1.05, 1.05, quantile);
            assert!(
                wrong <= 0.09,
                "{quantile:?} with spread {spread}: {wrong} (promised 0.05)"
            );
        }
    }
}

#[test]
fn what_is_equal_is_shown_with_enough_values() {
    assert!(shown(8000, 0.5, 1.0, 1.05, Quantile::P50) > 0.8);
    assert!(shown(200, 0.5, 1.0, 1.05, Quantile::P50) < 0.3);
}

#[test]
fn what_is_needed_is_about_enough() {
    let mut normal = Normal(1);
    let (base, ours) = (normal.summary(500, 10.0, 0.5), normal.summary(500, 10.0, 0.5));
    let same = Summary {
        p50: base.p50,
        ..ours
    };
    let times = same
        .ratio(&base, Quantile::P50)
        .unwrap()
        .times_needed(1.05)
        .unwrap();
    let needed = Summary {
        count: (500.0 * times).ceil() as u64,
        ..same
    };
    let base = Summary {
        count: needed.count,
        ..base
    };
    let upper = needed.ratio(&base, Quantile::P50).unwrap().upper;
    assert!((1.049..=1.0501).contains(&upper), "{upper}");
    let worse = Summary {
        p50: base.p50 * 1.1,
        p95: base.p95 * 1.1,
        p99: None,
        count: 500,
    };
    assert_eq!(
        worse.ratio(&base, Quantile::P50).unwrap().times_needed(1.05),
        None
    );
}

#[test]
fn what_can_not_be_a_sample_compares_with_nothing() {
    let fine = Summary {
        count: 10,
        p50: 1.0,
        p95: 2.0,
        p99: Some(3.0),
    };
    for wrong in [
        Summary { count: 0, ..fine },
        Summary { p50: 0.0, ..fine },
        Summary {
            p50: f64::NAN,
            ..fine
        },
        Summary { p95: 0.5, ..fine },
        Summary {
            p99: Some(f64::INFINITY),
            ..fine
        },
    ] {
        assert_eq!(wrong.ratio(&fine, Quantile::P50), None, "{wrong:?}");
        assert_eq!(fine.ratio(&wrong, Quantile::P50), None, "{wrong:?}");
    }
}
