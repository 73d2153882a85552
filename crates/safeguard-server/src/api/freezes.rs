//! Freezes: while one is open nothing moves towards production.

use axum::Json;
use axum::extract::{Path, State};
use safeguard_api::audit::Event;
use safeguard_api::freeze::FreezeSpec;
use safeguard_api::{Freeze, FreezeId};
use safeguard_store::StoreError;

use super::{Answer, ApiError, Body, IdPath, LIST_MAX, birth, parse_id};
use crate::App;
use crate::auth::Caller;
use crate::record::{self, now};

const REASON_BYTES_MAX: usize = 512;

pub(super) async fn open(
    State(app): State<App>,
    caller: Caller,
    Body(spec): Body<FreezeSpec>,
) -> Answer<Freeze> {
    let mut problems = Vec::new();
    if spec.reason.trim().is_empty() || spec.reason.len() > REASON_BYTES_MAX {
        problems.push(format!("`reason` must have 1 to {REASON_BYTES_MAX} bytes"));
    }
    if spec.until.is_some_and(|until| until <= now()) {
        problems.push("`until` is in the past".to_owned());
    }
    if !problems.is_empty() {
        return Err(ApiError::invalid("the freeze can not be opened", problems));
    }
    if let Some(service) = &spec.service {
        super::releases::known_service(&app, service)?;
    }
    let opened_at = now();
    let (ms, chance) = birth(opened_at)?;
    let freeze = Freeze {
        id: FreezeId::new(ms, chance),
        service: spec.service,
        reason: spec.reason,
        opened_by: caller.actor.id.clone(),
        opened_at,
        until: spec.until,
        closed_at: None,
    };
    let event = record::event(
        "freeze.opened",
        caller.actor,
        vec![freeze.id.to_string()],
        serde_json::json!({ "service": freeze.service, "reason": freeze.reason, "until": freeze.until }),
    );
    save(&app, freeze, event).await
}

pub(super) async fn close(State(app): State<App>, caller: Caller, Path(id): IdPath) -> Answer<Freeze> {
    let id: FreezeId = parse_id(&id)?;
    let wanted = id.clone();
    let found = app
        .store
        .read(move |tx| tx.get::<Freeze>(wanted.as_str()))
        .await?;
    let Some(mut freeze) = found else {
        return Err(ApiError::not_found("freeze", id));
    };
    if let Some(closed_at) = freeze.closed_at {
        return Err(ApiError::refused(format!(
            "freeze {id} was closed at {closed_at}"
        )));
    }
    freeze.closed_at = Some(now());
    let decision = serde_json::json!({ "opened_at": freeze.opened_at });
    let event = record::event("freeze.closed", caller.actor, vec![id.to_string()], decision);
    save(&app, freeze, event).await
}

async fn save(app: &App, freeze: Freeze, event: Event) -> Answer<Freeze> {
    let freeze = app
        .store
        .write(move |tx| -> Result<Freeze, StoreError> {
            tx.append(&event)?;
            tx.put(&freeze)?;
            Ok(freeze)
        })
        .await??;
    app.control.wake();
    Ok(Json(freeze))
}

pub(super) async fn list(State(app): State<App>) -> Answer<Vec<Freeze>> {
    let mut freezes = app.store.read(|tx| tx.list::<Freeze>(true, LIST_MAX)).await?;
    let at = now();
    let over = |freeze: &Freeze| freeze.closed_at.is_some() || freeze.until.is_some_and(|until| until <= at);
    freezes.sort_by_key(over);
    Ok(Json(freezes))
}
