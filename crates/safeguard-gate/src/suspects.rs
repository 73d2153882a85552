//! Which changes of a bad batch to suspect: what each touches, held against what failed. Ranks, not probabilities, and
//! never a finding: nothing is tried here.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use safeguard_api::ChangeId;
use safeguard_api::bisect::{Suspect, Suspicion};
use safeguard_api::drill::Drill;
use safeguard_api::evidence::{Facts, Finding, FindingState, Severity};
use safeguard_api::release::RollbackReason;
use safeguard_api::risk::{FactorKind, FailureKind, RiskCell, RiskContribution};
use safeguard_api::traffic::{BadClass, TripCause};

use crate::case::{Case, ChangeCase};
use crate::introduced::is_same_file;
use crate::risk::risk;

/// Of one change and one sort; the rest adds nothing that a person would read.
const REASONS_MAX: usize = 5;
/// Factors that are named for a risk, the heaviest first.
const FACTORS_NAMED: usize = 3;

/// What is known of the failure.
#[derive(Debug, Clone, Copy)]
pub struct Failed<'a> {
    /// The ways in which the batch went wrong; none: nobody knows, and any risk counts.
    pub kinds: &'a [FailureKind],
    /// Paths of requests that failed.
    pub paths: &'a [String],
    /// The diffs as git wrote them, as far as they were attached.
    pub diffs: &'a BTreeMap<ChangeId, Vec<u8>>,
}

/// Ranks all changes of the case, the most suspicious first; of equals, the one that was recorded first.
#[must_use]
pub fn suspects(case: &Case<'_>, failed: Failed<'_>) -> Vec<Suspect> {
    let mut ranked: Vec<(Rank, Suspect)> = case
        .changes
        .iter()
        .map(|change| suspect(case, change, failed))
        .collect();
    ranked.sort_by_key(|(rank, suspect)| (Reverse(*rank), suspect.change.clone()));
    ranked.into_iter().map(|(_, suspect)| suspect).collect()
}

/// The ways in which a release went wrong that was taken off for this reason; none where a person did it.
#[must_use]
pub fn kinds_of(reason: &RollbackReason) -> &'static [FailureKind] {
    use FailureKind as F;
    match reason {
        RollbackReason::Tripped { trip } => match &trip.cause {
            TripCause::Judge { class, .. } => match class {
                BadClass::Error | BadClass::NewKind => &[F::LogicBug, F::ApiFailure],
                BadClass::Slow => &[F::PerformanceSlowdown],
                BadClass::ClientError => &[F::ApiFailure],
            },
            TripCause::Exits { .. } | TripCause::HealthChecks { .. } => &[F::TotalOutage, F::LogicBug],
            TripCause::OutOfMemory => &[F::MemoryLeak],
            TripCause::FailuresInARow { .. } => &[F::ApiFailure, F::TotalOutage],
        },
        RollbackReason::DeployFailed { .. } => &[F::TotalOutage, F::SyntaxError],
        RollbackReason::ErrorBudget { .. } => &[F::LogicBug, F::ApiFailure],
        RollbackReason::Operator { .. } | RollbackReason::Superseded { .. } => &[],
    }
}

/// The ways in which a refused drill went wrong.
#[must_use]
pub fn kinds_of_drill(drill: &Drill) -> &'static [FailureKind] {
    use safeguard_api::drill::Writes;
    match drill.writes {
        Writes::Tried { lost: 1.., .. } => &[FailureKind::DataLoss],
        Writes::Tried { .. } | Writes::NotTried | Writes::KeepsNothing => {
            &[FailureKind::TotalOutage, FailureKind::LogicBug]
        }
    }
}

/// Compared field by field: what is seen in the very lines before what is seen of the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    finding: Option<Severity>,
    paths: usize,
    /// Likelihood × impact.
    risk: u32,
}

fn suspect(case: &Case<'_>, change: &ChangeCase<'_>, failed: Failed<'_>) -> (Rank, Suspect) {
    let id = &change.change.id;
    let mut found = findings(case, change);
    found.sort_by_key(|(severity, _)| Reverse(*severity));
    let paths = paths(failed, id);
    let risk = worst(case, change, failed.kinds);
    let rank = Rank {
        finding: found.first().map(|(severity, _)| *severity),
        paths: paths.len(),
        risk: risk.as_ref().map_or(0, |(score, _)| *score),
    };
    let found = found.into_iter().map(|(_, reason)| reason).take(REASONS_MAX);
    let mut reasons: Vec<Suspicion> = found.chain(paths.into_iter().take(REASONS_MAX)).collect();
    match change.diff {
        Some(_) => reasons.extend(risk.map(|(_, reason)| reason)),
        None => reasons.push(Suspicion::NoDiff),
    }
    let change = id.clone();
    (rank, Suspect { change, reasons })
}

