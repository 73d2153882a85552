//! Passkeys: what a browser sent, recorded, and what an authenticator in software says instead.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::Signer as _;
use safeguard_api::Timestamp;
use safeguard_api::approval::{Signature, SignedStatement};
use safeguard_api::config::Approver;
use safeguard_api::passkey::{Enrolment, Passkey};
use safeguard_gate::signature::passkey::{Enrolled, count_grows, enrol};
use safeguard_gate::signature::signer;
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

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

/// An authenticator in software, which says what no honest one would.
#[derive(Clone)]
struct Key {
    secret: Secret,
    rp_id: &'static str,
    flags: u8,
    counter: u32,
    kind: &'static str,
    origin: &'static str,
    cross_origin: bool,
}

#[derive(Clone, Copy)]
enum Secret {
    Ed25519,
    P256,
}

impl Key {
    fn of(secret: Secret) -> Key {
        Key {
            secret,
            rp_id: RP_ID,
            flags: PRESENT | VERIFIED,
            counter: 3,
            kind: "webauthn.get",
            origin: ORIGIN,
            cross_origin: false,
        }
    }

    fn ed25519() -> Key {
        Key::of(Secret::Ed25519)
    }

    fn client(&self, kind: &str, challenge: &[u8]) -> Vec<u8> {
        serde_json::json!({
            "type": kind, "challenge": URL_SAFE_NO_PAD.encode(challenge), "origin": self.origin,
            "crossOrigin": self.cross_origin,
        })
        .to_string()
        .into_bytes()
    }

    fn data(&self, flags: u8) -> Vec<u8> {
        let site = Sha256::digest(self.rp_id.as_bytes());
        [site.as_slice(), &[flags], &self.counter.to_be_bytes()].concat()
    }

    fn sign(&self) -> Signature {
        let client = self.client(self.kind, &Sha256::digest(STATEMENT));
        let data = self.data(self.flags);
        let signed = [data.as_slice(), &Sha256::digest(&client)].concat();
        let signature = match self.secret {
            Secret::Ed25519 => ed25519().sign(&signed).to_bytes().to_vec(),
            Secret::P256 => {
                let made: p256::ecdsa::DerSignature = p256::ecdsa::signature::Signer::sign(&p256(), &signed);
                made.as_bytes().to_vec()
            }
        };
        Signature::Passkey {
            credential: URL_SAFE_NO_PAD.encode(b"credential"),
            authenticator_data: URL_SAFE_NO_PAD.encode(data),
            client_data: URL_SAFE_NO_PAD.encode(client),
            signature: URL_SAFE_NO_PAD.encode(signature),
        }
    }

    /// The key as COSE has it.
    fn cose(&self) -> Vec<u8> {
        match self.secret {
            // {1: 1, 3: -8, -1: 6, -2: x}
            Secret::Ed25519 => [
                &[0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32][..],
                ed25519().verifying_key().as_bytes(),
            ]
            .concat(),
            // {1: 2, 3: -7, -1: 1, -2: x, -3: y}
            Secret::P256 => {
                let point = p256().verifying_key().to_encoded_point(false);
                let (x, y) = (point.x().unwrap(), point.y().unwrap());
                [
                    &[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32][..],
                    x,
                    &[0x22, 0x58, 32],
                    y,
                ]
                .concat()
            }
        }
    }

    /// An attestation object of this kind, over the authenticator's data.
    fn attested(&self, format: &str, data: &[u8]) -> Enrolment {
        let length = u8::try_from(data.len()).unwrap();
        let format_length = 0x60 + u8::try_from(format.len()).unwrap();
        let object = [
            &[0xa3, 0x63][..],
            b"fmt",
            &[format_length],
            format.as_bytes(),
            &[0x67],
            b"attStmt",
            &[0xa0, 0x68],
            b"authData",
            &[0x58, length],
            data,
        ]
        .concat();
        Enrolment {
            credential: URL_SAFE_NO_PAD.encode(b"credential"),
            attestation_object: URL_SAFE_NO_PAD.encode(object),
            client_data: URL_SAFE_NO_PAD.encode(self.client("webauthn.create", CHALLENGE)),
        }
    }

    fn made(&self) -> Vec<u8> {
        [
            self.data(self.flags | HAS_KEY).as_slice(),
            &[0; 16],
            &[0, 10],
            b"credential",
            &self.cose(),
        ]
        .concat()
    }

    fn passkey(&self) -> Passkey {
        let enrolment = self.attested("none", &self.made());
        passkey(enrol(&enrolment, CHALLENGE, RP_ID, ORIGIN).unwrap(), ORIGIN)
    }
}

fn ed25519() -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&[9; 32])
}

fn p256() -> p256::ecdsa::SigningKey {
    p256::ecdsa::SigningKey::from_slice(&[9; 32]).unwrap()
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
