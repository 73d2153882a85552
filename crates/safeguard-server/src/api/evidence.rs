//! Evidence: reports of tools, kept as they came, with what they say.

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use safeguard_api::audit::{Event, Reference};
use safeguard_api::evidence::{About, Asked, EvidenceSpec, Facts, Format, Layer, Measure};
use safeguard_api::{Digest, Evidence, EvidenceId, Gate, Name, Problem, Timestamp};
use safeguard_store::{EvidenceAbout, StoreError, Tx};
use serde::Deserialize;
use tokio::sync::Semaphore;

use super::{Answer, ApiError, IdPath, LIST_MAX, birth, parse_id};
use crate::App;
use crate::auth::Caller;
use crate::record::{self, now};

/// A report may be this long.
pub(super) const REPORT_BYTES_MAX: usize = 32 << 20;
/// Reports read at the same time: each is in memory whole, and once more while it is read.
const READING_MAX: usize = 2;
static READING: Semaphore = Semaphore::const_new(READING_MAX);
/// Reports about one commit or artifact.
const ABOUT_ONE_MAX: usize = 256;
const TOOL_BYTES_MAX: usize = 256;
const ASKED_BYTES_MAX: usize = 4096;

/// What the query of `POST /api/v1/evidence` says; see [`EvidenceSpec`].
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Said {
    service: Name,
    format: Format,
    commit: Option<String>,
    artifact: Option<Digest>,
    layer: Option<Layer>,
    measure: Option<Measure>,
    /// [`Asked`], as JSON.
    asked: Option<String>,
    gate: Option<Gate>,
    tool: Option<String>,
    tool_version: Option<String>,
    produced_at: Option<Timestamp>,
}

impl Said {
    fn spec(self) -> Result<EvidenceSpec, ApiError> {
        let invalid = |what: String| ApiError::invalid("the evidence can not be added", vec![what]);
        let about = match (self.commit, self.artifact) {
            (Some(commit), None) => {
                let commit = commit.to_ascii_lowercase();
                let is_commit =
                    (40..=64).contains(&commit.len()) && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
                if !is_commit {
                    let what = "`commit` is not a commit in full: 40 to 64 hexadecimal digits";
                    return Err(invalid(what.to_owned()));
                }
                About::Commit(commit)
            }
            (None, Some(artifact)) => About::Artifact(artifact),
            (None, None) | (Some(_), Some(_)) => {
                let what = "evidence is bound to one thing: give either `commit` or `artifact`";
                return Err(invalid(what.to_owned()));
            }
        };
        for (key, text) in [("tool", &self.tool), ("tool_version", &self.tool_version)] {
            let unfit = |text: &String| {
                text.trim().is_empty() || text.len() > TOOL_BYTES_MAX || text.chars().any(char::is_control)
            };
            if text.as_ref().is_some_and(unfit) {
                return Err(invalid(format!(
                    "`{key}` must have 1 to {TOOL_BYTES_MAX} printable bytes"
                )));
            }
        }
        let asked = match self.asked.as_deref().map(serde_json::from_str::<Asked>) {
            None => None,
            Some(_) if self.format != Format::Prometheus => {
                return Err(invalid(format!(
                    "`asked` says what Prometheus was asked, and the format is {}",
                    self.format
                )));
            }
            Some(Err(error)) => return Err(invalid(format!("`asked`: {error}"))),
            Some(Ok(asked)) if asked.query.len() > ASKED_BYTES_MAX => {
                let bytes = asked.query.len();
                return Err(invalid(format!(
                    "the query has {bytes} bytes (limit {ASKED_BYTES_MAX})"
                )));
            }
            Some(Ok(asked)) => Some(asked),
        };
        Ok(EvidenceSpec {
            service: self.service,
            format: self.format,
            about,
            layer: self.layer,
            measure: self.measure,
            asked,
            gate: self.gate,
            tool: self.tool,
            tool_version: self.tool_version,
            produced_at: self.produced_at,
        })
    }
}

pub(super) async fn add(
    State(app): State<App>,
    caller: Caller,
    Query(said): Query<Said>,
    body: Bytes,
) -> Answer<Evidence> {
    let spec = said.spec()?;
    super::releases::known_service(&app, &spec.service)?;
    let _permit = READING.try_acquire().map_err(|_| {
        let title = format!("{READING_MAX} reports are being read (limit {READING_MAX})");
        ApiError(Problem::new(503, "unavailable", title).with_hint("send it again when one has ended"))
    })?;
    let evidence = keep(&app, spec, caller, body).await?;
    app.control.wake();
    Ok(Json(evidence))
}

