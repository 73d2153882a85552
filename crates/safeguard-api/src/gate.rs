//! The seven gates, their verdicts, and the permit that only a green report can make.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::documentation::Documentation;
use crate::id::{EvidenceId, WaiverId};
use crate::pyramid::Pyramid;

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

/// Says that a word names no gate.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is not a gate: static-analysis, security-scan, performance-baseline, data-integrity, resource-limits, rollback-test or human-approval"
)]
pub struct GateError(String);

impl FromStr for Gate {
    type Err = GateError;
    fn from_str(text: &str) -> Result<Self, GateError> {
        Gate::ALL
            .into_iter()
            .find(|gate| gate.as_str() == text)
            .ok_or_else(|| GateError(text.chars().take(40).collect()))
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

/// What one gate said: every figure beside its limit, and what is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GateVerdict {
    pub gate: Gate,
    pub verdict: Verdict,
    /// One sentence, with the figure that decided.
    pub reason: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub figures: Vec<Figure>,
    /// What would have to be added before the gate can pass, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// The evidence that was looked at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<EvidenceId>,
    /// The waivers that count here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<WaiverId>,
}

/// A figure beside its limit, both as people read them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Figure {
    pub name: String,
    pub value: String,
    pub limit: String,
    pub met: bool,
}

impl GateVerdict {
    #[must_use]
    pub fn new(gate: Gate, verdict: Verdict, reason: impl Into<String>) -> GateVerdict {
        GateVerdict {
            gate,
            verdict,
            reason: reason.into(),
            figures: Vec::new(),
            missing: Vec::new(),
            evidence: Vec::new(),
            waivers: Vec::new(),
        }
    }
}

/// The verdicts of all gates that a promotion requires, in the order of the gates.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct GateReport {
    pub verdicts: Vec<GateVerdict>,
    /// The layers of tests, asked for wherever any gate is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layers: Option<Pyramid>,
    /// The documentation of the changes, asked for wherever any gate is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub documentation: Option<Documentation>,
}

/// What stops a promotion: the first that did not pass, since one failure is a full stop.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Refused<'a> {
    Gate(&'a GateVerdict),
    Layers(&'a Pyramid),
    Documentation(&'a Documentation),
}

/// Proof that every required gate passed. Only [`GateReport::permit`] makes one.
#[derive(Debug)]
pub struct Permit(());

impl GateReport {
    /// Puts the verdicts of the required gates together. A required gate of which nothing is said is inconclusive, and
    /// so refuses.
    #[must_use]
    pub fn of(required: &[Gate], verdicts: Vec<GateVerdict>) -> GateReport {
        let mut required = required.to_vec();
        required.sort();
        required.dedup();
        let said = |gate| verdicts.iter().find(|verdict| verdict.gate == gate).cloned();
        let unsaid = |gate| GateVerdict::new(gate, Verdict::Inconclusive, "nothing was said of it");
        GateReport {
            verdicts: required
                .into_iter()
                .map(|gate| said(gate).unwrap_or_else(|| unsaid(gate)))
                .collect(),
            layers: None,
            documentation: None,
        }
    }

    /// The first thing that did not pass.
    #[must_use]
    pub fn refused_by(&self) -> Option<Refused<'_>> {
        let gate = self.verdicts.iter().find(|said| said.verdict != Verdict::Pass);
        let layers = self.layers.iter().find(|layers| layers.verdict != Verdict::Pass);
        let documentation = self
            .documentation
            .iter()
            .find(|said| said.verdict != Verdict::Pass);
        gate.map(Refused::Gate)
            .or(layers.map(Refused::Layers))
            .or(documentation.map(Refused::Documentation))
    }

    /// Returns a permit if every required gate passed, every layer that is due was shown, and the documentation is complete.
    ///
    /// # Errors
    /// What did not pass.
    pub fn permit(&self) -> Result<Permit, Refused<'_>> {
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
        let report = GateReport::of(&[Gate::RollbackTest, Gate::StaticAnalysis], Vec::new());
        let refused = report.permit().unwrap_err();
        assert!(matches!(refused, Refused::Gate(said) if said.gate == Gate::StaticAnalysis));
        assert!(GateReport::of(&[], Vec::new()).permit().is_ok());
    }
}
