//! Asks the oracle of a case, a program that knows nothing of safeguard.

use std::path::Path;
use std::time::Duration;

use anyhow::ensure;
use serde::{Deserialize, Serialize};

use crate::child;
use crate::corpus::{Case, Corpus};

/// The slowest oracle takes a quarter of it.
const JUDGE_LONGEST: Duration = Duration::from_secs(600);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

/// Tells whether production's data were damaged between the two.
pub fn of_data(corpus: &Corpus, case: &Case, before: &Path, after: &Path) -> anyhow::Result<Verdict> {
    judge(corpus, &[&case.folder, before, after], true)
}

/// Copies a database that is in use.
pub fn save(corpus: &Corpus, database: &Path, copy: &Path) -> anyhow::Result<()> {
    let mut command = child::command("python3");
    command
        .arg(corpus.root.join("kit/judge.py"))
        .arg("--save")
        .args([database, copy]);
    let saved = child::output(&mut command, JUDGE_LONGEST)?;
    ensure!(
        saved.status.success(),
        "{} could not be copied",
        database.display()
    );
    Ok(())
}

fn judge(corpus: &Corpus, words: &[&Path], data: bool) -> anyhow::Result<Verdict> {
    let mut command = child::command("python3");
    command
        .arg(corpus.root.join("kit/judge.py"))
        .args(data.then_some("--data"))
        .args(words);
    let output = child::output(&mut command, JUDGE_LONGEST)?;
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
