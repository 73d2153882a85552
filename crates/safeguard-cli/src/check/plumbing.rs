//! What git is asked, in as few processes as may be: starting one takes longer than most of what it does.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail, ensure};

use crate::git;

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

/// What is there and not ignored. What was removed is in the index until that is committed, and not among them.
pub fn listed(root: &Path) -> anyhow::Result<Listed> {
    let arguments = [
        "ls-files",
        "-z",
        "-t",
        "--cached",
        "--others",
        "--deleted",
        "--exclude-standard",
    ];
    let told = git::git_bytes(root, &arguments)?;
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

/// The first of some branches that there is, and its commit.
pub fn first_of(root: &Path, names: &[&str]) -> anyhow::Result<Option<(String, String)>> {
    let remote = |name: &str| name.starts_with("origin/");
    let whole = |name: &str| format!("refs/{}/{name}", if remote(name) { "remotes" } else { "heads" });
    let mut arguments = vec![
        "for-each-ref".to_owned(),
        "--format=%(objectname) %(refname)".to_owned(),
    ];
    arguments.extend(names.iter().map(|name| whole(name)));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let told = git::git(root, &arguments)?;
    let there: Vec<(&str, &str)> = told.lines().filter_map(|line| line.split_once(' ')).collect();
    Ok(names.iter().find_map(|name| {
        let (commit, _) = there.iter().find(|(_, other)| *other == whole(name))?;
        Some(((*name).to_owned(), (*commit).to_owned()))
    }))
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

/// The contents of blobs, from one process. What is longer than a limit is cut behind it.
pub fn blobs(root: &Path, blobs: &[&str], bytes_max: usize) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let mut texts = BTreeMap::new();
    if blobs.is_empty() {
        return Ok(texts);
    }
    let mut child = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(["cat-file", "--batch"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot run git")?;
    let mut ask = child.stdin.take().context("git has no input")?;
    let told = child.stdout.take().context("git has no output")?;
    let asked: String = blobs.iter().map(|blob| format!("{blob}\n")).collect();
    // Git answers while it is asked; who only asks would wait for ever.
    let asking = std::thread::spawn(move || ask.write_all(asked.as_bytes()));
    let mut told = BufReader::new(told);
    for blob in blobs {
        let mut head = String::new();
        told.read_line(&mut head).context("cannot read from git")?;
        let parts: Vec<&str> = head.trim_end().split(' ').collect();
        match parts.as_slice() {
            [_, "blob", size] => {
                let size: usize = size.parse().context("git tells no size")?;
                let mut bytes = vec![0; size.min(bytes_max + 1)];
                told.read_exact(&mut bytes).context("cannot read from git")?;
                let rest = (size - bytes.len()) as u64 + 1;
                let passed = std::io::copy(&mut told.by_ref().take(rest), &mut std::io::sink());
                ensure!(
                    passed.context("cannot read from git")? == rest,
                    "git ends within a blob"
                );
                texts.insert((*blob).to_owned(), bytes);
            }
            [_, "missing"] => {}
            _ => bail!("git cat-file says `{}`, which is not understood", head.trim_end()),
        }
    }
    asking
        .join()
        .map_err(|_| anyhow::anyhow!("cannot ask git"))?
        .context("cannot ask git")?;
    ensure!(
        child.wait().context("git does not end")?.success(),
        "git cat-file failed"
    );
    Ok(texts)
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
