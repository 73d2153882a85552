//! What each stage asks of a release.

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::gate::Gate;
use crate::stage::{Percent, Stage};
use crate::time::Span;

/// What each stage asks of a release. Unsaid means: 2 h in dev, 24 h in QA, 48 h in staging, the canary's steps
/// 1/5/10/25/50/100 %, 24 h in production. The gates grow with the way: what code can show by itself before dev is left,
/// what needs load and data before QA is left, and all seven from staging on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Stages {
    #[serde(deserialize_with = "dev")]
    #[schemars(with = "StagePolicy")]
    pub dev: StagePolicy,
    #[serde(deserialize_with = "qa")]
    #[schemars(with = "StagePolicy")]
    pub qa: StagePolicy,
    #[serde(deserialize_with = "staging")]
    #[schemars(with = "StagePolicy")]
    pub staging: StagePolicy,
    pub canary: CanaryPolicy,
    #[serde(deserialize_with = "production")]
    #[schemars(with = "StagePolicy")]
    pub production: StagePolicy,
}

impl Default for Stages {
    fn default() -> Self {
        Stages {
            dev: StagePolicy::unsaid(Stage::Dev),
            qa: StagePolicy::unsaid(Stage::Qa),
            staging: StagePolicy::unsaid(Stage::Staging),
            canary: CanaryPolicy::default(),
            production: StagePolicy::unsaid(Stage::Production),
        }
    }
}

fn dev<'de, D: Deserializer<'de>>(deserializer: D) -> Result<StagePolicy, D::Error> {
    StageSaid::deserialize(deserializer).map(|said| said.over(StagePolicy::unsaid(Stage::Dev)))
}

fn qa<'de, D: Deserializer<'de>>(deserializer: D) -> Result<StagePolicy, D::Error> {
    StageSaid::deserialize(deserializer).map(|said| said.over(StagePolicy::unsaid(Stage::Qa)))
}

fn staging<'de, D: Deserializer<'de>>(deserializer: D) -> Result<StagePolicy, D::Error> {
    StageSaid::deserialize(deserializer).map(|said| said.over(StagePolicy::unsaid(Stage::Staging)))
}

fn production<'de, D: Deserializer<'de>>(deserializer: D) -> Result<StagePolicy, D::Error> {
    StageSaid::deserialize(deserializer).map(|said| said.over(StagePolicy::unsaid(Stage::Production)))
}

/// A stage as it is written: what is left out depends on which stage it is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StageSaid {
    soak: Option<Span>,
    requests_min: Option<u64>,
    error_permille_max: Option<u32>,
    gates: Option<Vec<Gate>>,
    approvals: Option<u32>,
    promotion: Option<PromotionMode>,
}

impl StageSaid {
    fn over(self, unsaid: StagePolicy) -> StagePolicy {
        StagePolicy {
            soak: self.soak.unwrap_or(unsaid.soak),
            requests_min: self.requests_min.unwrap_or(unsaid.requests_min),
            error_permille_max: self.error_permille_max.unwrap_or(unsaid.error_permille_max),
            gates: self.gates.unwrap_or(unsaid.gates),
            approvals: self.approvals.unwrap_or(unsaid.approvals),
            promotion: self.promotion.unwrap_or(unsaid.promotion),
        }
    }
}

/// Dev, QA, staging and production. `gates`, `approvals` and `promotion` speak of *leaving* the stage
/// (for production: of becoming live).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(default)]
pub struct StagePolicy {
    /// The least healthy time in the stage.
    pub soak: Span,
    pub requests_min: u64,
    /// The error budget: more bad answers in a thousand requests roll it back.
    pub error_permille_max: u32,
    /// Gates that must have passed before the release leaves the stage.
    pub gates: Vec<Gate>,
    pub approvals: u32,
    pub promotion: PromotionMode,
}

/// What the schema tells of: production's.
impl Default for StagePolicy {
    fn default() -> Self {
        StagePolicy::unsaid(Stage::Production)
    }
}

impl StagePolicy {
    fn unsaid(stage: Stage) -> StagePolicy {
        let (soak, gates) = match stage {
            Stage::Dev => (2, &Gate::ALL[..2]),
            Stage::Qa => (24, &Gate::ALL[..4]),
            Stage::Staging => (48, &Gate::ALL[..]),
            Stage::Canary | Stage::Production => (24, &Gate::ALL[..]),
        };
        StagePolicy {
            soak: Span::hours(soak),
            requests_min: 0,
            error_permille_max: 50,
            gates: gates.to_vec(),
            approvals: 0,
            promotion: PromotionMode::Automatic,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PromotionMode {
    /// As soon as everything that is asked for is there.
    #[default]
    Automatic,
    /// When, besides, a person says so.
    Manual,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CanaryPolicy {
    pub steps: Vec<CanaryStep>,
    /// A step that has not shown enough by then is held.
    pub step_longest: Span,
    /// How much worse than stable the candidate may be, in bad answers in a thousand requests.
    pub margin_permille: f64,
    /// The chance to call a candidate no worse that is worse than the margin, looking as often as one likes.
    pub margin_alpha: f64,
    pub gates: Vec<Gate>,
    pub approvals: u32,
    pub promotion: PromotionMode,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CanaryStep {
    /// The share of users.
    pub weight: Percent,
    pub soak: Span,
    /// The least number of requests on the candidate in this step.
    #[serde(default)]
    pub requests_min: u64,
}

impl Default for CanaryPolicy {
    fn default() -> Self {
        let step = |weight: u8, soak, requests_min| CanaryStep {
            weight: Percent::try_from(weight).unwrap_or(Percent::ZERO),
            soak,
            requests_min,
        };
        CanaryPolicy {
            steps: vec![
                step(1, Span::minutes(30), 200),
                step(5, Span::minutes(30), 500),
                step(10, Span::hours(1), 1000),
                step(25, Span::hours(1), 1000),
                step(50, Span::hours(2), 2000),
                step(100, Span::hours(2), 2000),
            ],
            step_longest: Span::hours(48),
            margin_permille: 5.0,
            margin_alpha: 0.05,
            gates: Gate::ALL.to_vec(),
            approvals: 0,
            promotion: PromotionMode::Automatic,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_a_stage_does_not_say_is_that_stages_own_default() {
        let said = serde_json::json!({ "dev": { "requests_min": 7 }, "staging": { "gates": [] } });
        let stages: Stages = serde_json::from_value(said).unwrap();
        assert_eq!((stages.dev.soak, stages.dev.requests_min), (Span::hours(2), 7));
        assert_eq!(stages.dev.gates, [Gate::StaticAnalysis, Gate::SecurityScan]);
        assert_eq!(
            (stages.staging.soak, stages.staging.gates.len()),
            (Span::hours(48), 0)
        );
        assert_eq!(stages.canary.gates, Gate::ALL);
        let again: Stages = serde_json::from_value(serde_json::to_value(&stages).unwrap()).unwrap();
        assert_eq!(again, stages);
    }
}
