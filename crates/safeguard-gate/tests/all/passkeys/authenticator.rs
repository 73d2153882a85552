//! An authenticator in software, which says what no honest one would.

use super::*;

/// An authenticator in software, which says what no honest one would.
#[derive(Clone)]
pub struct Key {
    pub secret: Secret,
    pub rp_id: &'static str,
    pub flags: u8,
    pub counter: u32,
    pub kind: &'static str,
    pub origin: &'static str,
    pub cross_origin: bool,
}

#[derive(Clone, Copy)]
pub enum Secret {
    Ed25519,
    P256,
}

impl Key {
    pub fn of(secret: Secret) -> Key {
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

    pub fn ed25519() -> Key {
        Key::of(Secret::Ed25519)
    }

    pub fn client(&self, kind: &str, challenge: &[u8]) -> Vec<u8> {
        serde_json::json!({
            "type": kind, "challenge": URL_SAFE_NO_PAD.encode(challenge), "origin": self.origin,
            "crossOrigin": self.cross_origin,
        })
        .to_string()
        .into_bytes()
    }

    pub fn data(&self, flags: u8) -> Vec<u8> {
        let site = Sha256::digest(self.rp_id.as_bytes());
        [site.as_slice(), &[flags], &self.counter.to_be_bytes()].concat()
    }

    pub fn sign(&self) -> Signature {
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
    pub fn cose(&self) -> Vec<u8> {
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
    pub fn attested(&self, format: &str, data: &[u8]) -> Enrolment {
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

    pub fn made(&self) -> Vec<u8> {
        [
            self.data(self.flags | HAS_KEY).as_slice(),
            &[0; 16],
            &[0, 10],
            b"credential",
            &self.cose(),
        ]
        .concat()
    }

    pub fn passkey(&self) -> Passkey {
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
