//! WebAuthn, as far as a server needs it: a key that was made, and an assertion over a statement.
//!
//! Verified here and not by a library, since the libraries choose the challenge themselves and forget it afterwards:
//! here it is the digest of the statement, and a kept assertion can be verified again at any time. Attestation is not
//! asked for: who an authenticator belongs to is said by the invitation, not by its maker.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use p256::ecdsa::signature::Verifier as _;
use safeguard_api::Passkey;
use safeguard_api::approval::Signature;
use safeguard_api::passkey::{Enrolment, PasskeyKey};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::SignatureError;
use super::cbor::{self, Value};

const FIELD_BYTES_MAX: usize = 8192;
const CREDENTIAL_BYTES_MAX: usize = 1023;
const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const HAS_KEY: u8 = 0x40;
// rpIdHash, flags, signCount.
const AUTHENTICATOR_BYTES_MIN: usize = 37;
const AAGUID_BYTES: usize = 16;

/// What a new passkey is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolled {
    pub credential: String,
    pub public_key: PasskeyKey,
    pub sign_count: u32,
}

/// Reads what a browser made of an invitation's challenge.
///
/// # Errors
/// Why it can not be enrolled.
pub fn enrol(
    enrolment: &Enrolment,
    challenge: &[u8],
    rp_id: &str,
    origin: &str,
) -> Result<Enrolled, SignatureError> {
    let client_data = field("client_data", &enrolment.client_data)?;
    check_client(&client_data, "webauthn.create", challenge, origin)?;
    let object = cbor::read(&field("attestation_object", &enrolment.attestation_object)?)
        .ok_or_else(|| refused("the attestation object is not CBOR"))?;
    if object.get_text("fmt").and_then(Value::as_text) != Some("none") {
        return Err(refused("an attestation came that was not asked for"));
    }
    let data = object
        .get_text("authData")
        .and_then(Value::as_bytes)
        .ok_or_else(|| refused("the attestation object has no data of the authenticator"))?;
    let sign_count = check_authenticator(data, rp_id)?;
    let (credential, public_key) = attested(data)?;
    let credential = URL_SAFE_NO_PAD.encode(credential);
    if credential != enrolment.credential {
        return Err(refused("the credential's id is not the one that was made"));
    }
    Ok(Enrolled {
        credential,
        public_key,
        sign_count,
    })
}

/// Verifies an assertion over `bytes`. The challenge is their SHA-256.
pub(super) fn verify(signature: &Signature, bytes: &[u8], passkey: &Passkey) -> Result<(), SignatureError> {
    let Signature::Passkey {
        authenticator_data,
        client_data,
        signature,
        ..
    } = signature
    else {
        return Err(refused("not an assertion of a passkey"));
    };
    let client_data = field("client_data", client_data)?;
    check_client(
        &client_data,
        "webauthn.get",
        &Sha256::digest(bytes),
        &passkey.origin,
    )?;
    let data = field("authenticator_data", authenticator_data)?;
    check_authenticator(&data, &passkey.rp_id)?;
    let signed = [data.as_slice(), &Sha256::digest(&client_data)].concat();
    let signature = field("signature", signature)?;
    match &passkey.public_key {
        PasskeyKey::Es256 { x, y } => {
            let point = [&[4_u8][..], &field("x", x)?, &field("y", y)?].concat();
            let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&point)
                .map_err(|_| refused("the enrolled key is not a point of P-256"))?;
            let signature = p256::ecdsa::DerSignature::try_from(signature.as_slice())
                .map_err(|_| SignatureError::Wrong)?;
            key.verify(&signed, &signature).map_err(|_| SignatureError::Wrong)
        }
        PasskeyKey::Ed25519 { key } => {
            let key: [u8; 32] = field("key", key)?
                .try_into()
                .map_err(|_| refused("the enrolled key is not 32 bytes"))?;
            let key = ed25519_dalek::VerifyingKey::from_bytes(&key)
                .map_err(|_| refused("the enrolled key is not a point of Ed25519"))?;
            let signature =
                ed25519_dalek::Signature::from_slice(&signature).map_err(|_| SignatureError::Wrong)?;
            key.verify_strict(&signed, &signature)
                .map_err(|_| SignatureError::Wrong)
        }
    }
}

/// What the authenticator counted in an assertion.
///
/// # Errors
/// When there is none to read.
pub fn sign_count(signature: &Signature) -> Result<u32, SignatureError> {
    match signature {
        Signature::Passkey {
            authenticator_data, ..
        } => counter(&field("authenticator_data", authenticator_data)?),
        Signature::Ssh { .. } => Err(refused("not an assertion of a passkey")),
    }
}

