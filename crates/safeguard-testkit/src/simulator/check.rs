//! The invariants, checked from outside: nothing here calls the planner.

use safeguard_api::config::{Mode, Policy};
use safeguard_api::release::{Phase, Rollout};
use safeguard_api::stage::Stage;
use safeguard_rollout::observe::{Command, Sample};

use super::targets::ENVIRONMENTS;

/// What is true at a step, as the world knows it and not as the planner was told.
pub struct Truth {
    pub frozen: bool,
    pub green: bool,
    pub approvals: u32,
    pub router_reachable: bool,
    pub poisoned: bool,
    pub has_stable: bool,
    /// Healthy time under the wanted weight since this part of the walk began, by a clock nobody can set.
    pub healthy_ms: u64,
    pub requests: u64,
    pub canary: Sample,
    pub stable: Sample,
    /// Nothing was out of order in the last minute: what may be late is not late.
    pub calm: bool,
}

/// Users of each environment that the committed state gives the candidate.
pub fn exposure(rollout: &Rollout, policy: &Policy, has_stable: bool) -> [u8; ENVIRONMENTS] {
    let here = match rollout.stage {
        Stage::Dev => 0,
        Stage::Qa => 1,
        Stage::Staging => 2,
        Stage::Canary | Stage::Production => 3,
    };
    let weight = match &rollout.phase {
        Phase::Queued
        | Phase::Blocked
        | Phase::RollingBack { .. }
        | Phase::RolledBack { .. }
        | Phase::RollbackFailed { .. }
        | Phase::Superseded { .. } => return [0; ENVIRONMENTS],
        Phase::Live | Phase::Promoting => return [100; ENVIRONMENTS],
        Phase::Deploying | Phase::Warming => 0,
        Phase::Analyzing { weight, .. } | Phase::Held { weight, .. } => weight.get(),
        Phase::Verified if rollout.stage == Stage::Canary && has_stable => policy
            .stages
            .canary
            .steps
            .last()
            .map_or(0, |step| step.weight.get()),
        Phase::Soaking | Phase::Verified => 100,
    };
    let mut all = [0; ENVIRONMENTS];
    all[..here].fill(100);
    all[here] = weight;
    all
}

fn retreat(phase: &Phase) -> bool {
    matches!(
        phase,
        Phase::RollingBack { .. }
            | Phase::RolledBack { .. }
            | Phase::RollbackFailed { .. }
            | Phase::Superseded { .. }
    )
}

fn over(phase: &Phase) -> bool {
    matches!(phase, Phase::RolledBack { .. } | Phase::Superseded { .. })
}

/// Checks one committed step from `before` to `after`.
pub fn committed(
    before: &Rollout,
    after: &Rollout,
    decisions: usize,
    command: Option<&Command>,
    policy: &Policy,
    truth: &Truth,
) -> Result<(), String> {
    let observing = policy.mode == Mode::Observe;
    let same_phase = before.phase.name() == after.phase.name();
    if after.generation <= before.generation {
        return Err(format!(
            "generation {} was committed after {}",
            after.generation, before.generation
        ));
    }
    let queueing = matches!(after.phase, Phase::Queued | Phase::Blocked);
    if !same_phase && decisions == 0 && !queueing {
        return Err(format!(
            "{} became {} without a log entry",
            before.phase.name(),
            after.phase.name()
        ));
    }
    if retreat(&before.phase) && !retreat(&after.phase) {
        return Err(format!(
            "a rollback was rolled back: {} to {}",
            before.phase.name(),
            after.phase.name()
        ));
    }
    if over(&before.phase) && !same_phase {
        return Err(format!("{} was not the end", before.phase.name()));
    }
    if matches!(command, Some(Command::Rollback { .. })) && !retreat(&after.phase) {
        return Err(format!(
            "a rollback from {} was not accepted",
            before.phase.name()
        ));
    }
    if matches!(after.phase, Phase::RollbackFailed { .. }) && !same_phase && truth.calm {
        return Err("a rollback failed though nothing was in its way".to_owned());
    }
    if retreat(&after.phase) && !retreat(&before.phase) && after.epoch <= before.epoch {
        let started = !matches!(before.phase, Phase::Queued | Phase::Blocked);
        if started {
            return Err("sticky users were not sent away by a new epoch".to_owned());
        }
    }
    let asked = matches!(
        command,
        Some(Command::Rollback { .. } | Command::Supersede { .. })
    );
    if observing && retreat(&after.phase) && !retreat(&before.phase) && !asked {
        let never_served = before.phase == Phase::Deploying;
        if !never_served {
            return Err(format!("observe mode took users off in {}", before.phase.name()));
        }
    }
    grown(before, after, policy, truth)
}

