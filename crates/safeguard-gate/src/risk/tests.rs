//! The matrix by itself: its table, its measures, and that more never asks for less.

use insta::assert_snapshot;
use proptest::prelude::*;

use super::*;

const FACTORS: [FactorKind; 17] = [
    F::Size,
    F::Spread,
    F::Age,
    F::Churn,
    F::Unfamiliar,
    F::Ai,
    F::Migrations,
    F::Sensitive,
    F::Infrastructure,
    F::Dependencies,
    F::Interface,
    F::UserInterface,
    F::Deletions,
    F::TestsRemoved,
    F::Untested,
    F::CoverageGap,
    F::Opaque,
];

fn with(strengths: &[u32]) -> Risk {
    let factors = FACTORS.iter().zip(strengths).map(|(kind, strength)| RiskFactor {
        kind: *kind,
        strength_permille: *strength,
        because: String::new(),
    });
    of_factors(factors.collect(), &CanaryPolicy::default())
}

#[test]
fn the_weights_of_each_kind_make_a_hundred_and_every_factor_has_one() {
    for kind in &KINDS {
        let sum: u32 = kind.weights.iter().map(|(_, weight)| weight).sum();
        assert_eq!(sum, 100, "{}", kind.kind);
    }
    for factor in FACTORS {
        let weighs = |kind: &Kind| {
            kind.weights
                .iter()
                .any(|(known, weight)| *known == factor && *weight > 0)
        };
        assert!(KINDS.iter().any(weighs), "{factor} weighs nowhere");
    }
}

#[test]
fn nothing_is_low_and_everything_is_critical() {
    assert_eq!(with(&[0; 17]).level, RiskLevel::Low);
    assert_eq!(with(&[1000; 17]).level, RiskLevel::Critical);
    // What is not said may be anything.
    assert_eq!(
        with(&[]),
        Risk {
            factors: Vec::new(),
            ..with(&[1000; 17])
        }
    );
}

#[test]
fn the_measures_of_each_level() {
    let shown = |level| {
        let measures = measures(level, &CanaryPolicy::default());
        let steps: Vec<String> = measures
            .canary_steps
            .iter()
            .map(|step| format!("{} for {}", step.weight.get(), step.soak))
            .collect();
        format!(
            "{level}: soak {} %, {} approvals more, {}\n",
            measures.soak_percent,
            measures.approvals_more,
            steps.join(", ")
        )
    };
    let all = [
        RiskLevel::Low,
        RiskLevel::Medium,
        RiskLevel::High,
        RiskLevel::Critical,
    ]
    .map(shown)
    .concat();
    assert_snapshot!(all, @r"
    low: soak 100 %, 0 approvals more, 1 for 30m, 5 for 30m, 10 for 1h, 25 for 1h, 50 for 2h, 100 for 2h
    medium: soak 125 %, 0 approvals more, 1 for 37m 30s, 5 for 37m 30s, 10 for 1h 15m, 25 for 1h 15m, 50 for 2h 30m, 100 for 2h 30m
    high: soak 150 %, 1 approvals more, 1 for 45m, 3 for 45m, 5 for 45m, 7 for 1h 30m, 10 for 1h 30m, 17 for 1h 30m, 25 for 1h 30m, 37 for 3h, 50 for 3h, 75 for 3h, 100 for 3h
    critical: soak 200 %, 1 approvals more, 1 for 1h, 2 for 1h, 3 for 1h, 5 for 1h, 6 for 2h, 8 for 2h, 10 for 2h, 15 for 2h, 20 for 2h, 25 for 2h, 33 for 4h, 41 for 4h, 50 for 4h, 66 for 4h, 83 for 4h, 100 for 4h
    ");
}

proptest! {
    /// More of any factor never shortens a soak, nor takes away a step or an approval.
    #[test]
    fn more_risk_never_asks_for_less(
        strengths in prop::collection::vec(0u32..=1000, 17),
        at in 0usize..17,
        more in 0u32..=1000,
    ) {
        let less = with(&strengths);
        let mut higher = strengths.clone();
        higher[at] = (higher[at] + more).min(1000);
        let greater = with(&higher);
        prop_assert!(less.level <= greater.level);
        for (one, other) in less.cells.iter().zip(&greater.cells) {
            prop_assert!(one.likelihood <= other.likelihood && one.level <= other.level);
        }
        prop_assert!(less.measures.soak_percent <= greater.measures.soak_percent);
        prop_assert!(less.measures.approvals_more <= greater.measures.approvals_more);
        prop_assert!(less.measures.canary_steps.len() <= greater.measures.canary_steps.len());
    }

    /// Every step of the policy is still there, with its requests, and at least its soak; weights only grow.
    #[test]
    fn the_policy_is_never_undercut(
        weights in prop::collection::btree_set(1u8..=100, 1..8),
        soak in 0u64..1_000_000_000,
        level in 0usize..4,
    ) {
        let steps = weights.iter().map(|weight| CanaryStep {
            weight: Percent::try_from(*weight).unwrap(), soak: Span(soak), requests_min: u64::from(*weight),
        });
        let canary = CanaryPolicy { steps: steps.collect(), ..CanaryPolicy::default() };
        let level = [RiskLevel::Low, RiskLevel::Medium, RiskLevel::High, RiskLevel::Critical][level];
        let measures = measures(level, &canary);
        prop_assert!(measures.soak_percent >= 100);
        for step in &canary.steps {
            let same = measures.canary_steps.iter().find(|one| one.weight == step.weight).unwrap();
            prop_assert!(same.soak >= step.soak && same.requests_min >= step.requests_min);
        }
        prop_assert!(measures.canary_steps.is_sorted_by(|one, other| one.weight < other.weight));
    }
}
