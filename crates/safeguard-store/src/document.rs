//! What the store keeps by kind and key, each as one JSON text.

use safeguard_api::bisect::Bisect;
use safeguard_api::credential::LiveCredential;
use safeguard_api::evidence::About;
use safeguard_api::release::Review;
use safeguard_api::status::{PolicyStatus, ServiceState, Token};
use safeguard_api::{
    Approval, Attestation, Breakglass, Change, ChangeDocument, ChangeId, Credential, Digest, DocumentKind,
    Evidence, EvidenceId, Freeze, Name, Passkey, PolicyChange, Release, ReleaseId, Rollout, StatementRequest,
    Timestamp, Waiver,
};
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

/// Where a change's document of a kind is found.
#[must_use]
pub fn document_key(change: &ChangeId, kind: DocumentKind) -> String {
    format!("{change}/{kind}")
}

impl Document for ChangeDocument {
    const KIND: &'static str = "change-document";
    fn key(&self) -> String {
        document_key(&self.change, self.kind)
    }
}

impl Document for Attestation {
    const KIND: &'static str = "attestation";
    /// By change, so that the answers of one are found without looking at all.
    fn key(&self) -> String {
        format!("{}/{}", self.change, self.said.question)
    }
}

impl Document for Evidence {
    const KIND: &'static str = "report";
    /// By service, so that the evidence of one is found without looking at all.
    fn key(&self) -> String {
        format!("{}/{}", self.spec.service, self.id)
    }
}

/// The evidence about one commit or artifact, the oldest first.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvidenceAbout {
    pub service: Name,
    pub about: About,
    pub evidence: Vec<EvidenceId>,
}

impl EvidenceAbout {
    #[must_use]
    pub fn key_of(service: &Name, about: &About) -> String {
        match about {
            About::Commit(commit) => format!("{service}/{commit}"),
            About::Artifact(digest) => format!("{service}/{digest}"),
        }
    }
}

impl Document for EvidenceAbout {
    const KIND: &'static str = "evidence-about";
    fn key(&self) -> String {
        EvidenceAbout::key_of(&self.service, &self.about)
    }
}

impl Document for Approval {
    const KIND: &'static str = "approval";
    fn key(&self) -> String {
        format!("{}/{}", self.statement.release, self.id)
    }
}

impl Document for Waiver {
    const KIND: &'static str = "waiver";
    fn key(&self) -> String {
        self.id.to_string()
    }
}

impl Document for Breakglass {
    const KIND: &'static str = "breakglass";
    fn key(&self) -> String {
        self.id.to_string()
    }
}

impl Document for PolicyChange {
    const KIND: &'static str = "policy-change";
    fn key(&self) -> String {
        self.id.to_string()
    }
}

impl Document for StatementRequest {
    const KIND: &'static str = "statement";
    fn key(&self) -> String {
        self.decision.decision.to_string()
    }
}

impl Document for Passkey {
    const KIND: &'static str = "passkey";
    fn key(&self) -> String {
        self.credential.clone()
    }
}

impl Document for Credential {
    const KIND: &'static str = "credential";
    fn key(&self) -> String {
        self.id.as_str().to_owned()
    }
}

/// Apart from what is told of a credential, and only as long as it is live.
impl Document for LiveCredential {
    const KIND: &'static str = "credential-live";
    /// By proxy, so that those of one are found without looking at all.
    fn key(&self) -> String {
        format!("{}/{}", self.proxy, self.id)
    }
}

impl Document for Release {
    const KIND: &'static str = "release";
    fn key(&self) -> String {
        self.id.as_str().to_owned()
    }
}

impl Document for Review {
    const KIND: &'static str = "review";
    fn key(&self) -> String {
        self.release.as_str().to_owned()
    }
}

impl Document for Bisect {
    const KIND: &'static str = "bisect";
    fn key(&self) -> String {
        self.release.as_str().to_owned()
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
