//! The corpus of `./proof` is what it says: its oracles find every base good and every bad change bad.

use std::process::{Command, Stdio};

use crate::live::up::binary;

/// One of each kind whose oracle is quick; `./test --long` asks all.
const QUICK: &[&str] = &[
    "good-search-instr",
    "x1-drop-movements",
    "x3-invoice-of-others",
    "x5-printable-only",
    "x6-date-trunc",
];

/// Takes some minutes, and what the pipeline's tools are installed from.
#[test]
fn a_bad_change_is_refused_and_a_good_one_becomes_live() {
    if std::env::var_os("SAFEGUARD_LONG").is_none() {
        return;
    }
    let output = Command::new("./proof")
        .args(["--json", "x1-drop-movements", "good-rename-refused"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
        .stdin(Stdio::null())
        .output()
        .expect("the proof runs");
    let told = String::from_utf8_lossy(&output.stderr);
    println!("{told}");
    let found: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it tells JSON");
    assert_eq!(found["refused_before_users"]["hits"], 1, "{found:#}");
    assert_eq!(found["good_stopped"]["hits"], 0, "{found:#}");
    assert_eq!(found["good_stopped"]["cases"], 1, "{found:#}");
}

#[test]
fn every_case_is_what_it_says() {
    let cases = match std::env::var_os("SAFEGUARD_LONG") {
        Some(_) => &[],
        None => QUICK,
    };
    let output = Command::new(binary("proof"))
        .arg("--check")
        .args(cases)
        .stdin(Stdio::null())
        .output()
        .expect("the check runs");
    let table = String::from_utf8_lossy(&output.stdout);
    let told = String::from_utf8_lossy(&output.stderr);
    println!("{table}");
    assert!(output.status.success(), "{}\n{table}\n{told}", output.status);
    for case in cases {
        assert!(table.contains(case), "{case} was not asked:\n{table}");
    }
}
