//! The table at the end, and how to read it.

use super::plot::{Outcome, Result};

const HEADS: [&str; 8] = [
    "VERSION",
    "OUTCOME",
    "STOPPED BY",
    "SECONDS",
    "FAILED",
    "LOST",
    "BAD",
    "EVIDENCE",
];

/// The results, a line each, then what was not as it must be.
#[must_use]
pub fn table(results: &[Result]) -> String {
    let rows: Vec<[String; 8]> = results.iter().map(row).collect();
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .chain([HEADS[column].len()])
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..HEADS.len()).map(width).collect();
    let line = |cells: &[String]| {
        let padded = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let mut text = vec![line(&HEADS.map(str::to_owned))];
    text.extend(rows.iter().map(|row| line(row)));
    for result in results {
        for fault in &result.faults {
            text.push(format!("act {}: {fault}", result.number));
        }
    }
    text.join("\n")
}

fn row(result: &Result) -> [String; 8] {
    let dash = || "-".to_owned();
    let expected = if result.outcome == result.expected {
        result.outcome.as_str().to_owned()
    } else {
        format!(
            "{} (expected {})",
            result.outcome.as_str(),
            result.expected.as_str()
        )
    };
    [
        result.version.to_owned(),
        expected,
        result.stopped_by.clone().unwrap_or_else(dash),
        result
            .seconds_to_safe
            .map_or_else(dash, |seconds| format!("{seconds:.1}")),
        result.failed.to_string(),
        result.lost.to_string(),
        bad(result.bad_by_load, result.bad_by_router),
        result.evidence.map_or_else(dash, |entry| entry.to_string()),
    ]
}

/// What the users counted, and by how much the router's count differs.
fn bad(by_load: u64, by_router: Option<u64>) -> String {
    match by_router.map(|router| i128::from(router) - i128::from(by_load)) {
        Some(0) => by_load.to_string(),
        Some(difference) => format!("{by_load} ({difference:+})"),
        None => format!("{by_load} (?)"),
    }
}

/// How to read the table.
#[must_use]
pub fn legend(results: &[Result]) -> String {
    let apart = results
        .iter()
        .filter(|one| one.bad_by_router.is_some_and(|router| router != one.bad_by_load))
        .count();
    let mut text = "\
SECONDS runs from the first bad answer that a user in production had from the
version to the last; where nothing failed, from its first slow page to its last.
FAILED (5xx) and LOST (no complete answer) are counted by the load process, over
all users and versions. BAD are the bad answers of the version itself in
production, as its users counted them, and by how much the router's count
differs."
        .to_owned();
    if apart > 0 {
        text.push_str(
            "
Where the router counts more: a request that finds no instance of the candidate
to go to is sent to stable, so its user sees nothing, and the candidate is
charged with it all the same.",
        );
    }
    if results.iter().any(|one| one.outcome == Outcome::Refused) {
        text.push_str(
            "
refused: its promotion was refused, by a freeze, by its rollback drill or by a
gate, and it was rolled back by hand; moving back is always allowed.",
        );
    }
    text.push_str(
        "
EVIDENCE is the log entry that decided: `safeguard audit prove N` shows it with
its proof.",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_between_the_counts_is_stated() {
        let result = Result {
            number: 2,
            version: "1.2",
            expected: Outcome::RolledBack,
            outcome: Outcome::RolledBack,
            faults: vec!["took 61 s".to_owned()],
            stopped_by: Some("judge: errors".to_owned()),
            seconds_to_safe: Some(1.25),
            failed: 9,
            lost: 1,
            bad_by_load: 10,
            bad_by_router: Some(11),
            evidence: Some(42),
        };
        let result = [result];
        let text = table(&result);
        let expected = "\
VERSION  OUTCOME      STOPPED BY     SECONDS  FAILED  LOST  BAD      EVIDENCE
1.2      rolled_back  judge: errors  1.2      9       1     10 (+1)  42
act 2: took 61 s";
        assert_eq!(text, expected);
        let told = format!("{text}\n{}", legend(&result));
        assert!(told.lines().all(|line| line.chars().count() <= 80), "{told}");
        assert_eq!(bad(3, Some(3)), "3");
        assert_eq!(bad(3, None), "3 (?)");
    }
}
