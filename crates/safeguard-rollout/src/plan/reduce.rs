//! What takes users off a release that nobody asked to stop: the only thing automation does unasked.

use safeguard_api::release::{Block, Phase, RollbackReason, Soak};
use safeguard_api::stage::{Percent, Stage};
use safeguard_api::time::Span;
use safeguard_api::traffic::Trip;
use serde_json::json;

use super::{Answer, Tick, back, blocks, forward};
use crate::observe::{Instances, Reduced};

/// The error budget is looked at from this many requests on, or this many errors, or when the soak is complete.
const BUDGET_REQUESTS_MIN: u64 = 100;
const BUDGET_ERRORS_MIN: u64 = 10;

/// Acts on the router's reductions, on bad health and on a spent budget. Returns whether the tick is settled.
pub(super) fn decide(tick: &mut Tick<'_>) -> bool {
    if !tick.needs_instances() {
        return false;
    }
    let settled = by_router(tick) || back_to_queue(tick) || unhealthy(tick) || over_budget(tick);
    if settled && tick.by_hand {
        let why = format!("it is {} since this very moment", tick.next.phase.name());
        tick.answer = Some(Answer::Refused {
            why,
            blocks: tick.next.blocks.clone(),
        });
    }
    settled
}

fn by_router(tick: &mut Tick<'_>) -> bool {
    let Some(traffic) = &tick.observed.traffic else {
        return false;
    };
    match (&traffic.reduced, tick.observing()) {
        (None, _) => false,
        (Some(Reduced::Tripped(trip)), false) => {
            tick.next.journal_seen = tick.next.journal_seen.max(trip.seq);
            let detected_at = trip.at;
            back::begin(tick, RollbackReason::Tripped { trip: trip.clone() }, detected_at);
            true
        }
        // A router that is told to observe only does not trip; one that did is overruled, for nothing is moved.
        (Some(Reduced::Tripped(trip) | Reduced::WouldTrip(trip)), _) => {
            tick.next.journal_seen = tick.next.journal_seen.max(trip.seq);
            would_trip(tick, trip);
            false
        }
        (Some(Reduced::LeaseExpired { seq, .. }), _) => lease_expired(tick, *seq),
    }
}

fn would_trip(tick: &mut Tick<'_>, trip: &Trip) {
    let cause = format!("rolled back in {} by {}", tick.next.stage, trip.cause.kind());
    tick.would(
        "would.roll_back",
        &cause,
        &format!("{} (at {})", trip.cause, trip.at),
    );
}

/// The weight has fallen to 0 while the control plane was away, and stays there until analysis is entered anew.
///
/// Entries are acted on one by one: behind the end of a lease there may be a trip.
fn lease_expired(tick: &mut Tick<'_>, seq: u64) -> bool {
    let (holds, _) = blocks::standing(tick, blocks::growth(tick));
    if !holds.is_empty() {
        return false;
    }
    let stage = tick.next.stage;
    tick.next.journal_seen = tick.next.journal_seen.max(seq);
    let first = forward::first_step(tick);
    // The same silence ends the lease in every environment, with an entry for each.
    let anew = tick.next.phase == first || tick.next.phase == Phase::Soaking;
    if anew && tick.next.soak == Soak::default() {
        let text =
            format!("the lease had ended in another environment too; {stage} goes on from its beginning");
        tick.decide("deploy.reentered", text, json!({ "journal_entry": seq }));
        return true;
    }
    let in_production = stage.environment() == Stage::Canary.environment();
    match tick.next.phase.clone() {
        Phase::Analyzing { .. } | Phase::Soaking | Phase::Verified if in_production => {
            tick.next.stage = Stage::Canary;
            tick.enter(first);
        }
        Phase::Soaking | Phase::Verified | Phase::Analyzing { .. } => tick.enter(Phase::Soaking),
        Phase::Held { reason, .. } => tick.enter(Phase::Held {
            weight: Percent::ZERO,
            reason,
        }),
        Phase::Deploying | Phase::Warming | Phase::Promoting => {}
        Phase::Queued
        | Phase::Blocked
        | Phase::Live
        | Phase::RollingBack { .. }
        | Phase::RolledBack { .. }
        | Phase::RollbackFailed { .. }
        | Phase::Superseded { .. } => return false,
    }
    tick.next.epoch += 1;
    let text = format!(
        "the router took its users away when the control plane was silent in {stage}; {} begins anew in {}",
        tick.next.phase.name(),
        tick.next.stage
    );
    tick.decide("deploy.reentered", text, json!({ "journal_entry": seq }));
    true
}

