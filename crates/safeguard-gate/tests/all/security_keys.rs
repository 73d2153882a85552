//! SSH signatures of security keys, made by a key in software after OpenSSH's PROTOCOL.sshsig and PROTOCOL.u2f.

use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_dalek::Signer as _;
use safeguard_api::SshKey;
use safeguard_api::approval::{NAMESPACE, Signature};
use safeguard_api::config::Approver;
use safeguard_gate::signature::signer;
use sha2::{Digest as _, Sha256, Sha512};

const STATEMENT: &[u8] = br#"{"api":"safeguard.approval/1"}"#;
const TOUCHED: u8 = 0x01;
const VERIFIED: u8 = 0x04;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Ed25519,
    P256,
}

const KINDS: [Kind; 2] = [Kind::Ed25519, Kind::P256];

/// What a security key signs, and what it says that it signed.
#[derive(Debug, Clone)]
struct Touch {
    kind: Kind,
    namespace: &'static str,
    application: &'static str,
    flags: u8,
    flags_told: u8,
    counter: u32,
    counter_told: u32,
    /// The kind of signature that the armour names; unsaid: the key's.
    algorithm: Option<&'static str>,
}

impl Touch {
    fn with(kind: Kind, flags: u8) -> Touch {
        Touch {
            kind,
            namespace: NAMESPACE,
            application: "ssh:",
            flags,
            flags_told: flags,
            counter: 7,
            counter_told: 7,
            algorithm: None,
        }
    }

    fn algorithm(&self) -> &'static str {
        match self.kind {
            Kind::Ed25519 => "sk-ssh-ed25519@openssh.com",
            Kind::P256 => "sk-ecdsa-sha2-nistp256@openssh.com",
        }
    }

    fn public_key(&self) -> Vec<u8> {
        let key = match self.kind {
            Kind::Ed25519 => string(ed25519().verifying_key().as_bytes()),
            Kind::P256 => {
                let point = p256().verifying_key().to_encoded_point(false);
                [string(b"nistp256"), string(point.as_bytes())].concat()
            }
        };
        [
            string(self.algorithm().as_bytes()),
            key,
            string(self.application.as_bytes()),
        ]
        .concat()
    }

    fn line(&self) -> String {
        format!("{} {}", self.algorithm(), STANDARD.encode(self.public_key()))
    }

    /// The armoured SSHSIG over `message`.
    fn sign(&self, message: &[u8]) -> String {
        let head = [string(b""), string(b"sha512")].concat();
        let digest = string(&Sha512::digest(message));
        let to_sign = [
            b"SSHSIG".to_vec(),
            string(self.namespace.as_bytes()),
            head.clone(),
            digest,
        ]
        .concat();
        let signed = [
            Sha256::digest(self.application.as_bytes()).to_vec(),
            vec![self.flags],
            self.counter.to_be_bytes().to_vec(),
            Sha256::digest(&to_sign).to_vec(),
        ]
        .concat();
        let made = match self.kind {
            Kind::Ed25519 => ed25519().sign(&signed).to_bytes().to_vec(),
            Kind::P256 => {
                let made: p256::ecdsa::Signature = p256::ecdsa::signature::Signer::sign(&p256(), &signed);
                let (r, s) = made.split_bytes();
                [mpint(&r), mpint(&s)].concat()
            }
        };
        let signature = [
            string(self.algorithm.unwrap_or(self.algorithm()).as_bytes()),
            string(&made),
            vec![self.flags_told],
            self.counter_told.to_be_bytes().to_vec(),
        ]
        .concat();
        armoured(self.public_key(), self.namespace, &head, &signature)
    }
}

fn armoured(public_key: Vec<u8>, namespace: &str, head: &[u8], signature: &[u8]) -> String {
    let bytes = [
        b"SSHSIG\0\0\0\x01".to_vec(),
        string(&public_key),
        string(namespace.as_bytes()),
        head.to_vec(),
        string(signature),
    ]
    .concat();
    let encoded = STANDARD.encode(bytes);
    let lines: Vec<&str> = encoded
        .as_bytes()
        .chunks(70)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    format!(
        "-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n",
        lines.join("\n")
    )
}

fn ed25519() -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&[7; 32])
}

fn p256() -> p256::ecdsa::SigningKey {
    p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap()
}

