//! Releases: created here, moved by the loop alone. Commands of people go to the loop and wait for its answer.

use axum::Json;
use axum::extract::{Path, Query, State};
use safeguard_api::bisect::Bisect;
use safeguard_api::release::{Lane, Phase, ReleaseSpec, Review};
use safeguard_api::status::{ReleaseStatus, ServiceState};
use safeguard_api::{Breakglass, Change, Name, Problem, Release, ReleaseId, Rollout, Stage};
use safeguard_rollout::observe::Command;
use safeguard_store::{Poisoned, StoreError, Tx};
use serde::Deserialize;

use super::{Answer, ApiError, Body, IdPath, LIST_MAX, Page, birth, consents, parse_id, policy};
use crate::App;
use crate::auth::Caller;
use crate::bisects;
use crate::control::Queue;
use crate::record::{self, now};

const VERSION_BYTES_MAX: usize = 64;
const REASON_BYTES_MAX: usize = 512;
/// A release carries at most this many changes, the newest first.
const CHANGES_MAX: usize = 4096;
/// As many new ones are named in one entry of the log.
const NEW_CHANGES_MAX: usize = 1024;
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_millis(50);
/// So long the release on its way may take to be gone before the live one goes back too.
const CLEAR_LONGEST: std::time::Duration = std::time::Duration::from_secs(12);
/// Releases of a service that wait behind the one on its way.
const WAITING_MAX: usize = 32;

pub(super) fn known_service(app: &App, service: &Name) -> Result<(), ApiError> {
    if app.config.services.contains_key(service) {
        return Ok(());
    }
    let known: Vec<String> = app.config.services.keys().map(ToString::to_string).collect();
    Err(ApiError(
        Problem::new(404, "not-found", format!("there is no service `{service}`"))
            .with_hint(format!("safeguard.toml has: {}", known.join(", "))),
    ))
}

pub(super) async fn create(
    State(app): State<App>,
    caller: Caller,
    Body(spec): Body<ReleaseSpec>,
) -> Answer<ReleaseStatus> {
    known_service(&app, &spec.service)?;
    let mut problems = Vec::new();
    let version = spec.version.trim();
    if version.is_empty() || version.len() > VERSION_BYTES_MAX || version.chars().any(char::is_control) {
        problems.push(format!(
            "`version` must have 1 to {VERSION_BYTES_MAX} printable bytes"
        ));
    }
    if spec.changes.len() > CHANGES_MAX {
        problems.push(format!("{} changes (limit {CHANGES_MAX})", spec.changes.len()));
    }
    if !problems.is_empty() {
        return Err(ApiError::invalid("the release can not be created", problems));
    }
    if !app.artifacts.has(&spec.artifact) {
        return Err(
            ApiError::refused(format!("artifact {} is not stored", spec.artifact.short()))
                .hint("`safeguard release create --artifact PATH` stores it first"),
        );
    }
    let created_at = now();
    let (ms, chance) = birth(created_at)?;
    let id = ReleaseId::new(ms, chance);
    let supersede = spec.supersede;
    let service = spec.service.clone();
    let actor = caller.actor;
    let made = app
        .store
        .write(move |tx| enter(tx, id, spec, created_at, actor))
        .await?;
    let (release, rollout, ahead) = made?;
    app.control.wake();
    if supersede {
        for older in ahead {
            // The older one may end by itself in between; then there is nothing left to close.
            if let Err(problem) = app
                .control
                .command(
                    older,
                    Command::Supersede {
                        by: release.id.clone(),
                    },
                )
                .await
            {
                tracing::info!(%service, title = problem.title, "A release could not be superseded");
            }
        }
    }
    shown(&app, release, rollout).await.map(Json)
}

