//! What the gates say of a release.

use axum::Json;
use axum::extract::{Path, State};
use safeguard_api::risk::Risk;
use safeguard_api::{GateReport, Problem, ReleaseId, Rollout, Stage, Timestamp};
use serde::Serialize;

use super::{Answer, ApiError, IdPath, parse_id};
use crate::App;
use crate::control::gates::GateRecord;

#[derive(Serialize)]
pub(super) struct Explained {
    release: ReleaseId,
    stage: Stage,
    #[serde(flatten)]
    report: GateReport,
    risk: Risk,
    /// When the verdicts last became what they are, and the log entry that says so.
    at: Timestamp,
    entry: u64,
}

pub(super) async fn explain(State(app): State<App>, Path(id): IdPath) -> Answer<Explained> {
    let id: ReleaseId = parse_id(&id)?;
    let wanted = id.clone();
    let found = app
        .store
        .read(move |tx| {
            Ok((
                tx.get::<Rollout>(wanted.as_str())?,
                tx.get::<GateRecord>(wanted.as_str())?,
            ))
        })
        .await?;
    let (Some(rollout), record) = found else {
        return Err(ApiError::not_found("release", id));
    };
    let Some(record) = record else {
        let title = format!(
            "no gate was asked about {id}: leaving {} requires none",
            rollout.stage
        );
        return Err(ApiError(Problem::new(404, "not-found", title)));
    };
    // The figures as they are at this moment, where the release is still on its way.
    let current = app.world.borrow().gates.get(&id).cloned();
    Ok(Json(Explained {
        report: current.unwrap_or(record.report),
        risk: record.risk,
        release: id,
        stage: record.stage,
        at: record.at,
        entry: record.entry,
    }))
}
