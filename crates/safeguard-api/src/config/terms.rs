//! What the lane of a release makes of the policy that it is judged by.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Policy, StagePolicy};
use crate::release::Lane;
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

/// Kept with the rollout, so that a release that entered by a lane goes on by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Terms {
    pub soak_percent: u32,
    pub approvals_more: u32,
}

impl Default for Terms {
    fn default() -> Self {
        Terms {
            soak_percent: 100,
            approvals_more: 0,
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
            },
        }
    }

    /// The policy as it is for a release under these terms.
    #[must_use]
    pub fn under(&self, terms: Terms) -> Policy {
        let mut policy = self.clone();
        let soak = |soak: Span| Span(soak.0.saturating_mul(u64::from(terms.soak_percent)) / 100);
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
                stage.approvals += terms.approvals_more;
            }
        }
        for step in &mut stages.canary.steps {
            step.soak = soak(step.soak);
            stages.canary.step_longest = stages.canary.step_longest.max(step.soak);
        }
        if 0 < stages.canary.approvals {
            stages.canary.approvals += terms.approvals_more;
        }
        policy.gates.human_approval.quorum += terms.approvals_more;
        policy
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
        let hotfix = policy.under(terms);
        assert_eq!(hotfix.stages.staging.soak, Span::minutes(288));
        assert_eq!(
            hotfix.gates.human_approval.quorum,
            policy.gates.human_approval.quorum + 1
        );
        assert_eq!(hotfix.stages.staging.gates, policy.stages.staging.gates);
        assert_eq!(policy.under(policy.terms(Lane::Standard)), policy);
    }
}
