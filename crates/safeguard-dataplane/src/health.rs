//! Triggers that need no statistics: the supervisor knows when a candidate's process ends, fails its health checks, or
//! outgrows its memory.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use safeguard_api::id::ReleaseId;
use safeguard_api::instance::{InstanceReport, SupervisorAnswer, SupervisorCall, SupervisorReport};
use safeguard_api::stage::Percent;
use safeguard_link::Link;
use safeguard_rollout::judge::hard_triggers;
use tokio::time::MissedTickBehavior;

use crate::clock;
use crate::route::Slot;

const ASK_EVERY: Duration = Duration::from_millis(200);
const ANSWER_LONGEST: Duration = Duration::from_secs(1);

/// Asks for ever.
pub async fn watch(supervisor: PathBuf, slots: Vec<Arc<Slot>>) {
    let mut link = Link::new(supervisor);
    let mut turn = tokio::time::interval(ASK_EVERY);
    turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        turn.tick().await;
        // Nobody to judge, nothing to ask.
        if !slots.iter().any(|slot| is_judged(slot)) {
            continue;
        }
        match link.call(&SupervisorCall::Report, ANSWER_LONGEST).await {
            Ok(SupervisorAnswer::Report(report)) => slots.iter().for_each(|slot| look(slot, &report)),
            Ok(SupervisorAnswer::Listeners { .. } | SupervisorAnswer::Refused { .. }) => {
                tracing::warn!("The supervisor does not report");
            }
            Err(error) => tracing::debug!(%error, "The supervisor is silent"),
        }
    }
}

fn is_judged(slot: &Slot) -> bool {
    let view = slot.view.load();
    view.as_ref().is_some_and(|view| {
        let candidate = view.candidate.as_ref();
        view.stable.is_some()
            && candidate
                .is_some_and(|candidate| candidate.judged && candidate.weight_in_force() > Percent::ZERO)
    })
}

fn look(slot: &Slot, report: &SupervisorReport) {
    if !is_judged(slot) {
        return;
    }
    let view = slot.view.load();
    let Some((stable, candidate)) = view
        .as_ref()
        .and_then(|view| view.stable.as_ref().zip(view.candidate.as_ref()))
    else {
        return;
    };
    let of = |release: &ReleaseId| -> Vec<InstanceReport> {
        let here = |instance: &&InstanceReport| {
            instance.release == *release
                && instance.service == slot.service
                && instance.environment == slot.environment
        };
        report.instances.iter().filter(here).cloned().collect()
    };
    let (theirs, ours) = (of(&stable.release), of(&candidate.arm.release));
    if let Some(cause) = hard_triggers(&candidate.tripwire.policy, &ours, &theirs, clock::wall()) {
        candidate.tripwire.trip(cause);
    }
}
