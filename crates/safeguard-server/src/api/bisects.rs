//! The search for the changes at fault in a release: begun here, its trials held by the task of the drills.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Body as RequestBody;
use axum::extract::{Path, Query, State};
use safeguard_api::bisect::{
    BatchChange, Bisect, BisectSpec, BisectStatus, Conclusion, FAILING_PATH_BYTES_MAX, FAILING_PATHS_MAX,
    Method, NOT_BUILT_WHY_BYTES_MAX, NotBuilt, Suspect, TrialOutcome,
};
use safeguard_api::drill::DrillState;
use safeguard_api::release::HeldReason;
use safeguard_api::risk::FailureKind;
use safeguard_api::{Change, ChangeId, Digest, Phase, Release, ReleaseId, Rollout};
use safeguard_gate::{Failed, kinds_of, kinds_of_drill, suspects};
use safeguard_rollout::bisect::Next;
use serde::Deserialize;

use super::approvals::{Looked, look};
use super::artifacts::take_in;
use super::{Answer, ApiError, Body, IdPath, parse_id};
use crate::App;
use crate::artifacts::Artifacts;
use crate::auth::Caller;
use crate::bisects::{self, Told, number};
use crate::drills::{self, TrialAsked};
use crate::record::{self, now};

pub(super) async fn show(State(app): State<App>, Path(id): IdPath) -> Answer<BisectStatus> {
    let bisect = find(&app, &parse_id(&id)?).await?;
    Ok(Json(bisects::status(bisect, &app.drills.under_way())))
}

async fn find(app: &App, id: &ReleaseId) -> Result<Bisect, ApiError> {
    known(app, id).await?.ok_or_else(|| {
        let title = format!("nobody has looked for what is at fault in {id}");
        ApiError(safeguard_api::Problem::new(404, "not-found", title))
            .hint(format!("`safeguard release bisect {id}` does"))
    })
}

async fn known(app: &App, id: &ReleaseId) -> Result<Option<Bisect>, ApiError> {
    let key = id.to_string();
    Ok(app.store.read(move |tx| tx.get::<Bisect>(&key)).await?)
}

pub(super) async fn start(
    State(app): State<App>,
    caller: Caller,
    Path(id): IdPath,
    Body(spec): Body<BisectSpec>,
) -> Answer<BisectStatus> {
    let id: ReleaseId = parse_id(&id)?;
    check_paths(&spec.failing_paths)?;
    let looked = look(&app, &id).await?;
    let rollout = rollout(&app, &id).await?;
    may_begin(&looked.file.release, &rollout, spec.method)?;
    let under_way = app.drills.under_way();
    let before = known(&app, &id).await?;
    match before.filter(|_| !spec.anew) {
        Some(bisect) if bisect.method == spec.method => {
            return Ok(Json(bisects::status(bisect, &under_way)));
        }
        Some(bisect) if !bisect.trials.is_empty() => {
            let title = format!(
                "{} trials of {id} are recorded, and would be forgotten",
                bisect.trials.len()
            );
            return Err(ApiError::refused(title).hint("`--anew` forgets them"));
        }
        Some(_) | None => {}
    }
    if under_way.trial.as_ref().is_some_and(|trial| trial.release == id) {
        return Err(ApiError::refused(format!("a trial of {id} is under way"))
            .hint(format!("`safeguard release bisect {id}` waits for it")));
    }
    let base = base(&app, &looked.file.release)?;
    let bisect = Bisect {
        service: looked.file.release.service.clone(),
        base,
        changes: batch(&looked),
        method: spec.method,
        suspects: suspected(&app, looked, &rollout, &spec.failing_paths).await?,
        failing_paths: spec.failing_paths,
        trials: Vec::new(),
        conclusion: match spec.method {
            Method::Rebuild => None,
            Method::Evidence => Some(Conclusion::Suspicions),
        },
        started_at: now(),
        started_by: caller.actor.id.clone(),
        release: id,
    };
    let document = record::keep(&app.content, "bisect", &bisect)
        .await
        .map_err(unkept)?;
    let begun = bisect.clone();
    app.store
        .write(move |tx| bisects::begin(tx, &begun, caller.actor, document))
        .await??;
    Ok(Json(bisects::status(bisect, &under_way)))
}

