//! Changes: what was merged, by whom, with what.

use axum::Json;
use axum::extract::{Path, Query, State};
use safeguard_api::checklist::CheckBox;
use safeguard_api::{Change, ChangeId, ChangeSpec, Release, ReleaseId};
use serde::Serialize;

use super::{Answer, ApiError, Body, IdPath, LIST_MAX, Page, birth, parse_id};
use crate::App;
use crate::auth::Caller;
use crate::dossier;
use crate::record::{self, now};

pub(super) async fn add(
    State(app): State<App>,
    caller: Caller,
    Body(spec): Body<ChangeSpec>,
) -> Answer<Change> {
    let problems = spec.problems();
    if !problems.is_empty() {
        return Err(ApiError::invalid("the change is not complete", problems));
    }
    super::releases::known_service(&app, &spec.service)?;
    let recorded_at = now();
    let (ms, chance) = birth(recorded_at)?;
    let id = ChangeId::new(ms, chance);
    let recorded_by = caller.actor.id.clone();
    let event = record::event(
        "change.proposed",
        caller.actor,
        vec![id.to_string(), spec.service.to_string()],
        serde_json::json!({
            "repository": spec.repository, "base": spec.base, "head": spec.head,
            "ai_tool": spec.ai_tool, "ai_tool_version": spec.ai_tool_version, "instead_of": spec.instead_of,
        }),
    );
    // Names of people enter the leaf as a commitment only, so that they can be erased without breaking the log.
    let people = serde_json::json!({
        "title": spec.title, "author": spec.author, "co_authors": spec.co_authors, "prompter": spec.prompter,
    })
    .to_string();
    let change = app
        .store
        .write(move |tx| -> Result<Change, ApiError> {
            if let Some(before) = &spec.instead_of {
                let known = tx.get::<Change>(before.as_str())?;
                known
                    .filter(|known| known.spec.service == spec.service)
                    .ok_or_else(|| ApiError::not_found("change", before))?;
            }
            let mut event = event;
            event
                .commit
                .push(tx.salt_and_commit("people", people.as_bytes())?);
            let entry = tx.append(&event)?;
            let change = Change {
                id,
                spec,
                recorded_at,
                recorded_by,
                entry,
            };
            tx.put(&change)?;
            Ok(change)
        })
        .await??;
    // Its base may have moved, or it took another's place: what was approved is looked at anew.
    app.control.wake();
    Ok(Json(change))
}

pub(super) async fn list(State(app): State<App>, Query(page): Query<Page>) -> Answer<Vec<Change>> {
    Ok(Json(
        app.store
            .read(move |tx| tx.list::<Change>(true, page.limit()))
            .await?,
    ))
}

#[derive(Serialize)]
pub(super) struct ChangeShown {
    #[serde(flatten)]
    change: Change,
    checklist: Vec<CheckBox>,
    /// Releases that carry it, the newest first.
    releases: Vec<ReleaseId>,
}

pub(super) async fn show(State(app): State<App>, Path(id): IdPath) -> Answer<ChangeShown> {
    let id: ChangeId = parse_id(&id)?;
    let (wanted, content) = (id.clone(), app.content.clone());
    let found = app
        .store
        .read(move |tx| {
            let Some(dossier) = dossier::gather(tx, &content, wanted.as_str())? else {
                return Ok(None);
            };
            let releases = tx.list::<Release>(true, LIST_MAX)?;
            let carrying = releases
                .into_iter()
                .filter(|release| release.changes.contains(&wanted));
            Ok(Some(ChangeShown {
                change: dossier.change,
                checklist: dossier.checklist,
                releases: carrying.map(|release| release.id).collect(),
            }))
        })
        .await?;
    found.map(Json).ok_or_else(|| ApiError::not_found("change", id))
}
