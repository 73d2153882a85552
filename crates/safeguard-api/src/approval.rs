//! What people sign when they approve a release, and what is kept of it.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::change::DocumentKind;
use crate::checklist::Question;
use crate::id::{ApprovalId, ChangeId, Digest, EvidenceId, Name, PolicyId, ReleaseId};
use crate::stage::Environment;
use crate::time::{Span, Timestamp};

/// The namespace of SSH signatures: a signature made for another purpose is none here.
pub const NAMESPACE: &str = "safeguard-approval@v1";
pub const APPROVAL_API: &str = "safeguard.approval/1";
pub const REASON_BYTES_MAX: usize = 2000;
/// Of one release, counted with those that are void.
pub const APPROVALS_MAX: usize = 256;
/// A statement may be signed for so long after it was made.
pub const SIGN_WITHIN: Span = Span::minutes(30);

/// What an approver signs: its canonical JSON (RFC 8785). Everything that the approver looked at is named, so that an
/// approval speaks of nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalStatement {
    /// `safeguard.approval/1`.
    pub api: String,
    pub decision: Decision,
    /// Why, in the approver's words; a rejection has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub service: Name,
    pub release: ReleaseId,
    /// The artifact's.
    pub digest: Digest,
    /// The new changes of the release, in its order.
    pub changes: Vec<ApprovedChange>,
    /// The artifact that is live, and that this one would replace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<Digest>,
    pub environment: Environment,
    /// Of the evidence that stood at the time: [`evidence_root`].
    pub evidence_root: Digest,
    /// The policy that the release is judged by.
    pub policy: PolicyId,
    /// The policy that releases entering at the time are judged by.
    pub policy_in_force: PolicyId,
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
    /// Stops the release until the same person withdraws it or approves.
    Reject,
    /// Takes back what the same person said before.
    Withdraw,
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
    /// Its documents by what they are about: each one's digest, or the commitment to it where it can be erased.
    pub documents: BTreeMap<DocumentKind, String>,
    /// The boxes of its checklist that people answered, each by the log entry of the answer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub answers: BTreeMap<Question, u64>,
}

/// What a client asks for: a statement to sign.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApprovalSpec {
    pub decision: Decision,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Unsaid: the environment that the release enters next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<Environment>,
    /// Unsaid: at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// How long it shall hold; at most, and unsaid, as long as the policy says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valid: Option<Span>,
}

/// A statement that may be signed once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalRequest {
    pub statement: ApprovalStatement,
    /// The very bytes to sign: the canonical JSON of `statement`.
    pub text: String,
    /// What the approver looks at, as Markdown; the statement has its digest.
    pub dossier: String,
    /// Until when it is accepted.
    pub sign_before: Timestamp,
    pub entry: u64,
}

/// What a client sends back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignedStatement {
    /// The bytes that were signed, as they were received.
    pub text: String,
    pub signature: Signature,
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
    Ssh { signature: String },
    /// A WebAuthn assertion whose challenge is the SHA-256 of the statement; each field in base64url.
    Passkey {
        credential: String,
        authenticator_data: String,
        client_data: String,
        signature: String,
    },
}

impl Signature {
    /// What it was made with, as people say it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Signature::Ssh { .. } => "SSH key",
            Signature::Passkey { .. } => "passkey",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Void {
    pub at: Timestamp,
    pub reason: String,
}

/// One person's signature under a waiver or a break-glass.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Consent {
    pub person: String,
    pub signature: Signature,
    pub signed_at: Timestamp,
    pub entry: u64,
}

/// `GET /api/v1/releases/{id}/approvers`: where a release stands with the people who may approve it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalStanding {
    pub environment: Environment,
    /// People whose approval counts, against how many are asked for.
    pub approved: u32,
    pub quorum: u32,
    /// Seniors among them, against how many are asked for.
    pub seniors: u32,
    pub seniors_min: u32,
    pub people: Vec<PersonStanding>,
    /// What is lacking, a sentence each.
    pub missing: Vec<String>,
}

/// Whether one approver may approve, and why not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PersonStanding {
    pub person: String,
    pub said: Said,
    /// Why an approval of this person does not count; empty: it would.
    pub banned: Vec<String>,
    /// Why the person does not count as senior here; empty: does.
    pub not_senior: Vec<String>,
    /// Why what the person signed does not count, where something was signed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub void: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Said {
    Nothing,
    Approved,
    Rejected,
}

impl PersonStanding {
    /// Whether the person approved, and the approval counts.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.said == Said::Approved && self.banned.is_empty()
    }
}

/// The canonical JSON of what is signed.
pub(crate) fn canonical<T: Serialize>(statement: &T) -> Vec<u8> {
    #[expect(
        clippy::expect_used,
        reason = "texts, whole numbers and maps with keys that are texts"
    )]
    serde_json_canonicalizer::to_vec(statement).expect("a statement is always JSON")
}

/// Something that people sign as canonical JSON, which names its purpose in `api`.
pub trait Signable: Serialize {
    /// The very bytes that are signed.
    fn bytes(&self) -> Vec<u8>;
}

macro_rules! signable {
    ($name:ty) => {
        impl Signable for $name {
            fn bytes(&self) -> Vec<u8> {
                canonical(self)
            }
        }
    };
}
signable!(ApprovalStatement);
signable!(crate::waiver::WaiverStatement);
signable!(crate::breakglass::BreakglassStatement);
signable!(crate::policy_change::PolicyStatement);
signable!(crate::statement::StatementApproval);
signable!(crate::suppression::SuppressionStatement);

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
