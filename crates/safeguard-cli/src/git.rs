//! Reads from git what a change record wants to know.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, bail};
use safeguard_api::diff::{FileHistory, History};
use safeguard_api::suppression::APPROVALS_FILE;
use safeguard_api::{Span, Timestamp};

/// Runs git in `folder`, and returns what it wrote as text without the white space around it.
pub fn git(folder: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    Ok(String::from_utf8_lossy(&git_bytes(folder, arguments)?)
        .trim()
        .to_owned())
}

/// Runs git in `folder`; no shell reads the arguments.
pub fn git_bytes(folder: &Path, arguments: &[&str]) -> anyhow::Result<Vec<u8>> {
    let told = output(folder, arguments)?;
    if !told.status.success() {
        bail!(
            "git {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&told.stderr).trim()
        );
    }
    Ok(told.stdout)
}

fn output(folder: &Path, arguments: &[&str]) -> anyhow::Result<Output> {
    Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .context("cannot run git")
}

/// Where two commits' histories parted, if they have anything in common.
pub fn merge_base(folder: &Path, one: &str, other: &str) -> anyhow::Result<Option<String>> {
    let told = output(folder, &["merge-base", one, other])?;
    let complaint = String::from_utf8_lossy(&told.stderr);
    match told.status.code() {
        Some(0) => Ok(Some(String::from_utf8_lossy(&told.stdout).trim().to_owned())),
        // A history that can not be read ends so as well, but not in silence.
        Some(1) if complaint.is_empty() => Ok(None),
        _ => bail!("git merge-base: {}", complaint.trim()),
    }
}

pub fn is_repository(folder: &Path) -> bool {
    git(folder, &["rev-parse", "--git-dir"]).is_ok()
}

/// Resolves a name to the commit's full hexadecimal form.
pub fn commit(folder: &Path, name: &str) -> anyhow::Result<String> {
    // `--end-of-options` keeps a name that begins with a dash from being an option.
    git(
        folder,
        &[
            "rev-parse",
            "--verify",
            "--quiet",
            "--end-of-options",
            &format!("{name}^{{commit}}"),
        ],
    )
    .with_context(|| format!("`{name}` is not a commit of this repository"))
}

/// Whether `head` is `base`, or was merged into it.
pub fn is_ancestor(folder: &Path, head: &str, base: &str) -> anyhow::Result<bool> {
    // `merge-base --is-ancestor` answers by its exit code, which an unknown commit has another of.
    let head = commit(folder, head)?;
    let base = commit(folder, base)?;
    Ok(git(folder, &["merge-base", "--is-ancestor", &head, &base]).is_ok())
}

/// The tree that a merge of `head` into `base` gives: the one of `head` where `base` is its ancestor; none
/// where the two can not be merged.
pub fn merge_tree(folder: &Path, base: &str, head: &str) -> Option<String> {
    if git(folder, &["merge-base", "--is-ancestor", base, head]).is_ok() {
        return git(
            folder,
            &["rev-parse", "--verify", "--quiet", &format!("{head}^{{tree}}")],
        )
        .ok();
    }
    git(folder, &["merge-tree", "--write-tree", base, head]).ok()
}

/// The diff between two commits as git writes it, whatever the user's settings are.
pub fn diff(folder: &Path, base: &str, head: &str) -> anyhow::Result<Vec<u8>> {
    let fixed = [
        "-c",
        "core.quotePath=true",
        "-c",
        "diff.noprefix=false",
        "-c",
        "diff.mnemonicPrefix=false",
    ];
    let asked = [
        "diff",
        "--no-color",
        "--no-ext-diff",
        "--no-textconv",
        "--find-renames",
        "--full-index",
    ];
    let arguments: Vec<&str> = fixed.into_iter().chain(asked).chain([base, head, "--"]).collect();
    git_bytes(folder, &arguments)
}

