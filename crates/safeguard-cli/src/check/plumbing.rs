//! What git is asked, in as few processes as may be: starting one takes longer than most of what it does.

use std::path::Path;

use anyhow::{Context, bail};

use super::objects::Objects;
use crate::git;

/// A commit, and what it is known by.
#[derive(Debug)]
pub struct Tip {
    pub name: String,
    pub commit: String,
}

/// A path with the blobs before and after. A text that is not in git yet is in the working tree.
#[derive(Debug)]
pub struct Raw {
    pub path: String,
    pub base: Option<String>,
    pub head: Head,
}

#[derive(Debug)]
pub enum Head {
    None,
    Blob(String),
    WorkingTree,
}

impl Raw {
    pub fn in_working_tree(path: String) -> Raw {
        Raw {
            path,
            base: None,
            head: Head::WorkingTree,
        }
    }
}

/// The files of a working tree.
#[derive(Debug, Default)]
pub struct Listed {
    tracked: Vec<String>,
    pub untracked: Vec<String>,
}

impl Listed {
    pub fn all(&self) -> Vec<String> {
        self.tracked.iter().chain(&self.untracked).cloned().collect()
    }
}

/// What is there and not ignored, of the whole repository that a folder is in. What was removed is in the index until that is committed, and not
/// among them.
pub fn listed(folder: &Path) -> anyhow::Result<Listed> {
    let arguments = [
        "ls-files",
        "-z",
        "-t",
        "--cached",
        "--others",
        "--deleted",
        "--exclude-standard",
        "--full-name",
        ":/",
    ];
    let told = git::git_bytes(folder, &arguments)?;
    let mut listed = Listed::default();
    let mut removed = Vec::new();
    for line in told.split(|byte| *byte == 0).filter(|line| !line.is_empty()) {
        let line = String::from_utf8_lossy(line);
        match line.split_once(' ') {
            Some(("?", path)) => listed.untracked.push(path.to_owned()),
            Some(("R", path)) => removed.push(path.to_owned()),
            Some((_, path)) => listed.tracked.push(path.to_owned()),
            None => bail!("git ls-files says `{line}`, which is not understood"),
        }
    }
    removed.sort();
    listed.tracked.retain(|path| removed.binary_search(path).is_err());
    // A file whose merge is not done stands there once for each side.
    listed.tracked.dedup();
    Ok(listed)
}

/// The first of some branches that there is.
pub fn first_of(folder: &Path, objects: &Objects, names: &[&str]) -> anyhow::Result<Option<Tip>> {
    let whole = |name: &str| {
        let kind = if name.starts_with("origin/") {
            "remotes"
        } else {
            "heads"
        };
        format!("refs/{kind}/{name}")
    };
    let asked: Vec<String> = names.iter().map(|name| whole(name)).collect();
    let there = objects.commits(&asked.iter().map(String::as_str).collect::<Vec<_>>())?;
    for (name, asked) in names.iter().zip(&asked) {
        if let Some(commit) = there.get(asked) {
            let name = (*name).to_owned();
            let commit = commit.clone();
            return Ok(Some(Tip { name, commit }));
        }
    }
    // A branch whose commit is damaged has none, too.
    let resolves = |asked: &&String| git::git(folder, &["rev-parse", "--verify", "--quiet", asked]).is_ok();
    match asked.iter().find(resolves) {
        Some(asked) => bail!("git does not have the commit of `{asked}`: `git fsck` tells what is damaged"),
        None => Ok(None),
    }
}

/// What differs, as `git diff --raw` tells it.
pub fn changed(root: &Path, between: &[&str]) -> anyhow::Result<Vec<Raw>> {
    let mut arguments = vec![
        "-c",
        "core.quotePath=false",
        "diff",
        "--raw",
        "-z",
        "--no-abbrev",
        "--find-renames",
        "--no-ext-diff",
        "--ignore-submodules",
    ];
    arguments.extend(between);
    arguments.push("--");
    let told = git::git_bytes(root, &arguments)?;
    let mut fields = told
        .split(|byte| *byte == 0)
        .map(|field| String::from_utf8_lossy(field).into_owned());
    let mut found = Vec::new();
    while let Some(head) = fields.next().filter(|head| !head.is_empty()) {
        // `:100644 100644 BLOB BLOB M`, then the path, or two of them.
        let parts: Vec<&str> = head.trim_start_matches(':').split(' ').collect();
        let [_, mode, base, now, status] = parts.as_slice() else {
            bail!("git diff says `{head}`, which is not understood");
        };
        let first = fields.next().context("git diff names no path")?;
        let path = if status.starts_with(['R', 'C']) {
            fields.next().context("git diff names no second path")?
        } else {
            first
        };
        // Links and submodules have no text of their own.
        if matches!(*mode, "120000" | "160000") {
            continue;
        }
        let blob = |id: &str| (!id.bytes().all(|byte| byte == b'0')).then(|| id.to_owned());
        let head = match (status.starts_with('D'), blob(now)) {
            (true, _) => Head::None,
            (false, Some(blob)) => Head::Blob(blob),
            (false, None) => Head::WorkingTree,
        };
        found.push(Raw {
            path,
            base: blob(base),
            head,
        });
    }
    Ok(found)
}

/// A text that some commit between two brought, wherever it stood.
#[derive(Debug)]
pub struct Brought {
    pub path: String,
    pub blob: String,
}

/// The blobs that the commits after `base` up to `head` brought, at most so many; whether that are all.
pub fn brought(
    root: &Path,
    base: &str,
    head: &str,
    count_max: usize,
) -> anyhow::Result<(Vec<Brought>, bool)> {
    let between = format!("{base}..{head}");
    let arguments = [
        "rev-list",
        "--objects",
        "--filter=object:type=blob",
        &between,
        "--",
    ];
    let told = git::git(root, &arguments)?;
    // Commits stand there without a path.
    let mut found: Vec<Brought> = told
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter(|(_, path)| !path.is_empty())
        .map(|(blob, path)| Brought {
            path: path.to_owned(),
            blob: blob.to_owned(),
        })
        .collect();
    let complete = found.len() <= count_max;
    found.truncate(count_max);
    Ok((found, complete))
}

/// The first commit after `base` that has a blob.
pub fn commit_of(root: &Path, base: &str, head: &str, blob: &str) -> anyhow::Result<Option<String>> {
    let between = format!("{base}..{head}");
    let object = format!("--find-object={blob}");
    let told = git::git(
        root,
        &["log", "--reverse", "-m", "--format=%H", &object, &between, "--"],
    )?;
    Ok(told.lines().next().map(str::to_owned))
}
