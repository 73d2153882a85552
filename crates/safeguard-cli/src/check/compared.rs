//! What is compared with what: what git says has changed, before any text is read.

use std::path::{Path, PathBuf};

use super::CheckArgs;
use super::files::Side;
use super::plumbing::{self, Raw};
use crate::failure::Failure;
use crate::git;

/// Where a branch began, if nobody says: the first of these that there is.
pub const DEFAULTS: &[&str] = &["origin/HEAD", "origin/main", "origin/master", "main", "master"];

/// What is compared with what, before any text is read.
pub struct Compared {
    pub root: PathBuf,
    pub raw: Vec<Raw>,
    pub about: String,
    pub side: Side,
    pub base: Option<String>,
    pub listed: Option<Vec<String>>,
}

/// Nothing outside of git.
pub fn compared(folder: &Path, args: &CheckArgs) -> Result<Option<Compared>, Failure> {
    let root = || {
        let root = git::git(folder, &["rev-parse", "--show-toplevel"]);
        root.ok().map(PathBuf::from)
    };
    if !args.all && !args.staged && args.range.is_none() {
        return branch(folder, root, args.base.as_deref());
    }
    let Some(root) = root() else {
        return Ok(None);
    };
    if args.all {
        let listed = plumbing::listed(&root)?;
        return Ok(Some(Compared {
            root,
            raw: listed.all().into_iter().map(Raw::in_working_tree).collect(),
            about: "every file".to_owned(),
            side: Side::WorkingTree,
            base: None,
            listed: Some(listed.all()),
        }));
    }
    let Some(range) = &args.range else {
        return Ok(Some(Compared {
            raw: plumbing::changed(&root, &["--cached", "HEAD"])?,
            root,
            about: "what is staged with the last commit".to_owned(),
            side: Side::Index,
            base: Some("HEAD".to_owned()),
            listed: None,
        }));
    };
    let (from, to) = range
        .split_once("..")
        .ok_or_else(|| Failure::undecided(format!("`{range}` is no range")).hint("write it as A..B"))?;
    let (from, to) = (
        git::commit(&root, from)?,
        git::commit(&root, if to.is_empty() { "HEAD" } else { to })?,
    );
    Ok(Some(Compared {
        raw: plumbing::changed(&root, &[&from, &to])?,
        root,
        about: format!("{} with {}", short(&to), short(&from)),
        side: Side::Commit(to),
        base: Some(from),
        listed: None,
    }))
}

/// The working tree with what its branch began from. Git takes longer than all the rest: it lists the tree while it looks for the beginning.
fn branch(
    folder: &Path,
    root: impl FnOnce() -> Option<PathBuf> + Send,
    named: Option<&str>,
) -> Result<Option<Compared>, Failure> {
    let (listed, changed) = std::thread::scope(|scope| {
        let listed = scope.spawn(|| root().map(|root| anyhow::Ok((plumbing::listed(&root)?, root))));
        let changed = since(folder, named);
        (listed.join(), changed)
    });
    let listed = listed.map_err(|_| Failure::undecided("cannot list the files"))?;
    let Some(listed) = listed else {
        return Ok(None);
    };
    let (mut raw, base) = changed?;
    let (listed, root) = listed?;
    raw.extend(listed.untracked.iter().cloned().map(Raw::in_working_tree));
    Ok(Some(Compared {
        root,
        raw,
        about: format!("the working tree with {} ({})", short(&base.commit), base.name),
        side: Side::WorkingTree,
        base: Some(base.commit),
        listed: Some(listed.all()),
    }))
}

struct Base {
    commit: String,
    name: String,
}

/// What has changed since the branch left what it began from, and where that was.
fn since(root: &Path, named: Option<&str>) -> Result<(Vec<Raw>, Base), Failure> {
    let (name, tip) = match named {
        Some(name) => (name.to_owned(), git::commit(root, name)?),
        None => plumbing::first_of(root, DEFAULTS)?.ok_or_else(|| {
            Failure::undecided("there is no `origin/HEAD`, `main` or `master` to compare with")
                .hint("say what the branch began from: `safeguard check --base COMMIT`")
        })?,
    };
    // Git can find the place and compare with it at once, unless there are several such places.
    let (commit, changed) = std::thread::scope(|scope| {
        let changed = scope.spawn(|| plumbing::changed(root, &["--no-relative", "--merge-base", &tip]));
        let commit = git::git(root, &["merge-base", &tip, "HEAD"]);
        (commit, changed.join())
    });
    let commit = commit.map_err(|_| {
        Failure::undecided(format!("`{name}` and this branch have no commit in common"))
            .hint("fetch more of the history (`git fetch --unshallow`)")
    })?;
    let raw = match changed {
        Ok(Ok(raw)) => raw,
        Ok(Err(_)) | Err(_) => plumbing::changed(root, &["--no-relative", &commit])?,
    };
    Ok((raw, Base { commit, name }))
}

fn short(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}
