//! Documents of a change: its diff and history, the intent, the prompts, risk and recovery.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use safeguard_api::audit::{Actor, Reference};
use safeguard_api::diff::History;
use safeguard_api::operation::Scope;
use safeguard_api::{Change, ChangeDocument, ChangeId, Digest, DocumentKind, Problem};
use safeguard_store::{StoreError, Tx, document_key};

use super::{Answer, ApiError, parse_id};
use crate::App;
use crate::auth::Caller;
use crate::record;

/// The longest document of any kind; each kind has a limit of its own.
pub(super) const DOCUMENT_BYTES_MAX: usize = 16 << 20;
const HISTORY_API: &str = "safeguard.history/1";

fn bytes_max(kind: DocumentKind) -> usize {
    match kind {
        DocumentKind::Diff => DOCUMENT_BYTES_MAX,
        DocumentKind::History | DocumentKind::Prompts => 8 << 20,
        DocumentKind::Intent | DocumentKind::Risk | DocumentKind::Recovery => 1 << 20,
    }
}

fn media(kind: DocumentKind) -> &'static str {
    match kind {
        DocumentKind::Diff => "text/x-diff",
        DocumentKind::History => "application/json",
        DocumentKind::Prompts => "text/plain; charset=utf-8",
        DocumentKind::Intent | DocumentKind::Risk | DocumentKind::Recovery => "text/markdown; charset=utf-8",
    }
}

/// What gates measure is not taken from the one who is measured.
fn scope(kind: DocumentKind) -> Scope {
    match kind {
        DocumentKind::Diff | DocumentKind::History => Scope::Evidence,
        DocumentKind::Intent | DocumentKind::Prompts | DocumentKind::Risk | DocumentKind::Recovery => {
            Scope::Propose
        }
    }
}

pub(super) async fn attach(
    State(app): State<App>,
    caller: Caller,
    Path((id, kind)): Path<(String, String)>,
    body: Bytes,
) -> Answer<ChangeDocument> {
    let change: ChangeId = parse_id(&id)?;
    let kind: DocumentKind = parse_id(&kind)?;
    if caller.scope < scope(kind) {
        let title = format!(
            "a {kind} is measured by gates, and `{}` may only propose",
            caller.actor.id
        );
        return Err(ApiError(Problem::new(403, "refused", title)).hint(
            "let the pipeline attach it, with a token of scope `evidence`: `safeguard token create --scope evidence`",
        ));
    }
    fits(kind, &body)?;
    let content = app.content.clone();
    // The words of people are kept apart, where they can be erased: the log has only a commitment to them.
    let is_personal = kind == DocumentKind::Prompts;
    let (document, body) = tokio::task::spawn_blocking(move || {
        let document = if is_personal {
            Ok(Digest::of(&body))
        } else {
            content.put(&body)
        };
        document.map(|document| (document, body))
    })
    .await
    .map_err(|error| unwritten(&error))?
    .map_err(|error| unwritten(&error))?;
    let actor = caller.actor;
    let wanted = change.clone();
    let attached = app
        .store
        .write(move |tx| write(tx, &wanted, kind, document, &body, actor))
        .await??;
    app.control.wake();
    attached
        .map(Json)
        .ok_or_else(|| ApiError::not_found("change", change))
}