fn unkept(why: String) -> ApiError {
    let title = "the search's document can not be kept";
    ApiError(safeguard_api::Problem::new(503, "unavailable", title).with_details(vec![why]))
}

fn check_paths(paths: &[String]) -> Result<(), ApiError> {
    let is_path = |path: &String| path.starts_with('/') && path.len() <= FAILING_PATH_BYTES_MAX;
    if FAILING_PATHS_MAX < paths.len() || !paths.iter().all(is_path) {
        let detail = format!(
            "`failing_paths` has at most {FAILING_PATHS_MAX} paths, each of at most {FAILING_PATH_BYTES_MAX} bytes \
             and beginning with `/`"
        );
        return Err(ApiError::invalid("the search can not begin", vec![detail]));
    }
    Ok(())
}

async fn rollout(app: &App, id: &ReleaseId) -> Result<Rollout, ApiError> {
    let key = id.to_string();
    let found = app.store.read(move |tx| tx.get::<Rollout>(&key)).await?;
    found.ok_or_else(|| ApiError::not_found("release", id))
}

/// A release on its way is not tried beside itself: it is taken off first.
fn may_begin(release: &Release, rollout: &Rollout, method: Method) -> Result<(), ApiError> {
    let id = &release.id;
    match &rollout.phase {
        Phase::RolledBack { .. } | Phase::RollbackFailed { .. } => Ok(()),
        Phase::Live => Err(
            ApiError::refused(format!("{id} is live: nothing says that it is bad")).hint(format!(
                "`safeguard release rollback {id}` takes it off; then look for what is at fault"
            )),
        ),
        Phase::Superseded { by } => Err(ApiError::refused(format!(
            "{id} was superseded by {by}: nothing says that it is bad"
        ))),
        Phase::Queued
        | Phase::Blocked
        | Phase::Deploying
        | Phase::Warming
        | Phase::Analyzing { .. }
        | Phase::Soaking
        | Phase::Verified
        | Phase::Promoting
        | Phase::Held { .. }
        | Phase::RollingBack { .. } => match method {
            Method::Evidence => Ok(()),
            Method::Rebuild => Err(
                ApiError::refused(format!("{id} is still on its way")).hint(format!(
                    "`safeguard release rollback {id}` takes it off; then look for what is at fault"
                )),
            ),
        },
    }
}

/// The live release that it was created beside, whose artifact is what trials are compared with.
fn base(app: &App, release: &Release) -> Result<ReleaseId, ApiError> {
    release.base.clone().filter(|_| app.config.services.contains_key(&release.service)).ok_or_else(|| {
        ApiError::refused(format!("nothing was live when {} was created: there is nothing to compare with", release.id))
            .hint("the first release of a service is narrowed by building it without some of its changes by hand")
    })
}

/// Ids sort by birth, so that the order is the one in which the changes were recorded.
fn batch(looked: &Looked) -> Vec<BatchChange> {
    let of = |change: &Change| BatchChange {
        change: change.id.clone(),
        base: change.spec.base.clone(),
        head: change.spec.head.clone(),
    };
    let mut batch: Vec<BatchChange> = looked.file.changes.iter().map(|file| of(&file.change)).collect();
    batch.sort_by(|one, other| one.change.cmp(&other.change));
    batch
}

