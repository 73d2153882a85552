//! Reads from git what a change record wants to know.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

/// Runs git in `folder`; no shell reads the arguments.
pub fn git(folder: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let told = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .context("cannot run git")?;
    if !told.status.success() {
        bail!(
            "git {}: {}",
            arguments.join(" "),
            String::from_utf8_lossy(&told.stderr).trim()
        );
    }
    Ok(String::from_utf8_lossy(&told.stdout).trim().to_owned())
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

pub fn title(folder: &Path, commit: &str) -> anyhow::Result<String> {
    git(folder, &["log", "-1", "--format=%s", commit])
}

pub fn author(folder: &Path, commit: &str) -> anyhow::Result<String> {
    git(folder, &["log", "-1", "--format=%an <%ae>", commit])
}

/// Everyone named between the two commits as author or in a `Co-authored-by` line, except `author`.
pub fn co_authors(folder: &Path, base: &str, head: &str, author: &str) -> anyhow::Result<Vec<String>> {
    let format = "--format=%an <%ae>%n%(trailers:key=Co-authored-by,valueonly=true)";
    let names = git(folder, &["log", format, &format!("{base}..{head}")])?;
    let mut others: Vec<String> = names
        .lines()
        .map(str::trim)
        .filter(|name| !name.is_empty() && *name != author)
        .map(str::to_owned)
        .collect();
    others.sort();
    others.dedup();
    Ok(others)
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
    use super::*;

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
