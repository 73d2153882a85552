//! From a tar that somebody sent to a read-only folder named by its digest.

use std::collections::HashSet;
use std::fs::{self, OpenOptions, Permissions};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use safeguard_api::Digest;

use super::{ArtifactError, Budget, ENTRIES_MAX, PATH_BYTES_MAX, checked_path, verify};

// Headers, long names and padding cost at most this much beside the contents.
const TAR_BYTES_MAX: u64 = super::CONTENT_BYTES_MAX + ENTRIES_MAX as u64 * 4096 + (1 << 20);

/// Unpacks the artifact into `store/<hex>` and returns that path. The folder appears whole and verified, or not at all.
///
/// # Errors
/// When the tar holds anything but files and folders with harmless names, exceeds a limit, or is not `expected`.
pub fn unpack(tar: impl Read, store: &Path, expected: &Digest) -> Result<PathBuf, ArtifactError> {
    let target = store.join(expected.hex());
    if target.exists() {
        match verify(&target, expected) {
            Ok(()) => return Ok(target),
            // It was damaged since; what has just been sent replaces it.
            Err(_) => remove(&target)?,
        }
    }
    static UNPACKED: AtomicU64 = AtomicU64::new(0);
    let number = UNPACKED.fetch_add(1, Ordering::Relaxed);
    let incoming = store.join(format!(".{}-{}-{number}", expected.short(), std::process::id()));
    if incoming.exists() {
        remove(&incoming)?;
    }
    let whole = write_out(tar, &incoming)
        .and_then(|folders| verify(&incoming, expected).map(|()| folders))
        .and_then(|folders| seal(&incoming, &target, folders));
    match whole {
        Ok(()) => Ok(target),
        Err(error) => {
            if incoming.exists()
                && let Err(left) = remove(&incoming)
            {
                tracing::warn!(
                    error = &left as &dyn std::error::Error,
                    "A refused artifact is left behind"
                );
            }
            Err(error)
        }
    }
}

/// Writes the entries below `root` and returns the folders.
fn write_out(tar: impl Read, root: &Path) -> Result<Vec<PathBuf>, ArtifactError> {
    let made = |path: &Path, source| ArtifactError::Io {
        path: path.to_owned(),
        source,
    };
    fs::create_dir(root).map_err(|source| made(root, source))?;
    let mut archive = tar::Archive::new(tar.take(TAR_BYTES_MAX));
    let mut budget = Budget::default();
    let mut seen = HashSet::new();
    let mut folders = vec![root.to_owned()];
    let mut long_name = None;
    // Raw entries, because the library reads names of any length into memory.
    for entry in archive.entries().map_err(ArtifactError::Tar)?.raw(true) {
        let mut entry = entry.map_err(ArtifactError::Tar)?;
        let kind = entry.header().entry_type();
        if kind == tar::EntryType::GNULongName {
            long_name = Some(read_long_name(&mut entry)?);
            continue;
        }
        let name = match long_name.take() {
            Some(name) => name,
            None => text(&entry.path_bytes())?,
        };
        let inner = checked_path(&name)?;
        if !seen.insert(inner.to_owned()) {
            return Err(ArtifactError::Duplicate(inner.to_owned()));
        }
        let path = root.join(inner);
        match kind {
            tar::EntryType::Directory => {
                budget.folder()?;
                fs::create_dir(&path).map_err(|source| made(&path, source))?;
                folders.push(path);
            }
            tar::EntryType::Regular => {
                budget.file(entry.size())?;
                let executable = entry.header().mode().map_err(ArtifactError::Tar)? & 0o111 != 0;
                write_file(&mut entry, &path, executable)?;
            }
            other => {
                return Err(ArtifactError::Kind {
                    path: inner.into(),
                    kind: kind_name(other),
                });
            }
        }
    }
    budget.end()?;
    Ok(folders)
}

fn write_file(content: &mut impl Read, path: &Path, executable: bool) -> Result<(), ArtifactError> {
    let failed = |source| ArtifactError::Io {
        path: path.to_owned(),
        source,
    };
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(failed)?;
    let mut out = BufWriter::new(file);
    io::copy(content, &mut out).map_err(failed)?;
    out.flush().map_err(failed)?;
    let mode = if executable { 0o555 } else { 0o444 };
    out.get_ref()
        .set_permissions(Permissions::from_mode(mode))
        .map_err(failed)
}

/// Makes the folders read-only and the whole durable, then gives it its name.
fn seal(incoming: &Path, target: &Path, folders: Vec<PathBuf>) -> Result<(), ArtifactError> {
    for folder in folders.iter().rev() {
        fs::set_permissions(folder, Permissions::from_mode(0o555)).map_err(|source| ArtifactError::Io {
            path: folder.clone(),
            source,
        })?;
    }
    let failed = |source| ArtifactError::Io {
        path: target.to_owned(),
        source,
    };
    let folder = fs::File::open(incoming).map_err(failed)?;
    rustix::fs::syncfs(&folder).map_err(|error| failed(error.into()))?;
    fs::rename(incoming, target).map_err(failed)
}

/// Removes a tree whose folders may be read-only. Links are removed, not followed.
///
/// # Errors
/// When a part of it can not be removed.
pub fn remove(tree: &Path) -> Result<(), ArtifactError> {
    let failed = |source| ArtifactError::Io {
        path: tree.to_owned(),
        source,
    };
    let mut folders = vec![tree.to_owned()];
    while let Some(folder) = folders.pop() {
        if !fs::symlink_metadata(&folder).map_err(failed)?.is_dir() {
            continue;
        }
        fs::set_permissions(&folder, Permissions::from_mode(0o700)).map_err(failed)?;
        for entry in fs::read_dir(&folder).map_err(failed)? {
            folders.push(entry.map_err(failed)?.path());
        }
    }
    if fs::symlink_metadata(tree).map_err(failed)?.is_dir() {
        fs::remove_dir_all(tree).map_err(failed)
    } else {
        fs::remove_file(tree).map_err(failed)
    }
}

fn read_long_name(entry: &mut impl Read) -> Result<String, ArtifactError> {
    let mut bytes = Vec::new();
    entry
        .take(PATH_BYTES_MAX as u64 + 3)
        .read_to_end(&mut bytes)
        .map_err(ArtifactError::Tar)?;
    if bytes.last() == Some(&0) {
        bytes.pop();
    }
    text(&bytes)
}

fn text(bytes: &[u8]) -> Result<String, ArtifactError> {
    match str::from_utf8(bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(_) => Err(ArtifactError::Path {
            path: String::from_utf8_lossy(bytes).chars().take(200).collect(),
            why: "it is not UTF-8",
        }),
    }
}

fn kind_name(kind: tar::EntryType) -> &'static str {
    match kind {
        tar::EntryType::Symlink => "a symbolic link",
        tar::EntryType::Link => "a hard link",
        tar::EntryType::Char | tar::EntryType::Block => "a device",
        tar::EntryType::Fifo => "a pipe",
        tar::EntryType::XHeader | tar::EntryType::XGlobalHeader => "a PAX header (use the GNU format)",
        _ => "an entry of another kind",
    }
}