async fn suspected(
    app: &App,
    looked: Looked,
    rollout: &Rollout,
    failing_paths: &[String],
) -> Result<Vec<Suspect>, ApiError> {
    let kinds = kinds(app, rollout).await?;
    let (content, paths) = (app.content.clone(), failing_paths.to_vec());
    let found = tokio::task::spawn_blocking(move || {
        let mut diffs: BTreeMap<ChangeId, Vec<u8>> = BTreeMap::new();
        for file in &looked.file.changes {
            let Some(digest) = &file.diff else { continue };
            let diff = content.get(digest).map_err(|error| error.to_string())?;
            let diff = diff.ok_or_else(|| format!("document {digest} is not there"))?;
            diffs.insert(file.change.id.clone(), diff);
        }
        let failed = Failed {
            kinds: &kinds,
            paths: &paths,
            diffs: &diffs,
        };
        Ok(looked
            .file
            .with_case(&looked.parts, |case| suspects(case, failed)))
    });
    found
        .await
        .map_err(|error| unkept(error.to_string()))?
        .map_err(unkept)
}

/// The ways in which the release went wrong: what took it off, or else what its drill refused it for.
async fn kinds(app: &App, rollout: &Rollout) -> Result<Vec<FailureKind>, ApiError> {
    let by_phase: &[FailureKind] = match &rollout.phase {
        Phase::RollingBack { reason, .. }
        | Phase::RolledBack { reason, .. }
        | Phase::RollbackFailed { reason, .. } => kinds_of(reason),
        Phase::Held {
            reason: HeldReason::Worse { .. },
            ..
        } => &[FailureKind::LogicBug, FailureKind::ApiFailure],
        Phase::Held {
            reason: HeldReason::NotEnoughEvidence { .. } | HeldReason::Poisoned,
            ..
        }
        | Phase::Queued
        | Phase::Blocked
        | Phase::Deploying
        | Phase::Warming
        | Phase::Analyzing { .. }
        | Phase::Soaking
        | Phase::Verified
        | Phase::Promoting
        | Phase::Live
        | Phase::Superseded { .. } => &[],
    };
    if !by_phase.is_empty() {
        return Ok(by_phase.to_vec());
    }
    let (config, id, under_way) = (
        app.config.clone(),
        rollout.release.clone(),
        app.drills.under_way(),
    );
    let drill = app
        .store
        .read(move |tx| match drills::case(tx, &config, &id)? {
            Some(case) => drills::state(tx, &case, &under_way).map(Some),
            None => Ok(None),
        })
        .await?;
    Ok(match drill.map(|drill| drill.state) {
        Some(DrillState::Held { drill, refusals, .. }) if !refusals.is_empty() => {
            kinds_of_drill(&drill).to_vec()
        }
        Some(
            DrillState::Held { .. }
            | DrillState::NotHeld
            | DrillState::Waiting
            | DrillState::Running { .. }
            | DrillState::Undecided { .. },
        )
        | None => Vec::new(),
    })
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Which {
    trial: u32,
    digest: Digest,
}

/// Takes an artifact in, where no release can be made from it, and lets it be tried.
pub(super) async fn try_artifact(
    State(app): State<App>,
    caller: Caller,
    Path(id): IdPath,
    Query(which): Query<Which>,
    body: RequestBody,
) -> Answer<BisectStatus> {
    let bisect = find(&app, &parse_id(&id)?).await?;
    let changes = wanted(&bisect, which.trial)?;
    nothing_is_on_its_way(&app, &bisect).await?;
    stable_is_there(&app, &bisect).await?;
    let place = app.drills.trial_place(&bisect.release, which.trial);
    let place = place.ok_or_else(another_is_under_way)?;
    // There is one place: what lies there is of somebody who went away in the middle of this.
    Artifacts::open_empty(app.trial_artifacts.folder()).map_err(|error| unkept(error.to_string()))?;
    take_in(&app.trial_artifacts, &which.digest, body).await?;
    let asked = TrialAsked {
        release: bisect.release.clone(),
        number: which.trial,
        changes,
        artifact: which.digest,
    };
    bisects::trying(&app.store, &bisect, caller.actor, &asked).await?;
    if !place.hand_over(asked) {
        let title = "nobody holds trials any more";
        return Err(ApiError(safeguard_api::Problem::new(503, "unavailable", title)));
    }
    Ok(Json(bisects::status(bisect, &app.drills.under_way())))
}

fn another_is_under_way() -> ApiError {
    ApiError::refused("another trial is under way")
        .hint("run this again when it has ended: they are held one at a time")
}

/// The changes of the trial that is wanted, if it is this one.
fn wanted(bisect: &Bisect, trial: u32) -> Result<Vec<ChangeId>, ApiError> {
    let release = &bisect.release;
    let next = match (&bisect.conclusion, bisects::what_next(bisect)) {
        (None, Next::Try(changes)) => changes,
        (None, Next::Over(_)) | (Some(_), _) => {
            return Err(
                ApiError::refused(format!("the search in {release} is over")).hint(format!(
                    "`safeguard release bisect {release} --anew` begins another"
                )),
            );
        }
    };
    if trial != number(bisect) {
        let title = format!(
            "trial {trial} of {release} is not wanted: the next one is {}",
            number(bisect)
        );
        return Err(
            ApiError::refused(title).hint(format!("`safeguard release bisect {release}` goes on with it"))
        );
    }
    Ok(next)
}

async fn nothing_is_on_its_way(app: &App, bisect: &Bisect) -> Result<(), ApiError> {
    let service = bisect.service.clone();
    let walking = app
        .store
        .read(move |tx| bisects::on_its_way(tx, &service))
        .await?;
    match walking {
        None => Ok(()),
        Some(walking) => Err(ApiError::refused(format!("{walking} is on its way, and trials wait for it")).hint(format!(
            "follow it with `safeguard rollout watch {walking}`; then `safeguard release bisect {}` goes on",
            bisect.release
        ))),
    }
}

async fn stable_is_there(app: &App, bisect: &Bisect) -> Result<(), ApiError> {
    let key = bisect.base.to_string();
    let base = app.store.read(move |tx| tx.get::<Release>(&key)).await?;
    match base.filter(|base| app.artifacts.has(&base.artifact)) {
        Some(_) => Ok(()),
        None => Err(ApiError::refused(format!(
            "the artifact of {} is not stored any more: there is nothing to compare with",
            bisect.base
        ))),
    }
}

/// There is no artifact of these changes alone: nothing is said of them.
pub(super) async fn unbuilt(
    State(app): State<App>,
    caller: Caller,
    Path(id): IdPath,
    Body(said): Body<NotBuilt>,
) -> Answer<BisectStatus> {
    let id: ReleaseId = parse_id(&id)?;
    let why = said.why.trim().to_owned();
    if why.is_empty() || NOT_BUILT_WHY_BYTES_MAX < why.len() {
        let detail = format!("`why` must have 1 to {NOT_BUILT_WHY_BYTES_MAX} bytes");
        return Err(ApiError::invalid("the trial can not be recorded", vec![detail]));
    }
    find(&app, &id).await?;
    let place = app.drills.trial_place(&id, said.trial);
    let _place = place.ok_or_else(another_is_under_way)?;
    let bisect = app
        .store
        .write(move |tx| -> Result<Bisect, ApiError> {
            let found = tx.get::<Bisect>(id.as_str())?;
            let bisect = found.ok_or_else(|| ApiError::not_found("release", &id))?;
            let changes = wanted(&bisect, said.trial)?;
            let told = Told {
                by: caller.actor,
                changes,
                outcome: TrialOutcome::NotBuilt,
                why,
                artifact: None,
                document: None,
            };
            Ok(bisects::add(tx, bisect, told)?)
        })
        .await??;
    let mut under_way = app.drills.under_way();
    under_way.trial = None;
    Ok(Json(bisects::status(bisect, &under_way)))
}
