//! Evidence: what a tool found out about a commit or an artifact, and the facts that gates read from its report.
//!
//! A report is stored as it came, by its hash; [`Facts`] are what reading it gives, the same at every reading.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::gate::Gate;
use crate::id::{Digest, EvidenceId, Name};
use crate::time::{Span, Timestamp};

/// The formats of reports that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// SARIF 2.1.0 of any scanner.
    Sarif,
    /// JUnit XML, as pytest, surefire, gotestsum and nextest write it.
    Junit,
    Lcov,
    Cobertura,
    Jacoco,
    /// `k6 run --summary-export`, or the object given to `handleSummary`.
    K6,
    /// `oha --output-format json`.
    Oha,
    /// The answer of Prometheus' `GET /api/v1/query`.
    Prometheus,
    /// CycloneDX 1.4 to 1.7 in JSON, with or without vulnerabilities.
    Cyclonedx,
    /// `safeguard.evidence/1`, for whatever has no format of its own.
    Safeguard,
}

impl Format {
    pub const ALL: [Format; 10] = [
        Format::Sarif,
        Format::Junit,
        Format::Lcov,
        Format::Cobertura,
        Format::Jacoco,
        Format::K6,
        Format::Oha,
        Format::Prometheus,
        Format::Cyclonedx,
        Format::Safeguard,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Format::Sarif => "sarif",
            Format::Junit => "junit",
            Format::Lcov => "lcov",
            Format::Cobertura => "cobertura",
            Format::Jacoco => "jacoco",
            Format::K6 => "k6",
            Format::Oha => "oha",
            Format::Prometheus => "prometheus",
            Format::Cyclonedx => "cyclonedx",
            Format::Safeguard => "safeguard",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Says that a word names no format.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is not a format that can be read: sarif, junit, lcov, cobertura, jacoco, k6, oha, prometheus, cyclonedx or safeguard"
)]
pub struct FormatError(String);

impl FromStr for Format {
    type Err = FormatError;
    fn from_str(text: &str) -> Result<Self, FormatError> {
        Format::ALL
            .into_iter()
            .find(|format| format.as_str() == text)
            .ok_or_else(|| FormatError(text.chars().take(40).collect()))
    }
}

/// The layers of the pyramid for AI code, from the bottom up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    Syntax,
    Logic,
    Integration,
    Chaos,
    Production,
}

impl Layer {
    pub const ALL: [Layer; 5] = [
        Layer::Syntax,
        Layer::Logic,
        Layer::Integration,
        Layer::Chaos,
        Layer::Production,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Layer::Syntax => "syntax",
            Layer::Logic => "logic",
            Layer::Integration => "integration",
            Layer::Chaos => "chaos",
            Layer::Production => "production",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Says that a word names no layer.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a layer: syntax, logic, integration, chaos or production")]
pub struct LayerError(String);

impl FromStr for Layer {
    type Err = LayerError;
    fn from_str(text: &str) -> Result<Self, LayerError> {
        Layer::ALL
            .into_iter()
            .find(|layer| layer.as_str() == text)
            .ok_or_else(|| LayerError(text.chars().take(40).collect()))
    }
}

/// What a report speaks of. Evidence of another commit or artifact says nothing of a release.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum About {
    /// In full, in lower-case hexadecimal.
    Commit(String),
    Artifact(Digest),
}

impl fmt::Display for About {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            About::Commit(commit) => write!(f, "commit {}", commit.chars().take(12).collect::<String>()),
            About::Artifact(digest) => write!(f, "artifact {}", digest.short()),
        }
    }
}

/// What a client says of a report that it adds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EvidenceSpec {
    pub service: Name,
    pub format: Format,
    pub about: About,
    /// The layer of the pyramid that tests belong to; for formats that can not say it themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<Layer>,
    /// The only gate it is meant for; unsaid: every gate that can read it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<Gate>,
    /// The tool, for formats that do not name theirs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool_version: Option<String>,
    /// When the tool ran, where the report does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub produced_at: Option<Timestamp>,
}

/// One report that was added, with what it says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evidence {
    pub id: EvidenceId,
    #[serde(flatten)]
    pub spec: EvidenceSpec,
    /// The report in the content store, as it came.
    pub document: Digest,
    pub bytes: u64,
    pub facts: Facts,
    /// Why it can not speak for a gate, where it can not: no tool named, a run that failed, nothing executed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inconclusive: Vec<String>,
    pub added_at: Timestamp,
    pub added_by: String,
    /// The log entry that recorded it.
    pub entry: u64,
}

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
pub struct Findings {
    pub tools: Vec<Tool>,
    pub findings: Vec<Finding>,
    /// Results that were more than are kept; a report with any can only refuse.
    #[serde(default)]
    pub dropped: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    pub name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    pub severity: Severity,
    pub rule: String,
    /// Relative to the repository's root.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Counts from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<u32>,
    pub message: String,
    /// Whether it speaks of security: a security tag, a CWE or a security severity.
    pub security: bool,
    pub state: FindingState,
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
    /// Suppressed in the source or outside of it.
    Suppressed,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
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
pub struct Coverage {
    /// By path, as the report writes it.
    pub files: BTreeMap<String, LineCoverage>,
}

/// Line numbers, sorted; a line is in at most one of the two.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct LineCoverage {
    pub covered: Vec<u32>,
    pub missed: Vec<u32>,
}

/// What a load of requests met.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Load {
    /// By scenario or endpoint; the whole run is named `all`.
    pub series: BTreeMap<String, LoadSeries>,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
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
pub struct Components {
    pub components: u64,
    pub tools: Vec<Tool>,
    pub vulnerabilities: Vec<Vulnerability>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
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
pub struct Invariants {
    pub checks: Vec<InvariantCheck>,
    /// Migrations that were rehearsed on a copy.
    pub migrations: Vec<MigrationRehearsal>,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct InvariantCheck {
    pub name: String,
    /// Rows, or other things, that were looked at. A check that looked at nothing shows nothing.
    pub checked: u64,
    pub violations: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct MigrationRehearsal {
    pub name: String,
    pub rows_before: u64,
    pub rows_after: u64,
    /// Rows that it was meant to remove.
    pub rows_removed_intended: u64,
    /// Whether it was taken back, and everything was as before.
    pub reversed: bool,
}

/// A rollback, tried in staging: the certificate of gate `rollback-test`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Drill {
    pub candidate: Digest,
    /// None where nothing was live to go back to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable: Option<Digest>,
    /// Of everything that decides how the service runs: the certificate is void with another.
    pub configuration: Digest,
    pub concurrent_requests: u32,
    pub requests: u64,
    pub failed_requests: u64,
    /// Requests with no complete answer while the rollback went on, faults apart.
    pub lost_requests: u64,
    pub writes_acknowledged: u64,
    pub writes_lost: u64,
    pub faults: Vec<Fault>,
    /// The digest that answered after the rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serves: Option<Digest>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fault {
    pub name: FaultKind,
    pub detect: Span,
    pub flip: Span,
    pub drain: Span,
    pub verify: Span,
    /// Why the rollback could not be shown to be complete, if it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl Fault {
    /// From the fault to a verified rollback.
    #[must_use]
    pub fn total(&self) -> Span {
        Span(self.detect.0 + self.flip.0 + self.drain.0 + self.verify.0)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    Sigkill,
    Sigstop,
    /// The instance answers 5xx.
    Errors,
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            FaultKind::Sigkill => "SIGKILL",
            FaultKind::Sigstop => "SIGSTOP",
            FaultKind::Errors => "injected 5xx",
        })
    }
}
