//! Passkeys: what a browser sent, recorded, and what an authenticator in software says instead.

mod authenticator;

use authenticator::{Key, Secret};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::Signer as _;
use proptest::prelude::*;
use safeguard_api::Timestamp;
use safeguard_api::approval::{Signature, SignedStatement};
use safeguard_api::config::Approver;
use safeguard_api::passkey::{Enrolment, Passkey};
use safeguard_gate::signature::passkey::{Enrolled, count_grows, enrol};
use safeguard_gate::signature::signer;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::read::hostile::{edits, twisted};

const RP_ID: &str = "localhost";
const ORIGIN: &str = "http://localhost:7400";
const CHALLENGE: &[u8] = b"an invitation";
const STATEMENT: &[u8] = br#"{"api":"safeguard.approval/1"}"#;
const PRESENT: u8 = 0x01;
const VERIFIED: u8 = 0x04;
const HAS_KEY: u8 = 0x40;

/// What Chromium sent; its README says how it was recorded.
#[derive(Deserialize)]
struct Recorded {
    origin: String,
    challenge: String,
    enrolment: Enrolment,
    right: SignedStatement,
    /// Touched, and not verified by whom.
    touched: SignedStatement,
}

fn recorded() -> Recorded {
    serde_json::from_str(include_str!("../passkeys/chromium.json")).unwrap()
}

fn passkey(made: Enrolled, origin: &str) -> Passkey {
    Passkey {
        credential: made.credential,
        person: "Max Coe".to_owned(),
        public_key: made.public_key,
        rp_id: RP_ID.to_owned(),
        origin: origin.to_owned(),
        sign_count: made.sign_count,
        enrolled_at: Timestamp(0),
        invited_by: "admin".to_owned(),
        revoked_at: None,
        entry: 0,
    }
}

fn max(passkey: bool) -> Approver {
    Approver {
        person: "Max Coe".to_owned(),
        roles: Vec::new(),
        emails: Vec::new(),
        owner_names: Vec::new(),
        keys: Vec::new(),
        passkey,
    }
}

fn who(signature: &Signature, bytes: &[u8], passkey: &Passkey) -> String {
    match signer(signature, bytes, &[max(true)], std::slice::from_ref(passkey)) {
        Ok(approver) => approver.person.clone(),
        Err(error) => error.to_string(),
    }
}

#[test]
fn what_a_browser_sent_is_taken_for_what_it_was_asked_and_for_nothing_else() {
    let recorded = recorded();
    let challenge = recorded.challenge.as_bytes();
    let enrolled = |challenge: &[u8], rp_id: &str, origin: &str| match enrol(
        &recorded.enrolment,
        challenge,
        rp_id,
        origin,
    ) {
        Ok(made) => made.credential,
        Err(error) => error.to_string(),
    };
    let wanted = &recorded.enrolment.credential;
    assert_eq!(enrolled(challenge, RP_ID, &recorded.origin), *wanted);
    for (challenge, rp_id, origin, said) in [
        (
            &b"another invitation"[..],
            RP_ID,
            recorded.origin.as_str(),
            "the challenge is not",
        ),
        (
            challenge,
            "safeguard.example",
            recorded.origin.as_str(),
            "belongs to another site",
        ),
        (challenge, RP_ID, "http://localhost:8080", "the page came from"),
    ] {
        let told = enrolled(challenge, rp_id, origin);
        assert!(told.contains(said), "wanted {said}, got {told}");
    }

    let made = enrol(&recorded.enrolment, challenge, RP_ID, &recorded.origin).unwrap();
    let own = passkey(made, &recorded.origin);
    let SignedStatement { text, signature } = &recorded.right;
    assert_eq!(who(signature, text.as_bytes(), &own), "Max Coe");
    let touched = who(
        &recorded.touched.signature,
        recorded.touched.text.as_bytes(),
        &own,
    );
    assert!(touched.contains("did not verify who used it"), "{touched}");
    let replayed = who(signature, recorded.touched.text.as_bytes(), &own);
    assert!(replayed.contains("not the digest of these bytes"), "{replayed}");
    for (other, said) in [
        (
            Passkey {
                origin: "http://localhost:8080".to_owned(),
                ..own.clone()
            },
            "the page came from",
        ),
        (
            Passkey {
                rp_id: "safeguard.example".to_owned(),
                ..own.clone()
            },
            "belongs to another site",
        ),
        (
            Passkey {
                revoked_at: Some(Timestamp(1)),
                ..own.clone()
            },
            "was revoked",
        ),
        (
            Passkey {
                credential: "AAAA".to_owned(),
                ..own.clone()
            },
            "belongs to no approver",
        ),
        (
            Passkey {
                person: "Somebody".to_owned(),
                ..own.clone()
            },
            "belongs to no approver",
        ),
        (
            Passkey {
                public_key: Key::ed25519().passkey().public_key,
                ..own.clone()
            },
            "not one of these bytes",
        ),
    ] {
        let told = who(signature, text.as_bytes(), &other);
        assert!(told.contains(said), "wanted {said}, got {told}");
    }
    // Somebody who is to sign with keys alone.
    let error = signer(signature, text.as_bytes(), &[max(false)], &[own]).unwrap_err();
    assert!(error.to_string().contains("belongs to no approver"), "{error}");
}

