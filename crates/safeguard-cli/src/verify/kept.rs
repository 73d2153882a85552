//! What earlier runs have found out, a line of JSON each: for the same files, command and mutant it is not tried again.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use serde::{Deserialize, Serialize};

use crate::git;

/// A longer file is begun anew.
const BYTES_MAX: u64 = 16 << 20;

/// What became of a file that was broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The tests pass all the same.
    Survived,
    /// A test fails.
    Killed,
    /// The tests do not end in time.
    TimedOut,
    /// It is no program any more.
    NotBuilt,
}

/// What became of it, and which tests failed, where all of them ran and told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    pub outcome: Outcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Vec<String>>,
    /// Those of them that failed by an assertion.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asserted: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct Line {
    key: String,
    #[serde(flatten)]
    tried: Tried,
}

pub struct Kept {
    known: BTreeMap<String, Tried>,
    file: File,
}

impl Kept {
    pub fn open(root: &Path) -> anyhow::Result<Kept> {
        let path = git::git(root, &["rev-parse", "--git-path", "safeguard/mutants.jsonl"])?;
        let path = root.join(PathBuf::from(path));
        let shown = || format!("cannot open `{}`", path.display());
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).with_context(shown)?;
        }
        if fs::metadata(&path).is_ok_and(|about| about.len() > BYTES_MAX) {
            fs::remove_file(&path).with_context(shown)?;
        }
        let mut known = BTreeMap::new();
        if path.exists() {
            for line in fs::read_to_string(&path).with_context(shown)?.lines() {
                // A line that a run did not finish is one that is tried again.
                if let Ok(line) = serde_json::from_str::<Line>(line) {
                    known.insert(line.key, line.tried);
                }
            }
        }
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(shown)?;
        Ok(Kept { known, file })
    }

    /// What was found out does not count.
    pub fn forget(&mut self) -> anyhow::Result<()> {
        self.known.clear();
        self.file.set_len(0).context("cannot forget what was tried")
    }

    pub fn get(&self, key: &str) -> Option<&Tried> {
        self.known.get(key)
    }

    pub fn add(&mut self, key: &str, tried: &Tried) -> anyhow::Result<()> {
        let line = Line {
            key: key.to_owned(),
            tried: tried.clone(),
        };
        let mut text = serde_json::to_string(&line).context("cannot write JSON")?;
        // Begins anew after a line that was not finished.
        text.insert(0, '\n');
        text.push('\n');
        self.file
            .write_all(text.as_bytes())
            .context("cannot keep what was tried")?;
        self.known.insert(line.key, line.tried);
        Ok(())
    }
}
