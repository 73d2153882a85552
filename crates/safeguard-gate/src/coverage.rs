//! How much of what the changes add tests execute.

use safeguard_api::diff::FileDiff;
use safeguard_api::evidence::{Coverage, Facts, LineCoverage};

use crate::case::Case;
use crate::introduced::{is_same_file, touched};
use crate::paths::{is_code, is_test};

/// Added lines that could be executed, and those that were.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct PatchCoverage {
    pub(crate) executed: u64,
    pub(crate) executable: u64,
}

impl PatchCoverage {
    /// None where nothing was added that could be executed.
    pub(crate) fn percent(self) -> Option<f64> {
        (self.executable > 0).then(|| self.executed as f64 / self.executable as f64 * 100.0)
    }
}

/// None where no report can say it. A code file that no report knows was executed by no test: all its lines count.
pub(crate) fn patch_coverage(case: &Case<'_>) -> Option<PatchCoverage> {
    let reports: Vec<&Coverage> = case
        .current()
        .filter(|evidence| evidence.inconclusive.is_empty())
        .filter_map(|evidence| match &evidence.facts {
            Facts::Coverage(coverage) => Some(coverage),
            Facts::Findings(_)
            | Facts::Tests(_)
            | Facts::Load(_)
            | Facts::Components(_)
            | Facts::Resources(_)
            | Facts::Invariants(_)
            | Facts::Drill(_) => None,
        })
        .collect();
    let mut sum = PatchCoverage::default();
    for file in touched(case).filter(|file| counts(file)) {
        let one = of_file(file, &reports);
        sum.executed += one.executed;
        sum.executable += one.executable;
    }
    (!reports.is_empty() || sum.executable == 0).then_some(sum)
}

fn counts(file: &FileDiff) -> bool {
    is_code(&file.path) && !is_test(&file.path) && !file.added.is_empty()
}

fn of_file(file: &FileDiff, reports: &[&Coverage]) -> PatchCoverage {
    let known = reports.iter().flat_map(|report| &report.files);
    let known: Vec<&LineCoverage> = known
        .filter(|(path, _)| is_same_file(&file.path, path))
        .map(|(_, lines)| lines)
        .collect();
    if known.is_empty() {
        return PatchCoverage {
            executed: 0,
            executable: file.added.len(),
        };
    }
    let mut of_file = PatchCoverage::default();
    for line in file.added.iter() {
        let is_executed = known.iter().any(|lines| lines.covered.contains(line));
        let is_executable = is_executed || known.iter().any(|lines| lines.missed.contains(line));
        of_file.executed += u64::from(is_executed);
        of_file.executable += u64::from(is_executable);
    }
    of_file
}
