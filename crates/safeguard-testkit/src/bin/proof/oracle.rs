//! Asks the oracle of a case, a program that knows nothing of safeguard.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::Context as _;
use serde::Serialize;

use crate::corpus::{Case, Corpus};

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "verdict", content = "why")]
pub enum Verdict {
    Good,
    Bad(String),
    CouldNotTell(String),
}

impl Verdict {
    pub fn name(&self) -> &'static str {
        match self {
            Verdict::Good => "good",
            Verdict::Bad(_) => "bad",
            Verdict::CouldNotTell(_) => "could not tell",
        }
    }

    pub fn why(&self) -> &str {
        match self {
            Verdict::Good => "",
            Verdict::Bad(why) | Verdict::CouldNotTell(why) => why,
        }
    }
}

/// Starts `code`, which was changed from `base` or is the base itself, and tells whether it does what it must.
pub fn of_code(corpus: &Corpus, case: &Case, code: &Path, base: &Path) -> anyhow::Result<Verdict> {
    judge(corpus, &[&case.folder, code, base], false)
}

fn judge(corpus: &Corpus, words: &[&Path], data: bool) -> anyhow::Result<Verdict> {
    let output = Command::new("python3")
        .arg(corpus.root.join("kit/judge.py"))
        .args(data.then_some("--data"))
        .args(words)
        .stdin(Stdio::null())
        .output()
        .context("cannot run python3")?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    Ok(match output.status.code() {
        Some(0) => Verdict::Good,
        Some(1) => Verdict::Bad(said),
        code => {
            let complained = String::from_utf8_lossy(&output.stderr);
            let last = complained.trim().lines().last().unwrap_or_default();
            Verdict::CouldNotTell(format!("exit {code:?}: {last}"))
        }
    })
}
