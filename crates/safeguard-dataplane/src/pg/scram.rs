//! The server's side of SCRAM-SHA-256 (RFC 5802, RFC 7677): it proves a password that it does not hold.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// What is always offered.
pub const MECHANISM: &[u8] = b"SCRAM-SHA-256";
/// Offered besides, through TLS: the login is bound to the certificate that was shown (RFC 5929).
pub const MECHANISM_PLUS: &[u8] = b"SCRAM-SHA-256-PLUS";
const BOUND_HEADER: &str = "p=tls-server-end-point,,";
const NONCE_BYTES: usize = 18;
/// As PostgreSQL makes them.
const ITERATIONS_USUAL: u32 = 4096;
const SALT_BYTES_USUAL: usize = 16;

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

    /// Looks as those do that PostgreSQL makes, and that are issued, and is never passed.
    pub fn usual() -> Verifier {
        Verifier {
            iterations: ITERATIONS_USUAL,
            salt: vec![0; SALT_BYTES_USUAL],
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
    #[error("the client binds its login to the channel in a way that was not offered")]
    ChannelBinding,
    #[error("the client was not told that a login can be bound to the channel, though it was offered")]
    Downgrade,
    #[error("the client has seen another certificate than this proxy's")]
    OtherChannel,
    #[error("the password is not right")]
    WrongPassword,
}

/// What the client has chosen of what was offered.
#[derive(Debug, Clone, Copy)]
pub enum Binding<'c> {
    /// None, where none was offered.
    Unoffered,
    /// None, though it was offered.
    Unused,
    /// To a server's certificate, by its hash.
    EndPoint(&'c [u8]),
}

/// A login under way: the server has sent its salt, and waits for the proof.
pub struct Exchange {
    verifier: Verifier,
    /// A mock is never passed, whatever the proof.
    is_mock: bool,
    /// What the client repeats of the channel, in Base64.
    channel: String,
    is_bound: bool,
    nonce: String,
    said: String,
}

impl Exchange {
    /// Answers the client's first message.
    pub fn begin(
        verifier: Verifier,
        is_mock: bool,
        binding: Binding<'_>,
        client_first: &[u8],
        random: [u8; NONCE_BYTES],
    ) -> Result<(Exchange, String), ScramError> {
        let text = std::str::from_utf8(client_first).map_err(|_| ScramError::Malformed)?;
        let (header, bare) = header(binding, text)?;
        let (bound, is_bound) = match binding {
            Binding::EndPoint(hash) => (hash, true),
            Binding::Unoffered | Binding::Unused => (&[][..], false),
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
            channel: STANDARD.encode([header.as_bytes(), bound].concat()),
            is_bound,
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
        if nonce != Some(self.nonce.as_str()) {
            return Err(ScramError::Malformed);
        }
        if binding != Some(self.channel.as_str()) {
            return Err(if self.is_bound {
                ScramError::OtherChannel
            } else {
                ScramError::Malformed
            });
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

/// Takes off the front what the client says of channel binding, which must fit what was offered and chosen.
fn header<'t>(binding: Binding<'_>, text: &'t str) -> Result<(&'t str, &'t str), ScramError> {
    let of = |length| text.split_at_checked(length).ok_or(ScramError::Malformed);
    match (text.get(..2), binding) {
        (Some("p="), Binding::EndPoint(_)) if text.starts_with(BOUND_HEADER) => of(BOUND_HEADER.len()),
        (Some("p="), _) => Err(ScramError::ChannelBinding),
        // The client could bind, and believes that the server can not: somebody took it out of the offer.
        (Some("y,"), Binding::Unused) => Err(ScramError::Downgrade),
        (Some("y,"), Binding::Unoffered) if text.starts_with("y,,") => of(3),
        (Some("n,"), Binding::Unoffered | Binding::Unused) if text.starts_with("n,,") => of(3),
        _ => Err(ScramError::Malformed),
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

    const HASH: &[u8] = &[9; 32];

    fn verifier(password: &[u8]) -> Verifier {
        Verifier::parse(&postgres_protocol::password::scram_sha_256(password)).unwrap()
    }

    fn login(
        password: &[u8],
        is_mock: bool,
        binding: Binding<'_>,
        theirs: ChannelBinding,
    ) -> Result<(), ScramError> {
        let mut client = ScramSha256::new(password, theirs);
        let verifier = verifier(b"open sesame");
        let (exchange, first) =
            Exchange::begin(verifier, is_mock, binding, client.message(), [7; NONCE_BYTES])?;
        client.update(first.as_bytes()).unwrap();
        let last = exchange.finish(client.message())?;
        client.finish(last.as_bytes()).unwrap();
        Ok(())
    }

    #[test]
    fn only_the_right_password_is_taken() {
        for (password, is_mock, expected) in [
            (&b"open sesame"[..], false, Ok(())),
            (b"open sesam", false, Err(ScramError::WrongPassword)),
            (b"open sesame", true, Err(ScramError::WrongPassword)),
        ] {
            for binding in [Binding::Unoffered, Binding::Unused, Binding::EndPoint(HASH)] {
                let theirs = match binding {
                    Binding::EndPoint(hash) => ChannelBinding::tls_server_end_point(hash.to_vec()),
                    Binding::Unoffered | Binding::Unused => ChannelBinding::unsupported(),
                };
                assert_eq!(login(password, is_mock, binding, theirs), expected, "{binding:?}");
            }
        }
    }

    #[test]
    fn a_login_is_bound_to_the_channel_as_it_was_offered() {
        let bound = |hash: &[u8]| ChannelBinding::tls_server_end_point(hash.to_vec());
        let right = |binding, theirs| login(b"open sesame", false, binding, theirs);
        assert_eq!(
            right(Binding::EndPoint(HASH), bound(&[8; 32])),
            Err(ScramError::OtherChannel)
        );
        assert_eq!(
            right(Binding::EndPoint(HASH), bound(&[])),
            Err(ScramError::OtherChannel)
        );
        for theirs in [ChannelBinding::unsupported(), ChannelBinding::unrequested()] {
            assert_eq!(right(Binding::EndPoint(HASH), theirs), Err(ScramError::Malformed));
        }
        for binding in [Binding::Unoffered, Binding::Unused] {
            assert_eq!(right(binding, bound(HASH)), Err(ScramError::ChannelBinding));
        }
        // A client that can bind, and was told of no way to: so it was, or somebody has changed the offer.
        assert_eq!(right(Binding::Unoffered, ChannelBinding::unrequested()), Ok(()));
        assert_eq!(
            right(Binding::Unused, ChannelBinding::unrequested()),
            Err(ScramError::Downgrade)
        );
    }

    #[test]
    fn a_login_that_there_is_not_looks_like_one() {
        let like = verifier(b"x");
        let first = |verifier: Verifier, is_mock| {
            Exchange::begin(
                verifier,
                is_mock,
                Binding::Unoffered,
                b"n,,n=,r=abc",
                [7; NONCE_BYTES],
            )
            .unwrap()
            .1
        };
        let mock = |login: &[u8]| first(Verifier::mock(&[1; 32], login, &like), true);
        assert_eq!(mock(b"nobody"), mock(b"nobody"));
        assert_ne!(mock(b"nobody"), mock(b"no one"));
        let real = first(like.clone(), false);
        assert_eq!(real.len(), mock(b"nobody").len());
        assert_eq!(real.len(), first(Verifier::usual(), true).len());
    }

    #[test]
    fn what_is_not_scram_is_refused() {
        let begin = |text: &str, binding| {
            let verifier = verifier(b"x");
            Exchange::begin(verifier, false, binding, text.as_bytes(), [7; NONCE_BYTES])
        };
        for text in [
            "",
            "n,",
            "n,,",
            "n,,r=a",
            "n,,n=,r=",
            "n,,n=a,x=b",
            "q,,n=,r=a",
            "n,a=x,n=,r=a",
            "n,,n=,r=a b",
            "\u{e9},,n=,r=a",
        ] {
            let error = begin(text, Binding::Unoffered).err();
            assert_eq!(error, Some(ScramError::Malformed), "{text}");
        }
        for text in ["p=tls-unique,,n=,r=a", "p=tls-server-end-point,a=x,n=,r=a", "p="] {
            for binding in [Binding::Unoffered, Binding::Unused, Binding::EndPoint(HASH)] {
                let error = begin(text, binding).err();
                assert_eq!(error, Some(ScramError::ChannelBinding), "{text}");
            }
        }
        for text in ["", "c=biws", "c=biws,r=a,p=", "c=biws,r=abc,p=AAAA", "p=", ",p="] {
            let (exchange, _) = begin("n,,n=,r=abc", Binding::Unoffered).unwrap();
            assert_eq!(
                exchange.finish(text.as_bytes()),
                Err(ScramError::Malformed),
                "{text}"
            );
        }
    }
}
