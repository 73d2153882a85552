//! The risk matrix: what the changes look like → how likely each way to go wrong is → what the release owes for it.
//!
//! Every figure is a whole number and every weight stands in one table, so that a person can add it up again. More risk
//! never asks for less: each factor only adds, and each level only asks for more than the one before.

mod factors;

use safeguard_api::config::{CanaryPolicy, CanaryStep};
use safeguard_api::risk::{
    FactorKind, FailureKind, Risk, RiskCell, RiskContribution, RiskFactor, RiskLevel, RiskMeasures,
};
use safeguard_api::stage::Percent;
use safeguard_api::time::Span;

use crate::case::Case;

/// How the risk is computed, and what follows from it.
pub const RISK_PAGE: &str = include_str!("risk.md");

const LIKELIHOOD_MAX: u32 = 5;
/// One step of likelihood for each of these.
const PERMILLE_A_STEP: u32 = 200;

/// A way to go wrong: how bad it is, and what makes it likely. The weights of each are in percent and make a hundred.
struct Kind {
    kind: FailureKind,
    impact: u32,
    weights: &'static [(FactorKind, u32)],
}

use FactorKind as F;

static KINDS: [Kind; 9] = [
    Kind {
        kind: FailureKind::SyntaxError,
        impact: 2,
        weights: &[
            (F::Size, 25),
            (F::Spread, 15),
            (F::Ai, 15),
            (F::Untested, 20),
            (F::CoverageGap, 25),
        ],
    },
    Kind {
        kind: FailureKind::LogicBug,
        impact: 3,
        weights: &[
            (F::Size, 20),
            (F::Spread, 10),
            (F::Age, 5),
            (F::Churn, 10),
            (F::Unfamiliar, 10),
            (F::Ai, 10),
            (F::TestsRemoved, 10),
            (F::Untested, 10),
            (F::CoverageGap, 15),
        ],
    },
    Kind {
        kind: FailureKind::DataLoss,
        impact: 5,
        weights: &[
            (F::Migrations, 45),
            (F::Deletions, 20),
            (F::Unfamiliar, 10),
            (F::Ai, 15),
            (F::CoverageGap, 10),
        ],
    },
    Kind {
        kind: FailureKind::PerformanceSlowdown,
        impact: 3,
        weights: &[
            (F::Size, 25),
            (F::Churn, 15),
            (F::Migrations, 20),
            (F::Dependencies, 20),
            (F::Unfamiliar, 10),
            (F::Ai, 10),
        ],
    },
    Kind {
        kind: FailureKind::MemoryLeak,
        impact: 3,
        weights: &[
            (F::Size, 30),
            (F::Dependencies, 30),
            (F::Unfamiliar, 15),
            (F::Ai, 15),
            (F::CoverageGap, 10),
        ],
    },
    Kind {
        kind: FailureKind::SecurityBreach,
        impact: 5,
        weights: &[
            (F::Sensitive, 40),
            (F::Dependencies, 15),
            (F::Opaque, 10),
            (F::Unfamiliar, 10),
            (F::Ai, 15),
            (F::TestsRemoved, 10),
        ],
    },
    Kind {
        kind: FailureKind::UiGlitch,
        impact: 2,
        weights: &[
            (F::UserInterface, 60),
            (F::Size, 15),
            (F::Untested, 15),
            (F::Ai, 10),
        ],
    },
    Kind {
        kind: FailureKind::ApiFailure,
        impact: 4,
        weights: &[
            (F::Interface, 40),
            (F::Size, 15),
            (F::Unfamiliar, 10),
            (F::Ai, 10),
            (F::TestsRemoved, 10),
            (F::CoverageGap, 15),
        ],
    },
    Kind {
        kind: FailureKind::TotalOutage,
        impact: 5,
        weights: &[
            (F::Infrastructure, 40),
            (F::Migrations, 15),
            (F::Dependencies, 15),
            (F::Spread, 10),
            (F::Opaque, 10),
            (F::Ai, 10),
        ],
    },
];

/// Computes the risk of the new changes of a release, and what it asks for beyond the policy.
#[must_use]
pub fn risk(case: &Case<'_>) -> Risk {
    of_factors(factors::see(case), &case.policy.stages.canary)
}

/// What follows from the factors alone.
fn of_factors(factors: Vec<RiskFactor>, canary: &CanaryPolicy) -> Risk {
    let strength = |kind| {
        factors
            .iter()
            .find(|factor| factor.kind == kind)
            .map_or(1000, |factor| factor.strength_permille)
    };
    let cells: Vec<RiskCell> = KINDS.iter().map(|kind| cell(kind, strength)).collect();
    let level = cells
        .iter()
        .map(|cell| cell.level)
        .max()
        .unwrap_or(RiskLevel::Critical);
    Risk {
        level,
        measures: measures(level, canary),
        cells,
        factors,
    }
}

fn cell(kind: &Kind, strength: impl Fn(FactorKind) -> u32) -> RiskCell {
    let contributions: Vec<RiskContribution> = kind
        .weights
        .iter()
        .map(|(factor, weight_percent)| RiskContribution {
            factor: *factor,
            weight_percent: *weight_percent,
            adds_permille: weight_percent * strength(*factor) / 100,
        })
        .collect();
    let sum: u32 = contributions.iter().map(|one| one.adds_permille).sum();
    let likelihood = (1 + sum / PERMILLE_A_STEP).min(LIKELIHOOD_MAX);
    RiskCell {
        kind: kind.kind,
        likelihood,
        impact: kind.impact,
        level: level(likelihood * kind.impact),
        contributions,
    }
}

fn level(product: u32) -> RiskLevel {
    match product {
        0..=5 => RiskLevel::Low,
        6..=10 => RiskLevel::Medium,
        11..=15 => RiskLevel::High,
        _ => RiskLevel::Critical,
    }
}

fn measures(level: RiskLevel, canary: &CanaryPolicy) -> RiskMeasures {
    let (soak_percent, steps_between, approvals_more) = match level {
        RiskLevel::Low => (100, 0, 0),
        RiskLevel::Medium => (125, 0, 0),
        RiskLevel::High => (150, 1, 1),
        RiskLevel::Critical => (200, 2, 1),
    };
    RiskMeasures {
        soak_percent,
        canary_steps: steps(canary, soak_percent, steps_between),
        approvals_more,
    }
}

/// The policy's steps, each with its longer soak, and up to `between` smaller ones before each, as long as it.
fn steps(canary: &CanaryPolicy, soak_percent: u32, between: u32) -> Vec<CanaryStep> {
    let mut steps: Vec<CanaryStep> = Vec::new();
    let mut before = 0u32;
    for step in &canary.steps {
        let weight = u32::from(step.weight.get());
        let soak = Span(step.soak.0.saturating_mul(u64::from(soak_percent)) / 100);
        for part in 1..=between {
            let smaller = before + weight.saturating_sub(before) * part / (between + 1);
            let is_new = steps
                .last()
                .is_none_or(|last| u32::from(last.weight.get()) < smaller);
            let smaller = u8::try_from(smaller)
                .ok()
                .and_then(|smaller| Percent::try_from(smaller).ok());
            if let Some(smaller) =
                smaller.filter(|smaller| is_new && 0 < smaller.get() && u32::from(smaller.get()) < weight)
            {
                steps.push(CanaryStep {
                    weight: smaller,
                    soak,
                    requests_min: step.requests_min,
                });
            }
        }
        steps.push(CanaryStep { soak, ..step.clone() });
        before = weight;
    }
    steps
}

#[cfg(test)]
mod tests;
