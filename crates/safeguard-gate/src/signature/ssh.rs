//! SSHSIG, as `ssh-keygen -Y sign` writes it.

use safeguard_api::SshKey;
use safeguard_api::approval::NAMESPACE;
use ssh_key::public::KeyData;
use ssh_key::{PublicKey, SshSig};

use super::SignatureError;

const ARMOUR_BYTES_MAX: usize = 4096;
/// In a security key's signature, the flags stand before a counter of four bytes.
const FLAGS_FROM_END: usize = 5;
/// Somebody touched the security key.
const USER_PRESENT: u8 = 0x01;
/// It asked for a PIN or a finger, and not for a touch alone.
const USER_VERIFIED: u8 = 0x04;

/// Returns the key that signed `bytes` for the purpose of approving.
pub(super) fn verify(armour: &str, bytes: &[u8]) -> Result<SshKey, SignatureError> {
    let signature = read(armour)?;
    let key = key_of_signature(&signature)?;
    if signature.namespace() != NAMESPACE {
        let namespace = signature.namespace().chars().take(60).collect();
        return Err(SignatureError::Namespace(namespace));
    }
    // The library would verify whatever algorithm the signature names; only that of the key is one.
    if signature.algorithm() != signature.public_key().algorithm() {
        return Err(SignatureError::Kind(format!(
            "a signature of kind `{}` by a key of kind `{}`",
            signature.algorithm().as_str(),
            signature.public_key().algorithm().as_str()
        )));
    }
    check_touch(&signature)?;
    PublicKey::new(signature.public_key().clone(), "")
        .verify(NAMESPACE, bytes, &signature)
        .map_err(|_| SignatureError::Wrong)?;
    Ok(key)
}

/// Whoever holds a security key can touch it, and software can use one that was made with `no-touch-required`. So both
/// are asked for: the touch, and that the key knew who touched it. Its counter is not kept: a statement is signed once,
/// so that a signature seen before is refused by that.
fn check_touch(signature: &SshSig) -> Result<(), SignatureError> {
    let in_hardware = matches!(
        signature.public_key(),
        KeyData::SkEd25519(_) | KeyData::SkEcdsaSha2NistP256(_)
    );
    if !in_hardware {
        return Ok(());
    }
    let bytes = signature.signature_bytes();
    let flags = bytes
        .len()
        .checked_sub(FLAGS_FROM_END)
        .and_then(|at| bytes.get(at));
    match flags {
        Some(flags) if flags & USER_PRESENT == 0 => Err(SignatureError::NotTouched),
        Some(flags) if flags & USER_VERIFIED == 0 => Err(SignatureError::NotVerified),
        Some(_) => Ok(()),
        None => Err(SignatureError::Unreadable(
            "the security key says nothing of a touch".to_owned(),
        )),
    }
}

/// Returns the key that a signature names, without verifying anything.
///
/// # Errors
/// Why it names none that may sign.
pub fn key_of(armour: &str) -> Result<SshKey, SignatureError> {
    key_of_signature(&read(armour)?)
}

fn key_of_signature(signature: &SshSig) -> Result<SshKey, SignatureError> {
    SshKey::of(signature.public_key()).map_err(|error| SignatureError::Kind(error.to_string()))
}

fn read(armour: &str) -> Result<SshSig, SignatureError> {
    if armour.len() > ARMOUR_BYTES_MAX {
        let why = format!("{} bytes (limit {ARMOUR_BYTES_MAX})", armour.len());
        return Err(SignatureError::Unreadable(why));
    }
    armour
        .parse()
        .map_err(|error: ssh_key::Error| SignatureError::Unreadable(error.to_string()))
}
