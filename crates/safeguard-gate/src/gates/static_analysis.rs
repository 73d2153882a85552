//! Gate 1: no dangerous pattern that the changes introduce.

use safeguard_api::gate::{Gate, GateVerdict};

use super::GateRule;
use super::findings::{Scans, miss_tools};
use super::opinion::Opinion;
use crate::case::Case;

pub(super) static RULE: GateRule = GateRule {
    gate: Gate::StaticAnalysis,
    page: include_str!("static_analysis.md"),
    judge,
};

fn judge(case: &Case<'_>) -> GateVerdict {
    let settings = &case.policy.gates.static_analysis;
    let mut opinion = Opinion::new(case, RULE.gate);
    // What speaks of security is the next gate's, unless its sender meant it for this one alone.
    let ran = Scans::of(case, RULE.gate).judge(case, settings, &mut opinion, |evidence, finding| {
        !finding.security || evidence.spec.gate == Some(RULE.gate)
    });
    miss_tools(case, settings, &ran, &mut opinion);
    let tools: Vec<String> = ran.into_iter().collect();
    opinion.verdict(format!(
        "{}: no new finding of severity {} or above",
        tools.join(", "),
        settings.severity_min
    ))
}
