//! How things stand.

use axum::Json;
use axum::extract::State;
use safeguard_api::release::{Lane, Phase, Release, Review, Rollout};
use safeguard_api::status::{PolicyStatus, ServiceState, ServiceStatus, Status};
use safeguard_api::{Freeze, Problem, Span};

use safeguard_store::{StoreError, Tx};

use super::{Answer, ApiError, breakglasses, freezes, policy, releases, statements};
use crate::App;
use crate::record::now;
use crate::world::World;

/// So many releases are looked at for hotfixes that nobody reviewed.
const RELEASES_LOOKED_AT: usize = 200;

/// Longer than this without a word from a process is worth a warning.
const SILENT_LONGEST: Span = Span::seconds(2);

pub(super) async fn health(State(app): State<App>) -> Result<&'static str, ApiError> {
    let trouble = app.world.borrow().trouble.clone();
    match trouble {
        None => Ok("ok\n"),
        Some(trouble) => Err(ApiError(Problem::new(503, "unavailable", trouble))),
    }
}

pub(super) async fn status(State(app): State<App>) -> Answer<Status> {
    let world = app.world.borrow().clone();
    let at = now();
    let (policy, freezes, unreviewed, opened, let_run) = app
        .store
        .read(|tx| {
            Ok((
                policy::in_force(tx)?,
                freezes::not_closed(tx)?,
                unreviewed(tx)?,
                breakglasses::unreviewed(tx)?,
                statements::unreviewed(tx)?,
            ))
        })
        .await?;
    let policy = policy.ok_or_else(policy::none_in_force)?;
    let mut services = Vec::new();
    for service in app.config.services.keys() {
        let key = service.to_string();
        let (state, live, active) = app
            .store
            .read(move |tx| {
                let Some(state) = tx.get::<ServiceState>(&key)? else {
                    return Ok((None, None, None));
                };
                let live = match &state.live {
                    Some(id) => tx.get::<Release>(id.as_str())?,
                    None => None,
                };
                let active = match &state.active {
                    Some(id) => tx
                        .get::<Release>(id.as_str())?
                        .zip(tx.get::<Rollout>(id.as_str())?),
                    None => None,
                };
                Ok((Some(state), live, active))
            })
            .await?;
        let active_release = match active {
            Some((release, rollout)) => Some(releases::shown(&app, release, rollout).await?),
            None => None,
        };
        let empty = ServiceState {
            service: service.clone(),
            live: None,
            previous: None,
            active: None,
        };
        services.push(ServiceStatus {
            state: state.unwrap_or(empty),
            live_version: live.map(|release| release.version),
            routes: world.routes(service),
            instances: world.instances(service),
            active_release,
            freeze: world.calendars.check(service, &freezes, at),
            router_silent: (world.router_silent > Span(0)).then_some(world.router_silent),
        });
    }
    let mut status = Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        at,
        mode: policy.policy.mode,
        policy: policy.id.clone(),
        warnings: Vec::new(),
        services,
        freezes: freezes.into_iter().filter(|freeze| is_open(freeze, at)).collect(),
        processes: world
            .supervisor
            .as_ref()
            .map(|supervisor| supervisor.roles.clone())
            .unwrap_or_else(Vec::new),
        log: app.store.log_status(),
    };
    status.warnings = warnings(&app, &world, &status, &policy, &unreviewed);
    status.warnings.extend(opened.iter().map(|glass| {
        format!(
            "break-glass {} let {} through a freeze and nobody has reviewed it: run `safeguard breakglass review {} --finding \"…\"`",
            glass.id, glass.statement.release, glass.id
        )
    }));
    status.warnings.extend(let_run.iter().map(|request| {
        let id = &request.decision.decision;
        format!(
            "break-glass: two people let statement {id} run in {} and nobody has reviewed it: run `safeguard statement review {id} --finding \"…\"`",
            request.environment
        )
    }));
    Ok(Json(status))
}

fn is_open(freeze: &Freeze, at: safeguard_api::Timestamp) -> bool {
    freeze.closed_at.is_none() && freeze.until.is_none_or(|until| at < until)
}

/// Hotfixes whose walk is over, and at which nobody else has looked.
fn unreviewed(tx: &Tx<'_>) -> Result<Vec<Release>, StoreError> {
    let mut unreviewed = Vec::new();
    for release in tx.list::<Release>(true, RELEASES_LOOKED_AT)? {
        if release.lane != Lane::Hotfix || tx.get::<Review>(release.id.as_str())?.is_some() {
            continue;
        }
        let rollout = tx.get::<Rollout>(release.id.as_str())?;
        if rollout.is_some_and(|rollout| rollout.phase.is_final()) {
            unreviewed.push(release);
        }
    }
    Ok(unreviewed)
}

fn warnings(
    app: &App,
    world: &World,
    status: &Status,
    policy: &PolicyStatus,
    unreviewed: &[Release],
) -> Vec<String> {
    let mut warnings = Vec::new();
    if let Some(trouble) = &world.trouble {
        warnings.push(format!(
            "nothing can be decided: {trouble}; run `safeguard doctor`"
        ));
    }
    if world.router_silent > SILENT_LONGEST {
        warnings.push(format!("the router has not answered for {}", world.router_silent));
    }
    if world.supervisor_silent > SILENT_LONGEST {
        warnings.push(format!(
            "the supervisor has not answered for {}",
            world.supervisor_silent
        ));
    }
    for (calendar, outcome) in world.calendars.outcomes() {
        if let Err(why) = outcome {
            warnings.push(format!("calendar `{calendar}` is closed: {why}"));
        }
    }
    for service in &status.services {
        let Some(active) = &service.active_release else {
            continue;
        };
        if let Phase::Held { reason, .. } = &active.rollout.phase {
            warnings.push(format!(
                "{} {} is held: {reason}",
                service.state.service, active.release.version
            ));
        }
    }
    // A policy applied since came from a newer file than the one this process was started with.
    if policy.applied_at < app.started_at && app.config.policy().id() != status.policy {
        warnings.push(
            "safeguard.toml differs from the policy in force; run `safeguard policy apply` to put it in force".to_owned(),
        );
    }
    warnings.extend(unreviewed.iter().map(|release| {
        let id = &release.id;
        format!(
            "hotfix {} of {} was not reviewed: `safeguard release review {id} --note \"…\"`",
            release.version, release.service
        )
    }));
    warnings
}