/// Findings of the release on lines that the change adds. Where several changes touch a file, the lines of one diff
/// are not those of the other, and the file alone counts.
fn findings(case: &Case<'_>, change: &ChangeCase<'_>) -> Vec<(Severity, Suspicion)> {
    let Some(diff) = change.diff else {
        return Vec::new();
    };
    let is_shared = |path: &str| {
        let touch = |other: &&ChangeCase<'_>| {
            let files = other.diff.iter().flat_map(|diff| &diff.files);
            files.into_iter().any(|file| file.path == path)
        };
        1 < case.changes.iter().filter(touch).count()
    };
    let mut found: Vec<(Severity, Suspicion)> = Vec::new();
    for finding in release_findings(case) {
        let Some(path) = &finding.path else { continue };
        for file in diff.files.iter().filter(|file| is_same_file(&file.path, path)) {
            let line = finding.line.filter(|_| !is_shared(&file.path));
            let on_it = line.is_none_or(|line| file.added.meets(line, finding.end_line.unwrap_or(line)));
            let reason = Suspicion::Finding {
                severity: finding.severity,
                rule: finding.rule.clone(),
                path: file.path.clone(),
                line,
            };
            if on_it && found.iter().all(|(_, known)| *known != reason) {
                found.push((finding.severity, reason));
            }
        }
    }
    found
}

/// What scanners found in this very release, and nobody dismissed.
fn release_findings<'a>(case: &Case<'a>) -> impl Iterator<Item = &'a Finding> {
    let reports = case.current().filter_map(|evidence| match &evidence.facts {
        Facts::Findings(findings) => Some(findings),
        Facts::Tests(_)
        | Facts::Coverage(_)
        | Facts::Load(_)
        | Facts::Components(_)
        | Facts::Resources(_)
        | Facts::Invariants(_)
        | Facts::Drill(_) => None,
    });
    reports
        .flat_map(|report| &report.findings)
        .filter(|finding| match finding.state {
            FindingState::Unsaid | FindingState::New | FindingState::Silenced => true,
            FindingState::Unchanged | FindingState::Absent | FindingState::Suppressed => false,
        })
}

fn paths(failed: Failed<'_>, change: &ChangeId) -> Vec<Suspicion> {
    let Some(diff) = failed.diffs.get(change) else {
        return Vec::new();
    };
    let text = String::from_utf8_lossy(diff);
    let mut found = Vec::new();
    for path in failed.paths {
        if let Some(file) = file_with(&text, path) {
            found.push(Suspicion::FailingPath {
                path: path.clone(),
                file,
            });
        }
    }
    found
}

/// The first file of a diff in whose changed lines the path stands, or the first part of it where the rest is a value.
fn file_with(diff: &str, path: &str) -> Option<String> {
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let first = path.strip_prefix('/')?.split('/').next()?;
    if first.is_empty() {
        return None;
    }
    let first = format!("/{first}");
    let mut file = None;
    for line in diff.lines() {
        if let Some(rest) = line.strip_prefix("diff --git ") {
            file = rest.rsplit_once(" b/").map(|(_, name)| name.to_owned());
            continue;
        }
        let is_changed =
            line.starts_with(['+', '-']) && !line.starts_with("+++ ") && !line.starts_with("--- ");
        if is_changed && (stands(line, path) || stands(line, &first)) {
            return file;
        }
    }
    None
}

/// Whether `path` stands in the line as a whole: `/cart` does not stand in `/cartography`, and does in `/cart/1`.
fn stands(line: &str, path: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    line.match_indices(path).any(|(at, found)| {
        let before = line[..at].chars().next_back();
        let after = line[at + found.len()..].chars().next();
        !before.is_some_and(|c| is_word(c) || c == '.') && !after.is_some_and(is_word)
    })
}

/// The highest risk of the change, alone, among the ways in which the batch went wrong.
fn worst(case: &Case<'_>, change: &ChangeCase<'_>, kinds: &[FailureKind]) -> Option<(u32, Suspicion)> {
    let alone = Case {
        changes: std::slice::from_ref(change),
        // Tests ran on the whole batch: what they cover can not be told apart, and is left out for all alike.
        evidence: &[],
        ..*case
    };
    let risk = risk(&alone);
    let counts = |cell: &&RiskCell| kinds.is_empty() || kinds.contains(&cell.kind);
    let cell = risk
        .cells
        .iter()
        .filter(counts)
        .max_by_key(|cell| cell.likelihood * cell.impact)?;
    let tells = |one: &&RiskContribution| 0 < one.adds_permille && one.factor != FactorKind::CoverageGap;
    let mut heavy: Vec<&RiskContribution> = cell.contributions.iter().filter(tells).collect();
    heavy.sort_by_key(|one| Reverse(one.adds_permille));
    let because = heavy.iter().take(FACTORS_NAMED).filter_map(|one| {
        let factor = risk.factors.iter().find(|factor| factor.kind == one.factor)?;
        Some(format!("{}: {}", factor.kind, factor.because))
    });
    let because: Vec<String> = because.collect();
    let reason = Suspicion::Risk {
        kind: cell.kind,
        likelihood: cell.likelihood,
        impact: cell.impact,
        because: because.join("; "),
    };
    Some((cell.likelihood * cell.impact, reason))
}
