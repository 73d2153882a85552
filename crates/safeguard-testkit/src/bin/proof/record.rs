//! `target/proof.json`: what was found so far, and of which commit, so that a run can go on where it was interrupted.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, ensure};
use serde::Deserialize;
use serde_json::json;

use crate::child;
use crate::corpus::{Case, Corpus};
use crate::outcome::Walked;
use crate::report;

const GIT_LONGEST: Duration = Duration::from_secs(30);

pub struct Record {
    file: PathBuf,
    /// None when the files are no commit's: what was found of them is found again.
    commit: Option<String>,
    pub walks: Vec<Walked>,
    pub ablations: Vec<Walked>,
}

/// As much of the file as goes on.
#[derive(Deserialize)]
struct Kept {
    commit: Option<String>,
    cases: Vec<Walked>,
    ablations: Vec<Walked>,
}

impl Record {
    /// Begins a record with what earlier runs found of the same commit.
    pub fn begin(corpus: &Corpus) -> anyhow::Result<Record> {
        let mut record = Record {
            file: target()?.join("proof.json"),
            commit: commit(&corpus.root)?,
            walks: Vec::new(),
            ablations: Vec::new(),
        };
        if record.file.is_file() {
            let text = std::fs::read_to_string(&record.file)?;
            let kept: Kept = serde_json::from_str(&text)
                .with_context(|| format!("{} can not be read; remove it", record.file.display()))?;
            record.take(kept);
        }
        Ok(record)
    }

    fn take(&mut self, kept: Kept) {
        if self.commit.is_some() && kept.commit == self.commit {
            (self.walks, self.ablations) = (kept.cases, kept.ablations);
        } else {
            eprintln!("==> what was found before is of other files, and is forgotten");
        }
    }

    /// Forgets what is to be found again.
    pub fn forget(&mut self, cases: &[&Case]) {
        let stays = |walked: &Walked| !cases.iter().any(|case| case.id == walked.case);
        self.walks.retain(stays);
        self.ablations.retain(stays);
    }

    /// What is known of these cases alone.
    pub fn of(&self, cases: &[&Case]) -> (Vec<Walked>, Vec<Walked>) {
        let wanted = |walked: &&Walked| cases.iter().any(|case| case.id == walked.case);
        let chosen = |all: &[Walked]| all.iter().filter(wanted).cloned().collect();
        (chosen(&self.walks), chosen(&self.ablations))
    }

    pub fn has(&self, case: &str) -> bool {
        self.walks.iter().any(|walked| walked.case == case)
    }

    pub fn add(&mut self, walked: Walked, again: Option<Walked>) -> anyhow::Result<()> {
        self.walks.push(walked);
        self.ablations.extend(again);
        let order = |one: &Walked| (one.pattern, one.case.clone());
        self.walks.sort_by_key(order);
        self.ablations.sort_by_key(order);
        // Replaced at once: whoever is interrupted finds the earlier file.
        let new = self.file.with_extension("json.new");
        let mut json = report::json(&self.walks, &self.ablations);
        json["commit"] = json!(self.commit);
        std::fs::write(&new, serde_json::to_vec_pretty(&json)?)?;
        std::fs::rename(&new, &self.file)?;
        Ok(())
    }
}

/// The commit that is checked out, if nothing was changed since.
fn commit(root: &Path) -> anyhow::Result<Option<String>> {
    let git = |words: &[&str]| {
        let mut command = child::command("git");
        command.args(words).current_dir(root);
        let output = child::output(&mut command, GIT_LONGEST)?;
        ensure!(output.status.success(), "git can not tell which commit this is");
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    let changed = git(&["status", "--porcelain", "--", ":/"])?;
    let commit = git(&["rev-parse", "HEAD"])?;
    Ok(changed.is_empty().then_some(commit))
}

/// Where cargo builds.
pub fn target() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let target = own.ancestors().nth(2);
    Ok(target
        .context("this program lies in no target directory")?
        .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::corpus::Pattern;
    use crate::outcome::End;
    use crate::outcome::tests::walked;

    fn record(folder: &Path, commit: Option<&str>) -> Record {
        Record {
            file: folder.join("proof.json"),
            commit: commit.map(str::to_owned),
            walks: Vec::new(),
            ablations: Vec::new(),
        }
    }

    #[test]
    fn a_record_goes_on_with_the_same_commit_only() {
        let folder = tempfile::tempdir().unwrap();
        let mut first = record(folder.path(), Some("c1"));
        first
            .add(walked("x4-race", Pattern::X4, End::Live, true), None)
            .unwrap();
        let kept = || -> Kept { serde_json::from_slice(&std::fs::read(&first.file).unwrap()).unwrap() };
        for (commit, goes_on) in [(Some("c1"), true), (Some("c2"), false), (None, false)] {
            let mut next = record(folder.path(), commit);
            next.take(kept());
            assert_eq!(next.has("x4-race"), goes_on, "{commit:?}");
            assert_eq!(next.walks == first.walks, goes_on);
        }
    }
}
