//! Evidence: what a tool found out about a commit or an artifact, and the facts that gates read from its report.
//!
//! A report is stored as it came, by its hash; [`Facts`] are what reading it gives, the same at every reading.

mod facts;

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::gate::Gate;
use crate::id::{Digest, EvidenceId, Name};
use crate::time::{Span, Timestamp};

pub use facts::*;

pub use crate::drill::{Drill, Fault, FaultKind, Writes};

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

/// What a number of a Prometheus answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    MemoryBytes,
    /// In percent of one core.
    CpuPercent,
    Requests,
    Failed,
    RequestsPerSecond,
    P50Ms,
    P95Ms,
    P99Ms,
}

impl Measure {
    pub const ALL: [Measure; 8] = [
        Measure::MemoryBytes,
        Measure::CpuPercent,
        Measure::Requests,
        Measure::Failed,
        Measure::RequestsPerSecond,
        Measure::P50Ms,
        Measure::P95Ms,
        Measure::P99Ms,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Measure::MemoryBytes => "memory_bytes",
            Measure::CpuPercent => "cpu_percent",
            Measure::Requests => "requests",
            Measure::Failed => "failed",
            Measure::RequestsPerSecond => "requests_per_second",
            Measure::P50Ms => "p50_ms",
            Measure::P95Ms => "p95_ms",
            Measure::P99Ms => "p99_ms",
        }
    }
}

/// Says that a word names no measure.
#[derive(Debug, thiserror::Error)]
#[error(
    "`{0}` is not a measure: memory_bytes, cpu_percent, requests, failed, requests_per_second, p50_ms, p95_ms or p99_ms"
)]
pub struct MeasureError(String);

impl FromStr for Measure {
    type Err = MeasureError;
    fn from_str(text: &str) -> Result<Self, MeasureError> {
        Measure::ALL
            .into_iter()
            .find(|measure| measure.as_str() == text)
            .ok_or_else(|| MeasureError(text.chars().take(40).collect()))
    }
}

/// `safeguard.evidence/1`: a report in our own words, for whatever has no format of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlainReport {
    /// [`PLAIN_REPORT_API`].
    pub api: String,
    pub tool: Tool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub produced_at: Option<Timestamp>,
    pub facts: Facts,
}

pub const PLAIN_REPORT_API: &str = "safeguard.evidence/1";

impl PlainReport {
    /// Returns the JSON Schema of a report in our own words.
    #[must_use]
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(PlainReport).to_value()
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
    /// What the numbers of a Prometheus answer are; unsaid: each has it in its label `safeguard`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub measure: Option<Measure>,
    /// What Prometheus was asked, where it was asked for this report.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Asked>,
    /// When the tool ran, where the report does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub produced_at: Option<Timestamp>,
}

/// A question to Prometheus, so that who approves sees of what the answer speaks: in PromQL, at one time or over the time before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Asked {
    pub query: String,
    pub at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over: Option<Range>,
}

/// The time before, and how far its samples are apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Range {
    pub last: Span,
    pub step: Span,
}

impl fmt::Display for Asked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.over {
            Some(Range { last, step }) => {
                write!(
                    formatter,
                    "{} over {last} by {step} until {}",
                    self.query, self.at
                )
            }
            None => write!(formatter, "{} at {}", self.query, self.at),
        }
    }
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
