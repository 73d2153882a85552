//! What people sign: approvals of releases, and waivers of gates.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::gate::Gate;
use crate::id::{ApprovalId, ChangeId, Digest, EvidenceId, Name, PolicyId, ReleaseId, WaiverId};
use crate::stage::Environment;
use crate::time::Timestamp;

/// What an approver signs: its canonical JSON (RFC 8785). Everything that the approver looked at is named, so that an
/// approval speaks of nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalStatement {
    /// `safeguard.approval/1`.
    pub api: String,
    pub decision: Decision,
    pub service: Name,
    pub release: ReleaseId,
    /// The artifact's.
    pub digest: Digest,
    /// The new changes of the release, in its order.
    pub changes: Vec<ApprovedChange>,
    pub environment: Environment,
    /// Of the evidence that stood at the time: [`evidence_root`].
    pub evidence_root: Digest,
    /// The policy that the release is judged by.
    pub policy: PolicyId,
    /// The dossier as it was shown.
    pub dossier: Digest,
    pub not_before: Timestamp,
    pub expires: Timestamp,
    /// Made by the server, used once.
    pub nonce: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Decision {
    Approve,
    Reject,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovedChange {
    pub change: ChangeId,
    pub base: String,
    pub head: String,
    /// Git's tree of the merge of head into base, where the change named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge_tree: Option<String>,
}

/// One person's signed statement, verified when it came in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Approval {
    pub id: ApprovalId,
    pub statement: ApprovalStatement,
    /// As the policy's `approvers` name the person.
    pub person: String,
    pub signature: Signature,
    pub signed_at: Timestamp,
    /// Set when something happened that makes it void before its expiry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub void: Option<Void>,
    pub entry: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Signature {
    /// An SSHSIG in its armour, namespace `safeguard-approval@v1`.
    Ssh { signature: String, key: String },
    /// A WebAuthn assertion whose challenge is the statement's digest.
    Passkey {
        credential: String,
        authenticator_data: String,
        client_data: String,
        signature: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Void {
    pub at: Timestamp,
    pub reason: String,
}

/// A gate, or some of its findings, set aside for one release by two people until a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Waiver {
    pub id: WaiverId,
    pub service: Name,
    pub release: ReleaseId,
    pub gate: Gate,
    /// Fingerprints of findings; empty: the whole gate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
    pub reason: String,
    pub requested_at: Timestamp,
    pub expires: Timestamp,
    /// The people who signed it, each once; fewer than two waive nothing.
    pub persons: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    pub entry: u64,
}

pub const WAIVER_PERSONS_MIN: usize = 2;

impl Waiver {
    /// Whether it counts for `release` at `now`.
    #[must_use]
    pub fn in_force(&self, release: &ReleaseId, now: Timestamp) -> bool {
        self.release == *release
            && self.persons.len() >= WAIVER_PERSONS_MIN
            && self.revoked_at.is_none()
            && now < self.expires
    }
}

/// Names a set of evidence: the digest of its documents' digests, sorted, a line each.
#[must_use]
pub fn evidence_root<'a>(evidence: impl IntoIterator<Item = (&'a EvidenceId, &'a Digest)>) -> Digest {
    let mut lines: Vec<String> = evidence
        .into_iter()
        .map(|(id, document)| format!("{id} {document}\n"))
        .collect();
    lines.sort();
    Digest::of(lines.concat().as_bytes())
}
