//! The way back. Nothing stands in it: no gate, no freeze, no hold, no silence.

use safeguard_api::id::ReleaseId;
use safeguard_api::release::{Phase, RollbackReason, RollbackTimes};
use safeguard_api::stage::Percent;
use safeguard_api::time::{Span, Timestamp};
use serde_json::json;

use super::{ROLLBACK_LONGEST, Tick};
use crate::observe::{Instances, Restoring, Stable, Traffic};

/// Begins a rollback from every phase but those of one that has begun.
pub(super) fn begin(tick: &mut Tick<'_>, reason: RollbackReason, detected_at: Timestamp) {
    let now = tick.now();
    let mut times = RollbackTimes {
        detected_at,
        restored_at: None,
        flipped_at: None,
        drained_at: None,
        verified_at: None,
    };
    match &tick.next.phase {
        Phase::RollingBack { .. }
        | Phase::RollbackFailed { .. }
        | Phase::RolledBack { .. }
        | Phase::Superseded { .. } => return,
        // Nothing was started for it anywhere.
        Phase::Queued | Phase::Blocked => {
            times = RollbackTimes {
                flipped_at: Some(now),
                drained_at: Some(now),
                verified_at: Some(now),
                ..times
            };
            triggered(tick, &reason, &times);
            close(tick, reason, times);
            return;
        }
        Phase::Deploying
        | Phase::Warming
        | Phase::Analyzing { .. }
        | Phase::Soaking
        | Phase::Verified
        | Phase::Promoting
        | Phase::Live
        | Phase::Held { .. } => {}
    }
    triggered(tick, &reason, &times);
    tick.next.epoch += 1;
    tick.next.hold = None;
    tick.enter(Phase::RollingBack { reason, times });
}

fn triggered(tick: &mut Tick<'_>, reason: &RollbackReason, times: &RollbackTimes) {
    let mut text = format!("rollback from {} at {}: {reason}", tick.next.stage, tick.weight());
    match &tick.observed.restoring {
        Restoring::NotLive => {}
        Restoring::Nothing => text.push_str("; no release was live before it, so nothing is left to serve"),
        Restoring::Previous(_) => text.push_str("; the release before it takes over when it is healthy"),
    }
    tick.decide(
        "rollback.triggered",
        text,
        json!({ "reason": reason, "times": times }),
    );
}

/// Takes a rollback one part further: users away, requests ended, processes gone, shown to be so.
pub(super) fn advance(tick: &mut Tick<'_>) {
    let (reason, mut times, failure) = match tick.next.phase.clone() {
        Phase::RollingBack { reason, times } => (reason, times, None),
        Phase::RollbackFailed {
            reason,
            times,
            failure,
        } => (reason, times, Some(failure)),
        Phase::Queued
        | Phase::Blocked
        | Phase::Deploying
        | Phase::Warming
        | Phase::Analyzing { .. }
        | Phase::Soaking
        | Phase::Verified
        | Phase::Promoting
        | Phase::Live
        | Phase::Held { .. }
        | Phase::RolledBack { .. }
        | Phase::Superseded { .. } => return,
    };
    let now = tick.now();
    let took = Span(now.since(times.detected_at).0);
    if let Some((kind, text)) = next_part(tick, &mut times) {
        if times.verified_at.is_some() {
            close(tick, reason, times);
            return;
        }
        tick.enter(match failure {
            None => Phase::RollingBack { reason, times },
            Some(failure) => Phase::RollbackFailed {
                reason,
                times,
                failure,
            },
        });
        tick.decide(kind, format!("{text}, after {took}"), json!({ "times": times }));
    } else if failure.is_none() && ROLLBACK_LONGEST <= took {
        let missing = missing(tick, &times);
        let failure = format!("not verified after {took} (limit {ROLLBACK_LONGEST}): {missing}");
        let text = format!("the rollback is {failure}; it is tried on");
        tick.enter(Phase::RollbackFailed {
            reason,
            times,
            failure,
        });
        tick.decide("rollback.failed", text, json!({ "times": times }))
            .notice = Some("rollback_failed");
    }
}

/// Returns the part that is done now and was not before.
fn next_part(tick: &Tick<'_>, times: &mut RollbackTimes) -> Option<(&'static str, String)> {
    let now = tick.now();
    if let Restoring::Previous(instances) = &tick.observed.restoring
        && times.restored_at.is_none()
    {
        let ready = *instances == Instances::Healthy && tick.observed.behind.is_none();
        return ready.then(|| {
            times.restored_at = Some(now);
            (
                "rollback.restored",
                "the release before it is healthy again".to_owned(),
            )
        });
    }
    if times.flipped_at.is_none() {
        let text = flipped(tick)?;
        times.flipped_at = Some(now);
        return Some(("rollback.flipped", text));
    }
    if times.drained_at.is_none() {
        let text = drained(tick)?;
        times.drained_at = Some(now);
        return Some(("rollback.done", text));
    }
    verified(tick).then(|| {
        times.verified_at = Some(now);
        ("rollback.verified", String::new())
    })
}

/// The router's report, if it was made with a table at least as new as this rollout.
fn confirmed<'a>(tick: &'a Tick<'_>) -> Option<&'a Traffic> {
    tick.observed
        .traffic
        .as_ref()
        .filter(|traffic| tick.next.generation <= traffic.generation)
}

