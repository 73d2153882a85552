//! What the documents promise: each can be found, no link is dead, and each requirement names what holds it.

use std::collections::BTreeSet;
use std::path::Path;

use super::{assert_none, files, root, text};

/// The ids of the requirements, as `group` and how many there are.
const REQUIREMENTS: &[(&str, u32)] = &[
    ("X", 6),
    ("S", 4),
    ("A1.", 7),
    ("F", 5),
    ("E", 4),
    ("G", 4),
    ("U", 6),
    ("A2.", 6),
    ("R", 5),
    ("D", 4),
    ("GT", 8),
    ("W", 8),
    ("P", 4),
    ("M", 1),
    ("C", 4),
    ("T", 7),
];
const REQUIREMENTS_PAGE: &str = "docs/requirements.md";
const NOT_YET: &str = "not yet";
const THREATS_PAGE: &str = "docs/threat-model.md";

fn requirement_ids() -> Vec<String> {
    REQUIREMENTS
        .iter()
        .flat_map(|(group, count)| (1..=*count).map(move |n| format!("{group}{n}")))
        .collect()
}

struct Row {
    id: String,
    seen_by: String,
    held_by: String,
}

fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for line in text(REQUIREMENTS_PAGE)
        .lines()
        .filter(|line| line.starts_with("| "))
    {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        if let [id, _, seen_by, held_by] = cells[..]
            && id != "id"
        {
            rows.push(Row {
                id: id.to_owned(),
                seen_by: seen_by.to_owned(),
                held_by: held_by.to_owned(),
            });
        }
    }
    rows
}

/// What stands between backticks.
fn literals(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// References of the form `path` or `path::test` that lead nowhere.
fn dead_references(cell: &str) -> impl Iterator<Item = String> {
    literals(cell).filter_map(dead_reference)
}

fn dead_reference(reference: &str) -> Option<String> {
    let (file, name) = reference.split_once("::").unwrap_or((reference, ""));
    if !root().join(file).is_file() {
        Some(format!("there is no file {file}"))
    } else if !name.is_empty() && !text(file).contains(&format!("fn {name}(")) {
        Some(format!("{file} has no test {name}"))
    } else {
        None
    }
}

#[test]
fn every_invariant_names_the_check_that_holds_it() {
    let architecture = text("ARCHITECTURE.md");
    let section = architecture
        .split("\n## ")
        .find(|section| section.starts_with("Invariants"))
        .unwrap();
    let mut wrong = Vec::new();
    for line in section.lines().filter(|line| line.starts_with("| ")).skip(1) {
        let held_by = line.trim_matches('|').rsplit('|').next().unwrap();
        if literals(held_by).next().is_none() {
            wrong.push(format!("nothing holds: {line}"));
        }
        wrong.extend(dead_references(held_by));
    }
    assert_none("ARCHITECTURE.md", &wrong);
}

#[test]
fn every_requirement_has_its_row() {
    let found: Vec<String> = rows().into_iter().map(|row| row.id).collect();
    assert_eq!(found, requirement_ids());
}

#[test]
fn a_requirement_is_held_by_tests_that_exist_or_plainly_not_yet() {
    let mut wrong = Vec::new();
    for Row { id, seen_by, held_by } in rows() {
        let served = |cell: &str| literals(cell).next().is_some();
        for (column, cell) in [("seen by", &seen_by), ("held by", &held_by)] {
            if !served(cell) && cell != NOT_YET {
                wrong.push(format!(
                    "{id}: `{column}` names nothing and does not say `{NOT_YET}`"
                ));
            }
        }
        wrong.extend(dead_references(&held_by).map(|dead| format!("{id}: {dead}")));
    }
    assert_none(REQUIREMENTS_PAGE, &wrong);
}

#[test]
fn every_threat_is_shown_to_be_stopped_or_said_not_to_be() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for section in text(THREATS_PAGE).split("\n## ").skip(1) {
        let not_stopped = section.starts_with("Not stopped");
        let rows = section.lines().filter(|line| line.starts_with("| ")).skip(1);
        for row in rows {
            count += 1;
            let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
            let expected = if not_stopped { 3 } else { 4 };
            if cells.len() != expected || cells.iter().any(|cell| cell.is_empty()) {
                wrong.push(format!("not {expected} cells, all of them filled: {row}"));
                continue;
            }
            let shown_by = cells[expected - 1];
            if !not_stopped && !shown_by.contains("::") {
                wrong.push(format!("no test shows: {row}"));
            }
            let tests = literals(shown_by).filter(|literal| literal.contains("::"));
            wrong.extend(tests.filter_map(dead_reference));
        }
    }
    assert!(count > 40, "{count} threats");
    assert_none(THREATS_PAGE, &wrong);
}

