//! A change of the policy in force: people whom that policy names sign it before it takes effect.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::approval::Consent;
use crate::config::Policy;
use crate::id::{PolicyChangeId, PolicyId};
use crate::time::Timestamp;

pub const POLICY_API: &str = "safeguard.policy/1";
/// How many people sign a change of the policy; where fewer can sign, all of them.
pub const POLICY_PERSONS_MIN: u32 = 2;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyChange {
    pub id: PolicyChangeId,
    pub statement: PolicyStatement,
    /// What would be in force.
    pub policy: Policy,
    pub proposed_by: String,
    pub proposed_at: Timestamp,
    /// The people who signed it, each once.
    #[serde(default)]
    pub consents: Vec<Consent>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_at: Option<Timestamp>,
    pub entry: u64,
}

/// What is signed: its canonical JSON (RFC 8785).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyStatement {
    /// `safeguard.policy/1`.
    pub api: String,
    pub change: PolicyChangeId,
    /// The policy in force that it replaces, and no other.
    pub before: PolicyId,
    pub after: PolicyId,
    pub reason: String,
    pub expires: Timestamp,
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PolicyChangeSpec {
    pub policy: Policy,
    pub reason: String,
}

impl PolicyChange {
    /// The people who signed it.
    #[must_use]
    pub fn persons(&self) -> BTreeSet<&str> {
        self.consents
            .iter()
            .map(|consent| consent.person.as_str())
            .collect()
    }
}
