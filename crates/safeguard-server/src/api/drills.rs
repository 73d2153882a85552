//! Rollback drills: asked for here, held by their own task.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use safeguard_api::drill::DrillStatus;
use safeguard_api::{Problem, ReleaseId};

use super::{Answer, ApiError, IdPath, parse_id};
use crate::App;
use crate::auth::Caller;
use crate::drills;
use crate::record;

pub(super) async fn run(State(app): State<App>, Path(id): IdPath, caller: Caller) -> Answer<DrillStatus> {
    let id: ReleaseId = parse_id(&id)?;
    let status = status(&app, &id).await?;
    if app
        .config
        .services
        .get(&status.service)
        .is_none_or(|_| !app.artifacts.has(&status.candidate))
    {
        let title = format!("artifact {} is not stored any more", status.candidate.short());
        return Err(ApiError::refused(title));
    }
    let text = format!("a drill of {id} is asked for");
    let event = record::event(
        "drill.asked",
        caller.actor.clone(),
        vec![id.to_string(), status.service.to_string()],
        serde_json::json!({ "text": text }),
    );
    app.store.write(move |tx| tx.append(&event)).await??;
    app.drills
        .ask(id.clone(), caller.actor)
        .map_err(|drills::Crowded| {
            ApiError(
                Problem::new(503, "unavailable", "too many drills wait already")
                    .with_hint("ask again when one has ended: `safeguard drill show`"),
            )
        })?;
    // The task notes it in a moment; until then it waits.
    let mut status = status;
    status.state = safeguard_api::drill::DrillState::Waiting;
    Ok(Json(status))
}

pub(super) async fn show(State(app): State<App>, Path(id): IdPath) -> Answer<DrillStatus> {
    status(&app, &parse_id(&id)?).await.map(Json)
}

async fn status(app: &App, id: &ReleaseId) -> Result<DrillStatus, ApiError> {
    let (wanted, config, under_way) = (id.clone(), Arc::clone(&app.config), app.drills.under_way());
    let found = app
        .store
        .read(move |tx| match drills::case(tx, &config, &wanted)? {
            Some(case) => drills::state(tx, &case, &under_way).map(Some),
            None => Ok(None),
        })
        .await?;
    found.ok_or_else(|| ApiError::not_found("release", id))
}
