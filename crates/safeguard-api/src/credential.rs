//! Logins of the proxies in front of databases that hold for minutes.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::guard::Principal;
use crate::id::{ALPHABET, CredentialId, Name};
use crate::stage::Environment;
use crate::time::{Span, Timestamp};

/// Of one proxy at the same time.
pub const CREDENTIALS_LIVE_MAX: usize = 1_000;
pub const CREDENTIAL_SHORTEST: Span = Span::minutes(1);
/// What the settings of a user may allow at most.
pub const CREDENTIAL_LONGEST: Span = Span::hours(24);
/// Where nobody says for how long.
pub const CREDENTIAL_UNSAID: Span = Span::minutes(15);
/// How long the one before may go on after a rotation.
pub const GRACE_LONGEST: Span = Span::hours(1);
/// PostgreSQL cuts longer names of roles and databases.
pub const LOGIN_BYTES_MAX: usize = 63;

/// Between the user and what tells one credential from another. It needs no escape in a URL (RFC 3986), which `+`
/// does: some readers of URLs take that for a space.
pub const LOGIN_SEPARATOR: char = '~';
const LOGIN_CHARS: usize = 8;

/// The longest name of a user for whom credentials can be issued, in bytes.
pub const ISSUING_USER_BYTES_MAX: usize = LOGIN_BYTES_MAX - LOGIN_CHARS - LOGIN_SEPARATOR.len_utf8();

/// Whose login it is, also where it was issued for minutes.
#[must_use]
pub fn user_of(login: &str) -> &str {
    login.split(LOGIN_SEPARATOR).next().unwrap_or(login)
}

/// A login that was issued, without anything that proves it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Credential {
    pub id: CredentialId,
    pub proxy: Name,
    pub environment: Environment,
    /// Whose rights it has: a user of the proxy.
    pub user: String,
    pub principal: Principal,
    /// What is given as the user's name at the login.
    pub login: String,
    pub issued_by: String,
    pub issued_at: Timestamp,
    /// For how long it was issued.
    pub lasts: Span,
    /// A rotation brings it nearer; nothing puts it off.
    pub expires: Timestamp,
    /// The one that this one was issued in the place of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaces: Option<CredentialId>,
    /// The one that was issued in its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replaced_by: Option<CredentialId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_by: Option<String>,
}

/// Where a credential stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum CredentialState {
    Live,
    Expired,
    Revoked,
}

/// A credential as it stands when it is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CredentialShown {
    #[serde(flatten)]
    pub credential: Credential,
    pub state: CredentialState,
}

/// What a client says when it wants one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CredentialSpec {
    pub proxy: Name,
    /// A user of the proxy.
    pub user: String,
    /// Unsaid: 15 minutes, or the user's longest when that is less.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasts: Option<Span>,
    /// What proves the password, made where the password was: SCRAM-SHA-256 with 4,096 rounds and a salt of 16 bytes.
    pub verifier: String,
}

/// What a client says when it wants the next one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RotationSpec {
    /// Unsaid: as long as the one before was issued for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lasts: Option<Span>,
    /// How long the one before still holds, an hour at most; 0 ends it at once.
    pub grace: Span,
    pub verifier: String,
}

/// A credential, and where it opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CredentialIssued {
    #[serde(flatten)]
    pub credential: Credential,
    /// Where the proxy listens, as the configuration has it.
    pub address: std::net::SocketAddr,
    pub database: String,
    /// Whether the proxy speaks TLS.
    pub tls: bool,
}

/// The live credentials of one proxy, for that proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LiveCredentials {
    /// The server's clock when it answered; what is left of each is counted from here.
    pub at: Timestamp,
    pub live: Vec<LiveCredential>,
}

/// A login that is open, and what proves it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LiveCredential {
    pub id: CredentialId,
    pub proxy: Name,
    pub environment: Environment,
    pub user: String,
    pub principal: Principal,
    pub login: String,
    pub verifier: String,
    pub expires: Timestamp,
}

impl fmt::Debug for LiveCredential {
    /// Without the verifier, which belongs into no log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} until {}", self.id, self.login, self.expires)
    }
}

impl Credential {
    #[must_use]
    pub fn state(&self, now: Timestamp) -> CredentialState {
        if self.revoked_at.is_some() {
            CredentialState::Revoked
        } else if self.expires <= now {
            CredentialState::Expired
        } else {
            CredentialState::Live
        }
    }
}

impl CredentialState {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            CredentialState::Live => "live",
            CredentialState::Expired => "expired",
            CredentialState::Revoked => "revoked",
        }
    }
}

/// The name of a new login: the user's, and 40 bits of chance, which are there to tell logins apart and protect nothing.
#[must_use]
pub fn issued_login(user: &str, chance: u64) -> String {
    let mut login = format!("{user}{LOGIN_SEPARATOR}");
    for place in 0..LOGIN_CHARS {
        let digit = (chance >> (place * 5)) & 31;
        login.push(char::from(ALPHABET[digit as usize]));
    }
    login
}

/// Whether this is a verifier as they are issued. They all have the same rounds and length of salt, so that a login that
/// there is not can look like one.
#[must_use]
pub fn is_issued_verifier(text: &str) -> bool {
    let parts = text.strip_prefix("SCRAM-SHA-256$4096:").and_then(|rest| {
        let (salt, keys) = rest.split_once('$')?;
        let (stored, server) = keys.split_once(':')?;
        Some([(salt, 22), (stored, 43), (server, 43)])
    });
    let is_base64 = |(part, signs): (&str, usize)| {
        let (body, end) = part.split_at_checked(signs).unwrap_or((part, "?"));
        let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || b"+/".contains(&byte);
        part.len().is_multiple_of(4) && body.bytes().all(is_sign) && ["=", "=="].contains(&end)
    };
    parts.is_some_and(|parts| parts.into_iter().all(is_base64))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERIFIER: &str = "SCRAM-SHA-256$4096:AAAAAAAAAAAAAAAAAAAAAA==$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    #[test]
    fn a_login_fits_and_tells_one_from_another() {
        assert_eq!(issued_login("coder", 0), "coder~00000000");
        assert_eq!(issued_login("coder", (1 << 40) - 1), "coder~zzzzzzzz");
        assert_ne!(issued_login("coder", 1), issued_login("coder", 1 << 35));
        let longest = "u".repeat(ISSUING_USER_BYTES_MAX);
        assert_eq!(issued_login(&longest, 7).len(), LOGIN_BYTES_MAX);
    }

    #[test]
    fn only_one_form_of_verifiers_is_issued() {
        assert!(is_issued_verifier(VERIFIER));
        for (from, to) in [
            ("4096", "8192"),
            ("4096", "1"),
            ("SCRAM-SHA-256", "md5"),
            ("AA==", "AAAAAA=="),
            ("A=:", "=:"),
            ("A=:", "A-:"),
            ("A=:", "AA:"),
            ("$A", "$\u{e9}A"),
            (":A", "A"),
        ] {
            assert!(
                !is_issued_verifier(&VERIFIER.replacen(from, to, 1)),
                "{from} {to}"
            );
        }
        assert!(!is_issued_verifier("hunter2"));
        assert!(!is_issued_verifier(""));
    }
}
