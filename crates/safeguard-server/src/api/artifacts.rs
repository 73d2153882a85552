//! Artifacts come in as a tar, and are kept only when their digest is the one that was named.

use std::path::{Path as FilePath, PathBuf};
use std::time::Duration;

use axum::Json;
use axum::body::Body as RequestBody;
use axum::extract::{Path, State};
use http_body_util::BodyExt;
use safeguard_api::{Digest, Problem};
use safeguard_store::StoreError;
use serde::Serialize;
use tokio::io::AsyncWriteExt;
use tokio::sync::Semaphore;

use super::{Answer, ApiError, IdPath, birth, parse_id};
use crate::App;
use crate::artifacts::{ARTIFACT_BYTES_MAX, Artifacts};
use crate::auth::Caller;
use crate::record::{self, now};

/// Artifacts received at the same time.
const UPLOADS_MAX: usize = 8;
static RECEIVING: Semaphore = Semaphore::const_new(UPLOADS_MAX);
/// Longer than this no client is waited for.
const PIECE_LONGEST: Duration = Duration::from_secs(30);

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
    let bytes = take_in(&app.artifacts, &digest, body).await?;
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

/// Receives an artifact's tar and unpacks it; it is there whole, or not at all.
pub(super) async fn take_in(
    artifacts: &Artifacts,
    digest: &Digest,
    body: RequestBody,
) -> Result<u64, ApiError> {
    let _permit = RECEIVING.try_acquire().map_err(|_| {
        let title = format!("{UPLOADS_MAX} artifacts are being received (limit {UPLOADS_MAX})");
        ApiError(Problem::new(503, "unavailable", title).with_hint("send it again when one has ended"))
    })?;
    let (ms, chance) = birth(now())?;
    let incoming = Incoming(artifacts.incoming(&format!("{ms}-{chance}")));
    let bytes = receive(&incoming.0, body).await?;
    unpack(artifacts, &incoming.0, digest).await?;
    Ok(bytes)
}

/// A file that is being received. It is removed also when the client goes away, which ends the handler where it stands.
struct Incoming(PathBuf);

impl Drop for Incoming {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::warn!(%error, path = %self.0.display(), "Cannot remove a received file");
        }
    }
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
    loop {
        let frame = tokio::time::timeout(PIECE_LONGEST, body.frame()).await;
        let frame = frame.map_err(|_| {
            let title = format!("nothing came for {} s", PIECE_LONGEST.as_secs());
            ApiError(Problem::new(408, "invalid", title))
        })?;
        let Some(frame) = frame else { break };
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

async fn unpack(artifacts: &Artifacts, tar: &FilePath, digest: &Digest) -> Result<(), ApiError> {
    let (artifacts, tar, digest) = (artifacts.clone(), tar.to_owned(), digest.clone());
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
pub(super) fn chain(error: &dyn std::error::Error) -> Vec<String> {
    let mut lines = vec![error.to_string()];
    let mut cause = error.source();
    while let Some(deeper) = cause {
        lines.push(deeper.to_string());
        cause = deeper.source();
    }
    lines
}
