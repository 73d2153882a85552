//! The seven gates, one file each with its page beside it.

use safeguard_api::gate::{Gate, GateReport, GateVerdict, Verdict};

use crate::case::Case;

/// Judges the required gates, all of them: one that refuses does not hide what the others say.
#[must_use]
pub fn judge(case: &Case<'_>, required: &[Gate]) -> GateReport {
    GateReport::of(
        required,
        required.iter().map(|gate| verdict(case, *gate)).collect(),
    )
}

fn verdict(case: &Case<'_>, gate: Gate) -> GateVerdict {
    let evidence = case
        .current()
        .filter(|evidence| evidence.spec.gate == Some(gate))
        .count();
    GateVerdict::new(
        gate,
        Verdict::Inconclusive,
        format!("no evidence: {evidence} reports are about this release"),
    )
}
