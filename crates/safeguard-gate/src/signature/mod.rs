//! Who signed: SSH signatures and passkey assertions over the exact bytes of a statement.

mod cbor;
pub mod passkey;
mod ssh;

use safeguard_api::Passkey;
use safeguard_api::approval::Signature;
use safeguard_api::config::Approver;

pub use ssh::key_of;

/// Why a signature is not one of an approver.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    #[error("the signature can not be read: {0}")]
    Unreadable(String),
    #[error("the signature was made for `{0}`, and not to approve anything")]
    Namespace(String),
    #[error("{0}")]
    Kind(String),
    #[error(
        "the security key was not touched: make it anew with `ssh-keygen -t ed25519-sk -O verify-required`, without `no-touch-required`"
    )]
    NotTouched,
    #[error(
        "the security key did not check who touched it: make it anew with `ssh-keygen -t ed25519-sk -O verify-required`"
    )]
    NotVerified,
    #[error("the signature is not one of these bytes")]
    Wrong,
    #[error("{0} belongs to no approver")]
    Stranger(String),
    #[error("the passkey was revoked")]
    Revoked,
    #[error("{0}")]
    Assertion(String),
}

/// Returns the approver whose key signed `bytes`.
///
/// # Errors
/// Why it is nobody's.
pub fn signer<'a>(
    signature: &Signature,
    bytes: &[u8],
    approvers: &'a [Approver],
    passkeys: &[Passkey],
) -> Result<&'a Approver, SignatureError> {
    match signature {
        Signature::Ssh { signature } => {
            let key = ssh::verify(signature, bytes)?;
            let stranger = || SignatureError::Stranger(format!("the key {}", key.fingerprint()));
            approvers
                .iter()
                .find(|approver| approver.keys.contains(&key))
                .ok_or_else(stranger)
        }
        Signature::Passkey { credential, .. } => {
            let stranger = || SignatureError::Stranger("the passkey".to_owned());
            let passkey = passkeys
                .iter()
                .find(|passkey| passkey.credential == *credential)
                .ok_or_else(stranger)?;
            if passkey.revoked_at.is_some() {
                return Err(SignatureError::Revoked);
            }
            passkey::verify(signature, bytes, passkey)?;
            // A person who is to sign with keys alone has no use for a passkey.
            let own = |approver: &&Approver| approver.passkey && approver.person == passkey.person;
            approvers.iter().find(own).ok_or_else(stranger)
        }
    }
}
