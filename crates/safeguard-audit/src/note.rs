//! Checkpoints: the log's size and root, signed with Ed25519 as a C2SP signed note.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::{Signature, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use crate::hash::Hash;

/// Ed25519's number among the kinds of keys of a signed note.
const KIND_ED25519: u8 = 1;
const KEY_ID_BYTES: usize = 4;
/// A checkpoint from elsewhere may bring signatures of witnesses along; others read at least 16.
const SIGNATURES_MAX: usize = 64;
pub const NOTE_BYTES_MAX: usize = 64 * 1024;
const ORIGIN_BYTES_MAX: usize = 255;

/// What a log was at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    pub origin: String,
    pub size: u64,
    pub root: Hash,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    #[error(
        "the name of a log has no spaces, no `+`, no control characters and at most {ORIGIN_BYTES_MAX} bytes"
    )]
    Origin,
    #[error("the verification key is not of the form `name+id+key`")]
    Vkey,
    #[error("the verification key's id is not that of its name and key")]
    VkeyId,
    #[error("the note is not a signed note: {0}")]
    Form(&'static str),
    #[error("the note is not a checkpoint: {0}")]
    Body(&'static str),
    #[error("the checkpoint is of log `{have}`, not of `{want}`")]
    OtherLog { have: String, want: String },
    #[error("the checkpoint has no signature by `{name}`")]
    Unsigned { name: String },
    #[error("the signature by `{name}` is wrong")]
    Signature { name: String },
}

/// The secret half: signs checkpoints of one log.
pub struct Signer {
    key: SigningKey,
    vkey: Vkey,
}

/// The public half: the log's name and key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vkey {
    name: String,
    id: [u8; KEY_ID_BYTES],
    key: VerifyingKey,
}

impl Signer {
    /// # Errors
    /// When `origin` can not be the name of a log.
    pub fn new(origin: &str, secret: &[u8; 32]) -> Result<Signer, NoteError> {
        let key = SigningKey::from_bytes(secret);
        let vkey = Vkey::new(origin, key.verifying_key())?;
        Ok(Signer { key, vkey })
    }

    #[must_use]
    pub fn vkey(&self) -> &Vkey {
        &self.vkey
    }

    /// Returns the signed checkpoint of the log's name with that size and root.
    #[must_use]
    pub fn sign(&self, size: u64, root: &Hash) -> String {
        let body = format!("{}\n{size}\n{}\n", self.vkey.name, BASE64_STANDARD.encode(root.0));
        let signature = ed25519_dalek::Signer::sign(&self.key, body.as_bytes()).to_bytes();
        let signature = BASE64_STANDARD.encode([&self.vkey.id[..], &signature].concat());
        format!("{body}\n— {} {signature}\n", self.vkey.name)
    }
}

impl Vkey {
    fn new(name: &str, key: VerifyingKey) -> Result<Vkey, NoteError> {
        let plain = |c: char| !c.is_whitespace() && !c.is_control() && c != '+';
        if name.is_empty() || name.len() > ORIGIN_BYTES_MAX || !name.chars().all(plain) {
            return Err(NoteError::Origin);
        }
        let mut sha = Sha256::new();
        sha.update(name.as_bytes());
        sha.update([b'\n', KIND_ED25519]);
        sha.update(key.as_bytes());
        let digest: [u8; 32] = sha.finalize().into();
        let id = [digest[0], digest[1], digest[2], digest[3]];
        Ok(Vkey {
            name: name.to_owned(),
            id,
            key,
        })
    }