/// The lines of a document that are no code.
fn prose(document: &str) -> Vec<String> {
    let mut fenced = false;
    let is_prose = |line: &&str| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    };
    text(document)
        .lines()
        .filter(is_prose)
        .map(str::to_owned)
        .collect()
}

/// Local files that a document links to, relative to the root, and the heading that is meant (empty for the file itself).
fn links(document: &str) -> Vec<(String, String)> {
    let folder = Path::new(document).parent().unwrap();
    let mut found = Vec::new();
    for line in prose(document) {
        for rest in line.split("](").skip(1) {
            let link = rest.split([')', ' ']).next().unwrap();
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            if path.contains("://") || path.starts_with("mailto:") {
                continue;
            }
            let file = match path {
                "" => document.to_owned(),
                path => normal(&folder.join(path)),
            };
            found.push((file, heading.to_owned()));
        }
    }
    found
}

/// What the headings of a document are linked by: small letters, digits and hyphens for blanks, as GitHub makes them.
fn headings(document: &str) -> BTreeSet<String> {
    let lines = prose(document).into_iter();
    lines
        .filter_map(|line| {
            Some(
                line.strip_prefix('#')?
                    .trim_start_matches('#')
                    .trim()
                    .to_lowercase(),
            )
        })
        .map(|heading| {
            let kept = heading
                .chars()
                .filter(|char| char.is_alphanumeric() || matches!(char, ' ' | '-' | '_'));
            kept.map(|char| if char == ' ' { '-' } else { char }).collect()
        })
        .collect()
}

/// Resolves `.` and `..` without asking the file system.
fn normal(path: &Path) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.to_str().unwrap().split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

fn documents() -> Vec<String> {
    let mut documents = files("docs", "md");
    documents.extend(files("scenarios", "md"));
    for file in ["ARCHITECTURE.md", "CHANGELOG.md", "CONTRIBUTING.md", "README.md"] {
        documents.push(file.to_owned());
    }
    documents
}

#[test]
fn every_document_can_be_found_from_the_readme() {
    let mut seen = BTreeSet::from(["README.md".to_owned()]);
    let mut to_do = vec!["README.md".to_owned()];
    while let Some(document) = to_do.pop() {
        for (link, _) in links(&document) {
            if link.ends_with(".md") && root().join(&link).is_file() && seen.insert(link.clone()) {
                to_do.push(link);
            }
        }
    }
    let lost: Vec<String> = documents()
        .into_iter()
        .filter(|document| !seen.contains(document))
        .collect();
    assert_none("no link leads there from README.md", &lost);
}

#[test]
fn no_link_is_dead() {
    let mut dead = Vec::new();
    for document in documents() {
        for (file, heading) in links(&document) {
            let leads = root().join(&file).exists()
                && (heading.is_empty() || !file.ends_with(".md") || headings(&file).contains(&heading));
            if !leads {
                dead.push(format!("{document}: {file}#{heading}"));
            }
        }
    }
    assert_none("links that lead nowhere", &dead);
}

#[test]
fn the_changelog_speaks_of_this_version() {
    let changelog = text("CHANGELOG.md");
    assert!(
        changelog.contains("## [Unreleased]"),
        "CHANGELOG.md has no place for what comes next"
    );
}
