//! The log in the C2SP tlog-tiles layout, for monitors and witnesses.

use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};

use super::ApiError;
use crate::App;

pub(super) async fn checkpoint(State(app): State<App>) -> Result<Response, ApiError> {
    let text = app.store.read(|tx| tx.checkpoint()).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

pub(super) async fn tile(
    State(app): State<App>,
    Path((level, path)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    file(&app, format!("tile/{level}/{path}")).await
}

pub(super) async fn entries(State(app): State<App>, Path(path): Path<String>) -> Result<Response, ApiError> {
    file(&app, format!("tile/entries/{path}")).await
}

async fn file(app: &App, path: String) -> Result<Response, ApiError> {
    let wanted = path.clone();
    let bytes = app.store.read(move |tx| tx.tlog_file(&wanted)).await?;
    let Some(bytes) = bytes else {
        return Err(ApiError(safeguard_api::Problem::new(
            404,
            "not-found",
            format!("the log has no `{path}`"),
        )));
    };
    Ok(([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response())
}
