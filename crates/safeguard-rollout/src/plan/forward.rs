//! The way from dev to live. Every growth of exposure is decided here, and nowhere else.

use safeguard_api::config::CanaryStep;
use safeguard_api::gate::Permit;
use safeguard_api::release::{Block, HeldReason, Phase};
use safeguard_api::stage::{Percent, Stage};
use serde_json::json;

use super::{Tick, blocks};
use crate::judge::Proof;
use crate::observe::Stable;

pub(super) fn advance(tick: &mut Tick<'_>) {
    if tick.next.stage == Stage::Canary && held_by_evidence(tick) {
        return;
    }
    let all = all_blocks(tick);
    let (stands, waived) = blocks::standing(tick, all);
    if !stands.is_empty() {
        wait(tick, stands);
        return;
    }
    for block in &waived {
        // The warm-up is not the stage's soak, and would be told in its place.
        if tick.next.phase == Phase::Warming && matches!(block, Block::Soak { .. }) {
            continue;
        }
        let cause = format!("held in {} by {}", tick.next.stage, block.kind());
        tick.would("would.hold", &cause, &block.to_string());
    }
    tick.next.blocks.clear();
    go_on(tick);
}

/// What stands between the rollout and its next step at present.
pub(super) fn standing(tick: &Tick<'_>) -> Vec<Block> {
    blocks::standing(tick, all_blocks(tick)).0
}

/// A person lets a held release try again, at the greatest step that its weight has already reached.
pub(super) fn resume(tick: &mut Tick<'_>, weight: Percent, by: &str) {
    let steps = &tick.policy.stages.canary.steps;
    let reached = steps.iter().rposition(|step| step.weight <= weight).unwrap_or(0);
    let weight = steps
        .get(reached)
        .map_or(Percent::ZERO, |step| step.weight.min(weight));
    tick.enter(Phase::Analyzing {
        step: reached,
        weight,
    });
    let text = format!("{by} let the canary go on at {weight}");
    tick.decide("deploy.resumed", text, json!({ "by": by, "step": reached }));
}

/// The first step of the canary: the policy's, or all users where nothing else serves them.
pub(super) fn first_step(tick: &Tick<'_>) -> Phase {
    let steps = &tick.policy.stages.canary.steps;
    if tick.observed.stable == Stable::Absent {
        return Phase::Analyzing {
            step: steps.len().saturating_sub(1),
            weight: Percent::ALL,
        };
    }
    Phase::Analyzing {
        step: 0,
        weight: steps.first().map_or(Percent::ZERO, |step| step.weight),
    }
}

fn all_blocks(tick: &Tick<'_>) -> Vec<Block> {
    let mut all = Vec::new();
    match &tick.next.phase {
        Phase::Queued | Phase::Blocked => {
            all.extend(
                tick.observed
                    .behind
                    .clone()
                    .map(|release| Block::Behind { release }),
            );
            all.extend(blocks::growth(tick));
        }
        Phase::Deploying => all.extend(blocks::presence(tick)),
        Phase::Warming => {
            all.extend(blocks::presence(tick));
            all.extend(warming(tick));
            all.extend(blocks::growth(tick));
        }
        Phase::Analyzing { step, .. } if !is_last(tick, *step) => {
            all.extend(blocks::evidence(tick));
            all.extend(blocks::growth(tick));
        }
        // Complete evidence makes the stage verified; what else leaving it asks for is listed from the start.
        Phase::Analyzing { .. } | Phase::Soaking => {
            all.extend(blocks::evidence(tick));
            all.extend(blocks::proof(tick));
            if !all.is_empty() || tick.by_hand {
                all.extend(blocks::leaving(tick));
                all.extend(blocks::growth(tick));
            }
        }
        Phase::Verified => {
            all.extend(blocks::presence(tick));
            all.extend(blocks::proof(tick));
            all.extend(blocks::leaving(tick));
            all.extend(blocks::growth(tick));
        }
        Phase::Promoting => {
            all.extend(blocks::presence(tick));
            all.extend(blocks::growth(tick));
        }
        Phase::Held { .. } => {
            all.extend(blocks::proof(tick));
            all.push(Block::Manual {
                stage: tick.next.stage,
            });
        }
        Phase::Live
        | Phase::RollingBack { .. }
        | Phase::RolledBack { .. }
        | Phase::RollbackFailed { .. }
        | Phase::Superseded { .. } => {}
    }
    all
}