/// Records the release and puts its rollout at the end of the service's queue. Returns the releases before it.
fn enter(
    tx: &mut Tx<'_>,
    id: ReleaseId,
    spec: ReleaseSpec,
    created_at: safeguard_api::Timestamp,
    actor: safeguard_api::audit::Actor,
) -> Result<(Release, Rollout, Vec<ReleaseId>), ApiError> {
    if let Some(poisoned) = tx.get::<Poisoned>(spec.artifact.as_str())?
        && poisoned.cleared_at.is_none()
    {
        let title = format!(
            "artifact {} was rolled back as {}",
            spec.artifact.short(),
            poisoned.release
        );
        return Err(ApiError(
            Problem::new(409, "refused", title)
                .with_details(vec![poisoned.reason.clone()])
                .with_hint(format!(
                    "run `safeguard release clear {}` when you know why",
                    poisoned.release
                )),
        ));
    }
    let in_force = policy::in_force(tx)?.ok_or_else(policy::none_in_force)?;
    let state = tx.get::<ServiceState>(spec.service.as_str())?;
    let base = match state.and_then(|state| state.live) {
        Some(live) => tx.get::<Release>(live.as_str())?,
        None => None,
    };
    let carried = base
        .as_ref()
        .map(|release| release.changes.clone())
        .unwrap_or_else(Vec::new);
    let mut new_changes = Vec::new();
    for change in &spec.changes {
        let found = tx.get::<Change>(change.as_str())?;
        if found
            .as_ref()
            .is_none_or(|found| found.spec.service != spec.service)
        {
            return Err(ApiError::not_found(
                "change",
                format!("{change} of service {}", spec.service),
            ));
        }
        if !carried.contains(change) && !new_changes.contains(change) {
            new_changes.push(change.clone());
        }
    }
    if NEW_CHANGES_MAX < new_changes.len() {
        let title = format!("{} new changes (limit {NEW_CHANGES_MAX})", new_changes.len());
        return Err(ApiError::invalid("the release can not be created", vec![title]));
    }
    if new_changes.is_empty() {
        let title = "the release carries no change that the live release does not carry".to_owned();
        return Err(ApiError::refused(title)
            .hint("record one with `safeguard change add`, then name it with `--change`"));
    }
    let mut queue = tx
        .get::<Queue>(spec.service.as_str())?
        .unwrap_or_else(|| Queue::empty(&spec.service));
    // One that closes those before it comes in when the others are too many already; a rollback may keep some of them.
    let waiting_max = if spec.supersede {
        2 * WAITING_MAX
    } else {
        WAITING_MAX
    };
    if queue.releases.len() > waiting_max {
        let title = format!(
            "{} releases of {} are waiting (limit {waiting_max})",
            queue.releases.len(),
            spec.service
        );
        return Err(ApiError::refused(title).hint("use `--supersede` to close those on their way"));
    }
    let changes = new_changes
        .iter()
        .cloned()
        .chain(carried)
        .take(CHANGES_MAX)
        .collect();
    let release = Release {
        id: id.clone(),
        service: spec.service.clone(),
        artifact: spec.artifact,
        version: spec.version.trim().to_owned(),
        changes,
        new_changes,
        base: base.map(|base| base.id),
        lane: spec.lane,
        created_at,
        created_by: actor.id.clone(),
    };
    let (service, artifact) = (spec.service.clone(), release.artifact.clone());
    let mut rollout = Rollout::begin(id.clone(), service, artifact, in_force.id, created_at);
    rollout.terms = in_force.policy.terms(release.lane);
    let ahead = queue.releases.clone();
    queue.releases.push(id.clone());
    let subject = vec![
        id.to_string(),
        release.artifact.to_string(),
        spec.service.to_string(),
    ];
    let decision = serde_json::json!({
        "version": release.version, "new_changes": release.new_changes, "base": release.base,
        "policy": rollout.policy, "lane": release.lane, "terms": rollout.terms, "ahead": ahead, "supersede": spec.supersede,
    });
    tx.append(&record::event("release.created", actor, subject, decision))?;
    tx.put(&release)?;
    tx.put(&rollout)?;
    tx.put(&queue)?;
    Ok((release, rollout, ahead))
}

pub(super) async fn list(State(app): State<App>, Query(page): Query<Page>) -> Answer<Vec<ReleaseListed>> {
    let listed = app
        .store
        .read(move |tx| {
            let releases = tx.list::<Release>(true, page.limit())?;
            let mut listed = Vec::with_capacity(releases.len());
            for release in releases {
                let Some(rollout) = tx.get::<Rollout>(release.id.as_str())? else {
                    continue;
                };
                listed.push(ReleaseListed {
                    stage: rollout.stage,
                    phase: rollout.phase,
                    release,
                });
            }
            Ok(listed)
        })
        .await?;
    Ok(Json(listed))
}

