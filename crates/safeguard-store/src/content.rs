//! Documents too large for the log, each a file named by its hash: reports, diffs, dossiers, what a decision was made of.
//!
//! A document is durable before the entry that names it is committed; one that no entry names does no harm.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use safeguard_api::Digest;

/// A folder of documents; clones share it.
#[derive(Debug, Clone)]
pub struct Content {
    folder: Arc<Path>,
    /// Names of files on their way differ within one process; the folder belongs to one process.
    incoming: Arc<AtomicU64>,
}

#[derive(Debug, thiserror::Error)]
pub enum ContentError {
    #[error("cannot use `{path}`")]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("document {digest} was changed: its bytes have another digest")]
    Changed { digest: Digest },
}

impl Content {
    /// # Errors
    /// When the folder can not be made.
    pub fn open(folder: &Path) -> Result<Content, ContentError> {
        let incoming = folder.join("incoming");
        let opened = fs::create_dir_all(&incoming).and_then(|()| {
            // What an earlier process was writing when it ended is of no use to anybody.
            for left in fs::read_dir(&incoming)? {
                fs::remove_file(left?.path())?;
            }
            Ok(())
        });
        opened.map_err(|source| failed(folder, source))?;
        Ok(Content {
            folder: folder.into(),
            incoming: Arc::new(AtomicU64::new(0)),
        })
    }

    /// Keeps a document; when it returns, the document is durable.
    ///
    /// # Errors
    /// When it is not.
    pub fn put(&self, bytes: &[u8]) -> Result<Digest, ContentError> {
        let digest = Digest::of(bytes);
        let path = self.path(&digest);
        if path.is_file() {
            return Ok(digest);
        }
        let number = self.incoming.fetch_add(1, Ordering::Relaxed);
        let incoming = self.folder.join("incoming").join(number.to_string());
        let written = self.write(&incoming, &path, bytes);
        written.map_err(|source| failed(&path, source))?;
        Ok(digest)
    }

    fn write(&self, incoming: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let mut file = File::create(incoming)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        if let Some(folder) = path.parent() {
            let is_new = !folder.is_dir();
            fs::create_dir_all(folder)?;
            fs::rename(incoming, path)?;
            File::open(folder)?.sync_all()?;
            if is_new {
                File::open(&self.folder)?.sync_all()?;
            }
        }
        Ok(())
    }

    /// Returns a document, none if there is none.
    ///
    /// # Errors
    /// When it can not be read, or its bytes are not the ones that it is named by.
    pub fn get(&self, digest: &Digest) -> Result<Option<Vec<u8>>, ContentError> {
        let path = self.path(digest);
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(failed(&path, source)),
        };
        if Digest::of(&bytes) == *digest {
            Ok(Some(bytes))
        } else {
            Err(ContentError::Changed {
                digest: digest.clone(),
            })
        }
    }

    /// Calls `each` with the digest and the file of every document, in the order of the digests.
    ///
    /// # Errors
    /// When the folder can not be read, or `each` fails.
    pub fn each(&self, each: &mut dyn FnMut(&Digest, &Path) -> io::Result<()>) -> Result<(), ContentError> {
        let listed = |folder: &Path| -> io::Result<Vec<PathBuf>> {
            let mut paths = fs::read_dir(folder)?
                .map(|entry| Ok(entry?.path()))
                .collect::<io::Result<Vec<_>>>()?;
            paths.sort();
            Ok(paths)
        };
        let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
        let mut walk = || {
            for folder in listed(&self.folder)?
                .into_iter()
                .filter(|folder| !folder.ends_with("incoming"))
            {
                for file in listed(&folder)? {
                    let hex = name(&folder)
                        .zip(name(&file))
                        .map(|(first, rest)| format!("sha256:{first}{rest}"));
                    if let Some(Ok(digest)) = hex.map(|hex| hex.parse::<Digest>()) {
                        each(&digest, &file)?;
                    }
                }
            }
            Ok(())
        };
        walk().map_err(|source| failed(&self.folder, source))
    }

    /// The first two digits are a folder, so that no folder grows without end.
    fn path(&self, digest: &Digest) -> PathBuf {
        let (folder, name) = digest.hex().split_at(2);
        self.folder.join(folder).join(name)
    }
}

fn failed(path: &Path, source: io::Error) -> ContentError {
    ContentError::File {
        path: path.to_owned(),
        source,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_document_is_found_by_its_hash_and_a_changed_one_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let content = Content::open(folder.path()).unwrap();
        let digest = content.put(b"a report").unwrap();
        assert_eq!(content.put(b"a report").unwrap(), digest);
        assert_eq!(content.get(&digest).unwrap().unwrap(), b"a report");
        assert!(content.get(&Digest::of(b"another")).unwrap().is_none());
        let mut seen = Vec::new();
        content
            .each(&mut |digest, file| {
                seen.push((digest.clone(), fs::read(file)?));
                Ok(())
            })
            .unwrap();
        assert_eq!(seen, [(digest.clone(), b"a report".to_vec())]);
        let (first, rest) = digest.hex().split_at(2);
        fs::write(folder.path().join(first).join(rest), b"a rep0rt").unwrap();
        assert!(matches!(content.get(&digest), Err(ContentError::Changed { .. })));
    }
}
