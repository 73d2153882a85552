//! The state folder of an installation, and how a client finds the server that runs on it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use safeguard_api::Digest;
use serde::{Deserialize, Serialize};

/// A Unix socket's path may have 107 bytes; the kernel's limit, with room for a temporary name.
const SOCKET_PATH_BYTES_MAX: usize = 100;
pub const DEFAULT_SERVER: &str = "http://127.0.0.1:7400";

/// What `safeguard up` leaves for clients, in `<state>/run.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    pub server: String,
    pub pid: u32,
}

impl Running {
    pub fn write(&self, state: &Path) -> anyhow::Result<()> {
        write_private(&state.join("run.json"), serde_json::to_string(self)?.as_bytes())
    }

    /// Returns what the last `safeguard up` wrote, none when there was none.
    pub fn read(state: &Path) -> anyhow::Result<Option<Running>> {
        let path = state.join("run.json");
        match fs::read(&path) {
            Ok(bytes) => Ok(Some(
                serde_json::from_slice(&bytes)
                    .with_context(|| format!("cannot read `{}`", path.display()))?,
            )),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read `{}`", path.display())),
        }
    }
}

/// Writes a file that its owner alone can read; a reader sees the old one or the new one, never a part.
pub fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let new = path.with_extension("new");
    let write = || {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    write().with_context(|| format!("cannot write `{}`", path.display()))
}

/// Makes the state folder if it is missing, and returns its absolute path.
pub fn state_folder(state: &Path) -> anyhow::Result<PathBuf> {
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(state);
    made.with_context(|| format!("cannot make the folder `{}`", state.display()))?;
    fs::canonicalize(state).with_context(|| format!("cannot use the folder `{}`", state.display()))
}

/// Returns the folder for the sockets: the state folder, or one with a short name when that has too long a name.
pub fn socket_folder(state: &Path) -> anyhow::Result<PathBuf> {
    use std::os::unix::ffi::OsStrExt;
    let bytes = state.as_os_str().as_bytes();
    if bytes.len() + "/supervisor.sock".len() <= SOCKET_PATH_BYTES_MAX {
        return Ok(state.to_owned());
    }
    let folder = PathBuf::from(format!("/tmp/safeguard-{}", &Digest::of(bytes).hex()[..16]));
    match fs::DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(error).with_context(|| format!("cannot make the folder `{}`", folder.display()));
        }
        Ok(()) | Err(_) => {}
    }
    // Anybody may make a folder in /tmp first: one that is not ours alone would let them answer for us.
    let found =
        fs::symlink_metadata(&folder).with_context(|| format!("cannot use `{}`", folder.display()))?;
    if !found.is_dir() || found.uid() != rustix::process::geteuid().as_raw() || found.mode() & 0o077 != 0 {
        bail!(
            "`{}` belongs to somebody else, or is open to others",
            folder.display()
        );
    }
    Ok(folder)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_long_state_folder_gets_a_short_one_for_its_sockets() {
        let temporary = tempfile::tempdir().unwrap();
        let short = state_folder(&temporary.path().join("s")).unwrap();
        assert_eq!(socket_folder(&short).unwrap(), short);
        let long = state_folder(&temporary.path().join("d".repeat(100))).unwrap();
        let folder = socket_folder(&long).unwrap();
        assert!(folder.as_os_str().len() < 40, "{}", folder.display());
        assert_eq!(socket_folder(&long).unwrap(), folder);
        assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);
        fs::remove_dir(folder).unwrap();
    }

    #[test]
    fn what_runs_is_read_as_it_was_written() {
        let state = tempfile::tempdir().unwrap();
        assert_eq!(Running::read(state.path()).unwrap(), None);
        let running = Running {
            server: "http://127.0.0.1:1".to_owned(),
            pid: 1,
        };
        running.write(state.path()).unwrap();
        assert_eq!(Running::read(state.path()).unwrap(), Some(running));
    }
}
