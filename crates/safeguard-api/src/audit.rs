//! What a log entry says. The bytes of the leaf are its RFC 8785 JSON.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::Digest;
use crate::time::Timestamp;

/// One event, as it is written into the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Event {
    /// The version of this shape: 1.
    pub v: u32,
    /// Such as `release.created`, `deploy.stage`, `rollback.triggered`.
    pub kind: String,
    pub ts: Timestamp,
    pub actor: Actor,
    /// What it is about: the ids, the most specific first.
    pub subject: Vec<String>,
    /// Documents in the content store, by digest.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub refs: Vec<Reference>,
    /// Personal text, which can be erased without breaking the log.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub commit: Vec<Commitment>,
    /// What was decided, and the figures that decided it.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub decision: serde_json::Value,
    /// The event happened before `ts`, while the control plane was away.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub late: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Actor {
    #[serde(rename = "type")]
    pub kind: ActorKind,
    pub id: String,
    /// How it was known to be that actor: `token`, `session`, `local`.
    pub auth: String,
}

impl Actor {
    /// safeguard itself.
    #[must_use]
    pub fn system(part: &str) -> Actor {
        Actor {
            kind: ActorKind::System,
            id: part.to_owned(),
            auth: "local".to_owned(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ActorKind {
    Human,
    Agent,
    Ci,
    System,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reference {
    pub name: String,
    pub sha256: Digest,
    pub size: u64,
    pub media: String,
}

/// HMAC-SHA256 of a text under a salt; both can be erased and every proof stays valid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Commitment {
    pub name: String,
    pub hmac: String,
    pub size: u64,
}

/// An event and where it stands in the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Entry {
    pub index: u64,
    pub event: Event,
}

/// An entry with the proof that a signed checkpoint covers it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EntryProof {
    pub index: u64,
    /// The bytes of the leaf, as text: they are JSON.
    pub leaf: String,
    /// Hashes from the leaf's sibling up to the root, each in hexadecimal.
    pub path: Vec<String>,
    pub checkpoint: String,
    pub vkey: String,
}
