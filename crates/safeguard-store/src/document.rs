//! What the store keeps by kind and key, each as one JSON text.

use safeguard_api::status::{PolicyStatus, ServiceState, Token};
use safeguard_api::{Change, Digest, Freeze, Release, ReleaseId, Rollout, Timestamp};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// Something that is stored whole. Keys sort as documents are listed; ids sort by birth.
pub trait Document: Serialize + DeserializeOwned {
    const KIND: &'static str;
    fn key(&self) -> String;
}

/// An access token and the hash of its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRecord {
    pub token: Token,
    /// In hexadecimal.
    pub secret_sha256: String,
}

/// An artifact that was rolled back: it may not be released again until a person clears it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Poisoned {
    pub artifact: Digest,
    /// The release that was rolled back.
    pub release: ReleaseId,
    pub at: Timestamp,
    pub reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleared_by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cleared_at: Option<Timestamp>,
}

impl Document for Change {
    const KIND: &'static str = "change";
    fn key(&self) -> String {
        self.id.as_str().to_owned()
    }
}

impl Document for Release {
    const KIND: &'static str = "release";
    fn key(&self) -> String {
        self.id.as_str().to_owned()
    }
}

impl Document for Rollout {
    const KIND: &'static str = "rollout";
    fn key(&self) -> String {
        self.release.as_str().to_owned()
    }
}

impl Document for Freeze {
    const KIND: &'static str = "freeze";
    fn key(&self) -> String {
        self.id.as_str().to_owned()
    }
}

impl Document for ServiceState {
    const KIND: &'static str = "service";
    fn key(&self) -> String {
        self.service.as_str().to_owned()
    }
}

impl Document for PolicyStatus {
    const KIND: &'static str = "policy";
    fn key(&self) -> String {
        self.id.as_str().to_owned()
    }
}

impl Document for TokenRecord {
    const KIND: &'static str = "token";
    fn key(&self) -> String {
        self.token.id.as_str().to_owned()
    }
}

impl Document for Poisoned {
    const KIND: &'static str = "poisoned";
    fn key(&self) -> String {
        self.artifact.as_str().to_owned()
    }
}
