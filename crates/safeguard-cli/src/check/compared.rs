//! What is compared with what: what git says has changed, before any text is read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::CheckArgs;
use super::files::Side;
use super::objects::Objects;
use super::plumbing::{self, Raw, Tip};
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
    pub objects: Arc<Objects>,
}

/// Nothing outside of git.
pub fn compared(folder: &Path, args: &CheckArgs) -> Result<Option<Compared>, Failure> {
    let root = || {
        let root = git::git(folder, &["rev-parse", "--show-toplevel"]);
        root.ok().map(PathBuf::from)
    };
    let objects = Arc::new(Objects::of(folder));
    if !args.all && !args.staged && args.range.is_none() {
        return branch(folder, root, objects, args.base.as_deref());
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
            objects,
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
            objects,
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
        objects,
    }))
}

/// The working tree with what its branch began from. Git takes longer than all the rest: it lists the tree while it looks for the beginning.
fn branch(
    folder: &Path,
    root: impl FnOnce() -> Option<PathBuf> + Send,
    objects: Arc<Objects>,
    named: Option<&str>,
) -> Result<Option<Compared>, Failure> {
    let (root, listed, changed) = std::thread::scope(|scope| {
        let root = scope.spawn(root);
        let listed = scope.spawn(|| plumbing::listed(folder));
        let changed = since(folder, &objects, named);
        (root.join(), listed.join(), changed)
    });
    let Some(root) = root.map_err(|_| Failure::undecided("cannot find the repository"))? else {
        return Ok(None);
    };
    let (mut raw, base) = changed?;
    let listed = listed.map_err(|_| Failure::undecided("cannot list the files"))??;
    raw.extend(listed.untracked.iter().cloned().map(Raw::in_working_tree));
    Ok(Some(Compared {
        root,
        raw,
        about: format!("the working tree with {} ({})", short(&base.commit), base.name),
        side: Side::WorkingTree,
        base: Some(base.commit),
        listed: Some(listed.all()),
        objects,
    }))
}

/// What has changed since the branch left what it began from, and where that was.
fn since(folder: &Path, objects: &Objects, named: Option<&str>) -> Result<(Vec<Raw>, Tip), Failure> {
    let tip = match named {
        Some(name) => Tip {
            name: name.to_owned(),
            commit: git::commit(folder, name)?,
        },
        None => plumbing::first_of(folder, objects, DEFAULTS)?.ok_or_else(|| {
            Failure::undecided("there is no `origin/HEAD`, `main` or `master` to compare with")
                .hint("say what the branch began from: `safeguard check --base COMMIT`")
        })?,
    };
    let from = |commit: &str| plumbing::changed(folder, &["--no-relative", commit]);
    if objects.commits(&["HEAD"])?.get("HEAD") == Some(&tip.commit) {
        return Ok((from(&tip.commit)?, tip));
    }
    // Git can find the place and compare with it at once, unless there are several such places.
    let (commit, changed) = std::thread::scope(|scope| {
        let at_once = ["--no-relative", "--merge-base", &tip.commit];
        let changed = scope.spawn(move || plumbing::changed(folder, &at_once));
        let commit = git::merge_base(folder, &tip.commit, "HEAD");
        (commit, changed.join())
    });
    let name = tip.name;
    let commit = commit?.ok_or_else(|| {
        Failure::undecided(format!("`{name}` and this branch have no commit in common"))
            .hint("fetch more of the history (`git fetch --unshallow`)")
    })?;
    let raw = match changed {
        Ok(Ok(raw)) => raw,
        Ok(Err(_)) | Err(_) => from(&commit)?,
    };
    Ok((raw, Tip { commit, name }))
}

fn short(commit: &str) -> &str {
    commit.get(..10).unwrap_or(commit)
}
