//! Copies of a repository's files, in which tests run: the user's own files are read, and never written.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, ensure};
use sha2::{Digest, Sha256};
use tempfile::TempDir;

use crate::check::files::{FILES_MAX, Side};
use crate::git;

const BYTES_MAX: u64 = 8 << 30;
/// An ignored file that is larger is data.
const IGNORED_FILE_BYTES_MAX: u64 = 32 << 20;
const ENVIRONMENTS: &[&str] = &[".venv", "venv", ".tox", ".nox", "vendor", "site-packages"];
/// What tests may need of ignored files: settings, and code that was generated or compiled.
const IGNORED_ENDINGS: &[&str] = &[
    "so", "pyd", "node", "wasm", "py", "js", "mjs", "cjs", "ts", "json", "toml", "ini", "cfg", "yaml", "yml",
    "env", "pem", "pb",
];

/// A folder with the files of a commit, the index or the working tree.
pub struct Copy {
    folder: TempDir,
    /// For what is written about it.
    aside: TempDir,
}

impl Copy {
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Where its tests may write a report.
    pub fn report(&self) -> PathBuf {
        self.aside.path().join("tests.xml")
    }

    /// Copies what `side` says, and shows what the project is installed with by links.
    pub fn of(root: &Path, side: &Side, share: &[PathBuf]) -> anyhow::Result<Copy> {
        let folder = tempfile::Builder::new()
            .prefix("safeguard-verify-")
            .tempdir()
            .context("cannot make a folder for a copy")?;
        let to = folder.path();
        match side {
            Side::WorkingTree | Side::Folder => {
                copy_listed(root, to, &["--cached", "--others", "--exclude-standard"])?
            }
            Side::Index => check_out(root, to, None)?,
            Side::Commit(commit) => check_out(root, to, Some(commit))?,
        }
        show_installed(root, to)?;
        for path in share {
            let path = path.strip_prefix(root).unwrap_or(path);
            ensure!(
                root.join(path).exists(),
                "there is no `{}` to share",
                path.display()
            );
            link(&root.join(path), &to.join(path))?;
        }
        let aside = tempfile::tempdir().context("cannot make a folder for reports")?;
        Ok(Copy { folder, aside })
    }

    /// What the files say: SHA-256 of their paths and contents, hexadecimal. Links are not followed.
    pub fn digest(&self) -> anyhow::Result<String> {
        let mut files = BTreeMap::new();
        for file in crate::check::files_in(self.path())? {
            let bytes = fs::read(&file).with_context(|| format!("cannot read `{}`", file.display()))?;
            let path = file.strip_prefix(self.path()).unwrap_or(&file).to_path_buf();
            files.insert(path, Sha256::digest(&bytes));
        }
        let mut digest = Sha256::new();
        for (path, content) in files {
            digest.update(path.to_string_lossy().as_bytes());
            digest.update([0]);
            digest.update(content);
        }
        Ok(hexadecimal(&digest.finalize()))
    }
}

pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn copy_listed(root: &Path, to: &Path, which: &[&str]) -> anyhow::Result<()> {
    let mut arguments = vec!["ls-files", "-z"];
    arguments.extend(which);
    let listed = paths(&git::git_bytes(root, &arguments)?);
    ensure!(
        listed.len() <= FILES_MAX,
        "{} files (limit {FILES_MAX})",
        listed.len()
    );
    let mut bytes = 0;
    for path in listed {
        let from = root.join(&path);
        // A submodule is a folder; what was removed and not staged is listed as well.
        let files = match fs::symlink_metadata(&from) {
            Ok(about) if about.is_dir() => crate::check::files_in(&from)?,
            Ok(_) => vec![from],
            Err(_) => continue,
        };
        for file in files {
            let within = file.strip_prefix(root).unwrap_or(&file);
            bytes += copy(&file, &to.join(within))?;
            ensure!(bytes <= BYTES_MAX, "the files have more than {BYTES_MAX} bytes");
        }
    }
    Ok(())
}