#[test]
fn one_other_bit_and_it_is_nobodys() {
    let recorded = recorded();
    let made = enrol(
        &recorded.enrolment,
        recorded.challenge.as_bytes(),
        RP_ID,
        &recorded.origin,
    )
    .unwrap();
    let own = passkey(made, &recorded.origin);
    let SignedStatement { text, signature } = &recorded.right;
    let Signature::Passkey {
        credential,
        authenticator_data,
        client_data,
        signature,
    } = signature
    else {
        panic!("an assertion of a passkey");
    };
    let parts =
        [authenticator_data, client_data, signature].map(|part| URL_SAFE_NO_PAD.decode(part).unwrap());
    let mut tried = 0;
    for (part, bytes) in parts.iter().enumerate() {
        for at in 0..bytes.len() {
            let mut altered = parts.clone();
            altered[part][at] ^= 1 << (at % 8);
            let [authenticator_data, client_data, signature] =
                altered.map(|part| URL_SAFE_NO_PAD.encode(part));
            let forged = Signature::Passkey {
                credential: credential.clone(),
                authenticator_data,
                client_data,
                signature,
            };
            assert_ne!(
                who(&forged, text.as_bytes(), &own),
                "Max Coe",
                "part {part}, byte {at}"
            );
            tried += 1;
        }
    }
    assert!(tried > 150, "{tried}");
}

#[test]
fn an_assertion_that_was_really_signed_is_still_looked_at() {
    for secret in [Secret::Ed25519, Secret::P256] {
        let right = Key::of(secret);
        let own = right.passkey();
        assert_eq!(own.sign_count, 3);
        assert_eq!(who(&right.sign(), STATEMENT, &own), "Max Coe");
        for (key, said) in [
            (
                Key {
                    flags: PRESENT,
                    ..right.clone()
                },
                "did not verify who used it",
            ),
            (
                Key {
                    flags: VERIFIED,
                    ..right.clone()
                },
                "did not verify who used it",
            ),
            (
                Key {
                    flags: 0,
                    ..right.clone()
                },
                "did not verify who used it",
            ),
            (
                Key {
                    rp_id: "evil.example",
                    ..right.clone()
                },
                "belongs to another site",
            ),
            (
                Key {
                    origin: "http://localhost:8080",
                    ..right.clone()
                },
                "the page came from",
            ),
            (
                Key {
                    origin: "https://localhost:7400",
                    ..right.clone()
                },
                "the page came from",
            ),
            (
                Key {
                    cross_origin: true,
                    ..right.clone()
                },
                "the page came from",
            ),
            (
                Key {
                    kind: "webauthn.create",
                    ..right.clone()
                },
                "something else than it was asked for",
            ),
            (
                Key {
                    kind: "payment.get",
                    ..right.clone()
                },
                "something else than it was asked for",
            ),
        ] {
            let told = who(&key.sign(), STATEMENT, &own);
            assert!(told.contains(said), "wanted {said}, got {told}");
        }
        let told = who(&right.sign(), b"another statement", &own);
        assert!(told.contains("not the digest of these bytes"), "{told}");
    }
}