/// Whether a counter says that the key was not copied: it grows, or was never used.
#[must_use]
pub fn count_grows(before: u32, after: u32) -> bool {
    before < after || before == 0 && after == 0
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default)]
    cross_origin: bool,
}

fn check_client(
    client_data: &[u8],
    kind: &str,
    challenge: &[u8],
    origin: &str,
) -> Result<(), SignatureError> {
    let client: ClientData =
        serde_json::from_slice(client_data).map_err(|_| refused("the browser's data is not JSON"))?;
    if client.kind != kind {
        return Err(refused("the browser did something else than it was asked for"));
    }
    if client.challenge != URL_SAFE_NO_PAD.encode(challenge) {
        return Err(refused("the challenge is not the digest of these bytes"));
    }
    if client.origin != origin || client.cross_origin {
        let from: String = client.origin.chars().take(80).collect();
        return Err(refused(&format!(
            "the page came from `{from}`, and not from `{origin}`"
        )));
    }
    Ok(())
}

/// Returns the counter.
fn check_authenticator(data: &[u8], rp_id: &str) -> Result<u32, SignatureError> {
    let (Some(hash), Some(flags)) = (data.get(..32), data.get(32)) else {
        return Err(refused("the authenticator's data is too short"));
    };
    if *hash != *Sha256::digest(rp_id.as_bytes()) {
        return Err(refused("the passkey belongs to another site"));
    }
    if flags & USER_PRESENT == 0 || flags & USER_VERIFIED == 0 {
        return Err(refused(
            "the authenticator did not verify who used it: a PIN, a finger or a face is asked for",
        ));
    }
    counter(data)
}

fn counter(data: &[u8]) -> Result<u32, SignatureError> {
    let bytes = data.get(AUTHENTICATOR_BYTES_MIN - 4..AUTHENTICATOR_BYTES_MIN);
    let bytes: [u8; 4] = bytes
        .and_then(|bytes| bytes.try_into().ok())
        .ok_or_else(|| refused("the authenticator's data is too short"))?;
    Ok(u32::from_be_bytes(bytes))
}

/// The credential's id and its public key.
fn attested(data: &[u8]) -> Result<(&[u8], PasskeyKey), SignatureError> {
    let lacking = || refused("the authenticator's data has no key");
    if data.get(32).is_none_or(|flags| flags & HAS_KEY == 0) {
        return Err(lacking());
    }
    let rest = data
        .get(AUTHENTICATOR_BYTES_MIN + AAGUID_BYTES..)
        .ok_or_else(lacking)?;
    let (length, rest) = rest.split_first_chunk::<2>().ok_or_else(lacking)?;
    let length = usize::from(u16::from_be_bytes(*length));
    if length == 0 || length > CREDENTIAL_BYTES_MAX {
        return Err(refused("the credential's id has an impossible length"));
    }
    let (credential, key) = rest.split_at_checked(length).ok_or_else(lacking)?;
    // Extensions may follow the key.
    let (key, _) = cbor::read_first(key).ok_or_else(|| refused("the key is not CBOR"))?;
    Ok((credential, cose_key(&key)?))
}

// COSE: 1 kty, 3 alg, -1 crv, -2 x, -3 y.
fn cose_key(key: &Value) -> Result<PasskeyKey, SignatureError> {
    let number = |label| key.get_number(label).and_then(Value::as_number);
    let coordinate = |label| {
        let bytes = key
            .get_number(label)
            .and_then(Value::as_bytes)
            .filter(|bytes| bytes.len() == 32);
        bytes
            .map(|bytes| URL_SAFE_NO_PAD.encode(bytes))
            .ok_or_else(|| refused("the key has a coordinate of another length"))
    };
    match (number(1), number(3), number(-1)) {
        (Some(2), Some(-7), Some(1)) => Ok(PasskeyKey::Es256 {
            x: coordinate(-2)?,
            y: coordinate(-3)?,
        }),
        (Some(1), Some(-8), Some(6)) => Ok(PasskeyKey::Ed25519 { key: coordinate(-2)? }),
        _ => Err(refused("the key is of another kind than ES256 or Ed25519")),
    }
}

fn field(name: &str, text: &str) -> Result<Vec<u8>, SignatureError> {
    if text.len() > FIELD_BYTES_MAX {
        return Err(SignatureError::Unreadable(format!(
            "`{name}` has {} bytes (limit {FIELD_BYTES_MAX})",
            text.len()
        )));
    }
    URL_SAFE_NO_PAD
        .decode(text)
        .map_err(|_| SignatureError::Unreadable(format!("`{name}` is not base64url")))
}

fn refused(why: &str) -> SignatureError {
    SignatureError::Assertion(why.to_owned())
}
