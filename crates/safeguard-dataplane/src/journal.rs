//! The router's own append-only journal: what it decided by itself, on disk before anybody is told of it.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use safeguard_api::traffic::JournalEntry;

use crate::state::replace_file;

/// Entries kept at least, and at most, before the oldest are dropped.
const ENTRIES_MIN: usize = 1024;
const ENTRIES_MAX: usize = 2048;
/// An answer carries no more than so many bytes of entries.
const ANSWER_BYTES_MAX: usize = 4 << 20;

#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: Arc<File>,
    entries: VecDeque<JournalEntry>,
    last: u64,
    /// The file lacks entries, because a write failed: it is written anew with the next one.
    incomplete: bool,
}

impl Journal {
    /// Opens the journal. A torn last line is what a crash during a write leaves: it was never told to anybody, and is
    /// removed.
    pub fn open(dir: &Path) -> io::Result<Journal> {
        let path = dir.join("journal.jsonl");
        let text = match std::fs::read(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        let mut entries = VecDeque::new();
        let mut whole = 0;
        for line in text.split_inclusive(|byte| *byte == b'\n') {
            let Some(content) = line.strip_suffix(b"\n") else {
                break;
            };
            match serde_json::from_slice::<JournalEntry>(content) {
                Ok(entry) => entries.push_back(entry),
                Err(error) if whole + line.len() == text.len() => {
                    tracing::warn!(%error, "The journal's last line is torn and is removed");
                    break;
                }
                Err(error) => return Err(io::Error::new(io::ErrorKind::InvalidData, error)),
            }
            whole += line.len();
        }
        if whole < text.len() {
            let file = OpenOptions::new().write(true).open(&path)?;
            file.set_len(whole as u64)?;
            file.sync_data()?;
        }
        let file = append_to(&path)?;
        let last = entries.back().map_or(0, |entry| entry.seq);
        Ok(Journal {
            path,
            file: Arc::new(file),
            entries,
            last,
            incomplete: false,
        })
    }

    /// The number of the newest entry, 0 before the first.
    pub fn last(&self) -> u64 {
        self.last
    }

    pub fn entries(&self) -> impl Iterator<Item = &JournalEntry> {
        self.entries.iter()
    }

    /// The entries after `after`, as many as fit.
    pub fn after(&self, after: u64, limit: usize) -> Vec<JournalEntry> {
        let mut bytes = 0;
        let newer = self.entries.iter().filter(|entry| entry.seq > after).take(limit);
        newer
            .take_while(|entry| {
                let first = bytes == 0;
                bytes += serde_json::to_vec(entry).map_or(ANSWER_BYTES_MAX, |line| line.len());
                first || bytes <= ANSWER_BYTES_MAX
            })
            .cloned()
            .collect()
    }

    /// Appends an entry, which `entry` makes from its number, and returns the number once it is on disk. When the disk
    /// fails, the entry is kept in memory and written with the next one: what it speaks of has happened.
    pub async fn append(&mut self, entry: impl FnOnce(u64) -> JournalEntry) -> u64 {
        let seq = self.last + 1;
        self.last = seq;
        let entry = entry(seq);
        tracing::warn!(seq, release = %entry.release, event = ?entry.event, "The router decided by itself");
        self.entries.push_back(entry);
        let overfull = self.entries.len() > ENTRIES_MAX;
        if overfull {
            self.entries.drain(..self.entries.len() - ENTRIES_MIN);
        }
        let result = if overfull || self.incomplete {
            self.write_anew().await
        } else {
            self.write_last().await
        };
        self.incomplete = result.is_err();
        if let Err(error) = result {
            tracing::error!(%error, path = %self.path.display(), "Cannot write the journal");
        }
        seq
    }

    /// Tries again to write what could not be written.
    pub async fn complete(&mut self) {
        if self.incomplete {
            self.incomplete = self.write_anew().await.is_err();
        }
    }

    async fn write_last(&self) -> io::Result<()> {
        let mut line = Vec::new();
        if let Some(entry) = self.entries.back() {
            serde_json::to_writer(&mut line, entry)?;
            line.push(b'\n');
        }
        let file = Arc::clone(&self.file);
        blocking(move || {
            (&*file).write_all(&line)?;
            file.sync_data()
        })
        .await
    }

    async fn write_anew(&mut self) -> io::Result<()> {
        let mut text = Vec::new();
        for entry in &self.entries {
            serde_json::to_writer(&mut text, entry)?;
            text.push(b'\n');
        }
        let path = self.path.clone();
        let file = blocking(move || {
            replace_file(&path, &text)?;
            append_to(&path)
        })
        .await?;
        self.file = Arc::new(file);
        Ok(())
    }
}

/// Runs what waits for the disk where it holds up no request.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(io::Error::other(error)),
    }
}

fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use safeguard_api::id::ReleaseId;
    use safeguard_api::stage::{Environment, Percent};
    use safeguard_api::time::Timestamp;
    use safeguard_api::traffic::JournalEvent;

    use super::*;

    fn entry(seq: u64) -> JournalEntry {
        JournalEntry {
            seq,
            at: Timestamp(1),
            service: "shop".parse().unwrap(),
            environment: Environment::Production,
            release: ReleaseId::new(1, 1),
            event: JournalEvent::Restarted { weight: Percent::ALL },
            late: false,
        }
    }

    fn seqs(journal: &Journal) -> Vec<u64> {
        journal.entries().map(|entry| entry.seq).collect()
    }

    #[tokio::test]
    async fn numbers_go_on_after_a_torn_line() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(dir.path()).unwrap();
        for seq in 1..=3 {
            assert_eq!(journal.append(entry).await, seq);
        }
        let path = dir.path().join("journal.jsonl");
        let whole = std::fs::read(&path).unwrap();
        for cut in 1..whole.len() / 3 {
            std::fs::write(&path, &whole[..whole.len() - cut]).unwrap();
            let mut journal = Journal::open(dir.path()).unwrap();
            assert_eq!(seqs(&journal), [1, 2], "cut by {cut}");
            assert_eq!(journal.append(entry).await, 3);
            assert_eq!(seqs(&Journal::open(dir.path()).unwrap()), [1, 2, 3]);
        }
        assert_eq!(journal.after(1, 10).len(), 2);
        assert_eq!(journal.after(0, 2).len(), 2);
    }

    #[test]
    fn a_line_that_is_wrong_in_the_middle_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let line = serde_json::to_string(&entry(2)).unwrap();
        std::fs::write(dir.path().join("journal.jsonl"), format!("nonsense\n{line}\n")).unwrap();
        assert!(Journal::open(dir.path()).is_err());
    }

    #[tokio::test]
    async fn the_oldest_are_dropped() {
        let dir = tempfile::tempdir().unwrap();
        let mut journal = Journal::open(dir.path()).unwrap();
        for seq in 1..=ENTRIES_MAX as u64 {
            journal.entries.push_back(entry(seq));
            journal.last = seq;
        }
        assert_eq!(journal.append(entry).await, ENTRIES_MAX as u64 + 1);
        assert_eq!(journal.append(entry).await, ENTRIES_MAX as u64 + 2);
        let journal = Journal::open(dir.path()).unwrap();
        assert_eq!(journal.entries.len(), ENTRIES_MIN + 1);
        assert_eq!(journal.last(), ENTRIES_MAX as u64 + 2);
    }
}
