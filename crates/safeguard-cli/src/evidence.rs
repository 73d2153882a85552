//! `safeguard evidence …`

mod prometheus;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::Context;
use safeguard_api::evidence::{About, Facts};
use safeguard_api::{Digest, Evidence};

use crate::api_client::{ApiClient, query};
use crate::args::{EvidenceAddArgs, EvidenceVerb, Globals};
use crate::failure::Failure;
use crate::git;
use crate::output::{CARE, Output, table};

/// As the server has it; a longer file is not even sent.
const REPORT_BYTES_MAX: u64 = 32 << 20;

pub fn evidence(globals: &Globals, verb: EvidenceVerb, output: &Output) -> Result<(), Failure> {
    match verb {
        EvidenceVerb::Add(args) => add(globals, *args, output),
        EvidenceVerb::Query(args) => prometheus::query_and_add(globals, *args, output),
        EvidenceVerb::List { service, limit } => {
            let evidence: Vec<Evidence> =
                ApiClient::new(globals)?.get(&format!("/api/v1/evidence?service={service}&limit={limit}"))?;
            output.data(&evidence, |evidence| listed(evidence))
        }
        EvidenceVerb::Show { id } => {
            let evidence: Evidence = ApiClient::new(globals)?.get(&format!("/api/v1/evidence/{id}"))?;
            output.json_text(&evidence)
        }
    }
}

fn add(globals: &Globals, args: EvidenceAddArgs, output: &Output) -> Result<(), Failure> {
    let about = about(args.commit.as_deref(), args.artifact.as_ref())?;
    let report = read_whole(&args.file, REPORT_BYTES_MAX)?;
    let said = [
        ("service", Some(args.service.to_string())),
        ("format", Some(args.format.to_string())),
        ("commit", matches!(about, About::Commit(_)).then(|| text(&about))),
        (
            "artifact",
            matches!(about, About::Artifact(_)).then(|| text(&about)),
        ),
        ("layer", args.layer.map(|layer| layer.to_string())),
        ("measure", args.measure.map(|measure| measure.as_str().to_owned())),
        ("gate", args.gate.map(|gate| gate.to_string())),
        ("tool", args.tool),
        ("tool_version", args.tool_version),
        ("produced_at", args.produced_at.map(|at| at.to_string())),
    ];
    send(globals, &said, report, output)
}

/// Sends the report, and tells what became of it.
fn send(
    globals: &Globals,
    said: &[(&str, Option<String>)],
    report: Vec<u8>,
    output: &Output,
) -> Result<(), Failure> {
    let path = format!("/api/v1/evidence?{}", query(said));
    let evidence: Evidence = ApiClient::new(globals)?.send_bytes(http::Method::POST, &path, report)?;
    output.data(&evidence, |evidence| format!("{}\n", evidence.id))?;
    output.say(&format!(
        "Recorded {} about {} as log entry {}: {}",
        evidence.spec.format,
        evidence.spec.about,
        evidence.entry,
        summary(&evidence.facts)
    ));
    for why in &evidence.inconclusive {
        output.say(&format!("{CARE}care{CARE:#}: it can not speak for a gate: {why}"));
    }
    Ok(())
}

/// What the report is about: said, or the commit that is checked out here.
fn about(commit: Option<&str>, artifact: Option<&Digest>) -> Result<About, Failure> {
    match (commit, artifact) {
        (_, Some(digest)) => Ok(About::Artifact(digest.clone())),
        (Some(commit), None) if git::is_repository(Path::new(".")) => {
            Ok(About::Commit(git::commit(Path::new("."), commit)?))
        }
        (Some(commit), None) => Ok(About::Commit(commit.to_owned())),
        (None, None) if git::is_repository(Path::new(".")) => {
            Ok(About::Commit(git::commit(Path::new("."), "HEAD")?))
        }
        (None, None) => Err(Failure::refused("what the report is about is missing")
            .hint("give `--commit` or `--artifact`, or run the command in the git repository")),
    }
}

fn text(about: &About) -> String {
    match about {
        About::Commit(commit) => commit.clone(),
        About::Artifact(digest) => digest.to_string(),
    }
}

/// Reads a file that has at most `bytes_max` bytes; `-` is standard input.
pub fn read_whole(path: &Path, bytes_max: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    let read = if path == Path::new("-") {
        std::io::stdin().take(bytes_max + 1).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(bytes_max + 1).read_to_end(&mut bytes))
    };
    read.with_context(|| format!("cannot read `{}`", path.display()))?;
    if bytes.len() as u64 > bytes_max {
        let title = format!("`{}` has more than {bytes_max} bytes", path.display());
        return Err(Failure::refused(title).hint("send a summary, or split the report"));
    }
    Ok(bytes)
}

fn summary(facts: &Facts) -> String {
    match facts {
        Facts::Findings(findings) => {
            let tools: Vec<&str> = findings.tools.iter().map(|tool| tool.name.as_str()).collect();
            format!("{} findings by {}", findings.findings.len(), tools.join(", "))
        }
        Facts::Tests(tests) => format!(
            "{} tests executed, {} failed, {} skipped",
            tests.executed, tests.failed, tests.skipped
        ),
        Facts::Coverage(coverage) => format!("coverage of {} files", coverage.files.len()),
        Facts::Load(load) => {
            let requests: u64 = load
                .series
                .values()
                .map(|series| series.requests)
                .max()
                .unwrap_or(0);
            format!("{} series, {requests} requests", load.series.len())
        }
        Facts::Components(components) => format!(
            "{} components, {} vulnerabilities",
            components.components,
            components.vulnerabilities.len()
        ),
        Facts::Resources(resources) => format!("{} samples in {}", resources.samples, resources.watched),
        Facts::Invariants(invariants) => format!(
            "{} invariants, {} rehearsed migrations",
            invariants.checks.len(),
            invariants.migrations.len()
        ),
        Facts::Drill(drill) => format!("a drill with {} faults", drill.faults.len()),
    }
}

fn listed(evidence: &[Evidence]) -> String {
    let row = |one: &Evidence| {
        let state = if one.inconclusive.is_empty() {
            "counts"
        } else {
            "inconclusive"
        };
        vec![
            one.id.to_string(),
            one.spec.format.to_string(),
            one.spec.about.to_string(),
            one.added_at.to_string(),
            one.added_by.clone(),
            state.to_owned(),
            summary(&one.facts),
        ]
    };
    let rows: Vec<Vec<String>> = evidence.iter().map(row).collect();
    table(
        &["EVIDENCE", "FORMAT", "ABOUT", "ADDED", "BY", "STATE", "SAYS"],
        &rows,
    )
}
