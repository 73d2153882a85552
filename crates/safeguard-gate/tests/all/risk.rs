//! The risk of whole releases, as a person would read it.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use safeguard_api::diff::{FileHistory, FileStatus, History};
use safeguard_api::time::Timestamp;
use safeguard_gate::{ChangeCase, risk};

use crate::scene::{NOW, Scene};

/// The level, each cell above likelihood 1, and each factor that is there.
fn seen(scene: &Scene) -> String {
    seen_with(scene, None)
}

fn seen_with(scene: &Scene, history: Option<&History>) -> String {
    let risk = scene.judge(|case| {
        let changes: Vec<ChangeCase<'_>> = case
            .changes
            .iter()
            .map(|change| ChangeCase { history, ..*change })
            .collect();
        risk(&safeguard_gate::Case {
            changes: &changes,
            ..*case
        })
    });
    let mut text = format!("{}: soak {} %\n", risk.level, risk.measures.soak_percent);
    for cell in risk.cells.iter().filter(|cell| cell.likelihood > 1) {
        text.push_str(&format!(
            "  {} × {} {} {}\n",
            cell.likelihood, cell.impact, cell.kind, cell.level
        ));
    }
    for factor in risk.factors.iter().filter(|factor| factor.strength_permille > 0) {
        text.push_str(&format!(
            "  {} {}: {}\n",
            factor.strength_permille, factor.kind, factor.because
        ));
    }
    text
}

/// Ann works in the file every week.
fn familiar(path: &str) -> History {
    let past = FileHistory {
        first_commit_at: Timestamp(0),
        last_commit_at: NOW,
        commits: 40,
        commits_last_90_days: 4,
        authors: BTreeMap::from([("A. <ann@example.org>".to_owned(), 40)]),
    };
    History {
        api: "safeguard.history/1".to_owned(),
        files: BTreeMap::from([(path.to_owned(), past)]),
        codeowners: None,
    }
}

#[test]
fn a_small_tested_change_by_its_author_is_low() {
    let mut scene = Scene::of("adds src/cart.rs 10-14\ncovers src/cart.rs 10-14");
    scene.adds("tests/cart.rs 1-9");
    let mut history = familiar("src/cart.rs");
    history.files.extend(familiar("tests/cart.rs").files);
    assert_snapshot!(seen_with(&scene, Some(&history)), @r"
    low: soak 100 %
      200 size: 14 lines added and removed
      200 churn: at most 4 commits in 90 days to one touched file
    ");
}

#[test]
fn a_migration_by_an_ai_in_strange_code_is_more() {
    let mut scene = Scene::of("adds migrations/0009_merge.sql 1-30\nadds src/payment/ledger.rs 1-90");
    scene.changes[0].spec.ai_tool = Some("assistant".to_owned());
    assert_snapshot!(seen(&scene), @r"
    critical: soak 200 %
      4 × 2 syntax error medium
      4 × 3 logic bug high
      5 × 5 data loss critical
      4 × 3 performance slowdown high
      3 × 3 memory leak medium
      4 × 5 security breach critical
      2 × 2 UI glitch low
      3 × 4 API failure high
      2 × 5 total outage medium
      400 size: 120 lines added and removed
      1000 age: 2 of 2 touched files untouched for a year, or of unknown age
      1000 churn: at most 20 commits in 90 days to one touched file
      1000 unfamiliar: 2 of 2 touched files that the author never touched before
      1000 AI: 1 of 1 changes name an AI tool
      1000 migrations: `migrations/0009_merge.sql`
      1000 sensitive paths: `src/payment/ledger.rs`
      1000 untested: code changed, and no test
      1000 coverage gap: no report says which changed lines tests execute
    ");
}

#[test]
fn removed_tests_and_deleted_lines_show() {
    let mut scene =
        Scene::of("adds src/cart.rs 10-14\nadds tests/cart.rs 1-2\nadds Dockerfile 3\nadds package.json 7");
    let files = &mut scene.diffs[0].as_mut().unwrap().files;
    files[0].removed_lines = 120;
    files[1].status = FileStatus::Removed;
    files[2].mode = Some("100755".to_owned());
    assert_snapshot!(seen(&scene), @r"
    critical: soak 200 %
      2 × 2 syntax error low
      4 × 3 logic bug high
      2 × 5 data loss medium
      3 × 3 performance slowdown medium
      4 × 3 memory leak high
      3 × 5 security breach high
      3 × 4 API failure high
      4 × 5 total outage critical
      400 size: 129 lines added and removed
      200 spread: 4 files
      1000 age: 4 of 4 touched files untouched for a year, or of unknown age
      1000 churn: at most 20 commits in 90 days to one touched file
      1000 unfamiliar: 4 of 4 touched files that the author never touched before
      1000 infrastructure: `Dockerfile`
      1000 dependencies: `package.json`
      800 deletions: 120 lines removed, tests apart
      1000 tests removed: 1 tests removed, 0 lines of tests more removed than added
      1000 coverage gap: no report says which changed lines tests execute
      1000 opaque files: `Dockerfile`
    ");
}

#[test]
fn what_is_not_known_counts_as_the_worst() {
    let text = seen(&Scene::of("no diff"));
    assert!(text.starts_with("critical"), "{text}");
    assert_eq!(
        text.lines().filter(|line| line.contains("  1000 ")).count(),
        17,
        "{text}"
    );
}
