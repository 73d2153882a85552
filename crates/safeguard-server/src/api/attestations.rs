//! What people answer to the boxes of a change's checklist that nothing here can tell.

use axum::extract::{Path, State};
use safeguard_api::audit::Actor;
use safeguard_api::checklist::{AttestationSpec, Question};
use safeguard_api::config::Approver;
use safeguard_api::{Attestation, Change, ChangeId, Freeze};
use safeguard_gate::approval::hands_in;
use safeguard_store::{StoreError, Tx};

use super::{Answer, ApiError, Body, IdPath, consents, parse_id};
use crate::App;
use crate::auth::Caller;
use crate::record;

/// Freezes that are looked through for one that was open when a change was recorded.
const FREEZES_MAX: usize = 500;

pub(super) async fn add(
    State(app): State<App>,
    caller: Caller,
    Path(id): IdPath,
    Body(spec): Body<AttestationSpec>,
) -> Answer<Attestation> {
    let id: ChangeId = parse_id(&id)?;
    if let Some(problem) = consents::reason_problem(&spec.reason) {
        return Err(ApiError::invalid("the box can not be answered", vec![problem]));
    }
    let (actor, subject) = (caller.actor.clone(), vec![id.to_string()]);
    let answer = app.store.write(move |tx| make(tx, &id, spec, actor)).await?;
    consents::answered(&app, answer, "attestation.refused", caller.actor, subject).await
}

fn make(
    tx: &mut Tx<'_>,
    id: &ChangeId,
    said: AttestationSpec,
    actor: Actor,
) -> Result<Attestation, ApiError> {
    let change = tx.get::<Change>(id.as_str())?;
    let change = change.ok_or_else(|| ApiError::not_found("change", id))?;
    let own = own_hands(&change, &actor.id);
    if !own.is_empty() {
        let title = format!("`{}` may not answer for {id}", actor.id);
        let refused = ApiError(ApiError::refused(title).0.with_details(own));
        return Err(refused.hint(
            "somebody else answers, with a token of their own: `safeguard token create --name NAME --scope operate`",
        ));
    }
    let by = actor.id.clone();
    let text = format!("{}: {}, {}", said.question, said.answer, said.reason);
    let decision = serde_json::json!({
        "text": text, "question": said.question, "answer": said.answer, "reason": said.reason, "head": change.spec.head,
    });
    let subject = vec![id.to_string(), change.spec.service.to_string()];
    let event = record::event("attestation.given", actor, subject, decision);
    let attestation = Attestation {
        change: change.id,
        head: change.spec.head,
        said,
        by,
        at: event.ts,
        entry: tx.append(&event)?,
    };
    tx.put(&attestation)?;
    Ok(attestation)
}

/// Why the token is one of those who made the change: it recorded it, or can not be told from somebody named on it.
fn own_hands(change: &Change, token: &str) -> Vec<String> {
    let named = Approver {
        person: token.to_owned(),
        roles: Vec::new(),
        emails: Vec::new(),
        owner_names: vec![format!("@{token}")],
        keys: Vec::new(),
        passkey: false,
    };
    let mut why = hands_in(&named, [change]);
    if change.recorded_by == token {
        why.push(format!("recorded {}", change.id));
    }
    why
}

/// What people answered about the change, each box once.
pub(crate) fn answers(tx: &Tx<'_>, change: &Change) -> Result<Vec<Attestation>, StoreError> {
    tx.list_last::<Attestation>(&format!("{}/", change.id), Question::ALL.len())
}

/// Whether a freeze was open for the change's service when it was recorded.
pub(crate) fn made_in_freeze(tx: &Tx<'_>, change: &Change) -> Result<bool, StoreError> {
    let at = change.recorded_at;
    let freezes = tx.list::<Freeze>(true, FREEZES_MAX)?;
    Ok(freezes.iter().any(|freeze| {
        freeze.opened_at <= at
            && freeze.closed_at.is_none_or(|closed| at < closed)
            && freeze.until.is_none_or(|until| at < until)
            && freeze
                .service
                .as_ref()
                .is_none_or(|only| *only == change.spec.service)
    }))
}
