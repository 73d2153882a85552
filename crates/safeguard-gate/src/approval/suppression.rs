//! Who approved that a comment lets a finding pass: somebody who signed these very words, and has no hand in the change.

use safeguard_api::Passkey;
use safeguard_api::approval::SignedStatement;
use safeguard_api::config::Approver;
use safeguard_api::suppression::{APPROVAL_BYTES_MAX, SuppressionStatement};

use super::Identity;
use crate::signature::{SignatureError, signer};

/// Why a line of the file of approvals lets nothing pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SuppressionError {
    #[error("it is no signed approval")]
    Unreadable,
    #[error("what was signed is about another finding or another comment")]
    Another,
    #[error(transparent)]
    Signature(#[from] SignatureError),
    #[error("{person} signed it, who has a hand in the change: {how}")]
    OwnWork { person: String, how: String },
}

/// The approver who signed this very statement and has no hand in the change. `hands` says why somebody has.
///
/// # Errors
/// Why nobody did.
pub fn suppression_approver<'a>(
    statement: &SuppressionStatement,
    line: &str,
    approvers: &'a [Approver],
    passkeys: &[Passkey],
    hands: impl Fn(&Approver) -> Vec<String>,
) -> Result<&'a Approver, SuppressionError> {
    if line.len() > APPROVAL_BYTES_MAX {
        return Err(SuppressionError::Unreadable);
    }
    let signed: SignedStatement = serde_json::from_str(line).map_err(|_| SuppressionError::Unreadable)?;
    if !statement.is(&signed.text) {
        return Err(SuppressionError::Another);
    }
    let approver = signer(&signed.signature, signed.text.as_bytes(), approvers, passkeys)?;
    match hands(approver).into_iter().next() {
        None => Ok(approver),
        Some(how) => Err(SuppressionError::OwnWork {
            person: approver.person.clone(),
            how,
        }),
    }
}

/// Why somebody named by git may be the approver; none when it is surely somebody else.
#[must_use]
pub fn taken_for(name: &str, approver: &Approver) -> Option<&'static str> {
    Identity::read(name).likeness(approver)
}
