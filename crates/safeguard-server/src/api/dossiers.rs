//! The dossier of a change, as data, as Markdown, or as a page.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use safeguard_api::ChangeId;
use serde::Deserialize;

use super::{ApiError, IdPath, parse_id};
use crate::App;
use crate::dossier;

#[derive(Deserialize, Clone, Copy, Default)]
#[serde(rename_all = "lowercase")]
enum Form {
    #[default]
    Json,
    Markdown,
    Html,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    #[serde(default)]
    format: Form,
}

pub(super) async fn show(
    State(app): State<App>,
    Path(id): IdPath,
    Query(wanted): Query<Wanted>,
) -> Result<Response, ApiError> {
    let id: ChangeId = parse_id(&id)?;
    let (key, content) = (id.to_string(), app.content.clone());
    let found = app
        .store
        .read(move |tx| dossier::gather(tx, &content, &key))
        .await?;
    let found = found.ok_or_else(|| ApiError::not_found("change", id))?;
    Ok(match wanted.format {
        Form::Json => Json(found).into_response(),
        Form::Markdown => (
            [(header::CONTENT_TYPE, "text/markdown; charset=utf-8")],
            dossier::text(&found),
        )
            .into_response(),
        Form::Html => (
            [(header::CONTENT_TYPE, "text/html; charset=utf-8")],
            dossier::page(&found),
        )
            .into_response(),
    })
}
