//! What several people sign: waivers, break-glasses and policy changes; each signature is verified.

use axum::Json;
use safeguard_api::approval::{Consent, Signable, SignedStatement};
use safeguard_api::audit::{Actor, Event};
use safeguard_api::config::Approver;
use safeguard_api::{Change, Passkey, Problem, Release, Timestamp, Waiver};
use safeguard_gate::approval::{consenting, hands_in};
use safeguard_gate::signature::{passkey, signer};
use safeguard_store::{StoreError, Tx};

use super::{Answer, ApiError, LIST_MAX, policy};
use crate::App;
use crate::record::{self, now};

use safeguard_api::approval::{REASON_BYTES_MAX, Signature};
use safeguard_api::passkey::PASSKEYS_MAX;

/// The clock may be so much behind the newest entry: entries of one commit are dated before they are ordered.
const BEHIND_LONGEST_MS: i64 = 2000;

/// Refuses when the clock was set back: an approval that expired would hold again.
pub(super) fn clock_goes_forward(tx: &Tx<'_>) -> Result<Timestamp, ApiError> {
    let at = now();
    let newest = tx.entries(None, true, 1)?;
    let Some(newest) = newest
        .first()
        .filter(|newest| at.0 + BEHIND_LONGEST_MS < newest.event.ts.0)
    else {
        return Ok(at);
    };
    let title = format!(
        "the clock says {at}, and log entry {} is of {}",
        newest.index, newest.event.ts
    );
    Err(ApiError(Problem::new(503, "unavailable", title))
        .hint("set the clock right: nothing that expires is accepted before"))
}

/// Answers what became of a write; a refusal leaves its trace in the log, as an entry of `kind`.
pub(super) async fn answered<T>(
    app: &App,
    answer: Result<T, ApiError>,
    kind: &'static str,
    actor: Actor,
    subject: Vec<String>,
) -> Answer<T> {
    match answer {
        Ok(done) => {
            app.control.wake();
            Ok(Json(done))
        }
        Err(refused) if refused.0.status < 500 => {
            let refuse = move |tx: &mut Tx<'_>| refuse(tx, kind, actor, subject, refused);
            Err(app.store.write(refuse).await??)
        }
        Err(failed) => Err(failed),
    }
}

/// Records that somebody's signature was refused, and why. Nothing else was changed.
fn refuse(
    tx: &mut Tx<'_>,
    kind: &str,
    actor: Actor,
    subject: Vec<String>,
    refused: ApiError,
) -> Result<ApiError, StoreError> {
    let ApiError(mut problem) = refused;
    let text = match problem.details.is_empty() {
        true => problem.title.clone(),
        false => format!("{}: {}", problem.title, problem.details.join("; ")),
    };
    let event = record::event(kind, actor, subject, serde_json::json!({ "text": text }));
    problem.entry = Some(tx.append(&event)?);
    Ok(ApiError(problem))
}

/// Returns the approver of the policy in force who signed exactly these bytes, and has no hand in the changes.
pub(super) fn verified(
    tx: &mut Tx<'_>,
    statement: &impl Signable,
    signed: &SignedStatement,
    release: &Release,
) -> Result<Approver, ApiError> {
    let approver = signed_by(tx, statement, signed)?;
    let hands = hands_in(&approver, &new_changes(tx, release)?);
    if !hands.is_empty() {
        let title = format!("{} has a hand in {}", approver.person, release.id);
        return Err(ApiError(ApiError::refused(title).0.with_details(hands)));
    }
    Ok(approver)
}

/// Returns the approver of the policy in force who signed exactly these bytes.
pub(super) fn signed_by(
    tx: &mut Tx<'_>,
    statement: &impl Signable,
    signed: &SignedStatement,
) -> Result<Approver, ApiError> {
    let bytes = statement.bytes();
    if signed.text.as_bytes() != bytes {
        return Err(
            ApiError::refused("the signed text is not the one that was to be signed")
                .hint("sign the text as the server gives it, byte by byte"),
        );
    }
    let in_force = policy::in_force(tx)?.ok_or_else(policy::none_in_force)?;
    let passkeys = tx.list::<Passkey>(false, PASSKEYS_MAX)?;
    let approver = signer(&signed.signature, &bytes, &in_force.policy.approvers, &passkeys)
        .map_err(|error| ApiError::refused(error.to_string()))?
        .clone();
    count_signature(tx, &signed.signature, &passkeys)?;
    Ok(approver)
}

