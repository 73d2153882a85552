//! Where artifacts lie: unpacked, read-only, each in a folder named by its digest.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use safeguard_api::Digest;
use safeguard_target::artifact::{ArtifactError, remove};

/// An artifact's tar may be this long.
pub(crate) const ARTIFACT_BYTES_MAX: u64 = 2 << 30;

#[derive(Clone)]
pub(crate) struct Artifacts {
    folder: Arc<Path>,
}

impl Artifacts {
    pub fn open(folder: &Path) -> io::Result<Artifacts> {
        std::fs::create_dir_all(folder.join("incoming"))?;
        // What an earlier process was receiving when it ended is of no use to anybody.
        for left in std::fs::read_dir(folder.join("incoming"))? {
            std::fs::remove_file(left?.path())?;
        }
        Ok(Artifacts {
            folder: std::path::absolute(folder)?.into(),
        })
    }

    /// Opens a folder of artifacts that do not outlive the server.
    pub fn open_empty(folder: &Path) -> Result<Artifacts, ArtifactError> {
        if folder.exists() {
            remove(folder)?;
        }
        Artifacts::open(folder).map_err(|source| ArtifactError::Io {
            path: folder.to_owned(),
            source,
        })
    }

    /// Removes an artifact that nothing runs from any more.
    pub fn remove(&self, digest: &Digest) -> Result<(), ArtifactError> {
        remove(&self.root(digest))
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Where the artifact lies, or would.
    pub fn root(&self, digest: &Digest) -> PathBuf {
        self.folder.join(digest.hex())
    }

    pub fn has(&self, digest: &Digest) -> bool {
        self.root(digest).is_dir()
    }

    pub fn incoming(&self, name: &str) -> PathBuf {
        self.folder.join("incoming").join(name)
    }

    /// Unpacks a received tar; the folder appears whole or not at all.
    pub fn unpack(&self, tar: &Path, digest: &Digest) -> Result<PathBuf, ArtifactError> {
        let file = std::fs::File::open(tar).map_err(|source| ArtifactError::Io {
            path: tar.to_owned(),
            source,
        })?;
        safeguard_target::artifact::unpack(io::BufReader::new(file), &self.folder, digest)
    }
}