/// Whatever grows has everything that growth asks for.
fn grown(before: &Rollout, after: &Rollout, policy: &Policy, truth: &Truth) -> Result<(), String> {
    let observing = policy.mode == Mode::Observe;
    let from = exposure(before, policy, truth.has_stable);
    let to = exposure(after, policy, truth.has_stable);
    let more = from.iter().zip(&to).any(|(from, to)| from < to);
    let again = before.journal_seen < after.journal_seen && to != [0; ENVIRONMENTS];
    let onward = before.stage < after.stage
        || !matches!(before.phase, Phase::Promoting | Phase::Live)
            && matches!(after.phase, Phase::Promoting | Phase::Live)
        || matches!(before.phase, Phase::Promoting) && after.phase == Phase::Live;
    let starts = matches!(before.phase, Phase::Queued | Phase::Blocked) && after.phase == Phase::Deploying;
    let step = format!(
        "{} {} to {} {}",
        before.stage,
        before.phase.name(),
        after.stage,
        after.phase.name()
    );
    if more || again || onward || starts {
        if after.hold.is_some() {
            return Err(format!("grew on hold: {step}"));
        }
        if !observing && truth.frozen {
            return Err(format!("grew in a freeze: {step}"));
        }
        if !observing && truth.poisoned {
            return Err(format!("a poisoned digest moved: {step}"));
        }
    }
    if (more || onward) && !truth.router_reachable {
        return Err(format!("grew while the router was silent: {step}"));
    }
    let entered = before.stage < after.stage || !same(before, after) && after.phase == Phase::Promoting;
    if entered && !observing {
        left_stage(before, after, policy, truth)?;
    }
    if let Some((soak_ms, requests)) = finished_part(before, after, policy) {
        if truth.healthy_ms + 250 < soak_ms {
            return Err(format!(
                "a soak of {soak_ms} ms was over after {} ms of true health: {step}",
                truth.healthy_ms
            ));
        }
        if !observing && truth.requests < requests {
            return Err(format!(
                "{} requests were enough (needs {requests}): {step}",
                truth.requests
            ));
        }
    }
    Ok(())
}

fn same(before: &Rollout, after: &Rollout) -> bool {
    before.phase.name() == after.phase.name()
}

fn left_stage(before: &Rollout, after: &Rollout, policy: &Policy, truth: &Truth) -> Result<(), String> {
    if before.stage < after.stage && before.stage.next() != Some(after.stage) {
        return Err(format!("{} was skipped to {}", before.stage, after.stage));
    }
    if !policy.gates(before.stage).is_empty() && !truth.green {
        return Err(format!("left {} without its gates", before.stage));
    }
    if truth.approvals < policy.leaving(before.stage).0 {
        return Err(format!("left {} without its approvals", before.stage));
    }
    if before.stage == Stage::Canary && truth.has_stable {
        let rate = |sample: Sample| sample.errors as f64 * 1000.0 / (sample.requests.max(1)) as f64;
        let worse = rate(truth.canary) - rate(truth.stable);
        if truth.canary.requests == 0 || policy.stages.canary.margin_permille < worse {
            return Err(format!("left the canary {worse:.1} permille worse than stable"));
        }
    }
    Ok(())
}

/// The part of the walk that this step ends well, with what it asked for.
fn finished_part(before: &Rollout, after: &Rollout, policy: &Policy) -> Option<(u64, u64)> {
    let observing = policy.mode == Mode::Observe;
    match (&before.phase, &after.phase) {
        (Phase::Soaking, Phase::Verified) if !observing => policy
            .stage(before.stage)
            .map(|stage| (stage.soak.ms(), stage.requests_min)),
        (Phase::Analyzing { step, .. }, Phase::Verified) => policy
            .stages
            .canary
            .steps
            .get(*step)
            .map(|step| (step.soak.ms(), step.requests_min)),
        (Phase::Analyzing { step, .. }, Phase::Analyzing { step: next, .. }) if step < next => policy
            .stages
            .canary
            .steps
            .get(*step)
            .map(|step| (step.soak.ms(), step.requests_min)),
        _ => None,
    }
}

/// Checks what users see, after every step: `weights` before and after, against what is committed.
pub fn seen(
    before: [u8; ENVIRONMENTS],
    after: [u8; ENVIRONMENTS],
    committed: &Rollout,
    allowed: [u8; ENVIRONMENTS],
    reduced: [u64; ENVIRONMENTS],
    silent_ms: u64,
    lease_ms: u64,
) -> Result<(), String> {
    for environment in 0..ENVIRONMENTS {
        let (from, to) = (before[environment], after[environment]);
        if from < to && allowed[environment] < to {
            return Err(format!(
                "the weight in environment {environment} rose from {from} to {to} %, and {} % is committed ({})",
                allowed[environment],
                committed.phase.name()
            ));
        }
        if from < to && committed.journal_seen < reduced[environment] {
            return Err(format!(
                "the weight in environment {environment} rose to {to} % after the router had taken it down itself"
            ));
        }
        if 0 < to && lease_ms < silent_ms {
            return Err(format!(
                "{to} % of users after {silent_ms} ms without word (lease {lease_ms} ms)"
            ));
        }
    }
    Ok(())
}
