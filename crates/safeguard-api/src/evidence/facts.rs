//! What a report says, in the words of the gates.

use std::collections::BTreeMap;
use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Layer;
use crate::drill::Drill;
use crate::lines::LineSet;
use crate::suppression::SilencingComment;
use crate::time::Span;

/// What a report says, in our words. Lists are sorted, so that equal reports give equal facts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Facts {
    Findings(Findings),
    Tests(Tests),
    Coverage(Coverage),
    Load(Load),
    Components(Components),
    Resources(Resources),
    Invariants(Invariants),
    Drill(Drill),
}

/// What scanners found, and which scanners ran.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Findings {
    pub tools: Vec<Tool>,
    pub findings: Vec<Finding>,
    /// Results that were more than are kept; a report with any can only refuse.
    #[serde(default)]
    pub dropped: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Finding {
    pub severity: Severity,
    pub rule: String,
    /// Relative to the repository's root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Counts from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    /// The last line of its region, where that is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_line: Option<u32>,
    /// Other places that it comes about through, such as the steps of a flow, at most [`FINDING_STEPS_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Spot>,
    pub message: String,
    /// Whether it speaks of security: a security tag, a CWE or a security severity.
    pub security: bool,
    pub state: FindingState,
    /// The comment in the source that would let it pass, where its report tells all that it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<SilencingComment>,
    /// The same for the same finding in another run.
    pub fingerprint: String,
    pub tool: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    Note,
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A line of a file, relative to the repository's root.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spot {
    pub path: String,
    pub line: u32,
}

pub const FINDING_STEPS_MAX: usize = 32;

/// What the report itself says of a finding's novelty.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FindingState {
    /// It does not say: the diff decides.
    Unsaid,
    New,
    Unchanged,
    /// Fixed since the baseline.
    Absent,
    /// Suppressed outside of the source, where the scanner keeps its findings.
    Suppressed,
    /// Suppressed by a comment or an attribute in the source.
    Silenced,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tests {
    /// Executed: passed and failed.
    pub executed: u64,
    pub failed: u64,
    pub skipped: u64,
    /// For each layer, how many were executed.
    pub layers: BTreeMap<Layer, u64>,
    /// Names of failed ones, at most [`FAILED_NAMES_MAX`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<String>,
}

pub const FAILED_NAMES_MAX: usize = 50;

/// Which lines were executed by tests.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Coverage {
    /// By path, as the report writes it.
    pub files: BTreeMap<String, LineCoverage>,
}

/// A line is in at most one of the two; what can not be executed is in neither.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LineCoverage {
    pub covered: LineSet,
    pub missed: LineSet,
}

/// What a load of requests met.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// By scenario or endpoint; the whole run is named `all`.
    pub series: BTreeMap<String, LoadSeries>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LoadSeries {
    pub requests: u64,
    pub failed: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests_per_second: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p50_ms: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p95_ms: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p99_ms: Option<f64>,
}

/// What the artifact is made of, and what is known to be wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Components {
    pub components: u64,
    pub tools: Vec<Tool>,
    /// Whether vulnerabilities were looked for: a bare list of components says nothing of them.
    pub scanned: bool,
    pub vulnerabilities: Vec<Vulnerability>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Vulnerability {
    pub severity: Severity,
    pub id: String,
    /// The components it is in, such as `pkg:pypi/requests@2.19.0`.
    pub affects: Vec<String>,
    /// Analysed and found not to matter: CycloneDX's `not_affected`, `false_positive` or `resolved`.
    pub excused: bool,
}

/// What instances used while they were watched.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Resources {
    pub watched: Span,
    pub samples: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_bytes_max: Option<u64>,
    /// In percent of one core, the greatest mean over a minute, or over `watched` where that is shorter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_percent_max: Option<f64>,
    /// Memory at the end above memory after the first fifth, as a part of the latter, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_growth_percent: Option<f64>,
}

/// Statements about data that must hold, counted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Invariants {
    pub checks: Vec<InvariantCheck>,
    /// Migrations that were rehearsed on a copy.
    pub migrations: Vec<MigrationRehearsal>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct InvariantCheck {
    pub name: String,
    /// Rows, or other things, that were looked at. A check that looked at nothing shows nothing.
    pub checked: u64,
    pub violations: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MigrationRehearsal {
    pub name: String,
    pub rows_before: u64,
    pub rows_after: u64,
    /// Rows that it was meant to remove.
    pub rows_removed_intended: u64,
    /// Whether it was taken back, and everything was as before.
    pub reversed: bool,
}
