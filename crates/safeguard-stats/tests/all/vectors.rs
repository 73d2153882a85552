//! The statistics against vectors that others have computed.

use safeguard_stats::count::log_e_one_sided;
use safeguard_stats::rate::Rate;
use serde_json::Value;

fn set(name: &str) -> Vec<Value> {
    let file: Value = serde_json::from_str(include_str!("../vectors/sequential_vectors.json")).unwrap();
    file[name].as_array().unwrap().clone()
}

#[test]
fn count_eprocess_one_sided_agrees_with_all_500() {
    let cases = set("count_eprocess_one_sided");
    assert_eq!(cases.len(), 500);
    for case in cases {
        let theta0 = case["theta0"].as_f64().unwrap();
        let prior = [theta0.max(0.5), (1.0 - theta0).max(0.5)];
        assert!(
            (case["prior"][0].as_f64().unwrap() - prior[0]).abs() < 1e-12,
            "{case}"
        );
        let (k, n) = (
            case["errors_canary"].as_u64().unwrap(),
            case["errors_total"].as_u64().unwrap(),
        );
        let expected = case["log_e"].as_f64().unwrap();
        let ours = log_e_one_sided(k, n, theta0);
        assert!(
            (ours - expected).abs() < 1e-8 * (1.0 + expected.abs()),
            "{case}: {ours}"
        );
    }
}

/// The Dirichlet mixture with two outcomes differs from `Rate::log_e` by its prior only: the ratio of two mixtures of
/// the same counts does not depend on the rate, so what depends on the rate is comparable.
#[test]
fn two_outcome_mixtures_depend_on_the_rate_alike() {
    let cases: Vec<_> = set("count_eprocess_dirichlet_srm")
        .into_iter()
        .filter(|c| c["rho"].as_array().unwrap().len() == 2)
        .collect();
    assert!(cases.len() > 50, "{}", cases.len());
    for case in cases {
        let number = |field: &str, at: usize| case[field][at].as_f64().unwrap();
        let (hits, rest) = (number("counts", 0), number("counts", 1));
        let (a, b) = (number("prior", 0), number("prior", 1));
        let ln_beta = statrs::function::beta::ln_beta;
        let prior_change =
            ln_beta(a + hits, b + rest) - ln_beta(a, b) - ln_beta(0.5 + hits, 0.5 + rest) + ln_beta(0.5, 0.5);
        let rate = Rate {
            hits: hits as u64,
            trials: (hits + rest) as u64,
        };
        let ours = rate.log_e(number("rho", 0)) + prior_change;
        let expected = case["log_e"].as_f64().unwrap();
        assert!(
            (ours - expected).abs() < 1e-8 * (1.0 + expected.abs()),
            "{case}: {ours}"
        );
    }
}

#[test]
fn bernoulli_intervals_are_of_like_width_as_confseqs() {
    let cases: Vec<_> = set("confseq_cpp_unittest")
        .into_iter()
        .filter(|c| c["fn"] == "bernoulli_confidence_interval")
        .collect();
    assert_eq!(cases.len(), 8);
    for case in cases {
        let args = &case["args"];
        let rate = Rate {
            hits: args["successes"].as_u64().unwrap(),
            trials: args["trials"].as_u64().unwrap(),
        };
        let alpha = args["alpha"].as_f64().unwrap();
        let (lower, upper) = (rate.lower(alpha), rate.upper(alpha));
        let observed = rate.hits as f64 / rate.trials as f64;
        assert!(lower <= observed && observed <= upper, "{case}");
        let theirs = case["expected"][1].as_f64().unwrap() - case["expected"][0].as_f64().unwrap();
        let ratio = (upper - lower) / theirs;
        // Theirs are tuned to one time, ours to none: far from that time ours are the narrower.
        let far = args["t_opt"].as_u64().unwrap() * 20 < rate.trials;
        let alike = if far { 0.0..1.0 } else { 0.9..1.2 };
        assert!(
            alike.contains(&ratio),
            "{case}: {lower} to {upper}, {ratio} of theirs"
        );
    }
}
