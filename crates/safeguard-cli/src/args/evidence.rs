//! What can be typed about evidence and gates.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use safeguard_api::evidence::{Format, Layer, Measure};
use safeguard_api::{Digest, EvidenceId, Gate, Name, ReleaseId, Timestamp};

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
