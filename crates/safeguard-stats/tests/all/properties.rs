//! Properties of the statistics, and what follows from their definitions.

use proptest::prelude::*;
use safeguard_stats::binomial;
use safeguard_stats::rate::{Rate, trials_needed};
use safeguard_stats::restarted::{Look, Restarted, Schedule, log_add, log_sum};
use safeguard_stats::window::{SLOTS, WindowQuantile};

/// The mean of E over all ways that the events can fall, weighted by how likely each is under the null.
fn mean_under_null(schedule: Schedule, shares: &[f64], second: u64) -> f64 {
    let ways = 1_u32 << shares.len();
    (0..ways)
        .map(|way| {
            let mut process = Restarted::default();
            let mut probability = 1.0;
            for (event, share) in shares.iter().enumerate() {
                let k = (way >> event) & 1;
                probability *= if k == 1 { *share } else { 1.0 - share };
                process.look(
                    schedule,
                    second * (event as u64 + 1),
                    Look {
                        n: 1,
                        k,
                        share: *share,
                    },
                );
            }
            probability * process.log_e().exp()
        })
        .sum()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_mean_under_the_null_is_the_mass_given(
        shares in prop::collection::vec(0.01_f64..0.99, 1..10),
        second in 1_u64..10_000,
        planned in 1_u64..100_000,
    ) {
        let schedule = Schedule::new(planned);
        let mean = mean_under_null(schedule, &shares, second);
        let given = schedule.mass(0, second * shares.len() as u64);
        prop_assert!((mean - given).abs() < 1e-9, "mean {mean}, mass {given}");
        prop_assert!(mean <= 1.0 + 1e-9);
    }

    #[test]
    fn mass_never_exceeds_one_and_adds_up(planned in 1_u64..1_000_000, a in 0_u64..10_000_000, more in 0_u64..10_000_000) {
        let schedule = Schedule::new(planned);
        let (first, second, both) = (schedule.mass(0, a), schedule.mass(a, a + more), schedule.mass(0, a + more));
        prop_assert!(first >= 0.0 && second >= 0.0 && both <= 1.0 + 1e-12);
        prop_assert!((first + second - both).abs() < 1e-12);
    }

    #[test]
    fn one_more_event_of_group_one_is_more_evidence(n in 1_u32..50, k in 0_u32..50, share in 0.01_f64..0.99) {
        let k = k.min(n - 1);
        let log_e = |k| {
            let mut process = Restarted::default();
            process.look(Schedule::new(3600), 10, Look { n, k, share });
            process.log_e()
        };
        prop_assert!(log_e(k) < log_e(k + 1));
    }

    #[test]
    fn bounds_enclose_and_narrow(hits in 0_u64..1000, rest in 0_u64..100_000, alpha in 0.001_f64..0.2) {
        prop_assume!(hits + rest > 0);
        let rate = Rate { hits, trials: hits + rest };
        let tenfold = Rate { hits: hits * 10, trials: rate.trials * 10 };
        let observed = hits as f64 / rate.trials as f64;
        prop_assert!(rate.lower(alpha) <= observed && observed <= rate.upper(alpha));
        prop_assert!(tenfold.upper(alpha) <= rate.upper(alpha) + 1e-12);
        prop_assert!(rate.lower(alpha) <= tenfold.lower(alpha) + 1e-12);
    }

    #[test]
    fn the_windowed_quantile_is_near_the_true_one(values in prop::collection::vec(0.01_f32..100_000.0, 100..400)) {
        let mut window = WindowQuantile::default();
        for (place, value) in values.iter().enumerate() {
            if place > 0 && place % 100 == 0 { window.advance(); }
            window.record(*value);
        }
        let mut sorted = values.clone();
        sorted.sort_by(f32::total_cmp);
        let exact = sorted[(0.95 * values.len() as f64).ceil() as usize - 1];
        let ours = window.quantile(0.95, 100).unwrap();
        prop_assert!(exact <= ours && ours <= exact * 1.0626, "{exact} {ours}");
    }
}

/// P(the bounds ever exclude the true rate within 12 trials), by enumeration of all outcomes.
#[test]
fn a_confidence_sequence_holds_at_every_look_together() {
    for p in [0.02, 0.1, 0.3, 0.5, 0.9] {
        for alpha in [0.05, 0.2] {
            let missed: f64 = (0..1_u32 << 12)
                .filter_map(|way| {
                    let hits_until = |n: u32| u64::from((way & ((1 << n) - 1)).count_ones());
                    let out = (1..=12).any(|n| {
                        let rate = Rate {
                            hits: hits_until(n),
                            trials: u64::from(n),
                        };
                        p < rate.lower(alpha) || rate.upper(alpha) < p
                    });
                    let hits = way.count_ones() as i32;
                    out.then(|| f64::powi(p, hits) * f64::powi(1.0 - p, 12 - hits))
                })
                .sum();
            assert!(missed <= alpha, "p {p}, alpha {alpha}: missed {missed}");
        }
    }
}

#[test]
fn about_660_clean_trials_prove_one_percentage_point() {
    let clean = |trials| Rate { hits: 0, trials };
    let needed = (1..5000)
        .find(|trials| clean(*trials).upper(0.05) <= 0.01)
        .unwrap();
    assert!((600..720).contains(&needed), "{needed}");
}

#[test]
fn trials_needed_is_the_least_number_that_is_enough() {
    let theirs = Rate {
        hits: 20,
        trials: 20_000,
    };
    for ours in [Rate { hits: 0, trials: 10 }, Rate { hits: 3, trials: 400 }] {
        let more = trials_needed(ours, theirs, 0.005, 0.05).unwrap();
        let bound = |more| {
            Rate {
                hits: ours.hits,
                trials: ours.trials + more,
            }
            .upper(0.025)
                - theirs.lower(0.025)
        };
        assert!(bound(more) <= 0.005 && bound(more - 1) > 0.005, "{more}");
    }
    assert_eq!(
        trials_needed(
            Rate {
                hits: 0,
                trials: 5000
            },
            theirs,
            0.005,
            0.05
        ),
        Some(0)
    );
    assert_eq!(
        trials_needed(
            Rate {
                hits: 0,
                trials: 5000
            },
            theirs,
            -1.0,
            0.05
        ),
        None
    );
}

#[test]
fn binomial_quantiles_are_exact() {
    assert_eq!(binomial::quantile(10, 0.5, 0.5), Some(5));
    assert_eq!(binomial::quantile(10, 0.5, 0.9990), Some(9));
    assert_eq!(binomial::quantile(10, 0.5, 0.9991), Some(10));
    assert_eq!(binomial::quantile(10_000, 0.001, 0.999), Some(21));
    assert_eq!(binomial::quantile(10, 1.5, 0.5), None);
}

#[test]
fn logs_of_nothing_are_nothing() {
    assert_eq!(log_sum(&[f64::NEG_INFINITY; 3]), f64::NEG_INFINITY);
    assert_eq!(log_add(f64::NEG_INFINITY, 1.5), 1.5);
}

#[test]
fn a_window_forgets() {
    let mut window = WindowQuantile::default();
    window.record(50.0);
    window.record(-0.0);
    window.record(f32::NAN);
    window.record(f32::INFINITY);
    assert_eq!(window.quantile(0.5, 4), None, "what is no number is left out");
    assert!(window.quantile(0.66, 3).is_some());
    for _ in 0..SLOTS {
        window.advance();
    }
    assert_eq!(window.quantile(0.5, 1), None);
}