fn warming(tick: &Tick<'_>) -> Option<Block> {
    let (elapsed, soak) = (tick.next.soak.elapsed, tick.policy.judge.warm_up);
    (elapsed < soak).then_some(Block::Soak {
        elapsed,
        soak,
        requests: 0,
        requests_min: 0,
    })
}

fn is_last(tick: &Tick<'_>, step: usize) -> bool {
    tick.policy.stages.canary.steps.len() <= step + 1
}

fn wait(tick: &mut Tick<'_>, stands: Vec<Block>) {
    let asked = |blocks: &[Block]| blocks::only_refused(blocks).then(|| blocks::kinds(blocks));
    let refusal = asked(&stands).filter(|kinds| asked(&tick.before.blocks).as_ref() != Some(kinds));
    let queued = stands.iter().any(|block| matches!(block, Block::Behind { .. }));
    match &tick.next.phase {
        Phase::Queued if !queued => tick.enter(Phase::Blocked),
        Phase::Blocked if queued => tick.enter(Phase::Queued),
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
        | Phase::RollingBack { .. }
        | Phase::RolledBack { .. }
        | Phase::RollbackFailed { .. }
        | Phase::Superseded { .. } => {}
    }
    let is_held = matches!(tick.next.phase, Phase::Held { .. });
    if refusal.is_some() && !is_held {
        let text = format!(
            "its next step from {} is refused: {}",
            tick.next.stage,
            blocks::listed(&stands)
        );
        tick.decide("deploy.refused", text, json!({ "blocks": stands }));
    }
    tick.next.blocks = stands;
}

/// Evidence that says worse, or that does not come, needs a person.
fn held_by_evidence(tick: &mut Tick<'_>) -> bool {
    let (weight, step) = match &tick.next.phase {
        Phase::Analyzing { step, weight } => (*weight, Some(*step)),
        Phase::Verified => (tick.weight(), None),
        Phase::Queued
        | Phase::Blocked
        | Phase::Deploying
        | Phase::Warming
        | Phase::Soaking
        | Phase::Promoting
        | Phase::Live
        | Phase::Held { .. }
        | Phase::RollingBack { .. }
        | Phase::RolledBack { .. }
        | Phase::RollbackFailed { .. }
        | Phase::Superseded { .. } => return false,
    };
    let margin_permille = tick.policy.stages.canary.margin_permille;
    let proof = tick.proof();
    let reason = match (proof, step) {
        (Some(Proof::Worse { at_least_permille }), _) => Some(HeldReason::Worse {
            at_least_permille,
            margin_permille,
        }),
        (_, Some(step)) => too_long_without_evidence(tick, step, proof),
        (_, None) => None,
    };
    let Some(reason) = reason else { return false };
    if tick.observing() {
        let cause = match &reason {
            HeldReason::Worse { .. } => "held in canary: worse than stable",
            HeldReason::NotEnoughEvidence { .. } => "held in canary: not enough evidence",
            HeldReason::Poisoned => "held in canary: poisoned",
        };
        tick.would("would.hold", &cause.replace(':', ","), &reason.to_string());
        return false;
    }
    let text = format!("held in canary at {weight}: {reason}");
    let figures = json!({ "reason": reason });
    tick.enter(Phase::Held { weight, reason });
    tick.decide("deploy.held", text, figures).notice = Some("held");
    true
}

fn too_long_without_evidence(tick: &Tick<'_>, step: usize, proof: Option<Proof>) -> Option<HeldReason> {
    let canary = &tick.policy.stages.canary;
    if tick.now().since(tick.next.phase_since) < canary.step_longest {
        return None;
    }
    let wanted = canary.steps.get(step).map_or(0, |step| step.requests_min);
    let missing = wanted.saturating_sub(tick.next.soak.requests);
    let to_prove = match proof {
        Some(Proof::NotYet { requests_more, .. }) if is_last(tick, step) => requests_more,
        Some(Proof::Shown | Proof::NotYet { .. } | Proof::Worse { .. }) | None => 0,
    };
    let requests_more = missing.max(to_prove);
    let unseen = tick.observed.traffic.is_none();
    (0 < requests_more || unseen).then_some(HeldReason::NotEnoughEvidence { requests_more })
}

