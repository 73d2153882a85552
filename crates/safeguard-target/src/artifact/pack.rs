//! From files to the deterministic tar and its digest.

use std::fs::{self, File, FileType, Metadata};
use std::io::{self, BufWriter, Read, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use safeguard_api::Digest;
use sha2::{Digest as _, Sha256};

use super::{ArtifactError, Budget, checked_path};

/// Writes the artifact's tar and returns its digest and length. A single file is the same artifact as a folder with
/// that one file.
///
/// # Errors
/// When it holds anything but files and folders, exceeds a limit, changes meanwhile, or can not be read or written.
pub fn pack(path: &Path, out: impl Write) -> Result<(Digest, u64), ArtifactError> {
    // The path that a person names may be a link; nothing below it may.
    let root = fs::canonicalize(path).map_err(|source| ArtifactError::Io {
        path: path.to_owned(),
        source,
    })?;
    pack_resolved(&root, out)
}

/// Returns the digest of the artifact at `path`.
///
/// # Errors
/// As [`pack`].
pub fn digest_of(path: &Path) -> Result<Digest, ArtifactError> {
    Ok(pack(path, io::sink())?.0)
}

/// Hashes an unpacked artifact again.
///
/// # Errors
/// When a byte, a name, an executable bit or anything else is not as it was, or as [`pack`].
pub fn verify(root: &Path, digest: &Digest) -> Result<(), ArtifactError> {
    let (found, _) = pack_resolved(root, io::sink())?;
    if found == *digest {
        Ok(())
    } else {
        Err(ArtifactError::Differs {
            wanted: digest.clone(),
            found,
        })
    }
}

fn pack_resolved(root: &Path, out: impl Write) -> Result<(Digest, u64), ArtifactError> {
    let mut walk = Walk {
        tar: tar::Builder::new(BufWriter::with_capacity(
            128 << 10,
            Hashing {
                out,
                hash: Sha256::new(),
                bytes: 0,
            },
        )),
        budget: Budget::default(),
    };
    let metadata = metadata(root)?;
    if metadata.is_dir() {
        walk.folder(root, "")?;
    } else {
        let name = root.file_name().unwrap_or_default();
        walk.entry(root, name.to_str().ok_or_else(|| not_utf8(root))?, &metadata)?;
    }
    walk.budget.end()?;
    let mut hashing = walk
        .tar
        .into_inner()
        .and_then(|buffered| buffered.into_inner().map_err(io::IntoInnerError::into_error))
        .map_err(ArtifactError::Write)?;
    hashing.out.flush().map_err(ArtifactError::Write)?;
    Ok((Digest::from_bytes(hashing.hash.finalize().into()), hashing.bytes))
}

struct Walk<W: Write> {
    tar: tar::Builder<W>,
    budget: Budget,
}

impl<W: Write> Walk<W> {
    /// Adds what the folder holds, sorted by name.
    fn folder(&mut self, folder: &Path, inside: &str) -> Result<(), ArtifactError> {
        let failed = |source| ArtifactError::Io {
            path: folder.to_owned(),
            source,
        };
        let mut names = Vec::new();
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            names.push(
                entry
                    .file_name()
                    .into_string()
                    .map_err(|_| not_utf8(&entry.path()))?,
            );
            if names.len() > super::ENTRIES_MAX {
                return Err(ArtifactError::TooMuch {
                    what: "files and folders",
                    limit: super::ENTRIES_MAX as u64,
                });
            }
        }
        names.sort_unstable();
        for name in names {
            let path = folder.join(&name);
            let inner = if inside.is_empty() {
                name
            } else {
                format!("{inside}/{name}")
            };
            let metadata = metadata(&path)?;
            self.entry(&path, &inner, &metadata)?;
        }
        Ok(())
    }

    fn entry(&mut self, path: &Path, inner: &str, metadata: &Metadata) -> Result<(), ArtifactError> {
        checked_path(inner)?;
        if metadata.is_dir() {
            self.budget.folder()?;
            let mut header = header(tar::EntryType::Directory, true, 0);
            self.tar
                .append_data(&mut header, format!("{inner}/"), io::empty())
                .map_err(ArtifactError::Write)?;
            self.folder(path, inner)
        } else if metadata.is_file() {
            self.file(path, inner)
        } else {
            Err(ArtifactError::Kind {
                path: path.to_owned(),
                kind: kind(metadata.file_type()),
            })
        }
    }

    fn file(&mut self, path: &Path, inner: &str) -> Result<(), ArtifactError> {
        let failed = |source| ArtifactError::Io {
            path: path.to_owned(),
            source,
        };
        let changed = || ArtifactError::Changed {
            path: path.to_owned(),
        };
        // Opened without following a link and without waiting for a pipe, should it have become one meanwhile.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let file = fs::OpenOptions::new()
            .read(true)
            .custom_flags(flags.bits().cast_signed())
            .open(path)
            .map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if !metadata.is_file() {
            return Err(changed());
        }
        self.budget.file(metadata.len())?;
        let executable = metadata.permissions().mode() & 0o111 != 0;
        let mut header = header(tar::EntryType::Regular, executable, metadata.len());
        let mut content = Counting {
            file,
            left: metadata.len(),
            read_error: None,
        };
        let written = self.tar.append_data(&mut header, inner, &mut content);
        match (content.read_error, content.left, written) {
            (Some(error), _, _) => Err(failed(error)),
            (None, _, Err(error)) => Err(ArtifactError::Write(error)),
            (None, 0, Ok(())) => Ok(()),
            (None, _, Ok(())) => Err(changed()),
        }
    }
}

fn metadata(path: &Path) -> Result<Metadata, ArtifactError> {
    fs::symlink_metadata(path).map_err(|source| ArtifactError::Io {
        path: path.to_owned(),
        source,
    })
}

fn header(kind: tar::EntryType, executable: bool, bytes: u64) -> tar::Header {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(if executable { 0o755 } else { 0o644 });
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(bytes);
    header
}

fn not_utf8(path: &Path) -> ArtifactError {
    ArtifactError::Path {
        path: path.to_string_lossy().into_owned(),
        why: "it is not UTF-8",
    }
}

fn kind(kind: FileType) -> &'static str {
    if kind.is_symlink() {
        "a symbolic link"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else {
        "a device"
    }
}

/// A file that is read up to the length that its header promises.
struct Counting {
    file: File,
    left: u64,
    read_error: Option<io::Error>,
}

impl Read for &mut Counting {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match (&self.file).take(self.left).read(buffer) {
            Ok(count) => {
                self.left -= count as u64;
                Ok(count)
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Err(error),
            Err(error) => {
                self.read_error = Some(error);
                Ok(0)
            }
        }
    }
}

struct Hashing<W> {
    out: W,
    hash: Sha256,
    bytes: u64,
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let count = self.out.write(buffer)?;
        self.hash.update(buffer.get(..count).unwrap_or(buffer));
        self.bytes += count as u64;
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_digest_never_changes() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("app");
        fs::write(&file, "bytes").unwrap();
        let digest = digest_of(folder.path()).unwrap();
        assert_eq!(digest, digest_of(&file).unwrap());
        // Artifacts are known by this name for ever: another value here is a break of every store.
        assert_eq!(digest.short(), "ec12c45eef70", "{digest}");
    }
}
