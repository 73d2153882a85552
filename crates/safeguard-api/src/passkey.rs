//! Passkeys: keys of WebAuthn that approvers enrol in a browser.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// Of all approvers, with the revoked ones.
pub const PASSKEYS_MAX: usize = 1000;

/// A key that an approver enrolled; the private part never leaves the authenticator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Passkey {
    /// The credential's id, in base64url.
    pub credential: String,
    /// As the policy's `approvers` name the person.
    pub person: String,
    pub public_key: PasskeyKey,
    /// The domain that the key is bound to.
    pub rp_id: String,
    /// The origin that it was enrolled from; assertions from another are refused.
    pub origin: String,
    /// What the authenticator counted at its last signature; 0: it does not count.
    pub sign_count: u32,
    pub enrolled_at: Timestamp,
    /// Who made the invitation.
    pub invited_by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    pub entry: u64,
}

/// A public key, in base64url.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum PasskeyKey {
    /// ECDSA on P-256 with SHA-256 (COSE -7): the two coordinates.
    Es256 { x: String, y: String },
    /// Ed25519 (COSE -8).
    Ed25519 { key: String },
}

/// What an administrator asks for: a link that enrols a passkey for this person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationSpec {
    pub person: String,
}

/// A link that works once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Invitation {
    pub person: String,
    pub link: String,
    pub expires: Timestamp,
}

/// What the browser sends when it has made a key; each field in base64url.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Enrolment {
    pub credential: String,
    pub attestation_object: String,
    pub client_data: String,
}

/// What a browser needs to make the invited person's key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EnrolmentOptions {
    pub rp_id: String,
    pub person: String,
    /// Names the person to the authenticator; says nothing by itself.
    pub user: String,
    /// Its ASCII bytes are the challenge.
    pub challenge: String,
}

/// A link to the page that signs with a passkey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ApprovalLink {
    pub link: String,
}
