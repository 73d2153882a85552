//! What can be typed about evidence and gates.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use safeguard_api::evidence::{Format, Layer, Measure};
use safeguard_api::{Digest, EvidenceId, Gate, Name, ReleaseId, Span, Timestamp};

#[derive(Debug, Subcommand)]
pub enum EvidenceVerb {
    /// Add a report
    #[command(
        after_help = "It is bound to the commit that is checked out, or to what `--commit` or `--artifact` names. It needs a token of
scope `evidence`, which an agent's token is not.

Examples:
  safeguard evidence add --service shop --format junit --layer logic report.xml
  safeguard evidence add --service shop --format sarif --artifact sha256:… semgrep.sarif"
    )]
    Add(Box<EvidenceAddArgs>),
    /// Ask Prometheus, and add its answer with the question
    #[command(after_help = "Examples:
  safeguard evidence query --service shop --artifact sha256:… --prometheus http://prometheus:9090 --measure memory_bytes --last 10m \\
    'process_resident_memory_bytes{job=\"shop-staging\"}'")]
    Query(Box<EvidenceQueryArgs>),
    /// List the evidence of a service, the newest first
    List {
        #[arg(long)]
        service: Name,
        /// How many at most
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
        limit: u32,
    },
    /// Print everything that a report says, as JSON
    Show { id: EvidenceId },
}

#[derive(Debug, Args)]
pub struct EvidenceQueryArgs {
    /// What is asked, in PromQL
    pub query: String,
    #[arg(long)]
    pub service: Name,
    /// Where Prometheus answers; a name and a password may stand in the address
    #[arg(
        long,
        value_name = "URL",
        env = "SAFEGUARD_PROMETHEUS_URL",
        hide_env_values = true
    )]
    pub prometheus: String,
    /// What the numbers are, such as memory_bytes or p95_ms; unsaid: each has it in its label `safeguard`
    #[arg(long)]
    pub measure: Option<Measure>,
    /// The time before now that is asked about; unsaid: this moment
    #[arg(long, value_name = "SPAN")]
    pub last: Option<Span>,
    /// How far the samples are apart
    #[arg(long, value_name = "SPAN", default_value = "5s", requires = "last")]
    pub step: Span,
    /// The commit that it is about; unsaid: HEAD
    #[arg(long, value_name = "COMMIT", conflicts_with = "artifact")]
    pub commit: Option<String>,
    /// The artifact that it is about
    #[arg(long, value_name = "DIGEST")]
    pub artifact: Option<Digest>,
    /// The only gate that it is meant for
    #[arg(long)]
    pub gate: Option<Gate>,
}

#[derive(Debug, Args)]
pub struct EvidenceAddArgs {
    /// The report; `-` is standard input
    pub file: PathBuf,
    #[arg(long)]
    pub service: Name,
    /// sarif, junit, lcov, cobertura, jacoco, k6, oha, prometheus, cyclonedx or safeguard
    #[arg(long)]
    pub format: Format,
    /// The commit that it is about; unsaid: HEAD
    #[arg(long, value_name = "COMMIT", conflicts_with = "artifact")]
    pub commit: Option<String>,
    /// The artifact that it is about
    #[arg(long, value_name = "DIGEST")]
    pub artifact: Option<Digest>,
    /// The layer that tests belong to: syntax, logic, integration, chaos or production
    #[arg(long)]
    pub layer: Option<Layer>,
    /// What the numbers of a Prometheus answer are, such as memory_bytes or p95_ms
    #[arg(long)]
    pub measure: Option<Measure>,
    /// The only gate that it is meant for
    #[arg(long)]
    pub gate: Option<Gate>,
    /// The tool, for formats that do not name theirs
    #[arg(long)]
    pub tool: Option<String>,
    #[arg(long, value_name = "VERSION", requires = "tool")]
    pub tool_version: Option<String>,
    /// When the tool ran, where the report does not say
    #[arg(long, value_name = "TIME")]
    pub produced_at: Option<Timestamp>,
}

#[derive(Debug, Subcommand)]
pub enum GateVerb {
    /// Show every figure against its limit, and what is missing: exit 0 when all that is required passes, 1 when not
    Explain { id: ReleaseId },
}
