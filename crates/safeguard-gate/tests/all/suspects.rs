//! Which changes of a batch are suspected, and why, as a person would read it.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use safeguard_api::ChangeId;
use safeguard_api::bisect::Suspect;
use safeguard_api::risk::FailureKind;
use safeguard_gate::{Failed, suspects};

use crate::scene::Scene;

struct What<'a> {
    kinds: &'a [FailureKind],
    paths: &'a [&'a str],
    /// By the number of the change, from 0.
    diffs: &'a [(usize, &'a str)],
}

fn ranked(scene: &str, what: What<'_>) -> Vec<(usize, Vec<String>)> {
    let scene = Scene::of(scene);
    let ids: Vec<ChangeId> = scene.changes.iter().map(|change| change.id.clone()).collect();
    let paths: Vec<String> = what.paths.iter().map(|path| (*path).to_owned()).collect();
    let diffs: BTreeMap<ChangeId, Vec<u8>> = what
        .diffs
        .iter()
        .map(|(number, text)| (ids[*number].clone(), text.as_bytes().to_vec()))
        .collect();
    let failed = Failed {
        kinds: what.kinds,
        paths: &paths,
        diffs: &diffs,
    };
    let number = |suspect: &Suspect| ids.iter().position(|id| *id == suspect.change).unwrap();
    let found = scene.judge(|case| suspects(case, failed));
    found
        .iter()
        .map(|suspect| {
            (
                number(suspect),
                suspect.reasons.iter().map(ToString::to_string).collect(),
            )
        })
        .collect()
}

fn text(ranked: &[(usize, Vec<String>)]) -> String {
    let line = |(number, reasons): &(usize, Vec<String>)| format!("{number}: {}\n", reasons.join(" | "));
    ranked.iter().map(line).collect()
}

const NOTHING: What<'_> = What {
    kinds: &[FailureKind::LogicBug],
    paths: &[],
    diffs: &[],
};

#[test]
fn a_finding_on_a_changes_own_lines_comes_before_a_path_and_a_path_before_its_risk() {
    let found = ranked(
        "adds src/big.rs 1-900\nanother change adds src/cart.rs 1-5\nanother change adds src/sql.rs 10-20\n\
         semgrep reports high sql-concat at src/sql.rs:12",
        What {
            paths: &["/cart/7?page=2"],
            diffs: &[(
                1,
                "diff --git a/src/cart.rs b/src/cart.rs\n--- a/src/cart.rs\n+++ b/src/cart.rs\n@@ -1 +1 @@\n+    route(\"/cart/{id}\")\n",
            )],
            ..NOTHING
        },
    );
    assert_snapshot!(text(&found));
}

#[test]
fn where_two_changes_touch_a_file_a_finding_says_only_that() {
    let found = ranked(
        "adds src/sql.rs 10-20\nanother change adds src/sql.rs 40-50\nsemgrep reports high sql-concat at src/sql.rs:12",
        NOTHING,
    );
    for (_, reasons) in &found {
        assert!(
            reasons[0].ends_with("in src/sql.rs, which it changes"),
            "{reasons:?}"
        );
    }
}

#[test]
fn only_the_way_in_which_it_went_wrong_counts() {
    let scene = "adds migrations/7_drop.sql 1-5\nanother change adds src/page.rs 1-400";
    let of = |kinds| ranked(scene, What { kinds, ..NOTHING })[0].0;
    assert_eq!(of(&[FailureKind::DataLoss]), 0);
    assert_eq!(of(&[FailureKind::LogicBug]), 1);
}

#[test]
fn a_change_without_a_diff_is_suspected_and_says_why() {
    let found = ranked(
        "adds src/pay.rs 1-2\nanother change adds src/x.rs 1-2\nno diff",
        NOTHING,
    );
    assert_eq!(
        found[0],
        (
            1,
            vec!["its diff was not attached, so that nothing is known of it".to_owned()]
        )
    );
}

#[test]
fn a_path_stands_in_a_line_as_a_whole_or_not_at_all() {
    for (line, path, stands) in [
        ("+route(\"/cart\")", "/cart", true),
        ("-route(\"/cart\")", "/cart", true),
        ("+route(\"/cart/{id}\")", "/cart/19", true),
        ("+route(\"/cartography\")", "/cart", false),
        ("+import \"../cart\"", "/cart", false),
        (" route(\"/cart\")", "/cart", false),
        ("+get(\"/\")", "/", false),
    ] {
        let diff = format!("diff --git a/s.py b/s.py\n--- a/s.py\n+++ b/s.py\n{line}\n");
        let found = ranked(
            "adds s.py 1-2",
            What {
                paths: &[path],
                diffs: &[(0, &diff)],
                ..NOTHING
            },
        );
        let said = found[0]
            .1
            .iter()
            .any(|reason| reason.contains("stands in its change of s.py"));
        assert_eq!(said, stands, "{line} {path}");
    }
}
