//! Reports of real tools, and what is read from them.

mod coverage;
mod cyclonedx;
pub mod hostile;
mod junit;
mod load;
mod plain;
mod sarif;

use std::fmt::Write as _;
use std::path::Path;

use safeguard_api::evidence::{About, EvidenceSpec, Facts, Format};
use safeguard_gate::read;

/// What is said of a report that says everything itself.
pub fn spec(format: Format) -> EvidenceSpec {
    EvidenceSpec {
        service: "shop".parse().unwrap(),
        format,
        about: About::Commit("0123456789abcdef0123456789abcdef01234567".to_owned()),
        layer: None,
        gate: None,
        tool: None,
        tool_version: None,
        measure: None,
        asked: None,
        produced_at: None,
    }
}

/// A report from `tests/reports`, whose README says where each comes from.
pub fn report(name: &str) -> Vec<u8> {
    std::fs::read(
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/reports")
            .join(name),
    )
    .unwrap()
}

pub fn facts(spec: &EvidenceSpec, bytes: impl AsRef<[u8]>) -> String {
    let read = match read(spec, bytes.as_ref()) {
        Ok(read) => read,
        Err(refused) => return format!("{refused}\nhint: {}", refused.hint),
    };
    let mut text = String::new();
    if let Some(tool) = &read.tool {
        writeln!(
            text,
            "tool {} {}",
            tool.name,
            tool.version.as_deref().unwrap_or("-")
        )
        .unwrap();
    }
    if let Some(at) = read.produced_at {
        writeln!(text, "at {at}").unwrap();
    }
    text.push_str(&render(&read.facts));
    for why in &read.inconclusive {
        writeln!(text, "inconclusive: {why}").unwrap();
    }
    text
}

fn render(facts: &Facts) -> String {
    let mut text = String::new();
    match facts {
        Facts::Findings(findings) => {
            for finding in &findings.findings {
                let path = finding.path.as_deref().unwrap_or("?");
                let line = finding.line.map_or("?".to_owned(), |line| line.to_string());
                let end = finding.end_line.map_or(String::new(), |line| format!("-{line}"));
                let security = if finding.security { " security" } else { "" };
                writeln!(
                    text,
                    "{}[{}] {path}:{line}{end} {:?}{security}: {}",
                    finding.severity,
                    finding.rule,
                    finding.state,
                    finding.message.lines().next().unwrap_or_default()
                )
                .unwrap();
                for step in &finding.steps {
                    writeln!(text, "  through {}:{}", step.path, step.line).unwrap();
                }
            }
            if findings.dropped > 0 {
                writeln!(text, "{} dropped", findings.dropped).unwrap();
            }
        }
        Facts::Tests(tests) => {
            writeln!(
                text,
                "{} executed, {} failed, {} skipped, layers {:?}",
                tests.executed, tests.failed, tests.skipped, tests.layers
            )
            .unwrap();
            tests
                .failures
                .iter()
                .for_each(|name| writeln!(text, "failed: {name}").unwrap());
        }
        Facts::Coverage(coverage) => {
            for (path, lines) in &coverage.files {
                writeln!(
                    text,
                    "{path}: covered {:?} missed {:?}",
                    lines.covered, lines.missed
                )
                .unwrap();
            }
        }
        Facts::Load(load) => {
            for (name, series) in &load.series {
                writeln!(
                    text,
                    "{name}: {} requests, {} failed, {:?}/s, p50 {:?} p95 {:?} p99 {:?}",
                    series.requests,
                    series.failed,
                    series.requests_per_second,
                    series.p50_ms,
                    series.p95_ms,
                    series.p99_ms
                )
                .unwrap();
            }
        }
        Facts::Components(components) => {
            writeln!(
                text,
                "{} components, scanned {}",
                components.components, components.scanned
            )
            .unwrap();
            for one in &components.vulnerabilities {
                let excused = if one.excused { " excused" } else { "" };
                writeln!(
                    text,
                    "{}[{}]{excused} in {}",
                    one.severity,
                    one.id,
                    one.affects.join(", ")
                )
                .unwrap();
            }
        }
        Facts::Resources(_) | Facts::Invariants(_) | Facts::Drill(_) => writeln!(text, "{facts:?}").unwrap(),
    }
    text
}
