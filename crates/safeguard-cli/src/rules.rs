//! `safeguard rules`: what is looked for, and rules of one's own against their cases.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::Context;
use clap::Subcommand;
use safeguard_scan::language::Language;
use safeguard_scan::project::Project;
use safeguard_scan::rules::Page;
use safeguard_scan::scan::{self, Rules};
use serde::Serialize;

use crate::check::{self, count};
use crate::failure::Failure;
use crate::output::{BAD, GOOD, Output, table};

#[derive(Debug, Subcommand)]
pub enum RulesVerb {
    /// List the rules of this program
    List,
    /// Show a rule: why, what to write instead, and its cases
    Show { rule: String },
    /// Try rules in Semgrep's YAML on annotated files: `# ruleid: ID` before a line that must be found, `# ok: ID` before one that must not
    #[command(
        after_help = "A rule in `rules/a.yaml` is tried on the files `rules/a.py`, `rules/a.js` … beside it.

Example:
  safeguard rules test rules/"
    )]
    Test {
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
}

#[derive(Serialize)]
struct Listed {
    rule: String,
    about: String,
}

pub fn rules(verb: RulesVerb, output: &Output) -> Result<(), Failure> {
    match verb {
        RulesVerb::List => {
            let listed: Vec<Listed> = check::pages_of(|_| true)?
                .into_iter()
                .map(|page| Listed {
                    rule: page.id,
                    about: page.about,
                })
                .collect();
            output.data(&listed, |listed| {
                let rows: Vec<Vec<String>> = listed
                    .iter()
                    .map(|one| vec![one.rule.clone(), one.about.clone()])
                    .collect();
                table(&["rule", "what it finds"], &rows)
            })
        }
        RulesVerb::Show { rule } => {
            let pages = check::pages_of(|id| id == rule)?;
            let page = pages.iter().find(|page| page.id == rule).ok_or_else(|| {
                Failure::undecided(format!("there is no rule `{rule}`"))
                    .hint("`safeguard rules list` names them")
            })?;
            output.text(&shown(page))
        }
        RulesVerb::Test { paths } => test(&paths, output),
    }
}

fn shown(page: &Page) -> String {
    format!(
        "{}\n\n{}\n\nWhy: {}\n\nWhat to do instead: {}\n\n{} cases are its tests.\n",
        page.id,
        page.about,
        page.why,
        page.instead,
        page.cases.len()
    )
}

/// What the files beside a file of rules end with that it is tried on.
const CASE_ENDINGS: &[&str] = &[
    "bash",
    "dockerfile",
    "go",
    "hcl",
    "html",
    "java",
    "js",
    "jsx",
    "py",
    "rs",
    "sh",
    "svelte",
    "test.yaml",
    "test.yml",
    "tf",
    "ts",
    "tsx",
    "txt",
    "vue",
];

/// Every file beside a file of rules, with its name and another ending.
fn test(paths: &[PathBuf], output: &Output) -> Result<(), Failure> {
    let mut wrong = Vec::new();
    let mut lines = 0;
    for path in paths {
        for file in check::rule_files(path)? {
            let text = std::fs::read_to_string(&file)
                .with_context(|| format!("cannot read `{}`", file.display()))?;
            let rules = safeguard_scan::rule::load(&text)
                .map_err(|error| Failure::undecided(format!("`{}`: {error}", file.display())))?;
            let rules = Rules::of(rules);
            for ending in CASE_ENDINGS {
                let case = file.with_extension(ending);
                if case.is_file() {
                    lines += test_file(&rules, &case, &mut wrong)?;
                }
            }
        }
    }
    if lines == 0 {
        return Err(Failure::undecided("no line is annotated with `ruleid:` or `ok:`")
            .hint("put `# ruleid: ID` before a line that a rule must find, in a file beside the rules"));
    }
    if wrong.is_empty() {
        return output.text(&format!("{GOOD}{} as annotated{GOOD:#}\n", count(lines, "line")));
    }
    let told: String = wrong
        .iter()
        .map(|line| format!("{BAD}wrong{BAD:#} {line}\n"))
        .collect();
    output.text(&format!(
        "{told}{} of {} wrong\n",
        wrong.len(),
        count(lines, "line")
    ))?;
    Err(Failure::Told)
}

fn test_file(rules: &Rules, file: &std::path::Path, wrong: &mut Vec<String>) -> Result<usize, Failure> {
    let name = file.display().to_string();
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read `{name}`"))?;
    let mut findings = scan::scan_text(rules, &name, &text).findings;
    if let Some(language) = Language::of_file(&name, &text) {
        let source = scan::read(&name, language, &text)
            .map_err(|error| Failure::undecided(format!("`{name}`: {error}")))?;
        findings.extend(scan::scan(rules, &source, &Project::default()).findings);
    }
    let found: BTreeSet<(String, usize)> = findings
        .into_iter()
        .map(|finding| (finding.rule, finding.place.line))
        .collect();
    let mut annotated = 0;
    let lines: Vec<&str> = text.lines().collect();
    let is_annotation = |line: &str| line.contains("ruleid:") || line.contains("ok:");
    for (at, line) in lines.iter().enumerate() {
        for (word, must) in [("ruleid:", true), ("ok:", false)] {
            let Some((before, ids)) = line.split_once(word) else {
                continue;
            };
            if !before.trim_end().ends_with(['#', '/', '*']) {
                continue;
            }
            // The first line behind it that is no annotation itself.
            let Some(meant) = (at + 1..lines.len()).find(|next| !is_annotation(lines[*next])) else {
                continue;
            };
            for id in ids
                .trim_end_matches("*/")
                .split(',')
                .map(str::trim)
                .filter(|id| !id.is_empty())
            {
                annotated += 1;
                let page = id.split_once('.').map_or(id, |(page, _)| page);
                let is_found = found.contains(&(page.to_owned(), meant + 1));
                if is_found != must {
                    let what = if must { "is not found" } else { "is found" };
                    wrong.push(format!("{name}:{}: `{id}` {what}", meant + 1));
                }
            }
        }
    }
    Ok(annotated)
}
