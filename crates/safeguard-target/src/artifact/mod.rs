//! Artifacts: a file or a folder, named by the sha256 of a deterministic tar of it.
//!
//! The tar has sorted names, no times and no owners, and two modes alone, so equal bytes have equal digests on every
//! machine. Links, devices and names that could lead elsewhere are refused, in both directions.

mod pack;
mod unpack;

use std::io;
use std::path::PathBuf;

use safeguard_api::Digest;

pub use pack::{digest_of, pack, verify};
pub use unpack::{remove, unpack};

/// The contents of all files together.
pub const CONTENT_BYTES_MAX: u64 = 2 << 30;
/// Files and folders together.
pub const ENTRIES_MAX: usize = 50_000;
/// A path inside the artifact.
pub const PATH_BYTES_MAX: usize = 1024;
/// Folders inside folders.
pub const DEPTH_MAX: usize = 64;

/// Why something is not an artifact, or not the artifact that it should be.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    #[error("cannot read or write `{}`", path.display())]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot read the tar")]
    Tar(#[source] io::Error),
    #[error("cannot write the tar")]
    Write(#[source] io::Error),
    #[error("`{}` is {kind}; an artifact holds files and folders alone", path.display())]
    Kind { path: PathBuf, kind: &'static str },
    #[error("the path `{}` is refused: {why}", path.escape_debug())]
    Path { path: String, why: &'static str },
    #[error("the path `{0}` is there twice")]
    Duplicate(String),
    #[error("the artifact has more than {limit} {what}")]
    TooMuch { what: &'static str, limit: u64 },
    #[error("the artifact has no file")]
    Empty,
    #[error("`{}` changed while it was read", path.display())]
    Changed { path: PathBuf },
    #[error("the artifact's digest is `{found}`, not `{wanted}`")]
    Differs { wanted: Digest, found: Digest },
}

/// Counts what an artifact holds against the limits.
#[derive(Default)]
struct Budget {
    entries: usize,
    bytes: u64,
    files: usize,
}

impl Budget {
    fn folder(&mut self) -> Result<(), ArtifactError> {
        self.entries += 1;
        if self.entries > ENTRIES_MAX {
            return Err(ArtifactError::TooMuch {
                what: "files and folders",
                limit: ENTRIES_MAX as u64,
            });
        }
        Ok(())
    }

    fn file(&mut self, bytes: u64) -> Result<(), ArtifactError> {
        self.folder()?;
        self.files += 1;
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > CONTENT_BYTES_MAX {
            return Err(ArtifactError::TooMuch {
                what: "bytes",
                limit: CONTENT_BYTES_MAX,
            });
        }
        Ok(())
    }

    fn end(&self) -> Result<(), ArtifactError> {
        if self.files == 0 {
            Err(ArtifactError::Empty)
        } else {
            Ok(())
        }
    }
}

/// Returns the path without a slash at its end, if it can only lead to a place inside the artifact.
fn checked_path(path: &str) -> Result<&str, ArtifactError> {
    let inner = path.strip_suffix('/').unwrap_or(path);
    let why = if inner.is_empty() {
        Some("it is empty")
    } else if inner.len() > PATH_BYTES_MAX {
        Some("it is longer than 1024 bytes")
    } else if inner.chars().any(char::is_control) {
        Some("it has a control character")
    } else if inner.split('/').count() > DEPTH_MAX {
        Some("it is deeper than 64 folders")
    } else if inner.split('/').any(|part| matches!(part, "" | "." | "..")) {
        Some("it is absolute or has an empty part, `.` or `..`")
    } else if inner.split('/').any(|part| part.len() > 255) {
        Some("a part of it is longer than 255 bytes")
    } else {
        None
    };
    match why {
        None => Ok(inner),
        Some(why) => Err(ArtifactError::Path {
            path: path.chars().take(200).collect(),
            why,
        }),
    }
}
