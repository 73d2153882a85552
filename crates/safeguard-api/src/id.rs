//! Identifiers: each a type of its own, checked when it is read.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest as _, Sha256};

/// Says why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {wanted}")]
pub struct IdError {
    pub text: String,
    pub wanted: &'static str,
}

// Crockford's base 32: no letter that looks like a digit, and it sorts as the number does.
pub(crate) const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const ID_CHARS: usize = 16;

/// Makes the part of an id after its prefix: 48 bits of time, then 32 bits of chance, so ids sort by birth.
fn id_text(prefix: &str, unix_ms: u64, chance: u32) -> String {
    let bits = (u128::from(unix_ms & 0xffff_ffff_ffff) << 32) | u128::from(chance);
    let mut text = String::with_capacity(prefix.len() + 1 + ID_CHARS);
    text.push_str(prefix);
    text.push('_');
    for place in (0..ID_CHARS).rev() {
        let digit = (bits >> (place * 5)) & 31;
        text.push(char::from(ALPHABET[digit as usize]));
    }
    text
}

fn id_fits(text: &str, prefix: &str) -> bool {
    text.strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('_'))
        .is_some_and(|rest| rest.len() == ID_CHARS && rest.bytes().all(|byte| ALPHABET.contains(&byte)))
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// The text before the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// Makes an id from the time of birth and 32 bits of chance, both given by the caller.
            #[must_use]
            pub fn new(unix_ms: u64, chance: u32) -> Self {
                Self(id_text($prefix, unix_ms, chance))
            }

            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                if id_fits(text, $prefix) {
                    Ok(Self(text.to_owned()))
                } else {
                    Err(IdError {
                        text: text.chars().take(64).collect(),
                        wanted: concat!("an id of the form `", $prefix, "_` and 16 characters"),
                    })
                }
            }
        }

        text_type!($name);
    };
}

/// Display, Debug, serde and JSON Schema for a type that is a checked text.
macro_rules! text_type {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
        impl JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string" })
            }
        }
    };
}

id!(
    /// One merge, with where it came from.
    ChangeId, "chg"
);
id!(
    /// One artifact on its way to production.
    ReleaseId, "rel"
);
id!(
    /// One code freeze.
    FreezeId, "frz"
);
id!(
    /// One access token; the token's secret is another text.
    TokenId, "tok"
);
id!(
    /// One report that was added as evidence.
    EvidenceId, "evd"
);
id!(
    /// One person's signed decision about a release.
    ApprovalId, "apr"
);
id!(
    /// One gate, or some findings of it, set aside by two people for a time.
    WaiverId, "wvr"
);
id!(
    /// One release let through a freeze by two people.
    BreakglassId, "bgl"
);
id!(
    /// One answer of a guard proxy to a statement that it did not simply let through.
    DecisionId, "dcn"
);
id!(
    /// One change of the policy that people sign before it is in force.
    PolicyChangeId, "pch"
);
id!(
    /// What one transaction removed or changed in a database, kept so that it can come back.
    UndoId, "und"
);

id!(
    /// One login of a proxy in front of a database that was issued for minutes.
    CredentialId, "crd"
);

/// A sha256 digest, written `sha256:` and 64 hexadecimal digits.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(String);

/// A policy is named by the digest of its canonical JSON.
pub type PolicyId = Digest;

impl Digest {
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(format!("sha256:{}", hex::encode(bytes)))
    }

    /// Returns the digest of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self::from_bytes(Sha256::digest(bytes).into())
    }

    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The 64 hexadecimal digits.
    #[must_use]
    pub fn hex(&self) -> &str {
        &self.0["sha256:".len()..]
    }

    /// The first twelve hexadecimal digits: enough for a person to tell two apart.
    #[must_use]
    pub fn short(&self) -> &str {
        &self.hex()[..12]
    }
}

impl FromStr for Digest {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let digits = text.strip_prefix("sha256:");
        let fits = digits.is_some_and(|digits| {
            digits.len() == 64
                && digits
                    .bytes()
                    .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        });
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError {
                text: text.chars().take(80).collect(),
                wanted: "`sha256:` and 64 lower-case hexadecimal digits",
            })
        }
    }
}
text_type!(Digest);

/// The name of a service, at most 32 characters: a letter, then letters, digits and dashes, all lower case.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(String);

impl Name {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = IdError;
    fn from_str(text: &str) -> Result<Self, IdError> {
        let fits = text.len() <= 32
            && text.starts_with(|c: char| c.is_ascii_lowercase())
            && text
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError {
                text: text.chars().take(64).collect(),
                wanted: "a name: a lower-case letter, then at most 31 lower-case letters, digits and dashes",
            })
        }
    }
}
text_type!(Name);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_birth_and_are_checked() {
        let older = ReleaseId::new(1_700_000_000_000, u32::MAX);
        let newer = ReleaseId::new(1_700_000_000_001, 0);
        assert!(older < newer);
        assert_eq!(older.as_str().parse::<ReleaseId>().unwrap(), older);
        for wrong in [
            "",
            "rel_",
            "rel_ilou000000000000",
            "chg_0000000000000000",
            "rel_00000000000000000",
        ] {
            assert!(wrong.parse::<ReleaseId>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn digests_and_names_are_checked() {
        assert_eq!(
            Digest::of(b"").as_str(),
            "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        );
        assert!("sha256:E3b0".parse::<Digest>().is_err());
        assert!("shop-2".parse::<Name>().is_ok());
        for wrong in ["", "2shop", "Shop", "a b", "../etc", &"a".repeat(33)] {
            assert!(wrong.parse::<Name>().is_err(), "{wrong}");
        }
    }
}
