//! What stands in the way, each with its figures.

use safeguard_api::config::PromotionMode;
use safeguard_api::gate::Verdict;
use safeguard_api::release::{Block, Phase};
use safeguard_api::stage::Stage;
use safeguard_api::time::Span;

use super::Tick;
use crate::judge::Proof;
use crate::observe::{Instances, Stable};

/// Holds every growth of exposure: a person's hold, a freeze, a digest that was rolled back before.
pub(super) fn growth(tick: &Tick<'_>) -> Vec<Block> {
    let mut blocks = Vec::new();
    if tick.observed.poisoned {
        blocks.push(Block::Poisoned {
            digest: tick.next.artifact.clone(),
        });
    }
    blocks.extend(tick.observed.freeze.clone());
    if let Some(hold) = &tick.next.hold {
        blocks.push(Block::Hold { by: hold.by.clone() });
    }
    blocks
}

/// What the present stage, or step, has not shown yet.
pub(super) fn evidence(tick: &Tick<'_>) -> Vec<Block> {
    let mut blocks = presence(tick);
    let soak = tick.next.soak;
    let (wanted, requests_min) = match &tick.next.phase {
        Phase::Analyzing { step, .. } => match tick.policy.stages.canary.steps.get(*step) {
            Some(step) => (step.soak, step.requests_min),
            None => {
                blocks.push(Block::Health {
                    why: format!("the policy has no canary step {}", step + 1),
                });
                (Span(0), 0)
            }
        },
        Phase::Queued
        | Phase::Blocked
        | Phase::Deploying
        | Phase::Warming
        | Phase::Soaking
        | Phase::Verified
        | Phase::Promoting
        | Phase::Live
        | Phase::Held { .. }
        | Phase::RollingBack { .. }
        | Phase::RolledBack { .. }
        | Phase::RollbackFailed { .. }
        | Phase::Superseded { .. } => tick
            .policy
            .stage(tick.next.stage)
            .map_or((Span(0), 0), |stage| (stage.soak, stage.requests_min)),
    };
    if soak.elapsed < wanted || soak.requests < requests_min {
        blocks.push(Block::Soak {
            elapsed: soak.elapsed,
            soak: wanted,
            requests: soak.requests,
            requests_min,
        });
    }
    blocks
}

/// The candidate is there, so is what it is compared with, and somebody watches.
pub(super) fn presence(tick: &Tick<'_>) -> Vec<Block> {
    let mut blocks = Vec::new();
    match &tick.observed.instances {
        Instances::Healthy => {}
        Instances::None => blocks.push(Block::Health {
            why: "no instance is running".to_owned(),
        }),
        Instances::Starting => blocks.push(Block::Health {
            why: "instances are starting".to_owned(),
        }),
        Instances::Unhealthy { why } | Instances::Failed { why } => {
            blocks.push(Block::Health { why: why.clone() })
        }
    }
    let compared = tick.next.stage.environment() == Stage::Canary.environment();
    if compared && tick.observed.stable == Stable::NotReady {
        blocks.push(Block::Health {
            why: "the live release is not healthy".to_owned(),
        });
    }
    blocks.extend(silence(tick));
    blocks
}

pub(super) fn silence(tick: &Tick<'_>) -> Option<Block> {
    let silent = tick.observed.traffic.is_none();
    silent.then(|| Block::Silent {
        what: "the router".to_owned(),
        since: tick.observed.router_silent,
    })
}

pub(super) fn proof(tick: &Tick<'_>) -> Option<Block> {
    let margin_permille = tick.policy.stages.canary.margin_permille;
    match tick.proof()? {
        Proof::Shown => None,
        Proof::NotYet {
            bound_permille,
            requests_more,
        } => Some(Block::Proof {
            margin_permille,
            bound_permille,
            requests_more,
        }),
        Proof::Worse { at_least_permille } => Some(Block::Proof {
            margin_permille,
            bound_permille: at_least_permille,
            requests_more: u64::MAX,
        }),
    }
}

/// What leaving the stage asks for besides its evidence.
pub(super) fn leaving(tick: &Tick<'_>) -> Vec<Block> {
    let mut blocks: Vec<Block> = tick
        .observed
        .gates
        .verdicts
        .iter()
        .filter(|verdict| verdict.verdict != Verdict::Pass)
        .map(|refused| Block::Gate {
            gate: refused.gate,
            verdict: refused.verdict,
            reason: refused.reason.clone(),
        })
        .collect();
    let layers = tick
        .observed
        .gates
        .layers
        .iter()
        .filter(|layers| layers.verdict != Verdict::Pass);
    blocks.extend(layers.map(|layers| Block::Layers {
        verdict: layers.verdict,
        reason: layers.reason.clone(),
    }));
    let documentation = &tick.observed.gates.documentation;
    let lacking = documentation.iter().filter(|said| said.verdict != Verdict::Pass);
    blocks.extend(lacking.map(|said| Block::Documentation {
        reason: said.reason.clone(),
    }));
    let (need, promotion) = tick.policy.leaving(tick.next.stage);
    let have = tick.observed.approvals;
    if have < need {
        blocks.push(Block::Approval { have, need });
    }
    if promotion == PromotionMode::Manual && !tick.by_hand {
        blocks.push(Block::Manual {
            stage: tick.next.stage,
        });
    }
    blocks
}

/// Splits off what holds in observe mode too: people's own wishes, the queue, and what can not be without.
pub(super) fn standing(tick: &Tick<'_>, blocks: Vec<Block>) -> (Vec<Block>, Vec<Block>) {
    if !tick.observing() {
        return (blocks, Vec::new());
    }
    // A canary's step takes its time, or there would be nothing to tell; the first release has nothing beside it.
    let compared = matches!(tick.next.phase, Phase::Analyzing { .. }) && tick.has_stable();
    blocks.into_iter().partition(|block| match block {
        Block::Hold { .. } | Block::Behind { .. } | Block::Manual { .. } => true,
        Block::Health { .. } | Block::Silent { .. } => true,
        Block::Soak { elapsed, soak, .. } => compared && elapsed < soak,
        Block::Gate { .. }
        | Block::Layers { .. }
        | Block::Documentation { .. }
        | Block::Proof { .. }
        | Block::Freeze { .. }
        | Block::Calendar { .. }
        | Block::Approval { .. }
        | Block::Poisoned { .. } => false,
    })
}

/// The figures of all of them in one line.
pub(super) fn listed(blocks: &[Block]) -> String {
    blocks
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("; ")
}

pub(super) fn kinds(blocks: &[Block]) -> String {
    let mut kinds: Vec<&str> = blocks.iter().map(Block::kind).collect();
    kinds.dedup();
    kinds.join(", ")
}

/// Whether only a decision is lacking, of a person or of a gate: the release itself has done its part.
pub(super) fn only_refused(blocks: &[Block]) -> bool {
    !blocks.is_empty()
        && blocks.iter().all(|block| match block {
            Block::Gate { .. }
            | Block::Layers { .. }
            | Block::Documentation { .. }
            | Block::Freeze { .. }
            | Block::Calendar { .. }
            | Block::Approval { .. }
            | Block::Hold { .. }
            | Block::Poisoned { .. }
            | Block::Manual { .. } => true,
            Block::Soak { .. }
            | Block::Proof { .. }
            | Block::Behind { .. }
            | Block::Silent { .. }
            | Block::Health { .. } => false,
        })
}
