//! Files in folders, where git is not asked.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};

use super::files::FILES_MAX;
use crate::failure::Failure;

/// The files in a folder, or the file itself. Links are not followed.
pub fn files_in(path: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    let mut left = vec![path.to_owned()];
    while let Some(path) = left.pop() {
        if path.is_dir() {
            let shown = || format!("cannot read `{}`", path.display());
            for entry in std::fs::read_dir(&path).with_context(shown)? {
                let entry = entry.with_context(shown)?;
                let kind = entry.file_type().with_context(shown)?;
                if kind.is_dir() && entry.file_name() != ".git" || kind.is_file() {
                    left.push(entry.path());
                }
            }
        } else {
            ensure!(files.len() < FILES_MAX, "more than {FILES_MAX} files");
            files.push(path);
        }
    }
    Ok(files)
}

/// A file of rules, or the files `*.yaml` and `*.yml` in a folder, without those that rules are tried on.
pub fn rule_files(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let shown = || format!("cannot read `{}`", path.display());
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path).with_context(shown)? {
        let entry = entry.with_context(shown)?.path();
        if entry.is_dir() {
            files.extend(rule_files(&entry)?);
        } else {
            // `a.test.yaml` is what `a.yaml` is tried on.
            let name = entry.to_string_lossy();
            let name = name.strip_suffix(".yaml").or(name.strip_suffix(".yml"));
            if name.is_some_and(|name| !name.ends_with(".test")) {
                files.push(entry);
            }
        }
    }
    files.sort();
    Ok(files)
}
