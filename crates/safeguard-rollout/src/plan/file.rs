//! What a tick was decided from, kept so that it can be decided again.

use safeguard_api::config::Policy;
use safeguard_api::release::Rollout;
use serde::{Deserialize, Serialize};

use super::{Memory, Plan, plan};
use crate::observe::Observation;

/// What one tick was decided from, as it is kept: enough to decide it again, equal to the byte.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlanFile {
    pub rollout: Rollout,
    pub observed: Observation,
    pub memory: Memory,
}

impl PlanFile {
    /// `policy` is the one that the rollout names.
    #[must_use]
    pub fn plan(&self, policy: &Policy) -> Plan {
        plan(&self.rollout, &self.observed, policy, &self.memory)
    }
}
