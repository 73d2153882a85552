//! Rules as users of Semgrep write them, beside what Semgrep found with them in the same files: the same lines, or a refusal by name.
//!
//! `tests/semgrep/NAME.yaml` is a rule, the file beside it what it looks into, and `found.json` has the lines that Semgrep 1.185.0 found, with what
//! is known to differ. `semgrep scan --metrics=off --json --config NAME.yaml NAME.py` finds them again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use safeguard_scan::language::Language;
use safeguard_scan::project::Project;
use safeguard_scan::scan::{self, Rules};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// The lines that Semgrep found something in.
    #[serde(default)]
    semgrep: Vec<usize>,
    /// What is found here, where that is something else, and why.
    #[serde(default)]
    here: Option<(Vec<usize>, String)>,
    /// What the refusal names, where a rule is refused.
    #[serde(default)]
    refused: Option<String>,
}

fn folder() -> PathBuf {
    let crate_folder =
        std::env::var("CARGO_MANIFEST_DIR").unwrap_or_else(|_| env!("CARGO_MANIFEST_DIR").to_owned());
    Path::new(&crate_folder).join("tests/semgrep")
}

/// The file that a rule looks into.
fn case(name: &str) -> PathBuf {
    let begin = format!("{name}.");
    let files = std::fs::read_dir(folder())
        .expect("the folder")
        .map(|file| file.expect("a file").path());
    let mut cases = files.filter(|file| {
        let file = file.file_name().expect("a name").to_string_lossy();
        file.starts_with(&begin) && *file != format!("{name}.yaml")
    });
    cases
        .next()
        .unwrap_or_else(|| panic!("{name} has no file to look into"))
}

fn found(rule: &str, file: &Path) -> Result<Vec<usize>, String> {
    let rules = safeguard_scan::rule::load(rule).map_err(|error| error.to_string())?;
    let rules = Rules::of(rules);
    let text = std::fs::read_to_string(file).expect("a file");
    let name = file.file_name().expect("a name").to_string_lossy();
    let mut findings = scan::scan_text(&rules, &name, &text).findings;
    if let Some(language) = Language::of_file(&name, &text) {
        let source = scan::read(&name, language, &text).unwrap_or_else(|error| panic!("{name}: {error}"));
        let scanned = scan::scan(&rules, &source, &Project::default());
        assert!(scanned.unfinished.is_empty(), "{name}: {:?}", scanned.unfinished);
        findings.extend(scanned.findings);
    }
    let mut lines: Vec<usize> = findings.iter().map(|finding| finding.place.line).collect();
    lines.sort_unstable();
    lines.dedup();
    Ok(lines)
}

#[test]
fn rules_find_what_semgrep_finds_or_are_refused_by_name() {
    let wanted = std::fs::read_to_string(folder().join("found.json")).expect("what Semgrep found");
    let wanted: BTreeMap<String, Wanted> = serde_json::from_str(&wanted).expect("JSON");
    let mut wrong = String::new();
    let rules = std::fs::read_dir(folder()).expect("the folder").filter(|file| {
        let name = file.as_ref().expect("a file").file_name();
        let name = name.to_string_lossy();
        name.ends_with(".yaml") && !name.ends_with(".test.yaml")
    });
    assert_eq!(
        rules.count(),
        wanted.len(),
        "each rule has its line in `found.json`"
    );
    for (name, wanted) in &wanted {
        let rule = std::fs::read_to_string(folder().join(format!("{name}.yaml"))).expect("a rule");
        let found = found(&rule, &case(name));
        let is_right = match (&wanted.refused, &found) {
            (Some(named), Err(why)) => why.contains(named),
            (None, Ok(lines)) => {
                let lines_wanted = wanted.here.as_ref().map_or(&wanted.semgrep, |(lines, _)| lines);
                lines == lines_wanted
            }
            (Some(_), Ok(_)) | (None, Err(_)) => false,
        };
        if !is_right {
            wrong.push_str(&format!("{name}: wanted {wanted:?}, found {found:?}\n"));
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}
