//! Reports of other tools become [`Facts`]: bytes in, facts out, one file for each format.
//!
//! Nothing of a report is believed that it does not say: a run that does not say that it succeeded, a tool without a
//! name and a test report without a test are read, and are inconclusive.

mod cobertura;
mod coverage;
mod cyclonedx;
mod jacoco;
mod json;
mod junit;
mod k6;
mod lcov;
mod oha;
mod prometheus;
mod safeguard;
mod sarif;
mod text;
mod xml;

use safeguard_api::evidence::{EvidenceSpec, Facts, Format, Tool};
use safeguard_api::time::Timestamp;

use crate::unreadable::{Place, Unreadable};

/// The longest report of any format.
pub const REPORT_BYTES_MAX: usize = 128 << 20;
/// Names of tools and of rules, versions, ids.
const NAME_BYTES_MAX: usize = 200;
const MESSAGE_BYTES_MAX: usize = 500;
const PATH_BYTES_MAX: usize = 1024;

/// What a report says.
#[derive(Debug, Clone, PartialEq)]
pub struct Read {
    pub facts: Facts,
    /// As the report names it, else as its sender does.
    pub tool: Option<Tool>,
    /// When the tool ran, as the report says it, else as its sender does.
    pub produced_at: Option<Timestamp>,
    /// Why the report can not speak for a gate; empty when it can.
    pub inconclusive: Vec<String>,
}

/// Reads SARIF 2.1.0 of any scanner, which names its tool and its time itself.
///
/// # Errors
/// What is not as the format has it, where, and what to do.
pub fn read_sarif(bytes: &[u8]) -> Result<Read, Unreadable> {
    sarif::read(text_of(bytes)?)
}

fn text_of(bytes: &[u8]) -> Result<&str, Unreadable> {
    if bytes.len() > REPORT_BYTES_MAX {
        let what = format!("a report of {} bytes (limit {REPORT_BYTES_MAX})", bytes.len());
        return Err(Unreadable::new(
            Place::Whole,
            what,
            "part it, or leave out what the tool prints besides",
        ));
    }
    text::text(bytes)
}

/// Reads a report in the format that its sender names. The same bytes give the same facts.
///
/// # Errors
/// What is not as the format has it, where, and what to do.
pub fn read(spec: &EvidenceSpec, bytes: &[u8]) -> Result<Read, Unreadable> {
    let text = text_of(bytes)?;
    let mut read = match spec.format {
        Format::Sarif => sarif::read(text),
        Format::Junit => junit::read(text, spec.layer),
        Format::Lcov => lcov::read(text),
        Format::Cobertura => cobertura::read(text),
        Format::Jacoco => jacoco::read(text),
        Format::K6 => k6::read(text),
        Format::Oha => oha::read(text),
        Format::Prometheus => prometheus::read(text, spec.measure),
        Format::Cyclonedx => cyclonedx::read(text),
        Format::Safeguard => safeguard::read(text),
    }?;
    read.tool = read.tool.or_else(|| {
        spec.tool.clone().map(|name| Tool {
            name,
            version: spec.tool_version.clone(),
        })
    });
    read.produced_at = read.produced_at.or(spec.produced_at);
    Ok(read)
}

impl Read {
    fn new(facts: Facts) -> Read {
        Read {
            facts,
            tool: None,
            produced_at: None,
            inconclusive: Vec::new(),
        }
    }
}
