//! What the risk of a release makes of its terms.

use safeguard_api::config::{Policy, Terms};
use safeguard_api::release::Rollout;
use safeguard_api::stage::Stage;
use serde_json::json;

use super::Tick;
use crate::observe::Observation;

/// What the risk asks for beyond what is asked for already, as long as the canary has not begun: its steps are counted.
pub(super) fn grown(rollout: &Rollout, observed: &Observation, policy: &Policy) -> Option<Terms> {
    let open = !rollout.phase.is_final()
        && rollout.stage < Stage::Canary
        && policy.asks_for_gates()
        && policy.gates.risk.applied;
    let risk = observed.risk.as_ref().filter(|_| open)?;
    rollout.terms.grown(&risk.measures)
}

/// Goes on under the new terms, and says why.
pub(super) fn take(tick: &mut Tick<'_>, terms: &Terms) {
    tick.next.terms = terms.clone();
    let Some(risk) = &tick.observed.risk else { return };
    let asked = &risk.measures;
    let text = format!(
        "its risk is {}: {} % of each soak, {} approvals more, {} steps in the canary",
        risk.level,
        asked.soak_percent,
        asked.approvals_more,
        asked.canary_steps.len()
    );
    tick.decide("risk.scored", text, json!({ "risk": risk }));
}
