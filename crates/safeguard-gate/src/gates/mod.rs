//! The seven gates, one file each with its page beside it.
//!
//! A page says what its gate asks and why, and what to do when it refuses; its cases are the gate's tests.

mod data_integrity;
mod findings;
mod human_approval;
mod opinion;
mod performance_baseline;
mod resource_limits;
mod rollback_test;
mod security_scan;
mod static_analysis;

pub(crate) use opinion::add_command;
use safeguard_api::gate::{Gate, GateReport, GateVerdict, Verdict};
pub use security_scan::fingerprint as vulnerability_fingerprint;

use crate::approval::is_rejected;
use crate::case::Case;

/// A gate, its page, and the function that judges.
pub struct GateRule {
    pub gate: Gate,
    pub page: &'static str,
    judge: fn(&Case<'_>) -> GateVerdict,
}

/// In the order in which they must pass.
pub static GATES: [&GateRule; 7] = [
    &static_analysis::RULE,
    &security_scan::RULE,
    &performance_baseline::RULE,
    &data_integrity::RULE,
    &resource_limits::RULE,
    &rollback_test::RULE,
    &human_approval::RULE,
];

/// Judges the required gates, all of them: one that refuses does not hide what the others say.
#[must_use]
pub fn judge(case: &Case<'_>, required: &[Gate]) -> GateReport {
    let mut required = required.to_vec();
    // Who rejects stops the release also where nobody is asked to approve.
    if is_rejected(case) {
        required.push(Gate::HumanApproval);
    }
    let verdicts = required.iter().map(|gate| verdict(case, *gate)).collect();
    GateReport::of(&required, verdicts)
}

fn verdict(case: &Case<'_>, gate: Gate) -> GateVerdict {
    match GATES.iter().find(|rule| rule.gate == gate) {
        Some(rule) => with_waivers(case, (rule.judge)(case)),
        None => GateVerdict::new(gate, Verdict::Inconclusive, "nobody judges it"),
    }
}

/// Whether two people may set the whole gate aside. Of `security-scan` they may only name findings, which are then
/// known not to be critical. Who rejects is not overruled by two others.
fn is_waivable(verdict: &GateVerdict) -> bool {
    match verdict.gate {
        Gate::StaticAnalysis | Gate::PerformanceBaseline | Gate::ResourceLimits => true,
        Gate::HumanApproval => verdict.verdict != Verdict::Fail,
        Gate::SecurityScan | Gate::DataIntegrity | Gate::RollbackTest => false,
    }
}

/// A waiver of the whole gate lets it pass; what it would have said stays there to be read.
fn with_waivers(case: &Case<'_>, mut verdict: GateVerdict) -> GateVerdict {
    let gate = verdict.gate;
    let waiver = case.waivers.iter().find(|waiver| {
        waiver.statement.gate == gate
            && waiver.statement.findings.is_empty()
            && waiver.in_force(&case.release.id, case.now)
    });
    let Some(waiver) = waiver.filter(|_| is_waivable(&verdict) && verdict.verdict != Verdict::Pass) else {
        return verdict;
    };
    verdict.reason = format!(
        "waived by {} until {} ({}); without: {}, {}",
        waiver.persons().into_iter().collect::<Vec<_>>().join(" and "),
        waiver.statement.expires,
        waiver.statement.reason,
        verdict.verdict,
        verdict.reason
    );
    verdict.verdict = Verdict::Pass;
    verdict.waivers.push(waiver.id.clone());
    verdict
}
