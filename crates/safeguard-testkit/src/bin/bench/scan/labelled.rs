//! What the command says of changes that are labelled good and bad, by pattern of failure: `corpus/changes/`, which no rule was written for.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, ensure};
use serde::Deserialize;
use serde_json::Value;

use super::compared;
use crate::report::Row;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Bad,
    Good,
}

/// `case.toml` of a change.
#[derive(Debug, Deserialize)]
struct Case {
    kind: Kind,
    /// `X1` to `X6`; of a good one, what it looks like.
    pattern: String,
    /// The file of the fault, and others that belong to it.
    #[serde(default)]
    file: Option<String>,
    #[serde(default)]
    also: Vec<String>,
}

#[derive(Debug, Default)]
struct Counts {
    bad: usize,
    refused: usize,
    advised: usize,
    good: usize,
    wrongly: usize,
}

pub fn rows() -> anyhow::Result<Vec<Row>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../corpus/changes");
    let mut by_pattern: BTreeMap<String, Counts> = BTreeMap::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read `{}`", folder.display()))? {
        let path = entry?.path();
        if !path.is_dir() {
            continue;
        }
        let text = fs::read_to_string(path.join("case.toml"))
            .with_context(|| format!("cannot read `{}/case.toml`", path.display()))?;
        let case: Case = toml::from_str(&text).with_context(|| format!("`{}`", path.display()))?;
        let said = said(&path, &case)?;
        let counts = by_pattern.entry(case.pattern).or_default();
        match case.kind {
            Kind::Bad => {
                counts.bad += 1;
                counts.refused += usize::from(said == Said::Refused);
                counts.advised += usize::from(said == Said::Advised);
            }
            Kind::Good => {
                counts.good += 1;
                counts.wrongly += usize::from(said == Said::Refused);
            }
        }
    }
    ensure!(!by_pattern.is_empty(), "`{}` holds no changes", folder.display());
    let share = |part: usize, all: usize| 100.0 * part as f64 / all.max(1) as f64;
    let mut rows = Vec::new();
    for (pattern, counts) in &by_pattern {
        rows.push(Row::new(
            format!(
                "{pattern}: bad changes refused ({} of {}; advised against: {})",
                counts.refused, counts.bad, counts.advised
            ),
            share(counts.refused, counts.bad),
            "%",
        ));
        rows.push(Row::new(
            format!(
                "{pattern}: good changes refused ({} of {})",
                counts.wrongly, counts.good
            ),
            share(counts.wrongly, counts.good),
            "%",
        ));
    }
    Ok(rows)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Refused,
    Advised,
    Nothing,
}

/// Of a bad change only what is said of its fault's files counts.
fn said(folder: &Path, case: &Case) -> anyhow::Result<Said> {
    let lay_out = |half: &str, root: &Path| copied(&folder.join(half), root);
    let report = compared(|root| lay_out("before", root), |root| lay_out("after", root))
        .with_context(|| format!("`{}`", folder.display()))?;
    let all = report["findings"]
        .as_array()
        .context("no findings in the report")?;
    let is_of_it = |finding: &&Value| {
        let path = finding["path"].as_str();
        let files = case.file.iter().chain(&case.also);
        case.kind == Kind::Good || files.map(String::as_str).any(|file| Some(file) == path)
    };
    let of_it: Vec<&Value> = all
        .iter()
        .filter(|finding| finding["introduced"] == true)
        .filter(is_of_it)
        .collect();
    Ok(if of_it.iter().any(|finding| finding["blocks"] == true) {
        Said::Refused
    } else if of_it.is_empty() {
        Said::Nothing
    } else {
        Said::Advised
    })
}

fn copied(from: &Path, to: &Path) -> anyhow::Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("cannot read `{}`", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir_all(&target)?;
            copied(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}