#[derive(serde::Serialize)]
pub(super) struct ReleaseListed {
    #[serde(flatten)]
    release: Release,
    stage: Stage,
    phase: Phase,
}

pub(super) async fn show(State(app): State<App>, Path(id): IdPath) -> Answer<ReleaseStatus> {
    let (release, rollout) = find(&app, &id).await?;
    shown(&app, release, rollout).await.map(Json)
}

async fn find(app: &App, id: &str) -> Result<(Release, Rollout), ApiError> {
    let id: ReleaseId = parse_id(id)?;
    let wanted = id.clone();
    let found = app
        .store
        .read(move |tx| {
            Ok(tx
                .get::<Release>(wanted.as_str())?
                .zip(tx.get::<Rollout>(wanted.as_str())?))
        })
        .await?;
    found.ok_or_else(|| ApiError::not_found("release", id))
}

/// A release with all that is known of it at this moment.
pub(super) async fn shown(app: &App, release: Release, rollout: Rollout) -> Result<ReleaseStatus, ApiError> {
    let world = app.world.borrow().clone();
    let rollout = world.at_present(rollout);
    let looked_at = release.clone();
    let (entries, waivers, breakglasses, bisect) = app
        .store
        .read(move |tx| {
            let entries = tx.entries(Some(looked_at.id.as_str()), true, LIST_MAX)?;
            let mut breakglasses = tx.list::<Breakglass>(true, LIST_MAX)?;
            breakglasses.retain(|glass| glass.statement.release == looked_at.id);
            let bisect = tx.get::<Bisect>(looked_at.id.as_str())?;
            Ok((entries, consents::waivers(tx, &looked_at)?, breakglasses, bisect))
        })
        .await?;
    let entries = super::summaries(entries);
    let mut hints: Vec<String> = rollout
        .blocks
        .iter()
        .map(|block| block.hint(&release.id))
        .collect();
    hints.extend(bisects::hints_of(&release, &rollout, bisect.as_ref()));
    Ok(ReleaseStatus {
        routes: world.routes_of(&release.service, &release.id),
        instances: world.instances_of(&release.service, &release.id),
        release,
        rollout,
        entries,
        waivers,
        breakglasses,
        bisect: bisect.map(Box::new),
        hints,
    })
}