#[test]
fn what_is_no_whole_key_of_a_verified_person_is_not_enrolled() {
    let right = Key::ed25519();
    let told = |enrolment: &Enrolment| match enrol(enrolment, CHALLENGE, RP_ID, ORIGIN) {
        Ok(made) => made.credential,
        Err(error) => error.to_string(),
    };
    let whole = right.made();
    let unverified = Key {
        flags: PRESENT,
        ..right.clone()
    };
    let mut rsa = whole.clone();
    let at = whole.len() - right.cose().len();
    rsa[at + 2] = 3;
    for (enrolment, said) in [
        (
            right.attested("packed", &whole),
            "attestation came that was not asked for",
        ),
        (
            unverified.attested("none", &unverified.made()),
            "did not verify who used it",
        ),
        (right.attested("none", &right.data(right.flags)), "has no key"),
        (
            right.attested("none", &rsa),
            "of another kind than ES256 or Ed25519",
        ),
        (
            Enrolment {
                credential: "AAAA".to_owned(),
                ..right.attested("none", &whole)
            },
            "is not the one that was made",
        ),
    ] {
        let told = told(&enrolment);
        assert!(told.contains(said), "wanted {said}, got {told}");
    }
    // Cut short anywhere, it is an error, and never a panic.
    let credential = URL_SAFE_NO_PAD.encode(b"credential");
    for length in 0..whole.len() {
        let cut = right.attested("none", &whole[..length]);
        assert_ne!(told(&cut), credential, "{length} bytes");
    }
    let object = URL_SAFE_NO_PAD
        .decode(right.attested("none", &whole).attestation_object)
        .unwrap();
    for length in 0..object.len() {
        let cut = Enrolment {
            attestation_object: URL_SAFE_NO_PAD.encode(&object[..length]),
            ..right.attested("none", &whole)
        };
        assert_ne!(told(&cut), credential, "{length} bytes");
    }
    assert_eq!(told(&right.attested("none", &whole)), credential);
}

#[test]
fn a_counter_grows_or_was_never_used() {
    for (before, after, grows) in [
        (0, 0, true),
        (0, 1, true),
        (1, 2, true),
        (1, 1, false),
        (2, 1, false),
        (1, 0, false),
    ] {
        assert_eq!(count_grows(before, after), grows, "{before} to {after}");
    }
}

fn twisted_base64(text: &str, edits: Vec<crate::read::hostile::Edit>) -> String {
    URL_SAFE_NO_PAD.encode(twisted(URL_SAFE_NO_PAD.decode(text).unwrap(), edits))
}

proptest! {
    /// Its CBOR is an authenticator's to write: never a panic, and what is read twice is the same.
    #[test]
    fn twisted_enrolments_are_read_or_refused(edits in edits()) {
        let mut recorded = recorded();
        recorded.enrolment.attestation_object = twisted_base64(&recorded.enrolment.attestation_object, edits);
        let told = || match enrol(&recorded.enrolment, recorded.challenge.as_bytes(), RP_ID, &recorded.origin) {
            Ok(made) => format!("{} {:?}", made.credential, made.public_key),
            Err(error) => error.to_string(),
        };
        prop_assert_eq!(told(), told());
        prop_assert!(!told().is_empty());
    }

    #[test]
    fn twisted_signatures_are_nobodys(part in 0usize..3, edits in edits()) {
        let recorded = recorded();
        let made = enrol(&recorded.enrolment, recorded.challenge.as_bytes(), RP_ID, &recorded.origin).unwrap();
        let own = passkey(made, &recorded.origin);
        let SignedStatement { text, signature } = recorded.right;
        let Signature::Passkey { credential, authenticator_data, client_data, signature } = signature else {
            panic!("an assertion of a passkey");
        };
        let right = [authenticator_data, client_data, signature];
        let mut parts = right.clone();
        parts[part] = twisted_base64(&parts[part], edits);
        prop_assume!(parts != right);
        let [authenticator_data, client_data, signature] = parts;
        let forged = Signature::Passkey { credential, authenticator_data, client_data, signature };
        prop_assert_ne!(who(&forged, text.as_bytes(), &own), "Max Coe");
    }
}
