//! Which arm a user gets: a point for each user, thresholds for the arms, and a token that keeps users where they are.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use safeguard_api::id::{Name, ReleaseId};
use safeguard_api::stage::{Environment, Percent};
use safeguard_api::time::Timestamp;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;

/// Users lie on so many points.
pub const POINTS: u64 = 10_000;
/// How long a token keeps a user on the candidate.
pub const TOKEN_SECONDS: u32 = 7 * 24 * 3600;
const TOKEN_BYTES: usize = 4 + 1 + 4 + 16;
/// The only arm that gets tokens. A user on stable carries none: a larger weight must be able to reach everybody.
const ARM_CANDIDATE: u8 = 1;

/// The secret that makes this installation's tokens.
#[derive(Clone)]
pub struct TokenKey([u8; 32]);

/// What a token is good for; a token for anything else is not valid here.
#[derive(Debug, Clone, Copy)]
pub struct TokenScope<'a> {
    pub service: &'a Name,
    pub environment: Environment,
    pub release: &'a ReleaseId,
    pub epoch: u32,
}

impl TokenKey {
    pub fn new(secret: [u8; 32]) -> TokenKey {
        TokenKey(secret)
    }

    /// Names a user for the judge; nobody without the secret can choose the name.
    pub fn session(&self, user: &[u8]) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        hash(u64::from_be_bytes([a, b, c, d, e, f, g, h]), user)
    }

    /// Makes a token that keeps a user on the candidate.
    pub fn token(&self, scope: TokenScope<'_>, now: Timestamp) -> String {
        let expiry = unix_seconds(now).saturating_add(TOKEN_SECONDS);
        let mut token = [0; TOKEN_BYTES];
        token[..4].copy_from_slice(&scope.epoch.to_be_bytes());
        token[4] = ARM_CANDIDATE;
        token[5..9].copy_from_slice(&expiry.to_be_bytes());
        let tag = self.tag(&token[..9], scope);
        token[9..].copy_from_slice(&tag);
        URL_SAFE_NO_PAD.encode(token)
    }

    /// Whether the token was made here, for this scope, and is not over.
    pub fn is_valid(&self, text: &[u8], scope: TokenScope<'_>, now: Timestamp) -> bool {
        let mut token = [0; TOKEN_BYTES];
        if !matches!(URL_SAFE_NO_PAD.decode_slice(text, &mut token), Ok(TOKEN_BYTES)) {
            return false;
        }
        let genuine = bool::from(self.tag(&token[..9], scope).ct_eq(&token[9..]));
        let epoch = u32::from_be_bytes([token[0], token[1], token[2], token[3]]);
        let expiry = u32::from_be_bytes([token[5], token[6], token[7], token[8]]);
        genuine && epoch == scope.epoch && token[4] == ARM_CANDIDATE && unix_seconds(now) < expiry
    }

    // The release is part of what is signed: epochs of different releases are equal more often than not.
    fn tag(&self, content: &[u8], scope: TokenScope<'_>) -> [u8; 16] {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("32 bytes are a key");
        for part in [
            scope.service.as_str(),
            scope.environment.as_str(),
            scope.release.as_str(),
        ] {
            mac.update(part.as_bytes());
            mac.update(&[0]);
        }
        mac.update(content);
        let mut tag = [0; 16];
        tag.copy_from_slice(&mac.finalize().into_bytes()[..16]);
        tag
    }
}

/// Hashes a user's key, for the user's point and as the session's name.
pub fn hash(salt: u64, key: &[u8]) -> u64 {
    // FNV-1a and then the finaliser of MurmurHash3: the same on every machine and in every version.
    let mut state = 0xcbf2_9ce4_8422_2325 ^ salt;
    for byte in key {
        state = (state ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    state ^= state >> 33;
    state = state.wrapping_mul(0xff51_afd7_ed55_8ccd);
    state ^= state >> 33;
    state = state.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    state ^ (state >> 33)
}

/// Whether a user is among the first `weight` percent. A user who is, is so at every larger weight too.
pub fn is_among(salt: u64, key: &[u8], weight: Percent) -> bool {
    let point = ((hash(salt, key) >> 32) * POINTS) >> 32;
    point < u64::from(weight.get()) * (POINTS / 100)
}

/// The value of the cookie `name` in a `Cookie` field.
pub fn cookie<'a>(field: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    field.split(|byte| *byte == b';').find_map(|pair| {
        let value = pair.trim_ascii().strip_prefix(name)?.strip_prefix(b"=")?;
        Some(value).filter(|value| !value.is_empty())
    })
}