/// What git knows at `base` of the files that differ between the commits.
pub fn history(folder: &Path, base: &str, head: &str) -> anyhow::Result<History> {
    let names = git_bytes(
        folder,
        &["diff", "--name-only", "--no-renames", "-z", base, head, "--"],
    )?;
    let names = String::from_utf8_lossy(&names).into_owned();
    let paths: Vec<&str> = names.split('\0').filter(|path| !path.is_empty()).collect();
    let mut history = History {
        api: "safeguard.history/1".to_owned(),
        codeowners: CODEOWNERS
            .iter()
            .find_map(|path| git_bytes(folder, &["cat-file", "blob", &format!("{base}:{path}")]).ok())
            .map(|text| String::from_utf8_lossy(&text).into_owned()),
        ..History::default()
    };
    for some in paths.chunks(PATHS_AT_ONCE) {
        // Each commit is a line that begins with a byte that no path has, and then the paths that it touched.
        let asked = [
            "-c",
            "core.quotePath=false",
            "log",
            "--no-renames",
            "--format=%x01%ct%x09%an <%ae>",
            "--name-only",
        ];
        let literal = ["--literal-pathspecs"];
        let arguments: Vec<&str> = literal
            .into_iter()
            .chain(asked)
            .chain([base, "--"])
            .chain(some.iter().copied())
            .collect();
        let told = git_bytes(folder, &arguments)?;
        read_history(&String::from_utf8_lossy(&told), &mut history);
    }
    Ok(history)
}

/// Where CODEOWNERS may lie, the first that is there counts.
const CODEOWNERS: [&str; 3] = [".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS"];
/// A command line holds no more.
const PATHS_AT_ONCE: usize = 200;

/// Adds up a log that begins with the newest commit.
fn read_history(log: &str, history: &mut History) {
    let recent = Span::hours(24 * 90);
    let mut newest = None;
    let mut commit = None;
    for line in log.lines() {
        if let Some(head) = line.strip_prefix('\u{1}') {
            commit = head.split_once('\t').and_then(|(seconds, author)| {
                let at = Timestamp(seconds.parse::<i64>().ok()?.checked_mul(1000)?);
                Some((at, author.to_owned()))
            });
            newest = newest.or(commit.as_ref().map(|(at, _)| *at));
            continue;
        }
        let Some((at, author)) = commit.as_ref().filter(|_| !line.is_empty()) else {
            continue;
        };
        let file = history
            .files
            .entry(line.to_owned())
            .or_insert_with(|| FileHistory {
                last_commit_at: *at,
                ..FileHistory::default()
            });
        file.first_commit_at = *at;
        file.commits += 1;
        if newest.is_some_and(|newest| newest.since(*at) <= recent) {
            file.commits_last_90_days += 1;
        }
        *file.authors.entry(author.clone()).or_insert(0) += 1;
    }
}

pub fn title(folder: &Path, commit: &str) -> anyhow::Result<String> {
    git(folder, &["log", "-1", "--format=%s", commit])
}

/// Who wrote the commit, or the newest before it that does more than bring approvals.
pub fn author(folder: &Path, commit: &str) -> anyhow::Result<String> {
    const COMMITS_MAX: &str = "--max-count=100";
    let newest = named(folder, &[COMMITS_MAX, "--end-of-options", commit])?
        .into_iter()
        .next();
    match newest.and_then(|commit| commit.into_iter().next()) {
        Some(author) => Ok(author),
        None => git(folder, &["log", "-1", "--format=%an <%ae>", commit]),
    }
}

/// Everyone named between the two commits as author or in a `Co-authored-by` line, except `author`. Who only brought approvals has no hand
/// in the change.
pub fn co_authors(folder: &Path, base: &str, head: &str, author: &str) -> anyhow::Result<Vec<String>> {
    let commits = named(folder, &["--end-of-options", &format!("{base}..{head}")])?;
    let mut others: Vec<String> = commits
        .into_iter()
        .flatten()
        .filter(|name| *name != author)
        .collect();
    others.sort();
    others.dedup();
    Ok(others)
}

/// Whom each commit of a log names, the author first; without commits that touch the file of approvals alone.
fn named(folder: &Path, asked: &[&str]) -> anyhow::Result<Vec<Vec<String>>> {
    let format = "--format=%x01%an <%ae>%n%(trailers:key=Co-authored-by,valueonly=true)%x02";
    let fixed = ["log", format, "--name-only", "--no-renames"];
    let arguments: Vec<&str> = fixed.iter().chain(asked).copied().collect();
    let told = git(folder, &arguments)?;
    let commits = told.split('\u{1}').filter_map(|commit| {
        let (people, files) = commit.split_once('\u{2}')?;
        let lines = |text: &str| -> Vec<String> {
            let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
            lines.map(str::to_owned).collect()
        };
        (lines(files) != [APPROVALS_FILE]).then(|| lines(people))
    });
    Ok(commits.collect())
}