pub(super) async fn promote(
    State(app): State<App>,
    caller: Caller,
    Path(id): IdPath,
) -> Answer<ReleaseStatus> {
    command(&app, &id, |_| Command::Promote { by: caller.actor.id }).await
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Why {
    #[serde(default)]
    reason: Option<String>,
}

pub(super) async fn hold(
    State(app): State<App>,
    caller: Caller,
    Path(id): IdPath,
    body: axum::body::Bytes,
) -> Answer<ReleaseStatus> {
    // A hold needs no reason, so it needs no body either.
    let why: Why = if body.is_empty() {
        Why::default()
    } else {
        serde_json::from_slice(&body)
            .map_err(|error| ApiError(Problem::new(400, "invalid", error.to_string())))?
    };
    // A decision too long for the log could not be committed, and the round with it.
    if why
        .reason
        .as_ref()
        .is_some_and(|reason| REASON_BYTES_MAX < reason.len())
    {
        let details = vec![format!("`reason` must have at most {REASON_BYTES_MAX} bytes")];
        return Err(ApiError::invalid("the release can not be held", details));
    }
    command(&app, &id, |_| Command::Hold {
        by: caller.actor.id,
        reason: why.reason,
    })
    .await
}

pub(super) async fn rollback(
    State(app): State<App>,
    caller: Caller,
    Path(id): IdPath,
) -> Answer<ReleaseStatus> {
    let (release, _) = find(&app, &id).await?;
    clear_the_way(&app, &release, &caller.actor.id).await?;
    command(&app, &id, |_| Command::Rollback { by: caller.actor.id }).await
}

/// A service has one candidate at a time: when the live release goes back, the one on its way goes first.
async fn clear_the_way(app: &App, release: &Release, by: &str) -> Result<(), ApiError> {
    let key = release.service.to_string();
    let state = app.store.read(move |tx| tx.get::<ServiceState>(&key)).await?;
    let Some(state) = state.filter(|state| state.live.as_ref() == Some(&release.id)) else {
        return Ok(());
    };
    let Some(walking) = state.active.filter(|active| *active != release.id) else {
        return Ok(());
    };
    app.control
        .command(walking.clone(), Command::Rollback { by: by.to_owned() })
        .await
        .map_err(ApiError)?;
    let gone = async {
        loop {
            let id = walking.to_string();
            match app.store.read(move |tx| tx.get::<Rollout>(&id)).await? {
                Some(rollout) if !rollout.phase.is_final() => tokio::time::sleep(LOOK_EVERY).await,
                Some(_) | None => return Ok::<(), StoreError>(()),
            }
        }
    };
    match tokio::time::timeout(CLEAR_LONGEST, gone).await {
        Ok(gone) => Ok(gone?),
        // The live release goes back whatever became of the other: a rollback is never refused.
        Err(_) => Ok(()),
    }
}

async fn command(app: &App, id: &str, make: impl FnOnce(&Release) -> Command) -> Answer<ReleaseStatus> {
    let (release, _) = find(app, id).await?;
    let command = make(&release);
    app.control
        .command(release.id.clone(), command)
        .await
        .map_err(ApiError)?;
    let (release, rollout) = find(app, id).await?;
    shown(app, release, rollout).await.map(Json)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Note {
    note: String,
}

/// Records that somebody else has looked at a hotfix.
pub(super) async fn review(
    State(app): State<App>,
    caller: Caller,
    Path(id): IdPath,
    Body(said): Body<Note>,
) -> Answer<Review> {
    let (release, rollout) = find(&app, &id).await?;
    let note = said.note.trim().to_owned();
    if note.is_empty() || REASON_BYTES_MAX < note.len() {
        let what = format!("`note` must have 1 to {REASON_BYTES_MAX} bytes");
        return Err(ApiError::invalid("the review can not be recorded", vec![what]));
    }
    if release.lane != Lane::Hotfix {
        return Err(ApiError::refused(format!("{} is no hotfix", release.id)));
    }
    if !rollout.phase.is_final() {
        return Err(ApiError::refused(format!("{} is still on its way", release.id))
            .hint("review it when it is live, or has come back"));
    }
    if release.created_by == caller.actor.id {
        return Err(
            ApiError::refused(format!("`{}` created the release", release.created_by))
                .hint("another person reviews it, with a token of their own"),
        );
    }
    let subject = vec![release.id.to_string(), release.service.to_string()];
    let text = format!("hotfix {} was reviewed", release.version);
    let by = caller.actor.id.clone();
    let decision = serde_json::json!({ "text": text, "note": note });
    let event = record::event("hotfix.reviewed", caller.actor, subject, decision);
    let reviewed = app
        .store
        .write(move |tx| -> Result<Review, StoreError> {
            let entry = tx.append(&event)?;
            let review = Review {
                release: release.id,
                by,
                note,
                at: event.ts,
                entry,
            };
            tx.put(&review)?;
            Ok(review)
        })
        .await??;
    Ok(Json(reviewed))
}

pub(super) async fn clear(State(app): State<App>, caller: Caller, Path(id): IdPath) -> Answer<ReleaseStatus> {
    let (release, rollout) = find(&app, &id).await?;
    let artifact = release.artifact.clone();
    let subject = vec![release.id.to_string(), artifact.to_string()];
    let by = caller.actor.id.clone();
    let cleared = app
        .store
        .write(move |tx| -> Result<bool, StoreError> {
            let Some(mut poisoned) = tx.get::<Poisoned>(artifact.as_str())? else {
                return Ok(false);
            };
            if poisoned.cleared_at.is_some() {
                return Ok(false);
            }
            let decision =
                serde_json::json!({ "text": "the digest may be released again", "was": poisoned.reason });
            poisoned.cleared_at = Some(now());
            poisoned.cleared_by = Some(by);
            tx.put(&poisoned)?;
            tx.append(&record::event("release.cleared", caller.actor, subject, decision))?;
            Ok(true)
        })
        .await??;
    if !cleared {
        return Err(ApiError::refused(format!(
            "artifact {} is not poisoned",
            release.artifact.short()
        )));
    }
    app.control.wake();
    shown(&app, release, rollout).await.map(Json)
}
