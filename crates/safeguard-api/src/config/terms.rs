//! What the lane of a release makes of the policy that it is judged by.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Policy, StagePolicy};
use crate::release::Lane;
use crate::risk::RiskMeasures;
use crate::stage::Stage;
use crate::time::Span;

/// The lane for what can not wait: shorter soaks for more approvals. Gates, requests and the judge stay as they are, every
/// use is recorded, and somebody else reviews it afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct HotfixPolicy {
    /// What is left of each soak, in percent; 100 leaves it as it is.
    pub soak_percent: u32,
    /// Asked for besides those that the gate `human-approval` and the stages ask for.
    pub approvals_more: u32,
}

impl Default for HotfixPolicy {
    fn default() -> Self {
        HotfixPolicy {
            soak_percent: 10,
            approvals_more: 1,
        }
    }
}

/// What a release is held to besides its policy. Kept with the rollout, so that a release that entered by a lane goes on by
/// it, and a risk that was once seen stays seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Terms {
    /// The lane's.
    pub soak_percent: u32,
    /// The lane's.
    pub approvals_more: u32,
    /// What the risk asks for, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub risk: Option<RiskMeasures>,
}

impl Default for Terms {
    fn default() -> Self {
        Terms {
            soak_percent: 100,
            approvals_more: 0,
            risk: None,
        }
    }
}

impl Policy {
    /// The terms of a lane.
    #[must_use]
    pub fn terms(&self, lane: Lane) -> Terms {
        match lane {
            Lane::Standard => Terms::default(),
            Lane::Hotfix => Terms {
                soak_percent: self.hotfix.soak_percent,
                approvals_more: self.hotfix.approvals_more,
                risk: None,
            },
        }
    }

    /// Whether any stage asks for a gate. Where none does nothing is measured, and the risk asks for nothing.
    #[must_use]
    pub fn asks_for_gates(&self) -> bool {
        Stage::ALL.into_iter().any(|stage| !self.gates(stage).is_empty())
    }

    /// The policy as it is for a release under these terms.
    #[must_use]
    pub fn under(&self, terms: &Terms) -> Policy {
        let mut policy = self.clone();
        let of_lane = |soak: Span| Span(soak.0.saturating_mul(u64::from(terms.soak_percent)) / 100);
        let of_risk = terms.risk.as_ref().map_or(100, |risk| risk.soak_percent);
        let soak = |soak: Span| of_lane(Span(soak.0.saturating_mul(u64::from(of_risk)) / 100));
        let approvals_more = terms.approvals_more + terms.risk.as_ref().map_or(0, |risk| risk.approvals_more);
        let stages = &mut policy.stages;
        let each: [&mut StagePolicy; 4] = [
            &mut stages.dev,
            &mut stages.qa,
            &mut stages.staging,
            &mut stages.production,
        ];
        for stage in each {
            stage.soak = soak(stage.soak);
            if 0 < stage.approvals {
                stage.approvals += approvals_more;
            }
        }
        // The steps that the risk asks for are longer already.
        if let Some(risk) = &terms.risk {
            stages.canary.steps.clone_from(&risk.canary_steps);
        }
        for step in &mut stages.canary.steps {
            step.soak = of_lane(step.soak);
            stages.canary.step_longest = stages.canary.step_longest.max(step.soak);
        }
        if 0 < stages.canary.approvals {
            stages.canary.approvals += approvals_more;
        }
        policy.gates.human_approval.quorum += approvals_more;
        policy
    }
}

impl Terms {
    /// The terms with what a risk asks for: more, never less than was asked for before. None when they stay as they are.
    #[must_use]
    pub fn grown(&self, measures: &RiskMeasures) -> Option<Terms> {
        let weight = |measures: &RiskMeasures| (measures.soak_percent, measures.approvals_more);
        let grows = self
            .risk
            .as_ref()
            .is_none_or(|known| weight(known) < weight(measures));
        grows.then(|| Terms {
            risk: Some(measures.clone()),
            ..self.clone()
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::Config;

    #[test]
    fn a_hotfix_soaks_less_and_needs_more_people() {
        let config: Config = serde_json::from_value(serde_json::json!({ "services": {} })).unwrap();
        let policy = config.policy();
        let terms = policy.terms(Lane::Hotfix);
        let hotfix = policy.under(&terms);
        assert_eq!(hotfix.stages.staging.soak, Span::minutes(288));
        assert_eq!(
            hotfix.gates.human_approval.quorum,
            policy.gates.human_approval.quorum + 1
        );
        assert_eq!(hotfix.stages.staging.gates, policy.stages.staging.gates);
        assert_eq!(policy.under(&policy.terms(Lane::Standard)), policy);
        let risk = RiskMeasures {
            soak_percent: 200,
            canary_steps: policy.stages.canary.steps.clone(),
            approvals_more: 1,
        };
        let both = terms.grown(&risk).unwrap();
        assert_eq!(policy.under(&both).stages.staging.soak, Span::minutes(576));
        let less = RiskMeasures {
            soak_percent: 100,
            ..risk
        };
        assert_eq!(both.grown(&less), None, "a risk that was once seen stays seen");
    }
}
