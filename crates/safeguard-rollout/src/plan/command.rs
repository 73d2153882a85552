//! What people ask for. A rollback is never refused.

use safeguard_api::release::{Block, HeldReason, Hold, Phase, RollbackReason};
use serde_json::json;

use super::{Answer, Tick, back, blocks, forward};
use crate::judge::Proof;
use crate::observe::{Command, Reduced};

/// Answers the command, if there is one. Returns whether the tick is settled.
pub(super) fn decide(tick: &mut Tick<'_>) -> bool {
    match tick.observed.command.clone() {
        None => false,
        Some(Command::Rollback { by }) => {
            roll_back(tick, RollbackReason::Operator { by }, "the rollback has begun");
            true
        }
        Some(Command::Supersede { by }) => {
            if tick.next.phase == Phase::Live {
                refuse(tick, "it is live, and no longer on its way", Vec::new());
            } else {
                roll_back(
                    tick,
                    RollbackReason::Superseded { by },
                    "it makes way for the newer release",
                );
            }
            true
        }
        Some(Command::Hold { by, reason }) => hold(tick, by, reason),
        Some(Command::Promote { by }) => promote(tick, by),
    }
}

fn roll_back(tick: &mut Tick<'_>, reason: RollbackReason, begun: &str) {
    let text = match &tick.next.phase {
        Phase::RollingBack { .. } => "it is being rolled back already",
        Phase::RollbackFailed { .. } => "its rollback has failed, and is tried again and again",
        Phase::RolledBack { .. } => "it is rolled back already",
        Phase::Superseded { .. } => "a newer release has closed it already",
        Phase::Queued
        | Phase::Blocked
        | Phase::Deploying
        | Phase::Warming
        | Phase::Analyzing { .. }
        | Phase::Soaking
        | Phase::Verified
        | Phase::Promoting
        | Phase::Live
        | Phase::Held { .. } => begun,
    };
    let in_retreat = matches!(
        tick.next.phase,
        Phase::RollingBack { .. } | Phase::RollbackFailed { .. }
    );
    if in_retreat {
        back::advance(tick);
    } else {
        back::begin(tick, reason, tick.now());
    }
    tick.answer = Some(Answer::Done {
        text: text.to_owned(),
    });
}

/// Why the release can not move at all, if it can not.
fn over(tick: &Tick<'_>) -> Option<&'static str> {
    match &tick.next.phase {
        Phase::RollingBack { .. } => Some("it is being rolled back, and a rollback is not rolled back"),
        Phase::RollbackFailed { .. } => Some("its rollback has failed, and is tried again and again"),
        Phase::RolledBack { .. } => Some("it is rolled back; release the artifact anew when you know why"),
        Phase::Superseded { .. } => Some("a newer release has closed it"),
        Phase::Live => Some("it is live"),
        Phase::Queued
        | Phase::Blocked
        | Phase::Deploying
        | Phase::Warming
        | Phase::Analyzing { .. }
        | Phase::Soaking
        | Phase::Verified
        | Phase::Promoting
        | Phase::Held { .. } => None,
    }
}

fn hold(tick: &mut Tick<'_>, by: String, reason: Option<String>) -> bool {
    if let Some(why) = over(tick) {
        refuse(tick, why, Vec::new());
        return false;
    }
    let because = reason
        .as_ref()
        .map_or_else(String::new, |reason| format!(": {reason}"));
    let text = format!("held in {} by {by}{because}", tick.next.stage);
    tick.next.hold = Some(Hold {
        by: by.clone(),
        reason,
        at: tick.now(),
    });
    tick.decide("deploy.hold", text.clone(), json!({ "by": by }))
        .notice = Some("held");
    tick.answer = Some(Answer::Done { text });
    // The router's own reductions are acted on in the same tick.
    false
}

fn promote(tick: &mut Tick<'_>, by: String) -> bool {
    if let Some(why) = over(tick) {
        refuse(tick, why, Vec::new());
        return false;
    }
    let reduced = tick
        .observed
        .traffic
        .as_ref()
        .and_then(|traffic| traffic.reduced.as_ref());
    if !tick.observing() && matches!(reduced, Some(Reduced::Tripped(_))) {
        refuse(tick, "the router has just taken its users away", Vec::new());
        return false;
    }
    if tick.next.hold.take().is_some() {
        let text = format!("{by} lifted the hold in {}", tick.next.stage);
        tick.decide("deploy.resumed", text.clone(), json!({ "by": by }));
        tick.answer = Some(Answer::Done { text });
        return false;
    }
    if let Phase::Held { weight, reason } = tick.next.phase.clone() {
        let worse = match tick.proof() {
            Some(Proof::Worse { .. }) => true,
            Some(Proof::Shown | Proof::NotYet { .. }) | None => matches!(reason, HeldReason::Worse { .. }),
        };
        if worse {
            let blocks = blocks::proof(tick).into_iter().collect();
            refuse(tick, "the evidence says that it is worse than stable", blocks);
            return true;
        }
        forward::resume(tick, weight, &by);
        tick.answer = Some(Answer::Done {
            text: format!("{by} gave it another {}", tick.policy.stages.canary.step_longest),
        });
        return true;
    }
    tick.by_hand = true;
    let stands = forward::standing(tick);
    if stands.is_empty() {
        tick.answer = Some(Answer::Done {
            text: format!("{by} promoted it out of {}", tick.next.stage),
        });
    } else {
        let why = format!("{} stands in the way", blocks::kinds(&stands));
        refuse(tick, &why, stands);
        tick.by_hand = false;
    }
    false
}

fn refuse(tick: &mut Tick<'_>, why: &str, blocks: Vec<Block>) {
    tick.answer = Some(Answer::Refused {
        why: why.to_owned(),
        blocks,
    });
}