fn write(
    tx: &mut Tx<'_>,
    change: &ChangeId,
    kind: DocumentKind,
    document: Digest,
    body: &[u8],
    actor: Actor,
) -> Result<Option<ChangeDocument>, StoreError> {
    let Some(known) = tx.get::<Change>(change.as_str())? else {
        return Ok(None);
    };
    let attached_by = actor.id.clone();
    let subject = vec![change.to_string(), known.spec.service.to_string()];
    let text = format!("{kind} attached");
    let mut event = record::event(
        "doc.attached",
        actor,
        subject,
        serde_json::json!({ "kind": kind, "text": text }),
    );
    let mut commitment = None;
    if kind == DocumentKind::Prompts {
        let committed = tx.salt_and_commit(kind.as_str(), body)?;
        commitment = Some(committed.hmac.clone());
        event.commit.push(committed);
    } else {
        event.refs.push(Reference {
            name: kind.to_string(),
            sha256: document.clone(),
            size: body.len() as u64,
            media: media(kind).to_owned(),
        });
    }
    let entry = tx.append(&event)?;
    let attached = ChangeDocument {
        change: change.clone(),
        kind,
        document,
        bytes: body.len() as u64,
        commitment,
        attached_at: event.ts,
        attached_by,
        entry,
    };
    tx.put(&attached)?;
    Ok(Some(attached))
}

fn fits(kind: DocumentKind, body: &[u8]) -> Result<(), ApiError> {
    let refuse = |what: String| {
        Err(ApiError::invalid(
            format!("the {kind} can not be attached"),
            vec![what],
        ))
    };
    if body.is_empty() && kind != DocumentKind::Diff {
        return refuse("it is empty".to_owned());
    }
    if body.len() > bytes_max(kind) {
        return refuse(format!("it has {} bytes (limit {})", body.len(), bytes_max(kind)));
    }
    match kind {
        DocumentKind::Diff => match safeguard_gate::read_diff(body) {
            Ok(_) => Ok(()),
            Err(error) => refuse(error.to_string()),
        },
        DocumentKind::History => match serde_json::from_slice::<History>(body) {
            Ok(history) if history.api == HISTORY_API => Ok(()),
            Ok(history) => refuse(format!(
                "`api` is `{}`, and `{HISTORY_API}` is wanted",
                history.api
            )),
            Err(error) => refuse(error.to_string()),
        },
        DocumentKind::Intent | DocumentKind::Prompts | DocumentKind::Risk | DocumentKind::Recovery => {
            match std::str::from_utf8(body) {
                Ok(_) => Ok(()),
                Err(error) => refuse(format!("it is not UTF-8: {error}")),
            }
        }
    }
}

pub(super) async fn show(
    State(app): State<App>,
    Path((id, kind)): Path<(String, String)>,
) -> Result<Response, ApiError> {
    let change: ChangeId = parse_id(&id)?;
    let kind: DocumentKind = parse_id(&kind)?;
    let none = || ApiError::not_found("document", format!("{kind} of {change}"));
    let found = app.store.read({
        let key = document_key(&change, kind);
        move |tx| {
            let Some(attached) = tx.get::<ChangeDocument>(&key)? else {
                return Ok(None);
            };
            let personal = match &attached.commitment {
                Some(hmac) => tx.personal(hmac)?,
                None => None,
            };
            Ok(Some((attached, personal)))
        }
    });
    let (attached, personal) = found.await?.ok_or_else(none)?;
    let bytes = match (personal, &attached.commitment) {
        (Some(bytes), _) => bytes,
        (None, Some(_)) => {
            let title = format!("the {kind} of {change} was erased");
            return Err(ApiError(Problem::new(410, "not-found", title)));
        }
        (None, None) => read(&app, attached.document.clone()).await?.ok_or_else(none)?,
    };
    Ok(([(header::CONTENT_TYPE, media(kind))], bytes).into_response())
}

/// Reads a document of the content store.
pub(crate) async fn read(app: &App, digest: Digest) -> Result<Option<Vec<u8>>, ApiError> {
    let content = app.content.clone();
    let read = tokio::task::spawn_blocking(move || content.get(&digest)).await;
    read.map_err(|error| unwritten(&error))?
        .map_err(|error| unwritten(&error))
}

/// The content store failed.
pub(crate) fn unwritten(error: &dyn std::error::Error) -> ApiError {
    let title = "the content store failed";
    ApiError(
        Problem::new(507, "unavailable", title)
            .with_details(super::artifacts::chain(error))
            .with_hint("nothing was recorded; free some space, then send it again"),
    )
}
