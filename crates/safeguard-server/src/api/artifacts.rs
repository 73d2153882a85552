//! Artifacts come in as a tar, and are kept only when their digest is the one that was named.

use std::path::Path as FilePath;

use axum::Json;
use axum::body::Body as RequestBody;
use axum::extract::{Path, State};
use http_body_util::BodyExt;
use safeguard_api::{Digest, Problem};
use safeguard_store::StoreError;
use serde::Serialize;
use tokio::io::AsyncWriteExt;

use super::{Answer, ApiError, IdPath, birth, parse_id};
use crate::App;
use crate::artifacts::ARTIFACT_BYTES_MAX;
use crate::auth::Caller;
use crate::record::{self, now};

#[derive(Serialize)]
pub(super) struct Stored {
    digest: Digest,
    bytes: u64,
}

pub(super) async fn put_artifact(
    State(app): State<App>,
    caller: Caller,
    Path(digest): IdPath,
    body: RequestBody,
) -> Answer<Stored> {
    let digest: Digest = parse_id(&digest)?;
    let (ms, chance) = birth(now())?;
    let incoming = app.artifacts.incoming(&format!("{ms}-{chance}"));
    let received = receive(&incoming, body).await;
    let stored = match received {
        Ok(bytes) => unpack(&app, &incoming, &digest).await.map(|()| bytes),
        Err(error) => Err(error),
    };
    // A file left behind is removed at the next start; it holds nothing that anybody was promised.
    if let Err(error) = tokio::fs::remove_file(&incoming).await {
        tracing::warn!(%error, path = %incoming.display(), "Cannot remove a received file");
    }
    let bytes = stored?;
    let event = record::event(
        "artifact.stored",
        caller.actor,
        vec![digest.to_string()],
        serde_json::json!({ "tar_bytes": bytes }),
    );
    app.store
        .write(move |tx| -> Result<(), StoreError> {
            tx.append(&event)?;
            Ok(())
        })
        .await??;
    Ok(Json(Stored { digest, bytes }))
}

async fn receive(path: &FilePath, mut body: RequestBody) -> Result<u64, ApiError> {
    let failed = |error: std::io::Error| {
        ApiError(
            Problem::new(
                507,
                "unavailable",
                format!("the artifact can not be written: {error}"),
            )
            .with_hint("free some space, then send it again"),
        )
    };
    let mut file = tokio::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
        .await
        .map_err(failed)?;
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| {
            ApiError(Problem::new(
                400,
                "invalid",
                format!("the artifact was cut short: {error}"),
            ))
        })?;
        let Ok(piece) = frame.into_data() else { continue };
        bytes += piece.len() as u64;
        if bytes > ARTIFACT_BYTES_MAX {
            let title = format!("the artifact has more than {ARTIFACT_BYTES_MAX} bytes");
            return Err(ApiError(Problem::new(413, "invalid", title)));
        }
        file.write_all(&piece).await.map_err(failed)?;
    }
    file.flush().await.map_err(failed)?;
    Ok(bytes)
}

async fn unpack(app: &App, tar: &FilePath, digest: &Digest) -> Result<(), ApiError> {
    let (artifacts, tar, digest) = (app.artifacts.clone(), tar.to_owned(), digest.clone());
    let unpacked = tokio::task::spawn_blocking(move || artifacts.unpack(&tar, &digest)).await;
    match unpacked {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(ApiError(
            Problem::new(422, "invalid", "the artifact is refused").with_details(chain(&error)),
        )),
        Err(error) => Err(ApiError(Problem::new(
            500,
            "unavailable",
            format!("unpacking failed: {error}"),
        ))),
    }
}

/// An error and its causes, a line each.
fn chain(error: &dyn std::error::Error) -> Vec<String> {
    let mut lines = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(deeper) = cause {
        lines.push(deeper.to_string());
        cause = deeper.source();
    }
    lines
}
