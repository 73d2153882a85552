//! What is known of the repository around the files that are looked at: read from where they are read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use safeguard_dependencies::read::Format;
use safeguard_scan::language::Language;
use safeguard_scan::project::{self, Project};

use super::files::{Content, Selection, Side};
use super::{folders, plumbing};
use crate::dependencies::Manifest;
use crate::git;

/// How large a manifest or lock file may be.
const MANIFEST_BYTES_MAX: u64 = 32 << 20;
/// How many that the change leaves alone are read, to know what was there.
const MANIFESTS_MAX: usize = 2_000;

/// The repository as the selection sees it; nothing is known outside of one.
pub fn of(selection: &Selection) -> Project {
    let (Some(root), Some(paths)) = (&selection.root, paths(selection)) else {
        return Project::default();
    };
    // Texts that were read already are not read again.
    let texts: BTreeMap<String, Arc<str>> = selection
        .entries
        .iter()
        .filter_map(|entry| match &entry.head {
            Content::Text(text) => Some((entry.path.clone(), Arc::clone(text))),
            Content::None | Content::Binary | Content::Unreadable(_) => None,
        })
        .collect();
    let (root, side) = (root.clone(), selection.side.clone());
    Project::new(
        paths,
        Box::new(move |path: &str| {
            let wanted = project::is_manifest(path) || project::is_document(path) || Language::of(path).is_some();
            match texts.get(path) {
                Some(text) => Some(text.as_ref().to_owned()),
                None if wanted => text(&root, &side, path),
                None => None,
            }
        }),
    )
}

/// Lock files, manifests and settings: those that the change touches as they were and are, the others of the repository as they are.
pub fn manifests(selection: &Selection) -> Vec<Manifest> {
    let touched = selection.manifests.iter().map(|entry| Manifest {
        path: entry.path.clone(),
        base: entry.base.text().map(str::to_owned),
        head: entry.head.text().map(str::to_owned),
    });
    let mut all: Vec<Manifest> = touched.collect();
    let (Some(root), Some(paths)) = (&selection.root, paths(selection)) else {
        return all;
    };
    let known: BTreeSet<String> = all.iter().map(|one| one.path.clone()).collect();
    let others = paths
        .iter()
        .filter(|path| Format::of(path).is_some() && !known.contains(*path));
    let others: Vec<&String> = others.take(MANIFESTS_MAX).collect();
    for (path, text) in others.iter().zip(texts(root, &selection.side, &others)) {
        all.push(Manifest {
            path: (*path).clone(),
            base: text.clone(),
            head: text,
        });
    }
    all
}

/// The texts of files, of git's by asking it once.
fn texts(root: &Path, side: &Side, paths: &[&String]) -> Vec<Option<String>> {
    let begin = match side {
        Side::Folder | Side::WorkingTree => {
            return paths.iter().map(|path| text(root, side, path)).collect();
        }
        Side::Index => String::new(),
        Side::Commit(commit) => commit.clone(),
    };
    let names: Vec<String> = paths.iter().map(|path| format!("{begin}:{path}")).collect();
    // A line's end in a name would be a question of its own.
    let asked: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| !name.contains('\n'))
        .collect();
    let mut blobs = plumbing::blobs(root, &asked, MANIFEST_BYTES_MAX as usize).unwrap_or_default();
    names
        .iter()
        .map(|name| String::from_utf8(blobs.remove(name)?).ok())
        .collect()
}

fn paths(selection: &Selection) -> Option<Vec<String>> {
    let root = selection.root.as_ref()?;
    if let Some(listed) = &selection.listed {
        return (listed.len() <= project::PATHS_MAX).then(|| listed.clone());
    }
    let told = match &selection.side {
        Side::Folder => {
            let files = folders::files_in(root).ok()?;
            let within = files.iter().filter_map(|file| file.strip_prefix(root).ok());
            let paths: Vec<String> = within.map(|file| file.to_string_lossy().into_owned()).collect();
            return (paths.len() <= project::PATHS_MAX).then_some(paths);
        }
        Side::WorkingTree => return None,
        Side::Index => git::git_bytes(root, &["ls-files", "--cached", "-z"]),
        Side::Commit(commit) => git::git_bytes(root, &["ls-tree", "-r", "--name-only", "-z", commit]),
    };
    let paths: Vec<String> = told
        .ok()?
        .split(|byte| *byte == 0)
        .filter(|path| !path.is_empty())
        .map(|path| String::from_utf8_lossy(path).into_owned())
        .collect();
    if paths.len() > project::PATHS_MAX {
        // Half of the files would make the others look as if they were not there.
        return None;
    }
    Some(paths)
}

fn text(root: &Path, side: &Side, path: &str) -> Option<String> {
    let blob = match side {
        Side::Folder | Side::WorkingTree => return from_file(&root.join(path)),
        Side::Index => format!(":{path}"),
        Side::Commit(commit) => format!("{commit}:{path}"),
    };
    let size: u64 = git::git(root, &["cat-file", "-s", &blob]).ok()?.parse().ok()?;
    if size > MANIFEST_BYTES_MAX {
        return None;
    }
    let told = Command::new("git")
        .arg("-C")
        .arg(root)
        .args(["cat-file", "blob", &blob])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    told.status
        .success()
        .then(|| String::from_utf8(told.stdout).ok())?
}

fn from_file(path: &PathBuf) -> Option<String> {
    let about = std::fs::symlink_metadata(path).ok()?;
    if !about.is_file() || about.len() > MANIFEST_BYTES_MAX {
        return None;
    }
    std::fs::read_to_string(path).ok()
}