fn string(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

/// A positive number, with a zero in front where its first bit would make it negative.
fn mpint(bytes: &[u8]) -> Vec<u8> {
    let first = bytes.iter().position(|byte| *byte != 0).unwrap();
    let sign: &[u8] = if bytes[first] & 0x80 == 0 { &[] } else { &[0] };
    string(&[sign, &bytes[first..]].concat())
}

/// Who signed, by a policy in which Kim has the key.
fn told(touch: &Touch, armour: String, message: &[u8]) -> String {
    let kim = Approver {
        person: "Kim Doe".to_owned(),
        roles: Vec::new(),
        emails: Vec::new(),
        owner_names: Vec::new(),
        keys: vec![touch.line().parse::<SshKey>().unwrap()],
        passkey: false,
    };
    let signature = Signature::Ssh { signature: armour };
    match signer(&signature, message, &[kim], &[]) {
        Ok(approver) => approver.person.clone(),
        Err(error) => error.to_string(),
    }
}

fn signed(touch: &Touch) -> String {
    told(touch, touch.sign(STATEMENT), STATEMENT)
}

#[test]
fn a_signature_counts_when_the_key_was_touched_and_knew_by_whom() {
    for kind in KINDS {
        assert_eq!(signed(&Touch::with(kind, TOUCHED | VERIFIED)), "Kim Doe");
        for (flags, said) in [
            (TOUCHED, "did not check who touched it"),
            (VERIFIED, "was not touched"),
            (0, "was not touched"),
            (0xfa, "was not touched"),
        ] {
            let told = signed(&Touch::with(kind, flags));
            assert!(told.contains(said), "{kind:?} {flags:#04x}: {told}");
        }
    }
}

#[test]
fn what_the_key_says_of_itself_is_part_of_what_it_signed() {
    for kind in KINDS {
        let right = Touch::with(kind, TOUCHED | VERIFIED);
        for forged in [
            Touch {
                flags: TOUCHED,
                ..right.clone()
            },
            Touch {
                flags: VERIFIED,
                ..right.clone()
            },
            Touch {
                counter_told: 8,
                ..right.clone()
            },
        ] {
            assert_eq!(
                signed(&forged),
                "the signature is not one of these bytes",
                "{forged:?}"
            );
        }
        let other = told(&right, right.sign(STATEMENT), b"another statement");
        assert_eq!(other, "the signature is not one of these bytes");
        let elsewhere = Touch {
            namespace: "git",
            ..right.clone()
        };
        let told = signed(&elsewhere);
        assert!(told.contains("was made for `git`"), "{told}");
        // A touch that was given to a site of the web is none that was given to sign with SSH.
        let web = Touch {
            application: "https://shop.example",
            ..right
        };
        let refused = web.line().parse::<SshKey>().unwrap_err().to_string();
        assert!(refused.contains("made for `https://shop.example`"), "{refused}");
    }
}

#[test]
fn no_other_kind_of_signature_leaves_the_touch_out() {
    let right = Touch::with(Kind::Ed25519, TOUCHED | VERIFIED);
    // The key in hardware, and a signature that has no flags since its kind has none.
    let bare = ed25519().sign(STATEMENT).to_bytes();
    let signature = [string(b"ssh-ed25519"), string(&bare)].concat();
    let head = [string(b""), string(b"sha512")].concat();
    let armour = armoured(right.public_key(), NAMESPACE, &head, &signature);
    let said = told(&right, armour, STATEMENT);
    assert!(said.contains("a signature of kind `ssh-ed25519`"), "{said}");
    // What browsers make for OpenSSH; a page of the web could have asked for it.
    for (kind, algorithm) in [
        (Kind::P256, "webauthn-sk-ecdsa-sha2-nistp256@openssh.com"),
        (Kind::P256, "ecdsa-sha2-nistp256"),
        (Kind::P256, "sk-ssh-ed25519@openssh.com"),
        (Kind::Ed25519, "sk-ecdsa-sha2-nistp256@openssh.com"),
    ] {
        let other = Touch {
            algorithm: Some(algorithm),
            ..Touch::with(kind, TOUCHED | VERIFIED)
        };
        let said = signed(&other);
        assert_ne!(said, "Kim Doe", "{kind:?} {algorithm}");
    }
}

/// The key in software is only worth something when OpenSSH believes it too.
#[test]
fn openssh_takes_the_same_signatures() {
    for kind in KINDS {
        let touch = Touch::with(kind, TOUCHED | VERIFIED);
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, bytes: &[u8]| {
            let path = folder.path().join(name);
            std::fs::write(&path, bytes).unwrap();
            path
        };
        let checks = |armour: &str| {
            let checked = Command::new("ssh-keygen")
                .args(["-Y", "verify", "-n", NAMESPACE, "-I", "kim"])
                .arg("-f")
                .arg(file("signers", format!("kim {}\n", touch.line()).as_bytes()))
                .arg("-s")
                .arg(file("signature", armour.as_bytes()))
                .stdin(std::fs::File::open(file("statement", STATEMENT)).unwrap())
                .output()
                .expect("ssh-keygen runs; `./test` installs it");
            String::from_utf8_lossy(&[checked.stdout, checked.stderr].concat()).into_owned()
        };
        let said = checks(&touch.sign(STATEMENT));
        assert!(
            said.contains("Good \"safeguard-approval@v1\" signature for kim"),
            "{kind:?}: {said}"
        );
        let forged = Touch {
            counter_told: 8,
            ..touch.clone()
        };
        let said = checks(&forged.sign(STATEMENT));
        assert!(!said.contains("Good"), "{kind:?}: {said}");
    }
}
