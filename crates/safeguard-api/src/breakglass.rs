//! Break-glass: two people let one release move although a freeze holds it, and must review it afterwards.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::approval::Consent;
use crate::id::{BreakglassId, Digest, Name, ReleaseId};
use crate::time::Timestamp;

pub const BREAKGLASS_API: &str = "safeguard.breakglass/1";
pub const BREAKGLASS_PERSONS_MIN: usize = 2;

/// It lifts freezes for one release, and nothing else: gates, soaks and approvals stay.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Breakglass {
    pub id: BreakglassId,
    pub statement: BreakglassStatement,
    pub requested_by: String,
    pub requested_at: Timestamp,
    /// The people who signed it, each once; fewer than two open nothing.
    #[serde(default)]
    pub consents: Vec<Consent>,
    /// Since when freezes do not hold the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opened_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review: Option<Review>,
    pub entry: u64,
}

/// What is signed: its canonical JSON (RFC 8785).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BreakglassStatement {
    /// `safeguard.breakglass/1`.
    pub api: String,
    pub breakglass: BreakglassId,
    pub service: Name,
    pub release: ReleaseId,
    /// The artifact's.
    pub digest: Digest,
    pub reason: String,
    pub expires: Timestamp,
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BreakglassSpec {
    pub release: ReleaseId,
    pub reason: String,
    pub expires: Timestamp,
}

/// What was found out afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Review {
    pub by: String,
    pub at: Timestamp,
    pub finding: String,
    pub entry: u64,
}

/// What a client says in a review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReviewSpec {
    pub finding: String,
}

impl Breakglass {
    /// The people who signed it.
    #[must_use]
    pub fn persons(&self) -> BTreeSet<&str> {
        self.consents
            .iter()
            .map(|consent| consent.person.as_str())
            .collect()
    }

    /// Whether freezes do not hold `release` at `now`. A clock that was set back opens nothing.
    #[must_use]
    pub fn is_open(&self, release: &ReleaseId, now: Timestamp) -> bool {
        self.statement.release == *release
            && self.persons().len() >= BREAKGLASS_PERSONS_MIN
            && self.opened_at.is_some_and(|opened_at| opened_at <= now)
            && now < self.statement.expires
    }

    /// Whether it was opened and nobody has looked at it since.
    #[must_use]
    pub fn wants_review(&self) -> bool {
        self.opened_at.is_some() && self.review.is_none()
    }
}
