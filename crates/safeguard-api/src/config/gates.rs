//! The limits of the seven gates, and the layers of tests and the documentation that a change needs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::evidence::Severity;
use crate::time::Span;

/// What each gate asks for. Unsaid means the limits of the promises: 5 % slower at most, and so on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct GateSettings {
    pub static_analysis: FindingsGate,
    pub security_scan: FindingsGate,
    pub performance_baseline: PerformanceGate,
    pub resource_limits: ResourcesGate,
    pub rollback_test: RollbackGate,
    pub human_approval: ApprovalGate,
    pub layers: LayersRule,
    pub documentation: DocumentationRule,
    pub checklist: ChecklistRule,
    pub risk: RiskRule,
    pub evidence: EvidenceRule,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FindingsGate {
    /// Scanners that must have run, by the names in their reports; empty: any one.
    pub tools: Vec<String>,
    /// New findings of this severity and above refuse.
    pub severity_min: Severity,
}

impl Default for FindingsGate {
    fn default() -> Self {
        FindingsGate {
            tools: Vec::new(),
            severity_min: Severity::High,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PerformanceGate {
    /// How much worse than the baseline a figure may be, in percent.
    pub worse_percent_max: f64,
    /// Requests that each of the two runs needs.
    pub requests_min: u64,
}

impl Default for PerformanceGate {
    fn default() -> Self {
        PerformanceGate {
            worse_percent_max: 5.0,
            requests_min: 1000,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ResourcesGate {
    /// In percent of the instance's limit.
    pub memory_percent_max: f64,
    /// In percent of the instance's limit.
    pub cpu_percent_max: f64,
    /// How much memory may grow while load is steady.
    pub memory_growth_percent_max: f64,
    pub watched_min: Span,
}

impl Default for ResourcesGate {
    fn default() -> Self {
        ResourcesGate {
            memory_percent_max: 80.0,
            cpu_percent_max: 80.0,
            memory_growth_percent_max: 20.0,
            watched_min: Span::seconds(60),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RollbackGate {
    /// From the fault to a verified rollback.
    pub rollback_longest: Span,
    pub concurrent_requests_min: u32,
}

impl Default for RollbackGate {
    fn default() -> Self {
        RollbackGate {
            rollback_longest: Span::seconds(30),
            concurrent_requests_min: 200,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ApprovalGate {
    /// How many different people must approve.
    pub quorum: u32,
    /// How many seniors must be among them for each touched path: people with one of `senior_roles` and a record in the
    /// touched paths, and of a path that has owners, only its owners.
    pub seniors: u32,
    pub senior_roles: Vec<String>,
    /// How long an approval holds.
    pub valid: Span,
    /// How long a waiver may hold.
    pub waiver_longest: Span,
    /// How long freezes may be lifted for a release.
    pub breakglass_longest: Span,
}

impl Default for ApprovalGate {
    fn default() -> Self {
        ApprovalGate {
            quorum: 1,
            seniors: 1,
            senior_roles: vec!["senior".to_owned()],
            valid: Span::hours(72),
            waiver_longest: Span::hours(24 * 14),
            breakglass_longest: Span::hours(8),
        }
    }
}

/// The risk matrix: likelihood × impact, computed from the changes of a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RiskRule {
    /// Whether a higher risk makes soaks longer and canary steps smaller, and asks for more approvals. It is computed and shown
    /// in any case.
    pub applied: bool,
}

impl Default for RiskRule {
    fn default() -> Self {
        RiskRule { applied: true }
    }
}

/// The pyramid of tests for AI code: evidence in every layer, or the release does not move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LayersRule {
    pub required: bool,
    /// The share of each layer that is aimed at, in percent; shown beside what is there, and never refused.
    pub syntax_percent: u32,
    pub logic_percent: u32,
    pub integration_percent: u32,
    pub chaos_percent: u32,
    pub production_percent: u32,
}

impl Default for LayersRule {
    fn default() -> Self {
        LayersRule {
            required: true,
            syntax_percent: 10,
            logic_percent: 20,
            integration_percent: 25,
            chaos_percent: 25,
            production_percent: 20,
        }
    }
}

/// Intent, risk, coverage and recovery of each change: complete, or the release does not move.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DocumentationRule {
    pub required: bool,
}

impl Default for DocumentationRule {
    fn default() -> Self {
        DocumentationRule { required: true }
    }
}

/// The checklist of each change: no box that documents or people answer is open, or nobody can approve the release. Boxes
/// that gates and layers of tests answer are held by those.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ChecklistRule {
    pub required: bool,
}

impl Default for ChecklistRule {
    fn default() -> Self {
        ChecklistRule { required: true }
    }
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct EvidenceRule {
    /// Older evidence does not count.
    pub age_max: Span,
    /// The least part of the changed lines that tests execute, in percent.
    pub patch_coverage_percent_min: f64,
}

impl Default for EvidenceRule {
    fn default() -> Self {
        EvidenceRule {
            age_max: Span::hours(24 * 14),
            patch_coverage_percent_min: 80.0,
        }
    }
}
