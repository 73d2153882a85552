//! The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677): it proves a password that it does not hold.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// The only mechanism that is offered.
pub const MECHANISM: &[u8] = b"SCRAM-SHA-256";
const NONCE_BYTES: usize = 18;

/// What proves a password, as PostgreSQL keeps it.
#[derive(Clone)]
pub struct Verifier {
    iterations: u32,
    salt: Vec<u8>,
    stored_key: [u8; 32],
    server_key: [u8; 32],
}

impl Verifier {
    /// Reads `SCRAM-SHA-256$ITERATIONS:SALT$STORED:SERVER`.
    pub fn parse(text: &str) -> Option<Verifier> {
        let (iterations, rest) = text.strip_prefix("SCRAM-SHA-256$")?.split_once(':')?;
        let (salt, keys) = rest.split_once('$')?;
        let (stored, server) = keys.split_once(':')?;
        let key = |text: &str| STANDARD.decode(text).ok()?.try_into().ok();
        Some(Verifier {
            iterations: iterations.parse().ok()?,
            salt: STANDARD.decode(salt).ok()?,
            stored_key: key(stored)?,
            server_key: key(server)?,
        })
    }

    /// Nobody's, in the form that issued ones have: what a mock of one has to look like.
    pub fn of_issued_form() -> Verifier {
        Verifier {
            iterations: 4096,
            salt: vec![0; 16],
            stored_key: [0; 32],
            server_key: [0; 32],
        }
    }

    /// Stands in for a login that there is not: always the same for one name, as if it were real, and never passed.
    pub fn mock(secret: &[u8; 32], login: &[u8], like: &Verifier) -> Verifier {
        let salt = hmac(secret, &[b"salt", login].concat());
        Verifier {
            iterations: like.iterations,
            salt: salt.iter().copied().cycle().take(like.salt.len()).collect(),
            stored_key: hmac(secret, &[b"stored", login].concat()),
            server_key: hmac(secret, &[b"server", login].concat()),
        }
    }
}

/// Why a login failed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScramError {
    #[error("the client's SCRAM message is not one")]
    Malformed,
    #[error("the client asks for channel binding, which is not offered")]
    ChannelBinding,
    #[error("the password is not right")]
    WrongPassword,
}

/// A login under way: the server has sent its salt, and waits for the proof.
pub struct Exchange {
    verifier: Verifier,
    /// A mock is never passed, whatever the proof.
    is_mock: bool,
    header: String,
    nonce: String,
    said: String,
}

impl Exchange {
    /// Answers the client's first message.
    pub fn begin(
        verifier: Verifier,
        is_mock: bool,
        client_first: &[u8],
        random: [u8; NONCE_BYTES],
    ) -> Result<(Exchange, String), ScramError> {
        let text = std::str::from_utf8(client_first).map_err(|_| ScramError::Malformed)?;
        // `y` says that the client would bind to the channel but believes that the server can not, which is so.
        let bare = match text.split_at_checked(3) {
            Some(("n,," | "y,,", bare)) => bare,
            _ if text.starts_with("p=") => return Err(ScramError::ChannelBinding),
            _ => return Err(ScramError::Malformed),
        };
        let mut attributes = bare.split(',');
        if !attributes.next().is_some_and(|name| name.starts_with("n=")) {
            return Err(ScramError::Malformed);
        }
        let theirs = attributes.next().and_then(|nonce| nonce.strip_prefix("r="));
        let theirs = theirs
            .filter(|nonce| !nonce.is_empty() && nonce.bytes().all(|byte| byte.is_ascii_graphic()))
            .ok_or(ScramError::Malformed)?;
        let nonce = format!("{theirs}{}", STANDARD.encode(random));
        let (salt, iterations) = (STANDARD.encode(&verifier.salt), verifier.iterations);
        let first = format!("r={nonce},s={salt},i={iterations}");
        let exchange = Exchange {
            verifier,
            is_mock,
            header: text.chars().take(3).collect(),
            nonce,
            said: format!("{bare},{first}"),
        };
        Ok((exchange, first))
    }

