//! The seven gates, their verdicts, and the permit that only a green report can make.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The gates in the order in which they must pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Gate {
    StaticAnalysis,
    SecurityScan,
    PerformanceBaseline,
    DataIntegrity,
    ResourceLimits,
    RollbackTest,
    HumanApproval,
}

impl Gate {
    pub const ALL: [Gate; 7] = [
        Gate::StaticAnalysis,
        Gate::SecurityScan,
        Gate::PerformanceBaseline,
        Gate::DataIntegrity,
        Gate::ResourceLimits,
        Gate::RollbackTest,
        Gate::HumanApproval,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Gate::StaticAnalysis => "static-analysis",
            Gate::SecurityScan => "security-scan",
            Gate::PerformanceBaseline => "performance-baseline",
            Gate::DataIntegrity => "data-integrity",
            Gate::ResourceLimits => "resource-limits",
            Gate::RollbackTest => "rollback-test",
            Gate::HumanApproval => "human-approval",
        }
    }
}

impl fmt::Display for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Only `Pass` moves a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    Pass,
    Fail,
    Inconclusive,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Pass => "pass",
            Verdict::Fail => "fail",
            Verdict::Inconclusive => "inconclusive",
        })
    }
}

/// What one gate said, with the figure that decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GateVerdict {
    pub gate: Gate,
    pub verdict: Verdict,
    pub reason: String,
}

/// The verdicts of all gates that a promotion requires.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct GateReport {
    pub verdicts: Vec<GateVerdict>,
}

/// Proof that every required gate passed. Only [`GateReport::permit`] makes one.
#[derive(Debug)]
pub struct Permit(());

impl GateReport {
    /// Judges the required gates. A gate that has no producer of evidence is inconclusive, and so refuses.
    #[must_use]
    pub fn judge(required: &[Gate]) -> GateReport {
        let mut required = required.to_vec();
        required.sort();
        required.dedup();
        let verdicts = required
            .into_iter()
            .map(|gate| GateVerdict {
                gate,
                verdict: Verdict::Inconclusive,
                reason: "no evidence: no producer for this gate is configured".to_owned(),
            })
            .collect();
        GateReport { verdicts }
    }

    /// The first gate that did not pass; the ones after it do not matter, since one failure is a full stop.
    #[must_use]
    pub fn refused_by(&self) -> Option<&GateVerdict> {
        self.verdicts
            .iter()
            .find(|verdict| verdict.verdict != Verdict::Pass)
    }

    /// Returns a permit if every required gate passed.
    ///
    /// # Errors
    /// The first gate that did not pass.
    pub fn permit(&self) -> Result<Permit, &GateVerdict> {
        match self.refused_by() {
            Some(refused) => Err(refused),
            None => Ok(Permit(())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_without_evidence_refuses() {
        let report = GateReport::judge(&[Gate::RollbackTest, Gate::StaticAnalysis]);
        assert_eq!(report.permit().unwrap_err().gate, Gate::StaticAnalysis);
        assert!(GateReport::judge(&[]).permit().is_ok());
    }
}