/// Nothing stands in the way of the next step.
fn go_on(tick: &mut Tick<'_>) {
    let stage = tick.next.stage;
    match tick.next.phase.clone() {
        Phase::Queued | Phase::Blocked => {
            tick.enter(Phase::Deploying);
            tick.decide("deploy.started", format!("starts in {stage}"), json!({}));
        }
        Phase::Deploying => {
            tick.enter(Phase::Warming);
            tick.decide(
                "deploy.healthy",
                format!("its instances in {stage} are healthy"),
                json!({}),
            );
        }
        Phase::Warming if stage == Stage::Canary => {
            let first = first_step(tick);
            enter_step(tick, first);
        }
        Phase::Warming => {
            tick.enter(Phase::Soaking);
            tick.decide(
                "deploy.soaking",
                format!("serves all users of {stage}"),
                json!({}),
            );
        }
        Phase::Analyzing { step, .. } if !is_last(tick, step) => {
            let weight = |step: &CanaryStep| step.weight;
            let next = tick
                .policy
                .stages
                .canary
                .steps
                .get(step + 1)
                .map_or(Percent::ZERO, weight);
            enter_step(
                tick,
                Phase::Analyzing {
                    step: step + 1,
                    weight: next,
                },
            );
        }
        Phase::Analyzing { .. } | Phase::Soaking => {
            let soak = tick.next.soak;
            tick.enter(Phase::Verified);
            let text = format!(
                "verified in {stage}: {} healthy, {} errors in {} requests",
                soak.elapsed, soak.errors, soak.requests
            );
            tick.decide("deploy.verified", text, json!({}));
        }
        Phase::Verified => match tick.observed.gates.permit() {
            Ok(permit) => promote(tick, Leave::Permitted(permit)),
            // Only here do gates that have not passed not hold, and they have just been recorded as such.
            Err(_) if tick.observing() => promote(tick, Leave::Observing),
            Err(_) => {}
        },
        Phase::Promoting => become_live(tick),
        Phase::Live
        | Phase::Held { .. }
        | Phase::RollingBack { .. }
        | Phase::RolledBack { .. }
        | Phase::RollbackFailed { .. }
        | Phase::Superseded { .. } => {}
    }
}

fn enter_step(tick: &mut Tick<'_>, phase: Phase) {
    let soak = tick.next.soak;
    tick.enter(phase);
    let text = format!("canary at {}", tick.weight());
    tick.decide("deploy.step", text, json!({ "shown_before": soak }));
}

enum Leave {
    Permitted(Permit),
    Observing,
}

fn promote(tick: &mut Tick<'_>, leave: Leave) {
    // What stands in the way was judged by the last look; to leave the canary the newest samples have to say so.
    tick.look();
    if matches!(leave, Leave::Permitted(_)) && blocks::proof(tick).is_some() {
        return;
    }
    let (from, soak) = (tick.next.stage, tick.next.soak);
    let figures = json!({
        "from": from,
        "permitted": matches!(leave, Leave::Permitted(_)),
        "gates": tick.observed.gates,
        "approvals": tick.observed.approvals,
        "shown": soak,
        "by_hand": tick.by_hand,
    });
    match from.next() {
        // Canary and production are one environment: what was verified there is what serves.
        Some(Stage::Production) => {
            tick.next.stage = Stage::Production;
            tick.enter(Phase::Soaking);
            tick.decide(
                "deploy.stage",
                "promoted to production: serves all users".to_owned(),
                figures,
            );
        }
        Some(to) => {
            tick.next.stage = to;
            tick.enter(Phase::Deploying);
            tick.decide("deploy.stage", format!("promoted from {from} to {to}"), figures);
        }
        None => {
            tick.enter(Phase::Promoting);
            tick.decide(
                "deploy.promoted",
                "becomes the release to compare with".to_owned(),
                figures,
            );
        }
    }
}

/// The roles are swapped in the router's table; the old release's last requests end first.
fn become_live(tick: &mut Tick<'_>) {
    let Some(traffic) = &tick.observed.traffic else {
        return;
    };
    let route = &traffic.route;
    let swapped = tick.next.generation <= traffic.generation
        && route
            .stable
            .as_ref()
            .is_some_and(|arm| arm.release == tick.next.release);
    let in_flight = route
        .candidate
        .as_ref()
        .map_or(0, |old| old.in_flight + old.streams);
    let drained = in_flight == 0 || tick.policy.rollback.drain_longest <= tick.memory.waited;
    if swapped && drained {
        tick.enter(Phase::Live);
        let figures = json!({ "in_flight_on_the_old_release": in_flight });
        tick.decide("deploy.live", "live".to_owned(), figures).notice = Some("live");
    }
}