async fn keep(app: &App, spec: EvidenceSpec, caller: Caller, body: Bytes) -> Result<Evidence, ApiError> {
    let content = app.content.clone();
    let (mut spec, read, document, bytes) = tokio::task::spawn_blocking(move || {
        let read = safeguard_gate::read(&spec, &body).map_err(|error| {
            let title = format!("the report can not be read as {}", spec.format);
            ApiError::invalid(title, super::artifacts::chain(&error))
        })?;
        if matches!(read.facts, Facts::Drill(_)) {
            let title = "a drill is held by safeguard itself; nobody can send its certificate";
            return Err(ApiError::refused(title).hint("run `safeguard drill run RELEASE`"));
        }
        let document = content
            .put(&body)
            .map_err(|error| super::documents::unwritten(&error))?;
        Ok::<_, ApiError>((spec, read, document, body.len() as u64))
    })
    .await
    .map_err(|error| super::documents::unwritten(&error))??;
    // What the report says of itself counts before what its sender says.
    if let Some(tool) = read.tool {
        (spec.tool, spec.tool_version) = (Some(tool.name), tool.version);
    }
    spec.produced_at = read.produced_at;
    let added_at = now();
    let (ms, chance) = birth(added_at)?;
    let evidence = Evidence {
        id: EvidenceId::new(ms, chance),
        spec,
        document,
        bytes,
        facts: read.facts,
        inconclusive: read.inconclusive,
        added_at,
        added_by: caller.actor.id.clone(),
        entry: 0,
    };
    let event = added(&evidence, caller);
    app.store.write(move |tx| write(tx, evidence, &event)).await?
}

fn write(tx: &mut Tx<'_>, evidence: Evidence, event: &Event) -> Result<Evidence, ApiError> {
    let about = &evidence.spec.about;
    let known = tx.get::<EvidenceAbout>(&EvidenceAbout::key_of(&evidence.spec.service, about))?;
    if known.is_some_and(|known| known.evidence.len() >= ABOUT_ONE_MAX) {
        let title = format!("there are {ABOUT_ONE_MAX} reports about {about} (limit {ABOUT_ONE_MAX})");
        return Err(ApiError::refused(title).hint("send a report once, not at every build step"));
    }
    Ok(record(tx, evidence, event)?)
}

/// Records evidence together with its entry in the log.
pub(crate) fn record(tx: &mut Tx<'_>, evidence: Evidence, event: &Event) -> Result<Evidence, StoreError> {
    let (service, about) = (&evidence.spec.service, &evidence.spec.about);
    let known = tx.get::<EvidenceAbout>(&EvidenceAbout::key_of(service, about))?;
    let mut known = known.unwrap_or_else(|| EvidenceAbout {
        service: service.clone(),
        about: about.clone(),
        evidence: Vec::new(),
    });
    known.evidence.push(evidence.id.clone());
    let entry = tx.append(event)?;
    let evidence = Evidence { entry, ..evidence };
    tx.put(&known)?;
    tx.put(&evidence)?;
    Ok(evidence)
}

fn added(evidence: &Evidence, caller: Caller) -> Event {
    let spec = &evidence.spec;
    let about = match &spec.about {
        About::Commit(commit) => commit.clone(),
        About::Artifact(digest) => digest.to_string(),
    };
    let subject = vec![evidence.id.to_string(), about, spec.service.to_string()];
    let text = format!("{} about {}", spec.format, spec.about);
    let decision = serde_json::json!({
        "text": text, "format": spec.format, "gate": spec.gate, "layer": spec.layer,
        "tool": spec.tool, "tool_version": spec.tool_version, "inconclusive": evidence.inconclusive,
    });
    let mut event = record::event("evidence.added", caller.actor, subject, decision);
    event.refs.push(Reference {
        name: "report".to_owned(),
        sha256: evidence.document.clone(),
        size: evidence.bytes,
        media: "application/octet-stream".to_owned(),
    });
    event
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    service: Name,
    limit: Option<usize>,
}

pub(super) async fn list(State(app): State<App>, Query(wanted): Query<Wanted>) -> Answer<Vec<Evidence>> {
    let limit = wanted.limit.unwrap_or(50).clamp(1, LIST_MAX);
    let prefix = format!("{}/", wanted.service);
    let mut listed = app
        .store
        .read(move |tx| tx.list_last::<Evidence>(&prefix, limit))
        .await?;
    listed.reverse();
    Ok(Json(listed))
}

pub(super) async fn show(State(app): State<App>, Path(id): IdPath) -> Answer<Evidence> {
    let id: EvidenceId = parse_id(&id)?;
    let services: Vec<Name> = app.config.services.keys().cloned().collect();
    let wanted = id.clone();
    let found = app
        .store
        .read(move |tx| {
            for service in services {
                if let Some(evidence) = tx.get::<Evidence>(&format!("{service}/{wanted}"))? {
                    return Ok(Some(evidence));
                }
            }
            Ok(None)
        })
        .await?;
    found.map(Json).ok_or_else(|| ApiError::not_found("evidence", id))
}
