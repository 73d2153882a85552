//! What the router keeps on disk besides its journal: the last table, the lease, and the token key.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use safeguard_api::time::Timestamp;
use safeguard_api::traffic::TrafficTable;
use serde::{Deserialize, Serialize};

use crate::RouterError;
use crate::choose::TokenKey;
use crate::clock;

/// Until when the weights hold, by both clocks. It is not flushed to the disk: it need not outlive the machine's run,
/// which `boot` names.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    pub boot: String,
    pub until_boot_ms: u64,
    pub until_wall: Timestamp,
}

impl Lease {
    pub fn holds(&self, boot: &str) -> bool {
        self.boot == boot && clock::boot_ms() < self.until_boot_ms && clock::wall() < self.until_wall
    }
}

pub fn table_path(dir: &Path) -> PathBuf {
    dir.join("table.json")
}

pub fn lease_path(dir: &Path) -> PathBuf {
    dir.join("lease.json")
}

/// Reads the last table, if there is one. One that can not be read is an error: serving nobody would be worse than
/// being told.
pub fn read_table(dir: &Path) -> Result<Option<TrafficTable>, RouterError> {
    let path = table_path(dir);
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(RouterError::State { path, source }),
    };
    serde_json::from_slice(&text)
        .map(Some)
        .map_err(|source| RouterError::Unreadable { path, source })
}

/// Reads the lease; a missing or unreadable one is over.
pub fn read_lease(dir: &Path) -> Option<Lease> {
    let text = std::fs::read(lease_path(dir)).ok()?;
    serde_json::from_slice(&text).ok()
}

pub fn write_lease(dir: &Path, lease: &Lease) -> io::Result<()> {
    let path = lease_path(dir);
    let new = path.with_extension("new");
    std::fs::write(&new, serde_json::to_vec(lease)?)?;
    std::fs::rename(&new, &path)
}

/// Reads the token key, or makes it: 32 random bytes that nobody else may read.
pub fn token_key(dir: &Path) -> Result<TokenKey, RouterError> {
    let path = dir.join("router.key");
    let failed = |source| RouterError::State {
        path: path.clone(),
        source,
    };
    let mut secret = [0; 32];
    match File::open(&path) {
        Ok(mut file) => file.read_exact(&mut secret).map_err(failed)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            getrandom::fill(&mut secret).map_err(RouterError::Random)?;
            replace_file(&path, &secret).map_err(failed)?;
        }
        Err(error) => return Err(failed(error)),
    }
    Ok(TokenKey::new(secret))
}

/// Replaces a file whole and flushes it: afterwards it is the old or the new one, whatever happens.
pub fn replace_file(path: &Path, content: &[u8]) -> io::Result<()> {
    let new = path.with_extension("new");
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(true)
        .mode(0o600)
        .open(&new)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&new, path)?;
    match path.parent() {
        Some(dir) => File::open(dir)?.sync_all(),
        None => Ok(()),
    }
}
