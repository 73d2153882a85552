//! Gate 7: as many people as the policy asks for, seniors among them, have signed what the release is at this moment.

use safeguard_api::gate::{Figure, Gate, GateVerdict, Verdict};

use super::GateRule;
use crate::approval::count;
use crate::case::Case;

pub(super) static RULE: GateRule = GateRule {
    gate: Gate::HumanApproval,
    page: include_str!("human_approval.md"),
    judge,
};

fn judge(case: &Case<'_>) -> GateVerdict {
    let counted = count(case, case.policy.gates.human_approval.quorum);
    let standing = &counted.standing;
    let approved: Vec<&str> = standing
        .people
        .iter()
        .filter(|person| person.counts())
        .map(|person| person.person.as_str())
        .collect();
    let (verdict, reason) = if !counted.rejected.is_empty() {
        (
            Verdict::Fail,
            format!("rejected by {}", counted.rejected.join(", ")),
        )
    } else if counted.is_enough() {
        (Verdict::Pass, format!("approved by {}", approved.join(", ")))
    } else {
        let why = counted.missing_in_short();
        (
            Verdict::Inconclusive,
            format!(
                "{} of {} people and {} of {} seniors approved: {why}",
                standing.approved, standing.quorum, standing.seniors, standing.seniors_min
            ),
        )
    };
    let figure = |name: &str, value: u32, limit: u32| Figure {
        name: name.to_owned(),
        value: value.to_string(),
        limit: format!("at least {limit}"),
        met: limit <= value,
    };
    GateVerdict {
        figures: vec![
            figure("people who approved", standing.approved, standing.quorum),
            figure(
                "seniors for the least covered path",
                standing.seniors,
                standing.seniors_min,
            ),
        ],
        missing: standing.missing.clone(),
        ..GateVerdict::new(Gate::HumanApproval, verdict, reason)
    }
}
