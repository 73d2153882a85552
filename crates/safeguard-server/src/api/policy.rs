//! The policy in force; changing it is a recorded act of its own.

use axum::Json;
use axum::extract::State;
use safeguard_api::config::Policy;
use safeguard_api::passkey::PASSKEYS_MAX;
use safeguard_api::status::PolicyStatus;
use safeguard_api::{Passkey, Problem, Rollout};
use safeguard_store::{StoreError, Tx};

use super::{Answer, ApiError, Body, LIST_MAX};
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
    // The policy is judged as the file is, with the services that are served.
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
    let passkeys = app
        .store
        .read(|tx| tx.list::<Passkey>(false, PASSKEYS_MAX))
        .await?;
    let enrolled = passkeys
        .into_iter()
        .filter(|passkey| passkey.revoked_at.is_none());
    let enrolled = enrolled.map(|passkey| passkey.person).collect();
    let problems = policy.unsatisfiable(&enrolled);
    if !problems.is_empty() {
        let details = problems.into_iter().map(|problem| problem.to_string()).collect();
        return Err(ApiError::invalid(
            "the policy asks for what nobody can give",
            details,
        ));
    }
    let status = PolicyStatus {
        id: policy.id(),
        policy,
        applied_at: now(),
        applied_by: caller.actor.id.clone(),
        older: Vec::new(),
    };
    let status = app
        .store
        .write(move |tx| -> Result<Option<PolicyStatus>, StoreError> {
            let before = tx.setting(POLICY_SETTING)?;
            let event = record::event(
                "policy.applied",
                caller.actor,
                vec![status.id.to_string()],
                serde_json::json!({ "before": before, "policy": status.policy }),
            );
            tx.put(&status)?;
            tx.put_setting(POLICY_SETTING, status.id.as_str())?;
            tx.append(&event)?;
            in_force(tx)
        })
        .await??;
    status.map(Json).ok_or_else(none_in_force)
}

/// The policy that a release entering at this moment is judged by, and the releases judged by an older one.
pub(crate) fn in_force(tx: &Tx<'_>) -> Result<Option<PolicyStatus>, StoreError> {
    let Some(id) = tx.setting(POLICY_SETTING)? else {
        return Ok(None);
    };
    let Some(mut status) = tx.get::<PolicyStatus>(&id)? else {
        return Ok(None);
    };
    let rollouts = tx.list::<Rollout>(true, LIST_MAX)?;
    let older = rollouts
        .into_iter()
        .filter(|rollout| !rollout.phase.is_final() && rollout.policy != status.id);
    status.older = older.map(|rollout| rollout.release).collect();
    Ok(Some(status))
}

pub(super) fn none_in_force() -> ApiError {
    ApiError(Problem::new(503, "unavailable", "no policy is in force").with_hint("restart `safeguard up`"))
}