/// The address of `origin` without what logs in to it; none when there is no such remote.
pub fn repository(folder: &Path) -> Option<String> {
    let address = git(folder, &["remote", "get-url", "origin"]).ok()?;
    Some(without_login(&address))
}

fn without_login(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else {
        return address.to_owned();
    };
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if path.is_empty() {
        format!("{scheme}://{host}")
    } else {
        format!("{scheme}://{host}/{path}")
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_history_of_what_a_change_touches_is_counted_at_its_base() {
        let log = "\u{1}1700000000\tAda <ada@example.org>\n\nsrc/pay.rs\nsrc/tax.rs\n\
                   \u{1}1690000000\tBo <bo@example.org>\n\nsrc/pay.rs\n";
        let mut history = History::default();
        read_history(log, &mut history);
        let pay = &history.files["src/pay.rs"];
        assert_eq!((pay.commits, pay.commits_last_90_days), (2, 1));
        assert_eq!(pay.first_commit_at, Timestamp(1_690_000_000_000));
        assert_eq!(pay.last_commit_at, Timestamp(1_700_000_000_000));
        assert_eq!(pay.authors.len(), 2);
        assert_eq!(history.files["src/tax.rs"].commits, 1);
    }

    #[test]
    fn a_diff_is_the_same_whatever_the_settings_are() {
        let folder = tempfile::tempdir().unwrap();
        let run = |arguments: &[&str]| git(folder.path(), arguments).unwrap();
        run(&["init", "--quiet"]);
        run(&["config", "user.name", "Ann"]);
        run(&["config", "user.email", "ann@example.org"]);
        run(&["config", "diff.noprefix", "true"]);
        run(&["config", "color.diff", "always"]);
        std::fs::write(folder.path().join("a.txt"), "one\n").unwrap();
        run(&["add", "."]);
        run(&["commit", "--quiet", "-m", "first"]);
        std::fs::write(folder.path().join("a.txt"), "two\n").unwrap();
        run(&["commit", "--quiet", "-am", "second"]);
        let diff = diff(folder.path(), "HEAD^", "HEAD").unwrap();
        assert_eq!(named_first(&diff), "a/a.txt b/a.txt");
        let history = history(folder.path(), "HEAD^", "HEAD").unwrap();
        assert_eq!(history.files["a.txt"].authors["Ann <ann@example.org>"], 1);
    }

    /// The two names in the first line.
    fn named_first(diff: &[u8]) -> String {
        let text = String::from_utf8_lossy(diff).into_owned();
        text.lines()
            .next()
            .unwrap()
            .trim_start_matches("diff --git ")
            .to_owned()
    }

    #[test]
    fn who_only_brings_approvals_has_no_hand_in_a_change() {
        let folder = tempfile::tempdir().unwrap();
        let run = |arguments: &[&str]| git(folder.path(), arguments).unwrap();
        run(&["init", "--quiet"]);
        let commit = |person: &str, file: &str, message: &str| {
            std::fs::write(folder.path().join(file), message).unwrap();
            run(&["add", "."]);
            let name = format!("user.name={person}");
            let email = format!("user.email={person}@example.org");
            run(&["-c", &name, "-c", &email, "commit", "--quiet", "-m", message]);
        };
        commit("Ann", "a.txt", "first");
        commit("Kim", "a.txt", "second\n\nCo-authored-by: Sam <sam@example.org>");
        commit("Lee", APPROVALS_FILE, "approved");
        assert_eq!(author(folder.path(), "HEAD").unwrap(), "Kim <Kim@example.org>");
        assert_eq!(
            co_authors(folder.path(), "HEAD~2", "HEAD", "").unwrap(),
            ["Kim <Kim@example.org>", "Sam <sam@example.org>"]
        );
    }

    #[test]
    fn an_address_loses_its_login() {
        for (address, bare) in [
            (
                "https://user:secret@example.org/a/b.git",
                "https://example.org/a/b.git",
            ),
            ("https://example.org/a@b", "https://example.org/a@b"),
            ("git@example.org:a/b.git", "git@example.org:a/b.git"),
        ] {
            assert_eq!(without_login(address), bare);
        }
    }
}