/// An authenticator that counts must have counted on: a copy of its key would count the same again.
pub(super) fn count_signature(
    tx: &mut Tx<'_>,
    signature: &Signature,
    passkeys: &[Passkey],
) -> Result<(), ApiError> {
    let Signature::Passkey { credential, .. } = signature else {
        return Ok(());
    };
    let known = passkeys.iter().find(|passkey| passkey.credential == *credential);
    let Some(mut passkey) = known.cloned() else {
        return Err(ApiError::refused("the passkey is not known"));
    };
    let after = passkey::sign_count(signature).map_err(|error| ApiError::refused(error.to_string()))?;
    if !passkey::count_grows(passkey.sign_count, after) {
        let title = format!(
            "the passkey counted {after} after {}: it may have been copied",
            passkey.sign_count
        );
        return Err(
            ApiError::refused(title).hint("revoke it with `safeguard passkey revoke`, and enrol another")
        );
    }
    passkey.sign_count = after;
    tx.put(&passkey)?;
    Ok(())
}

/// Adds a person's signature; a person counts once.
pub(super) fn add_consent(
    consents: &mut Vec<Consent>,
    approver: &Approver,
    signed: SignedStatement,
    signed_at: Timestamp,
    entry: u64,
) {
    consents.push(Consent {
        person: approver.person.clone(),
        signature: signed.signature,
        signed_at,
        entry,
    });
}

pub(super) fn not_signed_yet(consents: &[Consent], person: &str) -> Result<(), ApiError> {
    if consents.iter().any(|consent| consent.person == person) {
        return Err(
            ApiError::refused(format!("{person} has signed it already, and counts once"))
                .hint("ask another approver"),
        );
    }
    Ok(())
}

/// Commits to who signed and how: both can be erased without breaking the log.
pub(super) fn commit_to_signer(
    tx: &mut Tx<'_>,
    event: &mut Event,
    person: &str,
    signature: &Signature,
) -> Result<(), StoreError> {
    let text = serde_json::json!({ "person": person, "signature": signature }).to_string();
    let commitment = tx.salt_and_commit("signer", text.as_bytes())?;
    event.commit.push(commitment);
    Ok(())
}

pub(super) fn new_changes(tx: &Tx<'_>, release: &Release) -> Result<Vec<Change>, StoreError> {
    let mut changes = Vec::with_capacity(release.new_changes.len());
    for id in &release.new_changes {
        changes.extend(tx.get::<Change>(id.as_str())?);
    }
    Ok(changes)
}

pub(super) fn reason_problem(reason: &str) -> Option<String> {
    let unfit = reason.trim().is_empty() || reason.len() > REASON_BYTES_MAX;
    unfit.then(|| format!("`reason` must have 1 to {REASON_BYTES_MAX} bytes"))
}

/// Keeps the signatures that hold at this moment: of approvers of the policy in force, without a hand in the changes.
pub(crate) fn holding(
    tx: &Tx<'_>,
    changes: &[Change],
    bytes: &[u8],
    consents: &mut Vec<Consent>,
) -> Result<(), StoreError> {
    let approvers = policy::in_force(tx)?.map_or_else(Vec::new, |status| status.policy.approvers);
    let passkeys = tx.list::<Passkey>(false, PASSKEYS_MAX)?;
    let people = consenting(bytes, consents, &approvers, &passkeys, changes);
    consents.retain(|consent| people.iter().any(|person| person.person == consent.person));
    Ok(())
}

/// The waivers of a release with the signatures that hold.
pub(crate) fn waivers(tx: &Tx<'_>, release: &Release) -> Result<Vec<Waiver>, StoreError> {
    let mut waivers = tx.list::<Waiver>(true, LIST_MAX)?;
    waivers.retain(|waiver| waiver.statement.release == release.id);
    let changes = new_changes(tx, release)?;
    for waiver in &mut waivers {
        let bytes = waiver.statement.bytes();
        holding(tx, &changes, &bytes, &mut waiver.consents)?;
    }
    Ok(waivers)
}
