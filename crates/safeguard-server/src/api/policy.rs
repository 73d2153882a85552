//! The policy in force; changing it is a recorded act of its own.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use safeguard_api::audit::Actor;
use safeguard_api::config::Policy;
use safeguard_api::passkey::PASSKEYS_MAX;
use safeguard_api::status::PolicyStatus;
use safeguard_api::{Passkey, Problem, Rollout};
use safeguard_store::{StoreError, Tx};

use super::{Answer, ApiError, Body, LIST_MAX, consents};
use crate::App;
use crate::auth::Caller;
use crate::record::{self, POLICY_SETTING, now};

pub(super) async fn show(State(app): State<App>) -> Answer<PolicyStatus> {
    let status = app.store.read(in_force).await?;
    status.map(Json).ok_or_else(none_in_force)
}

pub(super) async fn apply(
    State(app): State<App>,
    caller: Caller,
    Body(policy): Body<Policy>,
) -> Answer<PolicyStatus> {
    fits(&app, &policy).await?;
    let (actor, subject) = (caller.actor.clone(), vec![policy.id().to_string()]);
    let answer = app
        .store
        .write(move |tx| {
            let before = in_force(tx)?.ok_or_else(none_in_force)?;
            if 0 < before.persons_to_change {
                let title = format!(
                    "the policy in force asks {} of its approvers to sign before another takes its place",
                    before.persons_to_change
                );
                return Err(ApiError::refused(title).hint(
                    "propose it: `safeguard policy apply --reason REASON`, then `safeguard policy sign ID`",
                ));
            }
            let decision = serde_json::json!({ "before": before.id, "policy": policy });
            Ok(put_in_force(tx, policy, actor, decision)?)
        })
        .await?;
    consents::answered(&app, answer, "policy.refused", caller.actor, subject).await
}

/// The policy is judged as the file is, with the services that are served.
pub(super) async fn fits(app: &App, policy: &Policy) -> Result<(), ApiError> {
    let config = safeguard_api::Config {
        mode: policy.mode,
        stages: policy.stages.clone(),
        gates: policy.gates.clone(),
        hotfix: policy.hotfix.clone(),
        approvers: policy.approvers.clone(),
        calendars: policy.calendars.clone(),
        judge: policy.judge.clone(),
        rollback: policy.rollback.clone(),
        ..(*app.config).clone()
    };
    let mut details: Vec<String> = config.problems().iter().map(ToString::to_string).collect();
    // A file may come later, and is closed until then; what is written here can only be wrong.
    for (name, calendar) in policy
        .calendars
        .iter()
        .filter(|(_, calendar)| calendar.file.is_none())
    {
        let read = safeguard_calendar::Calendar::read(calendar, None);
        if let Err(error) = read.and_then(|calendar| calendar.schedule(now())) {
            details.push(format!("`calendars.{name}`: {error}"));
        }
    }
    if !details.is_empty() {
        return Err(ApiError::invalid("the policy can not be put in force", details));
    }
    let problems = policy.unsatisfiable(&app.store.read(enrolled).await?);
    if !problems.is_empty() {
        let details = problems.into_iter().map(|problem| problem.to_string()).collect();
        return Err(ApiError::invalid(
            "the policy asks for what nobody can give",
            details,
        ));
    }
    Ok(())
}

/// The people who have a passkey.
fn enrolled(tx: &Tx<'_>) -> Result<BTreeSet<String>, StoreError> {
    let passkeys = tx.list::<Passkey>(false, PASSKEYS_MAX)?.into_iter();
    let valid = passkeys.filter(|passkey| passkey.revoked_at.is_none());
    Ok(valid.map(|passkey| passkey.person).collect())
}

pub(super) fn put_in_force(
    tx: &mut Tx<'_>,
    policy: Policy,
    actor: Actor,
    decision: serde_json::Value,
) -> Result<PolicyStatus, StoreError> {
    let mut status = PolicyStatus {
        id: policy.id(),
        policy,
        applied_at: now(),
        applied_by: actor.id.clone(),
        older: Vec::new(),
        persons_to_change: 0,
    };
    let event = record::event("policy.applied", actor, vec![status.id.to_string()], decision);
    tx.put(&status)?;
    tx.put_setting(POLICY_SETTING, status.id.as_str())?;
    tx.append(&event)?;
    complete(tx, &mut status)?;
    Ok(status)
}

/// The policy that a release entering at this moment is judged by, and the releases judged by an older one.
pub(crate) fn in_force(tx: &Tx<'_>) -> Result<Option<PolicyStatus>, StoreError> {
    let Some(id) = tx.setting(POLICY_SETTING)? else {
        return Ok(None);
    };
    let Some(mut status) = tx.get::<PolicyStatus>(&id)? else {
        return Ok(None);
    };
    complete(tx, &mut status)?;
    Ok(Some(status))
}

/// Says what is true of a policy at this moment only.
fn complete(tx: &Tx<'_>, status: &mut PolicyStatus) -> Result<(), StoreError> {
    let rollouts = tx.list::<Rollout>(true, LIST_MAX)?;
    let older = rollouts
        .into_iter()
        .filter(|rollout| !rollout.phase.is_final() && rollout.policy != status.id);
    status.older = older.map(|rollout| rollout.release).collect();
    status.persons_to_change = status.policy.persons_to_change(&enrolled(tx)?);
    Ok(())
}

pub(super) fn none_in_force() -> ApiError {
    ApiError(Problem::new(503, "unavailable", "no policy is in force").with_hint("restart `safeguard up`"))
}
