//! `lock-mismatch`.

use std::collections::BTreeSet;

use safeguard_api::evidence::Severity;

use super::Rule;
use crate::change::{Change, Facts, File, is_within};
use crate::finding::Finding;
use crate::package::{Dependency, Ecosystem, Listing, Source};
use crate::read::Format;

pub(super) static RULE: Rule = Rule {
    id: "lock-mismatch",
    failure: "X6",
    cwe: &["CWE-1357"],
    page: include_str!("lock_mismatch.md"),
    check,
};

/// Which lock files a manifest is locked by.
fn locks(manifest: Format) -> &'static [Format] {
    match manifest {
        Format::CargoToml => &[Format::CargoLock],
        Format::ComposerJson => &[Format::ComposerLock],
        Format::GoMod => &[Format::GoSum],
        Format::PackageJson => &[
            Format::PackageLock,
            Format::PnpmLock,
            Format::YarnLock,
            Format::BunLock,
        ],
        Format::Pipfile => &[Format::PipfileLock],
        Format::Pyproject => &[Format::UvLock, Format::PoetryLock, Format::PdmLock],
        _ => &[],
    }
}

fn check(change: &Change, _: &Facts, findings: &mut Vec<Finding>) {
    for manifest in &change.files {
        let formats = locks(manifest.format);
        // The lock file of the nearest folder; one that holds several manifests says what it has of each.
        let lock = change
            .files
            .iter()
            .filter(|file| formats.contains(&file.format) && file.head.is_some())
            .filter(|file| is_within(manifest.folder(), file.folder()))
            .max_by_key(|file| file.folder().len());
        let (Some(lock), Some(asked)) = (lock, &manifest.head) else {
            continue;
        };
        let Some(locked) = lock.head.as_ref().filter(|_| manifest.changed || lock.changed) else {
            continue;
        };
        let was_there = match (&manifest.base, &lock.base) {
            (Some(asked), Some(locked)) => mismatches(change, manifest, asked, lock, locked),
            _ => Vec::new(),
        };
        for (wish, what) in mismatches(change, manifest, asked, lock, locked) {
            let same = |(other, text): &(&Dependency, String)| other.key() == wish.key() && *text == what;
            if was_there.iter().any(same) {
                continue;
            }
            findings.push(Finding {
                rule: RULE.id,
                path: manifest.path.clone(),
                span: wish.span.clone(),
                message: format!("`{}` {what} in `{}`", wish.asked_as(), lock.path),
                severity: Severity::High,
                certain: true,
                about: Some((wish.ecosystem, wish.name.clone())),
            });
        }
    }
}

fn mismatches<'a>(
    change: &Change,
    manifest: &File,
    asked: &'a Listing,
    lock: &File,
    locked: &Listing,
) -> Vec<(&'a Dependency, String)> {
    let wishes = asked.dependencies.iter().filter(|wish| {
        let skipped = wish.outside_lock || wish.direct == Some(false) || change.is_own(wish);
        !skipped && (wish.source.is_registry() || wish.ecosystem == Ecosystem::Npm)
    });
    wishes
        .filter_map(|wish| Some((wish, mismatch(manifest, wish, lock, locked, asked)?)))
        .collect()
}

fn mismatch(
    manifest: &File,
    wish: &Dependency,
    lock: &File,
    locked: &Listing,
    asked: &Listing,
) -> Option<String> {
    let name = wish.asked_as();
    let missing = || Some("is asked for and is not locked".to_owned());
    match lock.format {
        Format::PackageLock | Format::PnpmLock | Format::BunLock => {
            if locked.remembered.is_empty() && lock.format == Format::PackageLock {
                // Version 1 does not say what was asked for.
                return if locked.dependencies.iter().any(|one| one.name == wish.name) {
                    None
                } else {
                    missing()
                };
            }
            remembered(manifest, wish, lock, locked, asked, true)
        }
        Format::YarnLock if !locked.remembered.is_empty() => {
            remembered(manifest, wish, lock, locked, asked, true)
        }
        // It does not say which manifests it is for.
        Format::YarnLock if manifest.folder() != lock.folder() => None,
        Format::YarnLock => {
            let id = format!("{name}@{}", wish.requirement);
            let is_path = matches!(wish.source, Source::Path(_));
            let is_there = locked.names.contains(&id) || asked.overrides || is_path;
            let other = || {
                locked
                    .names
                    .iter()
                    .any(|one| one.strip_prefix(name).is_some_and(|rest| rest.starts_with('@')))
            };
            match (is_there, other()) {
                (true, _) => None,
                (false, true) => Some(format!(
                    "is asked for as `{}` and locked as something else",
                    wish.requirement
                )),
                (false, false) => missing(),
            }
        }
        Format::UvLock => remembered(manifest, wish, lock, locked, asked, false),
        Format::GoSum => {
            let id = format!("{}@{}", wish.name, wish.version.as_deref().unwrap_or(""));
            if locked.names.contains(&id) {
                None
            } else {
                missing()
            }
        }
        _ => {
            let names: BTreeSet<&str> = locked.dependencies.iter().map(|one| one.name.as_str()).collect();
            let is_own = locked.own.contains(&wish.name);
            if names.contains(wish.name.as_str()) || is_own {
                None
            } else {
                missing()
            }
        }
    }
}

/// Against what the lock file noted of this very manifest.
fn remembered(
    manifest: &File,
    wish: &Dependency,
    lock: &File,
    locked: &Listing,
    asked: &Listing,
    exactly: bool,
) -> Option<String> {
    let folder = manifest
        .folder()
        .strip_prefix(lock.folder())
        .unwrap_or(manifest.folder())
        .trim_start_matches('/');
    let mut of_folder = locked
        .remembered
        .iter()
        .filter(|one| one.folder == folder)
        .peekable();
    // A manifest that the lock file does not know is no part of the workspace, or the lock file is older than it.
    let knows = of_folder.peek().is_some();
    if !knows && !folder.is_empty() {
        return None;
    }
    let name = wish.asked_as();
    let mut noted = of_folder.filter(|one| one.name == name).peekable();
    if noted.peek().is_none() {
        return Some("is asked for and is not locked".to_owned());
    }
    // Overrides change what is noted.
    if !exactly || asked.overrides || wish.requirement.is_empty() {
        return None;
    }
    let same =
        |one: &crate::package::Remembered| one.requirement == wish.requirement || one.requirement.is_empty();
    let list: Vec<_> = noted.collect();
    if list.iter().any(|one| same(one)) {
        return None;
    }
    let first = list.first().map_or("", |one| one.requirement.as_str());
    Some(format!(
        "is asked for as `{}` and locked as `{first}`",
        wish.requirement
    ))
}
