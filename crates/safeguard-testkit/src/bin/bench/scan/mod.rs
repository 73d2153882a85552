//! `safeguard check`: the whole command in a repository of Django, beside other scanners over all of it; what it says of labelled changes;
//! look-ups of vulnerabilities, and secrets.

mod databases;
mod labelled;
mod peers;
pub mod releases;
mod used;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::report::{Row, median, quantile};
use used::{Used, used, waited};

const ROUNDS: usize = 30;
const TREE_ROUNDS: usize = 3;
/// What a file of a change is taken for.
const FILE_BYTES: std::ops::Range<u64> = 7_000..9_000;
const FILES: usize = 10;

pub fn run() -> anyhow::Result<Vec<Row>> {
    let tools = target()?.join("bench-scan");
    let archive = archive(&tools.join("sources"))?;
    let folder = tempfile::tempdir()?;
    let root = unpacked(&archive, folder.path())?;
    let small = folder.path().join("small");
    part(&root, &small)?;
    let mut rows = changes(&small, "a repository of some hundred files")?;
    rows.extend(changes(&root, "one of thousands")?);
    rows.extend(whole(&root, &tools)?);
    rows.extend(labelled::rows()?);
    rows.extend(databases::look_ups()?);
    rows.push(databases::secrets(&root)?);
    Ok(rows)
}

/// The folder that cargo builds into.
fn target() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let target = own.ancestors().nth(2);
    Ok(target
        .context("this program lies in no target directory")?
        .to_owned())
}

/// The command beside this program.
fn safeguard(folder: &Path, words: &[&str]) -> anyhow::Result<Command> {
    let own = std::env::current_exe()?;
    let mut command = Command::new(own.with_file_name("safeguard"));
    command.current_dir(folder).args(words);
    Ok(command)
}

fn archive(folder: &Path) -> anyhow::Result<PathBuf> {
    let found = std::fs::read_dir(folder).with_context(|| {
        format!(
            "`{}` holds no sources; `./bench scan` fetches them",
            folder.display()
        )
    })?;
    let files: Vec<PathBuf> = found
        .map(|entry| Ok(entry?.path()))
        .collect::<std::io::Result<_>>()?;
    let is_archive = |file: &&PathBuf| file.to_string_lossy().ends_with(".tar.gz");
    let archive = files.iter().find(is_archive);
    Ok(archive.context("no archive of sources")?.clone())
}

/// Folders of the repository as one of their own, as large as a service's.
fn part(root: &Path, folder: &Path) -> anyhow::Result<()> {
    const FOLDERS: &[&str] = &["core", "db", "forms", "http"];
    let within = folder.join("django");
    std::fs::create_dir_all(&within)?;
    let mut copy = Command::new("cp");
    copy.arg("-r")
        .args(FOLDERS.iter().map(|name| root.join("django").join(name)))
        .arg(&within);
    done(&mut copy)?;
    begin(folder)
}

/// The sources as a repository with one commit.
fn unpacked(archive: &Path, folder: &Path) -> anyhow::Result<PathBuf> {
    let mut tar = Command::new("tar");
    tar.args(["--no-same-owner", "-xzf"])
        .arg(archive)
        .arg("-C")
        .arg(folder);
    done(&mut tar)?;
    let root = std::fs::read_dir(folder)?
        .next()
        .context("an empty archive")??
        .path();
    begin(&root)?;
    Ok(root)
}

fn begin(root: &Path) -> anyhow::Result<()> {
    git(root, &["init", "--quiet", "--initial-branch", "main"])?;
    git(root, &["add", "--all"])?;
    let words = ["commit", "--quiet", "--allow-empty", "--message", "as it was"];
    git(root, &words)?;
    git(root, &["checkout", "--quiet", "-b", "change"])
}