fn unix_seconds(now: Timestamp) -> u32 {
    u32::try_from(now.ms() / 1000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn percent(value: u8) -> Percent {
        Percent::try_from(value).unwrap()
    }

    proptest! {
        #[test]
        fn raising_the_weight_only_adds_users(
            salt: u64,
            key in prop::collection::vec(any::<u8>(), 0..40),
            mut weights in prop::collection::vec(0u8..=100, 2..8),
        ) {
            weights.sort_unstable();
            let among: Vec<bool> = weights.iter().map(|weight| is_among(salt, &key, percent(*weight))).collect();
            prop_assert!(among.is_sorted(), "{among:?}");
            prop_assert!(!is_among(salt, &key, Percent::ZERO));
            prop_assert!(is_among(salt, &key, Percent::ALL));
        }

        #[test]
        fn a_changed_token_is_not_valid(place in 0usize..TOKEN_BYTES, bit in 0u8..8) {
            let key = TokenKey::new([7; 32]);
            let (service, release) = names();
            let scope = TokenScope { service: &service, environment: Environment::Production, release: &release, epoch: 3 };
            let now = Timestamp(1_700_000_000_000);
            let mut token = URL_SAFE_NO_PAD.decode(key.token(scope, now)).unwrap();
            token[place] ^= 1 << bit;
            prop_assert!(!key.is_valid(URL_SAFE_NO_PAD.encode(token).as_bytes(), scope, now));
        }
    }

    #[test]
    fn shares_are_as_large_as_they_say_and_independent_of_each_other() {
        for (weight, salt) in [(1, 1), (5, 2), (50, 3)] {
            let users = 200_000u32;
            let among = (0..users).filter(|user| {
                is_among(
                    hash(0, &[salt]),
                    format!("user-{user}").as_bytes(),
                    percent(weight),
                )
            });
            let share = among.count() as f64 / f64::from(users) * 100.0;
            assert!((share - f64::from(weight)).abs() < 0.35, "{weight} {share}");
        }
    }

    #[test]
    fn tokens_are_good_for_one_scope_and_time() {
        let key = TokenKey::new([7; 32]);
        let (service, release) = names();
        let scope = TokenScope {
            service: &service,
            environment: Environment::Production,
            release: &release,
            epoch: 3,
        };
        let now = Timestamp(1_700_000_000_000);
        let token = key.token(scope, now);
        let later = Timestamp(now.ms() + i64::from(TOKEN_SECONDS) * 1000);
        assert!(key.is_valid(token.as_bytes(), scope, now));
        assert!(!key.is_valid(token.as_bytes(), scope, later));
        assert!(!key.is_valid(token.as_bytes(), TokenScope { epoch: 4, ..scope }, now));
        assert!(!key.is_valid(
            token.as_bytes(),
            TokenScope {
                environment: Environment::Qa,
                ..scope
            },
            now
        ));
        let other = ReleaseId::new(2, 2);
        assert!(!key.is_valid(
            token.as_bytes(),
            TokenScope {
                release: &other,
                ..scope
            },
            now
        ));
        assert!(!TokenKey::new([8; 32]).is_valid(token.as_bytes(), scope, now));
        assert!(!key.is_valid(b"", scope, now));
    }

    #[test]
    fn finds_a_cookie_by_its_whole_name() {
        for (field, found) in [
            ("sid=1", Some("1")),
            ("a=b; sid=2; c=d", Some("2")),
            ("xsid=1", None),
            ("sid", None),
            ("sid=", None),
            ("a=sid=1;sid=3", Some("3")),
        ] {
            assert_eq!(
                cookie(field.as_bytes(), b"sid"),
                found.map(str::as_bytes),
                "{field}"
            );
        }
    }

    fn names() -> (Name, ReleaseId) {
        ("shop".parse().unwrap(), ReleaseId::new(1, 1))
    }
}