/// No new request goes to the release.
fn flipped(tick: &Tick<'_>) -> Option<String> {
    let restoring = matches!(tick.observed.restoring, Restoring::Previous(_));
    if let Some(traffic) = confirmed(tick) {
        let route = &traffic.route;
        let is_ours = |release: &ReleaseId| *release == tick.next.release;
        let stable_is_ours = route.stable.as_ref().is_some_and(|arm| is_ours(&arm.release));
        let candidate_is_ours = route.candidate.as_ref().is_some_and(|arm| is_ours(&arm.release));
        let away_here = match (stable_is_ours, candidate_is_ours) {
            (true, _) => restoring && route.candidate.is_some() && route.weight == Percent::ALL,
            (false, true) => route.weight == Percent::ZERO,
            (false, false) => true,
        };
        let away = away_here && (restoring || tick.observed.elsewhere.weight == Percent::ZERO);
        return away.then(|| "the router sends no new request to it".to_owned());
    }
    // A router that hears nothing takes candidates down by itself; a live release has no lease.
    let lease = tick.policy.rollback.lease;
    let silent = tick.observed.router_silent;
    let lapsed = tick.observed.traffic.is_none() && lease < silent && !restoring;
    lapsed.then(|| {
        format!("the router has been silent for {silent}: its lease of {lease} is over, which takes the users away")
    })
}

fn in_flight(tick: &Tick<'_>) -> Option<u64> {
    let route = &tick.observed.traffic.as_ref()?.route;
    let arms = [&route.stable, &route.candidate];
    let ours = arms
        .into_iter()
        .flatten()
        .filter(|arm| arm.release == tick.next.release);
    Some(ours.map(|arm| arm.in_flight + arm.streams).sum::<u64>() + tick.observed.elsewhere.in_flight)
}

fn drained(tick: &Tick<'_>) -> Option<String> {
    let longest = tick.policy.rollback.drain_longest;
    match in_flight(tick) {
        Some(0) => Some("every request on it has ended".to_owned()),
        left if longest <= tick.memory.waited => Some(match left {
            Some(left) => format!("{left} requests had not ended within {longest}"),
            None => format!("the router did not say within {longest} whether requests had ended"),
        }),
        Some(_) | None => None,
    }
}

/// Its processes are gone, and the router has said which release serves.
fn verified(tick: &Tick<'_>) -> bool {
    let gone = tick.observed.instances == Instances::None && tick.observed.elsewhere.instances == 0;
    gone && confirmed(tick).is_some() && serves_another(tick)
}

fn serves_another(tick: &Tick<'_>) -> bool {
    let Some(traffic) = &tick.observed.traffic else {
        return false;
    };
    let release = &tick.next.release;
    let stable = traffic.route.stable.as_ref().map(|arm| &arm.release);
    let left = traffic
        .route
        .candidate
        .as_ref()
        .is_some_and(|arm| arm.release == *release)
        && traffic.route.weight != Percent::ZERO;
    let nobody_can = match &tick.observed.restoring {
        Restoring::NotLive => tick.observed.stable == Stable::Absent,
        Restoring::Nothing => true,
        Restoring::Previous(_) => false,
    };
    !left && stable.map_or(nobody_can, |stable| stable != release)
}

fn missing(tick: &Tick<'_>, times: &RollbackTimes) -> String {
    let mut missing = Vec::new();
    if let Restoring::Previous(instances) = &tick.observed.restoring
        && times.restored_at.is_none()
    {
        missing.push(format!(
            "the release before it is {}, so this one still serves",
            state(instances)
        ));
    }
    if let Some(behind) = &tick.observed.behind {
        missing.push(format!("{behind} is on its way and has to end first"));
    }
    if tick.observed.traffic.is_none() {
        missing.push(format!(
            "the router has been silent for {}",
            tick.observed.router_silent
        ));
    } else if confirmed(tick).is_none() {
        missing.push(format!(
            "the router has not applied generation {}",
            tick.next.generation
        ));
    } else if !serves_another(tick) {
        missing.push("the router does not say that another release serves".to_owned());
    }
    if tick.observed.instances != Instances::None {
        missing.push(format!("its instances are {}", state(&tick.observed.instances)));
    }
    if 0 < tick.observed.elsewhere.instances {
        missing.push(format!(
            "{} of its processes still exist elsewhere",
            tick.observed.elsewhere.instances
        ));
    }
    missing.join("; ")
}

fn state(instances: &Instances) -> &str {
    match instances {
        Instances::None => "not running",
        Instances::Starting => "starting",
        Instances::Healthy => "running",
        Instances::Unhealthy { .. } => "not healthy",
        Instances::Failed { .. } => "refused",
    }
}

/// The end of a rollback.
fn close(tick: &mut Tick<'_>, reason: RollbackReason, times: RollbackTimes) {
    let took = times
        .verified_at
        .map_or(Span(0), |verified| verified.since(times.detected_at));
    let text = format!("rolled back and verified after {took} (limit {ROLLBACK_LONGEST}): {reason}");
    let figures = json!({ "reason": reason, "times": times });
    if let RollbackReason::Superseded { by } = reason {
        let text = format!("closed by {by}, its processes gone after {took}");
        tick.enter(Phase::Superseded { by });
        tick.decide("deploy.superseded", text, figures);
    } else {
        tick.enter(Phase::RolledBack { reason, times });
        tick.decide("rollback.verified", text, figures).notice = Some("rolled_back");
    }
}