/// What the command says of one state of files after another, each laid out in a folder that is empty.
fn compared(
    before: impl FnOnce(&Path) -> anyhow::Result<()>,
    after: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<Value> {
    let repository = tempfile::tempdir()?;
    let root = repository.path();
    before(root)?;
    begin(root)?;
    git(root, &["rm", "--quiet", "-r", "--ignore-unmatch", "."])?;
    after(root)?;
    git(root, &["add", "--all"])?;
    git(
        root,
        &["commit", "--quiet", "--allow-empty", "--message", "changed"],
    )?;
    let words = ["check", "--offline", "--base", "main", "--format", "json"];
    let output = safeguard(root, &words)?.output()?;
    serde_json::from_slice(&output.stdout)
        .with_context(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

fn git(root: &Path, words: &[&str]) -> anyhow::Result<()> {
    let mut git = Command::new("git");
    git.arg("-C").arg(root);
    git.args([
        "-c",
        "user.name=Bench",
        "-c",
        "user.email=bench@example.org",
        "-c",
        "gc.auto=0",
    ]);
    done(git.args(words))
}

fn done(command: &mut Command) -> anyhow::Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot start {command:?}"))?;
    ensure!(status.success(), "{command:?}: {status}");
    Ok(())
}

/// One changed file, and ten, beside what git itself takes to tell what has changed.
fn changes(root: &Path, of: &str) -> anyhow::Result<Vec<Row>> {
    let mut files = sources(&root.join("django"))?;
    files.retain(|file| {
        std::fs::metadata(file).is_ok_and(|about| FILE_BYTES.contains(&about.len()))
            && std::fs::read_to_string(file).is_ok()
    });
    files.sort();
    ensure!(
        files.len() >= FILES,
        "only {} files of a usual length",
        files.len()
    );
    let mut rows = Vec::new();
    for (count, limit) in [(1, 15.0), (FILES, 100.0)] {
        for file in &files[..count] {
            let text = std::fs::read_to_string(file)?;
            std::fs::write(
                file,
                format!("{text}\n\ndef added(values):\n    return sorted(values)\n"),
            )?;
        }
        let mut milliseconds = Vec::new();
        let mut processor = Vec::new();
        for _ in 0..ROUNDS {
            let check = || safeguard(root, &["check", "--offline"]);
            milliseconds.push(waited(check()?, &[0, 1])?);
            processor.push(used(check()?, &[0, 1])?.processor_seconds * 1000.0);
        }
        let git: Result<Vec<f64>, anyhow::Error> = (0..ROUNDS)
            .map(|_| {
                let mut git = Command::new("git");
                git.arg("-C").arg(root).args(["status", "--porcelain"]);
                waited(git, &[0])
            })
            .collect();
        let what = if count == 1 { "one file" } else { "ten files" };
        rows.push(
            Row::new(
                format!("check, {what} of 8 KB changed in {of}, median"),
                median(&mut milliseconds),
                "ms",
            )
            .beside("git status", median(&mut git?)),
        );
        rows.push(
            Row::new(
                format!("check, {what} in {of}, p95"),
                quantile(&mut milliseconds, 0.95),
                "ms",
            )
            .at_most(limit),
        );
        rows.push(Row::new(
            format!("check, {what} in {of}, processor time with git's, median"),
            median(&mut processor),
            "ms",
        ));
    }
    git(root, &["checkout", "--quiet", "."])?;
    Ok(rows)
}

fn sources(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(sources(&path)?);
        } else if path.extension().is_some_and(|ending| ending == "py") {
            found.push(path);
        }
    }
    Ok(found)
}

/// All of it, by each scanner.
fn whole(root: &Path, tools: &Path) -> anyhow::Result<Vec<Row>> {
    let mut rounds: Vec<Used> = Vec::new();
    for _ in 0..TREE_ROUNDS {
        let words = ["check", "--all", "--offline", "--format", "json"];
        rounds.push(used(safeguard(root, &words)?, &[0, 1, 2])?);
    }
    let of = |figure: fn(&Used) -> f64| median(&mut rounds.iter().map(figure).collect::<Vec<_>>());
    let processor = of(|used| used.processor_seconds);
    let mut rows = vec![
        Row::new("Django whole, processor time", processor, "s").at_most(2.0),
        Row::new("Django whole, wall time", of(|used| used.seconds), "s"),
        Row::new("Django whole, peak memory", of(|used| used.peak_mebibytes), "MiB").at_most(150.0),
    ];
    for peer in peers::all(root, tools)? {
        rows.push(
            Row::new(
                format!("Django whole, processor time: {}", peer.about),
                processor,
                "s",
            )
            .beside(peer.name, peer.used.processor_seconds),
        );
    }
    Ok(rows)
}
