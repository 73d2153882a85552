//! `safeguard.evidence/1`: facts in our own words, checked for what a type can not say.

use safeguard_api::evidence::{Facts, PLAIN_REPORT_API, PlainReport};

use super::{NAME_BYTES_MAX, Read, json};
use crate::unreadable::{Place, Unreadable, shown};

/// Shorter than other reports may be: it is read as a whole, with everything that is in it.
const REPORT_BYTES_MAX: usize = 8 << 20;
const ENTRIES_MAX: usize = 10_000;
const HINT: &str = "docs/reference/evidence.schema.json has the shape";

pub(super) fn read(text: &str) -> Result<Read, Unreadable> {
    if text.len() > REPORT_BYTES_MAX {
        let what = format!(
            "a report of {} bytes (limit {REPORT_BYTES_MAX} in this format)",
            text.len()
        );
        return Err(Unreadable::new(
            Place::Whole,
            what,
            "give sums instead of single entries",
        ));
    }
    let report: PlainReport = json::parse(text)?;
    let refuse = |key: &str, what: String| Err(Unreadable::new(Place::Key(key.to_owned()), what, HINT));
    if report.api != PLAIN_REPORT_API {
        return refuse(
            "api",
            format!("`{}` is not `{PLAIN_REPORT_API}`", shown(&report.api, 40)),
        );
    }
    if report.tool.name.trim().is_empty() || report.tool.name.len() > NAME_BYTES_MAX {
        return refuse(
            "tool.name",
            format!("a name of 1 to {NAME_BYTES_MAX} bytes is needed"),
        );
    }
    let mut read = Read::new(report.facts);
    if let Some((key, what)) = wrong(&read.facts) {
        return refuse(&format!("facts.{key}"), what);
    }
    read.inconclusive.extend(empty(&read.facts).map(str::to_owned));
    sort(&mut read.facts);
    read.tool = Some(report.tool);
    read.produced_at = report.produced_at;
    Ok(read)
}

/// Figures that contradict each other, and lists that are too long.
fn wrong(facts: &Facts) -> Option<(&'static str, String)> {
    let too_many = |key: &'static str, count: usize| {
        (count > ENTRIES_MAX).then(|| (key, format!("{count} entries (limit {ENTRIES_MAX})")))
    };
    match facts {
        Facts::Findings(findings) => too_many("findings", findings.findings.len()),
        Facts::Tests(tests) => {
            let in_layers = tests
                .layers
                .values()
                .fold(0u64, |sum, count| sum.saturating_add(*count));
            if tests.failed > tests.executed {
                Some((
                    "failed",
                    format!("{} failed of {} executed", tests.failed, tests.executed),
                ))
            } else if in_layers > tests.executed {
                Some((
                    "layers",
                    format!("{in_layers} in layers of {} executed", tests.executed),
                ))
            } else {
                too_many("failures", tests.failures.len())
            }
        }
        Facts::Coverage(coverage) => too_many("files", coverage.files.len()),
        Facts::Load(load) => {
            let wrong = load
                .series
                .iter()
                .find(|(_, series)| series.failed > series.requests);
            let wrong = wrong.map(|(name, series)| {
                let name = shown(name, 40);
                (
                    "series",
                    format!(
                        "`{name}`: {} failed of {} requests",
                        series.failed, series.requests
                    ),
                )
            });
            wrong.or_else(|| too_many("series", load.series.len()))
        }
        Facts::Components(components) => too_many("vulnerabilities", components.vulnerabilities.len()),
        Facts::Resources(resources) => {
            let below = [resources.cpu_percent_max]
                .into_iter()
                .flatten()
                .any(|figure| figure < 0.0);
            below.then(|| ("cpu_percent_max", "it is below 0".to_owned()))
        }
        Facts::Invariants(invariants) => too_many("checks", invariants.checks.len())
            .or_else(|| too_many("migrations", invariants.migrations.len())),
        Facts::Drill(drill) => too_many("faults", drill.faults.len()),
    }
}

/// What shows nothing.
fn empty(facts: &Facts) -> Option<&'static str> {
    match facts {
        Facts::Findings(findings) if findings.tools.is_empty() => Some("it names no scanner that ran"),
        Facts::Tests(tests) if tests.executed == 0 => Some("no test was executed"),
        Facts::Coverage(coverage) if coverage.files.is_empty() => Some("no file is in it"),
        Facts::Load(load) if load.series.values().all(|series| series.requests == 0) => {
            Some("no request was made")
        }
        Facts::Components(components) if components.components == 0 => Some("no component is in it"),
        Facts::Resources(resources) if resources.samples == 0 => Some("no sample was taken"),
        Facts::Invariants(invariants) if invariants.checks.is_empty() && invariants.migrations.is_empty() => {
            Some("neither a check nor a rehearsal is in it")
        }
        Facts::Drill(drill) if drill.faults.is_empty() && drill.failures.is_empty() => {
            Some("no fault was tried")
        }
        Facts::Findings(_)
        | Facts::Tests(_)
        | Facts::Coverage(_)
        | Facts::Load(_)
        | Facts::Components(_)
        | Facts::Resources(_)
        | Facts::Invariants(_)
        | Facts::Drill(_) => None,
    }
}

/// Equal reports give equal facts.
fn sort(facts: &mut Facts) {
    match facts {
        Facts::Findings(findings) => {
            findings.tools.sort();
            findings.findings.sort();
        }
        Facts::Components(components) => {
            components.tools.sort();
            components.vulnerabilities.sort();
        }
        Facts::Invariants(invariants) => {
            invariants.checks.sort();
            invariants.migrations.sort();
        }
        Facts::Tests(_) | Facts::Coverage(_) | Facts::Load(_) | Facts::Resources(_) | Facts::Drill(_) => {}
    }
}
