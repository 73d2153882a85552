//! What is known of the repository around the files that are looked at: read from where they are read.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use safeguard_dependencies::read::Format;
use safeguard_scan::project::{self, Project};

use super::files::{Content, Selection, Side};
use super::folders;
use super::objects::Objects;
use crate::dependencies::Manifest;
use crate::git;

/// How large a manifest or lock file may be.
const MANIFEST_BYTES_MAX: usize = 32 << 20;
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
    let (root, objects, side) = (root.clone(), selection.objects.clone(), selection.side.clone());
    Project::new(
        paths,
        Box::new(move |path: &str| {
            let wanted = project::is_read(path);
            match texts.get(path) {
                Some(text) => Some(text.as_ref().to_owned()),
                None if wanted => text(&root, objects.as_deref(), &side, path),
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
    for (path, text) in others.iter().zip(texts(root, selection, &others)) {
        all.push(Manifest {
            path: (*path).clone(),
            base: text.clone(),
            head: text,
        });
    }
    all
}

/// The texts of files, of git's by asking it once.
fn texts(root: &Path, selection: &Selection, paths: &[&String]) -> Vec<Option<String>> {
    let names = paths.iter().map(|path| name(&selection.side, path));
    let names: Option<Vec<String>> = names.collect();
    let (Some(objects), Some(names)) = (&selection.objects, names) else {
        return paths.iter().map(|path| from_file(&root.join(path))).collect();
    };
    let asked: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut blobs = objects.texts(&asked, MANIFEST_BYTES_MAX).unwrap_or_default();
    names.iter().map(|name| small(blobs.remove(name)?)).collect()
}

/// What git knows a file by, where that has its text.
fn name(side: &Side, path: &str) -> Option<String> {
    match side {
        Side::Folder | Side::WorkingTree => None,
        Side::Index => Some(format!(":{path}")),
        Side::Commit(commit) => Some(format!("{commit}:{path}")),
    }
}

fn small(bytes: Vec<u8>) -> Option<String> {
    (bytes.len() <= MANIFEST_BYTES_MAX).then(|| String::from_utf8(bytes).ok())?
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

fn text(root: &Path, objects: Option<&Objects>, side: &Side, path: &str) -> Option<String> {
    let Some(name) = name(side, path) else {
        return from_file(&root.join(path));
    };
    let mut found = objects?.texts(&[&name], MANIFEST_BYTES_MAX).ok()?;
    small(found.remove(&name)?)
}

fn from_file(path: &PathBuf) -> Option<String> {
    let about = std::fs::symlink_metadata(path).ok()?;
    if !about.is_file() || about.len() > MANIFEST_BYTES_MAX as u64 {
        return None;
    }
    std::fs::read_to_string(path).ok()
}
