//! The public key that a person signs with, as OpenSSH writes it.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use ssh_key::public::KeyData;
use ssh_key::{Algorithm, EcdsaCurve, HashAlg, PublicKey};

/// A public key that may sign: `ssh-ed25519`, `ecdsa-sha2-nistp256`, or one of their kinds that lie in a security key.
/// The comment is not part of it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SshKey(String);

/// Says why a text is not a key that may sign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SshKeyError {
    #[error("`{0}` is not an OpenSSH public key: copy the line in `~/.ssh/id_ed25519.pub`")]
    Unreadable(String),
    #[error(
        "a key of kind `{0}` can not sign approvals: make one with `ssh-keygen -t ed25519` or `ed25519-sk`"
    )]
    Kind(String),
    #[error("the key is made for `{0}`, not for SSH")]
    Application(String),
}

/// What an application of security keys begins with when it is one of SSH.
const APPLICATION: &str = "ssh:";

impl SshKey {
    /// Keeps a key that may sign.
    ///
    /// # Errors
    /// Why it may not.
    pub fn of(key: &KeyData) -> Result<SshKey, SshKeyError> {
        let application = match key {
            KeyData::SkEd25519(key) => Some(key.application()),
            KeyData::SkEcdsaSha2NistP256(key) => Some(key.application()),
            _ => None,
        };
        if let Some(other) = application.filter(|application| !application.starts_with(APPLICATION)) {
            return Err(SshKeyError::Application(other.chars().take(40).collect()));
        }
        match key.algorithm() {
            Algorithm::Ed25519
            | Algorithm::SkEd25519
            | Algorithm::SkEcdsaSha2NistP256
            | Algorithm::Ecdsa {
                curve: EcdsaCurve::NistP256,
            } => {}
            other => return Err(SshKeyError::Kind(other.as_str().chars().take(40).collect())),
        }
        let bare = PublicKey::new(key.clone(), "");
        let text = bare
            .to_openssh()
            .map_err(|error| SshKeyError::Unreadable(error.to_string()))?;
        Ok(SshKey(text.trim_end().to_owned()))
    }

    /// The kind and the key, without a comment.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The key for a library.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        #[expect(clippy::expect_used, reason = "made by `of`, which wrote it from a key")]
        PublicKey::from_openssh(&self.0).expect("a key that was written can be read")
    }

    /// `SHA256:` and the digest, as `ssh-keygen -l` shows it.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        self.public_key().fingerprint(HashAlg::Sha256).to_string()
    }
}

impl FromStr for SshKey {
    type Err = SshKeyError;
    fn from_str(text: &str) -> Result<Self, SshKeyError> {
        let unreadable = || SshKeyError::Unreadable(text.chars().take(40).collect());
        let key = PublicKey::from_openssh(text.trim()).map_err(|_| {
            // A kind that the library was built without is told as such.
            let kind = text.split_whitespace().next().unwrap_or("");
            if kind.starts_with("ssh-") || kind.starts_with("ecdsa-") || kind.starts_with("sk-") {
                SshKeyError::Kind(kind.chars().take(40).collect())
            } else {
                unreadable()
            }
        })?;
        SshKey::of(key.key_data())
    }
}

impl fmt::Display for SshKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for SshKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for SshKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for SshKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for SshKey {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SshKey".into()
    }
    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAILM+rvN+ot98qgEN796jTiQfZfG1KaT0PtFDJ/XFSqti";

    #[test]
    fn the_comment_is_not_part_of_a_key() {
        let key: SshKey = format!("  {ED25519} kim@laptop\n").parse().unwrap();
        assert_eq!(key.as_str(), ED25519);
        assert!(key.fingerprint().starts_with("SHA256:"));
    }

    #[test]
    fn what_can_not_sign_is_told() {
        for (text, said) in [
            ("kim", "is not an OpenSSH public key"),
            (
                "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ",
                "a key of kind `ssh-rsa` can not sign",
            ),
            ("ssh-dss AAAA", "a key of kind `ssh-dss` can not sign"),
        ] {
            let error = text.parse::<SshKey>().unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}
