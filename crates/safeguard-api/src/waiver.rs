//! Waivers: a gate, or some of its findings, set aside for one release by two people until a time.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::approval::Consent;
use crate::gate::Gate;
use crate::id::{Digest, Name, ReleaseId, WaiverId};
use crate::time::Timestamp;

pub const WAIVER_API: &str = "safeguard.waiver/1";
pub const WAIVER_PERSONS_MIN: usize = 2;
pub const WAIVER_FINDINGS_MAX: usize = 64;
/// Of one release, with those that are over.
pub const WAIVERS_MAX: usize = 64;

/// Two people set a gate aside. It does not exist for critical findings of `security-scan`, for `data-integrity` and
/// for `rollback-test`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waiver {
    pub id: WaiverId,
    pub statement: WaiverStatement,
    pub requested_by: String,
    pub requested_at: Timestamp,
    /// The people who signed it, each once; fewer than two waive nothing.
    #[serde(default)]
    pub consents: Vec<Consent>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_by: Option<String>,
    pub entry: u64,
}

/// What is signed: its canonical JSON (RFC 8785).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaiverStatement {
    /// `safeguard.waiver/1`.
    pub api: String,
    pub waiver: WaiverId,
    pub service: Name,
    pub release: ReleaseId,
    /// The artifact's.
    pub digest: Digest,
    pub gate: Gate,
    /// Fingerprints of findings, sorted; empty: the whole gate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
    pub reason: String,
    pub expires: Timestamp,
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WaiverSpec {
    pub release: ReleaseId,
    pub gate: Gate,
    #[serde(default)]
    pub findings: Vec<String>,
    pub reason: String,
    pub expires: Timestamp,
}

/// Where a waiver stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WaiverState {
    /// Too few have signed it.
    Requested,
    InForce,
    Expired,
    Revoked,
}

impl Waiver {
    /// The people who signed it.
    #[must_use]
    pub fn persons(&self) -> BTreeSet<&str> {
        self.consents
            .iter()
            .map(|consent| consent.person.as_str())
            .collect()
    }

    #[must_use]
    pub fn state(&self, now: Timestamp) -> WaiverState {
        if self.revoked_at.is_some() {
            WaiverState::Revoked
        } else if self.statement.expires <= now {
            WaiverState::Expired
        } else if self.persons().len() < WAIVER_PERSONS_MIN {
            WaiverState::Requested
        } else {
            WaiverState::InForce
        }
    }

    /// Whether it counts for `release` at `now`.
    #[must_use]
    pub fn in_force(&self, release: &ReleaseId, now: Timestamp) -> bool {
        self.statement.release == *release && self.state(now) == WaiverState::InForce
    }

    /// Whether it speaks of this finding of its gate.
    #[must_use]
    pub fn covers(&self, fingerprint: &str) -> bool {
        self.statement.findings.is_empty() || self.statement.findings.iter().any(|one| one == fingerprint)
    }
}

impl WaiverState {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            WaiverState::Requested => "requested",
            WaiverState::InForce => "in force",
            WaiverState::Expired => "expired",
            WaiverState::Revoked => "revoked",
        }
    }
}
