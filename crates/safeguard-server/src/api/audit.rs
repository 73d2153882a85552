//! The log: entries, proofs and the export that verifies with nothing else present.

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use safeguard_api::Problem;
use safeguard_api::audit::{Entry, EntryProof};
use safeguard_store::{Content, StoreError};
use serde::Deserialize;
use tokio::sync::Semaphore;

use super::{Answer, ApiError, LIST_MAX};
use crate::App;
use crate::auth::Caller;
use crate::record;

/// Each takes one of the store's readers while the tar is made, and a thread until the client has it; the loop needs both.
const EXPORTS_MAX: usize = 2;
static EXPORTING: Semaphore = Semaphore::const_new(EXPORTS_MAX);

#[derive(Deserialize)]
pub(super) struct Wanted {
    /// Only entries about this id.
    subject: Option<String>,
    limit: Option<usize>,
}

pub(super) async fn entries(State(app): State<App>, Query(wanted): Query<Wanted>) -> Answer<Vec<Entry>> {
    let limit = wanted.limit.unwrap_or(50).clamp(1, LIST_MAX);
    Ok(Json(
        app.store
            .read(move |tx| tx.entries(wanted.subject.as_deref(), true, limit))
            .await?,
    ))
}

pub(super) async fn prove(State(app): State<App>, Path(index): Path<u64>) -> Answer<EntryProof> {
    let proof = app.store.read(move |tx| tx.prove(index)).await?;
    let none = || {
        let title = format!(
            "the log has no entry {index}; it has {}",
            app.store.log_status().size
        );
        ApiError(Problem::new(404, "not-found", title))
    };
    proof.map(Json).ok_or_else(none)
}

pub(super) async fn export(State(app): State<App>, caller: Caller) -> Result<Response, ApiError> {
    let permit = EXPORTING.try_acquire().map_err(|_| {
        ApiError(
            Problem::new(
                503,
                "unavailable",
                format!("{EXPORTS_MAX} exports are under way (limit {EXPORTS_MAX})"),
            )
            .with_hint("try again when one has ended"),
        )
    })?;
    let event = record::event(
        "export.created",
        caller.actor,
        vec!["log".to_owned()],
        serde_json::Value::Null,
    );
    app.store
        .write(move |tx| -> Result<(), StoreError> {
            tx.append(&event)?;
            Ok(())
        })
        .await??;
    // The tar goes through a temporary file: a log does not fit into memory for ever.
    let content = app.content.clone();
    let tar = app.store.read(move |tx| Ok(export_tar(tx, &content))).await?;
    let file = tar.map_err(|error| {
        ApiError(
            Problem::new(
                507,
                "unavailable",
                format!("the export can not be written: {error}"),
            )
            .with_hint("free some space in the temporary folder, then try again"),
        )
    })?;
    let stream = crate::glue::file_stream(file, permit);
    Ok((
        [(header::CONTENT_TYPE, "application/x-tar")],
        axum::body::Body::from_stream(stream),
    )
        .into_response())
}

fn export_tar(tx: &safeguard_store::Tx<'_>, content: &Content) -> Result<std::fs::File, std::io::Error> {
    use std::io::{Seek, SeekFrom};
    let mut builder = tar::Builder::new(tempfile::tempfile()?);
    tx.export(&mut |path, bytes| {
        let mut header = tar::Header::new_ustar();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        builder.append_data(&mut header, path, bytes)
    })
    .map_err(std::io::Error::other)?;
    // Documents may be more than those of the log's entries: one is kept before the entry that names it.
    content
        .each(&mut |digest, file| builder.append_path_with_name(file, format!("content/{}", digest.hex())))
        .map_err(std::io::Error::other)?;
    let mut file = builder.into_inner()?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}