    /// Reads `name+id+key`; only the one spelling of each key is taken.
    ///
    /// # Errors
    /// Why the text is not a key.
    pub fn parse(text: &str) -> Result<Vkey, NoteError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Vkey);
        };
        let bytes = BASE64_STANDARD.decode(key).map_err(|_| NoteError::Vkey)?;
        let Some((&KIND_ED25519, key)) = bytes.split_first() else {
            return Err(NoteError::Vkey);
        };
        let key: [u8; 32] = key.try_into().map_err(|_| NoteError::Vkey)?;
        let key = VerifyingKey::from_bytes(&key).map_err(|_| NoteError::Vkey)?;
        let vkey = Vkey::new(name, key)?;
        match from_hex(id) {
            Some(id) if id == vkey.id => Ok(vkey),
            Some(_) => Err(NoteError::VkeyId),
            None => Err(NoteError::Vkey),
        }
    }

    /// The log's name, the checkpoint's first line.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the checkpoint in a note if this key signed it. Signatures by other keys do not matter.
    ///
    /// # Errors
    /// Why the note is not to be trusted.
    pub fn open(&self, note: &[u8]) -> Result<Checkpoint, NoteError> {
        let (body, signatures) = split_note(note)?;
        let mut signed = false;
        for line in signatures {
            let (name, bytes) = signature(line)?;
            let Some((id, bytes)) = bytes.split_at_checked(KEY_ID_BYTES) else {
                return Err(NoteError::Form("a signature is too short"));
            };
            if name != self.name || id != self.id {
                continue;
            }
            let wrong = || NoteError::Signature {
                name: self.name.clone(),
            };
            let signature = Signature::from_slice(bytes).map_err(|_| wrong())?;
            self.key
                .verify_strict(body.as_bytes(), &signature)
                .map_err(|_| wrong())?;
            signed = true;
        }
        if !signed {
            return Err(NoteError::Unsigned {
                name: self.name.clone(),
            });
        }
        let checkpoint = parse_body(body)?;
        if checkpoint.origin != self.name {
            return Err(NoteError::OtherLog {
                have: checkpoint.origin,
                want: self.name.clone(),
            });
        }
        Ok(checkpoint)
    }
}

impl std::fmt::Display for Vkey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let id = u32::from_be_bytes(self.id);
        let key = BASE64_STANDARD.encode([&[KIND_ED25519], &self.key.as_bytes()[..]].concat());
        write!(f, "{}+{id:08x}+{key}", self.name)
    }
}

/// Reads what a checkpoint says without asking who says so.
///
/// # Errors
/// Why it is not a checkpoint.
pub fn parse_unverified(note: &[u8]) -> Result<Checkpoint, NoteError> {
    parse_body(split_note(note)?.0)
}

/// Splits a note into the text that is signed, its last newline included, and the signatures' lines.
fn split_note(note: &[u8]) -> Result<(&str, std::str::Split<'_, char>), NoteError> {
    if note.len() > NOTE_BYTES_MAX {
        return Err(NoteError::Form("it is longer than 64 KiB"));
    }
    let text = std::str::from_utf8(note).map_err(|_| NoteError::Form("it is not UTF-8"))?;
    if text.chars().any(|c| c < ' ' && c != '\n') {
        return Err(NoteError::Form("it has a control character"));
    }
    let at = text
        .rfind("\n\n")
        .ok_or(NoteError::Form("no blank line before the signatures"))?;
    let (body, signatures) = (&text[..=at], &text[at + 2..]);
    let signatures = signatures
        .strip_suffix('\n')
        .ok_or(NoteError::Form("it does not end with a line of a signature"))?;
    if signatures.split('\n').count() > SIGNATURES_MAX {
        return Err(NoteError::Form("it has more than 64 signatures"));
    }
    Ok((body, signatures.split('\n')))
}

fn signature(line: &str) -> Result<(&str, Vec<u8>), NoteError> {
    let form = || NoteError::Form("a signature's line is not `— name signature`");
    let (name, signature) = line
        .strip_prefix("— ")
        .and_then(|rest| rest.split_once(' '))
        .ok_or_else(form)?;
    let bytes = BASE64_STANDARD.decode(signature).map_err(|_| form())?;
    Ok((name, bytes))
}

fn parse_body(body: &str) -> Result<Checkpoint, NoteError> {
    let mut lines = body.split('\n');
    let (Some(origin), Some(size), Some(root)) = (lines.next(), lines.next(), lines.next()) else {
        return Err(NoteError::Body("it has fewer than three lines"));
    };
    if origin.is_empty() {
        return Err(NoteError::Body("it names no log"));
    }
    let parsed: u64 = size
        .parse()
        .map_err(|_| NoteError::Body("its size is not a number"))?;
    if parsed.to_string() != size {
        return Err(NoteError::Body("its size is not written as others write it"));
    }
    let root = BASE64_STANDARD
        .decode(root)
        .ok()
        .and_then(|bytes| bytes.try_into().ok());
    let root = Hash(root.ok_or(NoteError::Body("its root is not a hash"))?);
    Ok(Checkpoint {
        origin: origin.to_owned(),
        size: parsed,
        root,
    })
}

/// Reads lower-case hexadecimal digits; others would be a second spelling of the same.
pub(crate) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?))
        .collect()
}