/// The files of a commit, or of the index, by an index that is only for that.
fn check_out(root: &Path, to: &Path, commit: Option<&str>) -> anyhow::Result<()> {
    let index = tempfile::NamedTempFile::new().context("cannot make an index")?;
    let git = |arguments: &[&str], own: bool| -> anyhow::Result<()> {
        let mut command = Command::new("git");
        command.arg("-C").arg(root).args(arguments).stdin(Stdio::null());
        if own {
            command.env("GIT_INDEX_FILE", index.path());
        }
        let told = command.output().context("cannot run git")?;
        ensure!(
            told.status.success(),
            "git {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&told.stderr).trim()
        );
        Ok(())
    };
    if let Some(commit) = commit {
        // Git refuses a file that is empty.
        fs::remove_file(index.path()).context("cannot make an index")?;
        git(&["read-tree", "--end-of-options", commit], true)?;
    }
    let prefix = format!("--prefix={}/", to.display());
    git(&["checkout-index", "--all", "--force", &prefix], commit.is_some())
}

/// What git ignores and the tests need: packages by links, settings and generated code as copies.
fn show_installed(root: &Path, to: &Path) -> anyhow::Result<()> {
    let ignored = git::git_bytes(
        root,
        &[
            "ls-files",
            "--others",
            "--ignored",
            "--exclude-standard",
            "--directory",
            "-z",
        ],
    )?;
    for path in paths(&ignored) {
        let (from, at) = (root.join(&path), to.join(&path));
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        if from.is_dir() {
            if name == "node_modules" {
                show_packages(&from, &at)?;
            } else if ENVIRONMENTS.contains(&name.as_str()) || from.join("pyvenv.cfg").is_file() {
                link(&from, &at)?;
            } else if name.ends_with(".egg-info") {
                for file in crate::check::files_in(&from)? {
                    copy(&file, &at.join(file.strip_prefix(&from).unwrap_or(&file)))?;
                }
            }
        } else {
            let is_small =
                fs::symlink_metadata(&from).is_ok_and(|about| about.len() <= IGNORED_FILE_BYTES_MAX);
            let ending = name.rsplit('.').next().unwrap_or("");
            if is_small && (IGNORED_ENDINGS.contains(&ending) || name.starts_with(".env")) {
                copy(&from, &at)?;
            }
        }
    }
    Ok(())
}

/// A folder of packages whose entries are links: tools keep caches beside them, and these are the copy's own.
fn show_packages(from: &Path, to: &Path) -> anyhow::Result<()> {
    const KEPT: &[&str] = &[
        ".bin",
        ".pnpm",
        ".package-lock.json",
        ".modules.yaml",
        ".yarn-state.yml",
    ];
    let shown = || format!("cannot read `{}`", from.display());
    for entry in fs::read_dir(from).with_context(shown)? {
        let entry = entry.with_context(shown)?;
        let name = entry.file_name();
        let name_text = name.to_string_lossy();
        if !name_text.starts_with('.') || KEPT.contains(&name_text.as_ref()) {
            link(&entry.path(), &to.join(&name))?;
        }
    }
    Ok(())
}

fn link(from: &Path, to: &Path) -> anyhow::Result<()> {
    make_parent(to)?;
    if fs::symlink_metadata(to).is_ok() {
        return Ok(());
    }
    symlink(from, to).with_context(|| format!("cannot link `{}`", to.display()))
}

/// Copies a file or a link, and tells how many bytes it has.
fn copy(from: &Path, to: &Path) -> anyhow::Result<u64> {
    make_parent(to)?;
    let shown = || format!("cannot copy `{}`", from.display());
    if from.is_symlink() {
        let target = fs::read_link(from).with_context(shown)?;
        symlink(target, to).with_context(shown)?;
        return Ok(0);
    }
    fs::copy(from, to).with_context(shown)
}

fn make_parent(path: &Path) -> anyhow::Result<()> {
    match path.parent() {
        Some(parent) => {
            fs::create_dir_all(parent).with_context(|| format!("cannot make `{}`", parent.display()))
        }
        None => Ok(()),
    }
}

fn paths(told: &[u8]) -> Vec<PathBuf> {
    told.split(|byte| *byte == 0)
        .filter(|path| !path.is_empty())
        .map(|path| PathBuf::from(String::from_utf8_lossy(path).trim_end_matches('/')))
        .collect()
}
