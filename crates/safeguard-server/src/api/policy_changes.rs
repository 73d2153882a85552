//! Changes of the policy that people sign: approvers of the policy in force, which the new one would replace.

use axum::Json;
use axum::extract::{Path, State};
use safeguard_api::approval::{Signable, SignedStatement};
use safeguard_api::audit::{Actor, Event};
use safeguard_api::policy_change::{POLICY_API, PolicyChangeSpec, PolicyStatement};
use safeguard_api::status::PolicyStatus;
use safeguard_api::{PolicyChange, PolicyChangeId};
use safeguard_store::Tx;

use super::{Answer, ApiError, Body, IdPath, LIST_MAX, birth, consents, parse_id, policy};
use crate::App;
use crate::auth::Caller;
use crate::record::{self, now};

pub(super) async fn list(State(app): State<App>) -> Answer<Vec<PolicyChange>> {
    Ok(Json(
        app.store
            .read(|tx| tx.list::<PolicyChange>(true, LIST_MAX))
            .await?,
    ))
}

pub(super) async fn propose(
    State(app): State<App>,
    caller: Caller,
    Body(spec): Body<PolicyChangeSpec>,
) -> Answer<PolicyChange> {
    policy::fits(&app, &spec.policy).await?;
    let born = birth(now())?;
    let (actor, subject) = (caller.actor.clone(), vec![spec.policy.id().to_string()]);
    let answer = app.store.write(move |tx| make(tx, spec, born, actor)).await?;
    consents::answered(&app, answer, "policy.refused", caller.actor, subject).await
}

fn make(
    tx: &mut Tx<'_>,
    spec: PolicyChangeSpec,
    (ms, chance): (u64, u32),
    actor: Actor,
) -> Result<PolicyChange, ApiError> {
    let at = consents::clock_goes_forward(tx)?;
    let before = policy::in_force(tx)?.ok_or_else(policy::none_in_force)?;
    if let Some(problem) = consents::reason_problem(&spec.reason) {
        return Err(ApiError::invalid("the policy can not be proposed", vec![problem]));
    }
    let after = spec.policy.id();
    if after == before.id {
        return Err(ApiError::refused("this policy is in force already"));
    }
    if before.persons_to_change == 0 {
        return Err(
            ApiError::refused("the policy in force asks nobody to sign its change")
                .hint("put it in force: `safeguard policy apply`"),
        );
    }
    let id = PolicyChangeId::new(ms, chance);
    let mut change = PolicyChange {
        statement: PolicyStatement {
            api: POLICY_API.to_owned(),
            change: id.clone(),
            before: before.id,
            after,
            reason: spec.reason,
            expires: at.plus(before.policy.gates.human_approval.valid),
        },
        id,
        policy: spec.policy,
        proposed_by: actor.id.clone(),
        proposed_at: at,
        consents: Vec::new(),
        applied_at: None,
        entry: 0,
    };
    let mut event = about("policy.proposed", actor, &change, "proposed");
    event.decision["policy"] = serde_json::json!(change.policy);
    change.entry = tx.append(&event)?;
    tx.put(&change)?;
    Ok(change)
}

pub(super) async fn sign(
    State(app): State<App>,
    caller: Caller,
    Path(id): IdPath,
    Body(signed): Body<SignedStatement>,
) -> Answer<PolicyChange> {
    let id: PolicyChangeId = parse_id(&id)?;
    let waiting = app.store.read({
        let id = id.clone();
        move |tx| tx.get::<PolicyChange>(id.as_str())
    });
    // Who signed before, and what is served, may have changed since it was proposed.
    if let Some(change) = waiting.await? {
        policy::fits(&app, &change.policy).await?;
    }
    let (actor, subject) = (caller.actor.clone(), vec![id.to_string()]);
    let answer = app.store.write(move |tx| add(tx, &id, signed, actor)).await?;
    consents::answered(&app, answer, "policy.refused", caller.actor, subject).await
}

fn add(
    tx: &mut Tx<'_>,
    id: &PolicyChangeId,
    signed: SignedStatement,
    actor: Actor,
) -> Result<PolicyChange, ApiError> {
    let at = consents::clock_goes_forward(tx)?;
    let found = tx.get::<PolicyChange>(id.as_str())?;
    let mut change = found.ok_or_else(|| {
        ApiError::not_found("change of the policy", id).hint("run `safeguard policy changes`")
    })?;
    let before = policy::in_force(tx)?.ok_or_else(policy::none_in_force)?;
    stands(&change, &before)?;
    if change.statement.expires <= at {
        let title = format!("{id} expired at {}", change.statement.expires);
        return Err(ApiError::refused(title).hint("propose it again"));
    }
    let approver = consents::signed_by(tx, &change.statement, &signed)?;
    consents::not_signed_yet(&change.consents, &approver.person)?;
    let mut event = about("policy.signed", actor.clone(), &change, "signed");
    consents::commit_to_signer(tx, &mut event, &approver.person, &signed.signature)?;
    let entry = tx.append(&event)?;
    consents::add_consent(&mut change.consents, &approver, signed, at, entry);
    let mut holding = change.consents.clone();
    consents::holding(tx, &[], &change.statement.bytes(), &mut holding)?;
    if before.persons_to_change as usize <= holding.len() {
        change.applied_at = Some(at);
        let decision = serde_json::json!({
            "text": format!("{} people signed it: {}", holding.len(), change.statement.reason),
            "before": before.id, "change": change.id, "policy": change.policy,
        });
        policy::put_in_force(tx, change.policy.clone(), actor, decision)?;
    }
    tx.put(&change)?;
    Ok(change)
}

/// It takes the place of one policy, and of no other that came meanwhile.
fn stands(change: &PolicyChange, before: &PolicyStatus) -> Result<(), ApiError> {
    let id = &change.id;
    if change.applied_at.is_some() {
        return Err(ApiError::refused(format!("{id} is in force already, or was")));
    }
    if change.statement.before != before.id {
        let title = format!(
            "{id} replaces {}, which is not in force any more",
            change.statement.before
        );
        return Err(ApiError::refused(title).hint("propose it again"));
    }
    Ok(())
}

fn about(kind: &str, actor: Actor, change: &PolicyChange, text: &str) -> Event {
    let statement = &change.statement;
    let subject = vec![
        change.id.to_string(),
        statement.before.to_string(),
        statement.after.to_string(),
    ];
    let decision = serde_json::json!({
        "text": format!("a change of the policy was {text}: {}", statement.reason),
        "reason": statement.reason, "expires": statement.expires,
    });
    record::event(kind, actor, subject, decision)
}
