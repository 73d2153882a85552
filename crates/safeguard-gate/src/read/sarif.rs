//! SARIF 2.1.0 of any scanner.

mod run;
pub(super) use run::severity_of_score;
mod shape;

use safeguard_api::evidence::{Facts, Finding, FindingState, Findings};
use safeguard_api::time::Timestamp;

use super::{Read, json};
use crate::unreadable::{Place, Unreadable, shown};

/// Findings that are kept, the most severe first; more are counted as dropped.
const FINDINGS_MAX: usize = 10_000;

pub(super) fn read(text: &str) -> Result<Read, Unreadable> {
    let log: shape::Log = json::parse(text)?;
    if log.version.0 != "2.1.0" {
        let what = format!("version `{}` of SARIF", shown(&log.version.0, 40));
        return Err(Unreadable::new(
            Place::Key("version".to_owned()),
            what,
            "2.1.0 is the version that is read",
        ));
    }
    let mut findings = Findings {
        dropped: log.runs.dropped,
        ..Findings::default()
    };
    let mut inconclusive = Vec::new();
    if log.runs.items.is_empty() {
        inconclusive.push("no run is in it: the scanner did not say that it ran".to_owned());
    }
    if log.runs.dropped > 0 {
        inconclusive.push(format!(
            "{} runs more than the {} that are read",
            log.runs.dropped,
            shape::RUNS_MAX
        ));
    }
    let mut produced_at: Option<Timestamp> = None;
    for (at, run) in log.runs.items.iter().enumerate() {
        let name = run.tool.driver.name();
        inconclusive.extend(run::doubts(run).into_iter().map(|doubt| match name {
            Some(name) => format!("{name}: {doubt}"),
            None => format!("run {}: {doubt}", at + 1),
        }));
        findings.tools.extend(run.tool.driver.tool());
        findings.dropped += run.results.as_ref().map_or(0, |results| results.dropped);
        findings.findings.extend(run::findings(run));
        produced_at = produced_at.max(run::ended_at(run));
    }
    findings.tools.sort();
    findings.tools.dedup();
    findings.dropped += keep_the_worst(&mut findings.findings);
    findings.findings.sort();
    findings.findings.dedup();
    let tool = match &findings.tools[..] {
        [tool] => Some(tool.clone()),
        _ => None,
    };
    Ok(Read {
        facts: Facts::Findings(findings),
        tool,
        produced_at,
        inconclusive,
    })
}

/// Cuts what is too much, and returns how many of those could have refused.
fn keep_the_worst(findings: &mut Vec<Finding>) -> u64 {
    if findings.len() <= FINDINGS_MAX {
        return 0;
    }
    let counts = |finding: &Finding| match finding.state {
        FindingState::Unsaid | FindingState::New | FindingState::Silenced => true,
        FindingState::Unchanged | FindingState::Absent | FindingState::Suppressed => false,
    };
    findings.sort_by(|one, other| {
        let rank = |finding: &Finding| (counts(finding), finding.severity);
        rank(other).cmp(&rank(one)).then_with(|| one.cmp(other))
    });
    let cut = findings.split_off(FINDINGS_MAX);
    cut.iter().filter(|finding| counts(finding)).count() as u64
}