    /// Looks at the client's proof, and returns the server's own.
    pub fn finish(self, client_final: &[u8]) -> Result<String, ScramError> {
        let text = std::str::from_utf8(client_final).map_err(|_| ScramError::Malformed)?;
        let (without_proof, proof) = text.rsplit_once(",p=").ok_or(ScramError::Malformed)?;
        let mut attributes = without_proof.split(',');
        let binding = attributes.next().and_then(|one| one.strip_prefix("c="));
        let nonce = attributes.next().and_then(|one| one.strip_prefix("r="));
        if binding != Some(STANDARD.encode(&self.header).as_str()) || nonce != Some(self.nonce.as_str()) {
            return Err(ScramError::Malformed);
        }
        let proof = STANDARD.decode(proof).map_err(|_| ScramError::Malformed)?;
        let proof: [u8; 32] = proof.try_into().map_err(|_| ScramError::Malformed)?;
        let said = format!("{},{without_proof}", self.said);
        let signature = hmac(&self.verifier.stored_key, said.as_bytes());
        let mut client_key = [0; 32];
        for (key, (proof, signature)) in client_key.iter_mut().zip(proof.iter().zip(signature)) {
            *key = proof ^ signature;
        }
        let found: [u8; 32] = Sha256::digest(client_key).into();
        let right = bool::from(found.ct_eq(&self.verifier.stored_key));
        if !right || self.is_mock {
            return Err(ScramError::WrongPassword);
        }
        let own = hmac(&self.verifier.server_key, said.as_bytes());
        Ok(format!("v={}", STANDARD.encode(own)))
    }
}

pub fn nonce() -> Result<[u8; NONCE_BYTES], getrandom::Error> {
    let mut random = [0; NONCE_BYTES];
    getrandom::fill(&mut random)?;
    Ok(random)
}

fn hmac(key: &[u8; 32], bytes: &[u8]) -> [u8; 32] {
    #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("32 bytes are a key");
    mac.update(bytes);
    mac.finalize().into_bytes().into()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};

    use super::*;

    fn login(password: &[u8], verifier: Verifier, is_mock: bool) -> Result<(), ScramError> {
        let mut client = ScramSha256::new(password, ChannelBinding::unsupported());
        let (exchange, first) = Exchange::begin(verifier, is_mock, client.message(), [7; NONCE_BYTES])?;
        client.update(first.as_bytes()).unwrap();
        let last = exchange.finish(client.message())?;
        client.finish(last.as_bytes()).unwrap();
        Ok(())
    }

    #[test]
    fn only_the_right_password_is_taken() {
        let verifier = Verifier::parse(&postgres_protocol::password::scram_sha_256(b"open sesame")).unwrap();
        assert_eq!(login(b"open sesame", verifier.clone(), false), Ok(()));
        assert_eq!(
            login(b"open sesam", verifier.clone(), false),
            Err(ScramError::WrongPassword)
        );
        assert_eq!(
            login(b"open sesame", verifier, true),
            Err(ScramError::WrongPassword)
        );
    }

    #[test]
    fn a_login_that_there_is_not_looks_like_one() {
        let like = Verifier::parse(&postgres_protocol::password::scram_sha_256(b"x")).unwrap();
        let first = |login: &[u8]| {
            let mock = Verifier::mock(&[1; 32], login, &like);
            Exchange::begin(mock, true, b"n,,n=,r=abc", [7; NONCE_BYTES])
                .unwrap()
                .1
        };
        assert_eq!(first(b"nobody"), first(b"nobody"));
        assert_ne!(first(b"nobody"), first(b"no one"));
        let real = Exchange::begin(like.clone(), false, b"n,,n=,r=abc", [7; NONCE_BYTES])
            .unwrap()
            .1;
        assert_eq!(real.len(), first(b"nobody").len());
    }

    #[test]
    fn what_is_not_scram_is_refused() {
        let verifier = Verifier::parse(&postgres_protocol::password::scram_sha_256(b"x")).unwrap();
        for text in [
            "",
            "n,",
            "n,,",
            "n,,r=a",
            "n,,n=,r=",
            "n,,n=a,x=b",
            "q,,n=,r=a",
            "n,,n=,r=a b",
        ] {
            let begun = Exchange::begin(verifier.clone(), false, text.as_bytes(), [7; NONCE_BYTES]);
            assert_eq!(begun.err(), Some(ScramError::Malformed), "{text}");
        }
        let bound = Exchange::begin(verifier.clone(), false, b"p=tls-unique,,n=,r=a", [7; NONCE_BYTES]);
        assert_eq!(bound.err(), Some(ScramError::ChannelBinding));
        for text in ["", "c=biws", "c=biws,r=a,p=", "c=biws,r=abc,p=AAAA", "p=", ",p="] {
            let (exchange, _) =
                Exchange::begin(verifier.clone(), false, b"n,,n=,r=abc", [7; NONCE_BYTES]).unwrap();
            assert_eq!(
                exchange.finish(text.as_bytes()),
                Err(ScramError::Malformed),
                "{text}"
            );
        }
    }
}
