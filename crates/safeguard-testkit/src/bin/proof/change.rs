//! A service before and after a change, in a temporary folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use crate::corpus::{Case, Corpus};

pub struct Copies {
    folder: TempDir,
}

impl Copies {
    /// Copies the case's service twice, and applies the change to one of the copies.
    pub fn make(corpus: &Corpus, case: &Case) -> anyhow::Result<Copies> {
        let copies = Copies {
            folder: TempDir::with_prefix("proof-")?,
        };
        for copy in [copies.base(), copies.changed()] {
            copy_folder(&corpus.service(case), &copy)?;
        }
        apply(&case.folder.join("change.patch"), &copies.changed())
            .with_context(|| format!("the patch of {} does not apply", case.id))?;
        Ok(copies)
    }

    pub fn base(&self) -> PathBuf {
        self.folder.path().join("base")
    }

    pub fn changed(&self) -> PathBuf {
        self.folder.path().join("changed")
    }
}

/// What tools leave behind beside the sources.
const LEFTOVERS: &[&str] = &["__pycache__", ".pytest_cache", ".ruff_cache", ".coverage"];

pub fn copy_folder(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from).with_context(|| format!("cannot read {}", from.display()))? {
        let entry = entry?;
        let (name, target) = (entry.file_name(), to.join(entry.file_name()));
        if LEFTOVERS.iter().any(|leftover| name == *leftover) {
            continue;
        }
        if entry.file_type()?.is_dir() {
            copy_folder(&entry.path(), &target)?;
        } else {
            // Permissions come along.
            std::fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

fn apply(patch: &Path, folder: &Path) -> anyhow::Result<()> {
    let output = Command::new("git")
        .args(["apply", "--whitespace=nowarn"])
        .arg(patch)
        .current_dir(folder)
        // The folder belongs to no repository, whatever lies above it.
        .env("GIT_CEILING_DIRECTORIES", folder)
        .output()
        .context("cannot run git")?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(())
}
