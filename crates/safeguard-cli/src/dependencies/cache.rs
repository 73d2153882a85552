//! What registries answered, kept for a while in the user's cache folder.

use std::path::{Path, PathBuf};

use safeguard_dependencies::registry::{Answer, Facts};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// How long an answer is taken without asking again.
const FRESH_SECONDS: i64 = 6 * 3600;
/// How long it is taken where nobody answers.
const STALE_SECONDS: i64 = 7 * 86_400;
const ENTRY_BYTES_MAX: u64 = 32 << 20;

#[derive(Debug)]
pub struct Cache {
    folder: Option<PathBuf>,
    now: i64,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    asked: i64,
    /// The question, since two may have one hash.
    key: String,
    facts: Facts,
}

/// The folder of this program in the user's cache: SAFEGUARD_CACHE, XDG_CACHE_HOME, or `~/.cache`.
pub fn folder() -> Option<PathBuf> {
    let variable = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    variable("SAFEGUARD_CACHE")
        .or_else(|| variable("XDG_CACHE_HOME").map(|folder| folder.join("safeguard")))
        .or_else(|| variable("HOME").map(|home| home.join(".cache/safeguard")))
}

impl Cache {
    pub fn new(now: i64) -> Cache {
        Cache {
            folder: folder().map(|folder| folder.join("registries")),
            now,
        }
    }

    pub fn fresh(&self, key: &str) -> Option<Answer> {
        self.younger_than(key, FRESH_SECONDS)
    }

    pub fn stale(&self, key: &str) -> Option<Answer> {
        self.younger_than(key, STALE_SECONDS)
    }

    fn younger_than(&self, key: &str, seconds: i64) -> Option<Answer> {
        let path = self.path(key)?;
        let about = std::fs::metadata(&path).ok()?;
        if about.len() > ENTRY_BYTES_MAX {
            return None;
        }
        let entry: Entry = serde_json::from_slice(&std::fs::read(&path).ok()?).ok()?;
        // An entry from the future was written with another clock.
        let is_young = (0..seconds).contains(&(self.now - entry.asked));
        (entry.key == key && is_young).then_some(Answer::Known(entry.facts))
    }

    /// Keeps an answer. Only what is there is kept: a name that is absent today may be registered tomorrow. Without a cache everything is asked
    /// again, which is slower and not wrong.
    pub fn keep(&self, key: &str, answer: &Answer) {
        let (Answer::Known(facts), Some(path)) = (answer, self.path(key)) else {
            return;
        };
        let entry = Entry {
            asked: self.now,
            key: key.to_owned(),
            facts: facts.clone(),
        };
        if let Ok(bytes) = serde_json::to_vec(&entry)
            && write_whole(&path, &bytes).is_err()
        {
            tracing::debug!(path = %path.display(), "An answer was not kept");
        }
    }

    fn path(&self, key: &str) -> Option<PathBuf> {
        let digest = Sha256::digest(key.as_bytes());
        let name: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        Some(self.folder.as_ref()?.join(format!("{name}.json")))
    }
}

/// Writes a file that is there as a whole or not at all.
pub fn write_whole(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    std::io::Write::write_all(&mut file, bytes)?;
    file.persist(path)?;
    Ok(())
}
