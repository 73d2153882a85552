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