/// A live release that is rolled back goes first: it changes what this one is compared with, so this one starts anew.
fn back_to_queue(tick: &mut Tick<'_>) -> bool {
    let Some(release) = tick.observed.behind.clone() else {
        return false;
    };
    let from = tick.next.stage;
    tick.next.stage = Stage::Dev;
    tick.next.epoch += 1;
    tick.enter(Phase::Queued);
    tick.next.soak = Soak::default();
    let text = format!("goes back from {from} into the queue, behind {release}");
    tick.decide("deploy.queued", text, json!({ "behind": release, "from": from }));
    tick.next.blocks = vec![Block::Behind { release }];
    true
}

fn unhealthy(tick: &mut Tick<'_>) -> bool {
    let limit = tick.policy.rollback.deploy_longest;
    let deploying = tick.next.phase == Phase::Deploying;
    let why = match &tick.observed.instances {
        Instances::Healthy => return false,
        Instances::Failed { why } => why.clone(),
        Instances::None | Instances::Starting if tick.memory.unhealthy < limit => return false,
        Instances::Unhealthy { .. } if tick.memory.unhealthy < limit => return false,
        Instances::None => format!(
            "no instance for {} (limit {limit})",
            whole_seconds(tick.memory.unhealthy)
        ),
        Instances::Starting => format!(
            "starting for {} (limit {limit})",
            whole_seconds(tick.memory.unhealthy)
        ),
        Instances::Unhealthy { why } => {
            format!(
                "{why}, for {} (limit {limit})",
                whole_seconds(tick.memory.unhealthy)
            )
        }
    };
    // In observe mode what serves is left alone; what never served has nothing to be left.
    if tick.observing() && !deploying {
        let cause = format!("rolled back in {} by bad health", tick.next.stage);
        tick.would("would.roll_back", &cause, &why);
        return false;
    }
    back::begin(tick, RollbackReason::DeployFailed { why }, tick.now());
    true
}

/// Errors are counted against a budget where every user is on the candidate, and nobody is left to compare with.
fn over_budget(tick: &mut Tick<'_>) -> bool {
    let alone = tick.next.stage == Stage::Canary && !tick.has_stable();
    let budgeted = match &tick.next.phase {
        Phase::Soaking | Phase::Verified => tick.next.stage != Stage::Canary || alone,
        Phase::Analyzing { .. } => alone,
        Phase::Queued
        | Phase::Blocked
        | Phase::Deploying
        | Phase::Warming
        | Phase::Promoting
        | Phase::Live
        | Phase::Held { .. }
        | Phase::RollingBack { .. }
        | Phase::RolledBack { .. }
        | Phase::RollbackFailed { .. }
        | Phase::Superseded { .. } => false,
    };
    let stage = tick
        .policy
        .stage(tick.next.stage)
        .unwrap_or(&tick.policy.stages.production);
    let permille_max = stage.error_permille_max;
    let soak = tick.next.soak;
    let over = u128::from(soak.requests) * u128::from(permille_max) < u128::from(soak.errors) * 1000;
    let enough = BUDGET_REQUESTS_MIN <= soak.requests
        || BUDGET_ERRORS_MIN <= soak.errors
        || tick.soak_wanted() <= soak.elapsed;
    if !(budgeted && over && enough) {
        return false;
    }
    let reason = RollbackReason::ErrorBudget {
        errors: soak.errors,
        requests: soak.requests,
        permille_max,
    };
    if tick.observing() {
        let cause = format!("rolled back in {} by its error budget", tick.next.stage);
        tick.would("would.roll_back", &cause, &reason.to_string());
        return false;
    }
    back::begin(tick, reason, tick.now());
    true
}

fn whole_seconds(span: Span) -> Span {
    Span::seconds(span.0 / 1000)
}
