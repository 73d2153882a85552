//! What an app prints: appended to a file that is put aside when it is full, so two files at most.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe::Receiver;

/// The length at which a log file is put aside.
pub const LOG_BYTES_MAX: u64 = 4 << 20;
const TAIL_BYTES_MAX: u64 = 16 << 10;

/// Where the instance's output lies; the part before is beside it, with `.1` at its end.
#[must_use]
pub fn log_path(state: &Path, instance: &str) -> PathBuf {
    state.join("logs").join(format!("{instance}.log"))
}

/// Returns the last lines that the instance printed.
///
/// # Errors
/// When the file can not be read.
pub fn log_tail(state: &Path, instance: &str, lines_max: usize) -> io::Result<Vec<String>> {
    let mut file = File::open(log_path(state, instance))?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL_BYTES_MAX)))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES_MAX).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    Ok(lines[lines.len().saturating_sub(lines_max)..]
        .iter()
        .map(|line| (*line).to_owned())
        .collect())
}

/// A log file that never grows beyond [`LOG_BYTES_MAX`].
struct Log {
    path: PathBuf,
    file: File,
    bytes: u64,
}

impl Log {
    fn open(path: PathBuf) -> io::Result<Log> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        let bytes = file.metadata()?.len();
        Ok(Log { path, file, bytes })
    }

    fn append(&mut self, piece: &[u8]) -> io::Result<()> {
        if self.bytes + piece.len() as u64 > LOG_BYTES_MAX {
            fs::rename(&self.path, self.path.with_extension("log.1"))?;
            *self = Log::open(self.path.clone())?;
        }
        self.file.write_all(piece)?;
        self.bytes += piece.len() as u64;
        Ok(())
    }
}

/// Copies the pipe to the log until every writer has closed it. An app must not stand still because its log can not be
/// written: then its output is read and lost, and that is said once.
pub(crate) async fn copy_to_log(mut pipe: Receiver, path: PathBuf) {
    let mut log = Log::open(path.clone());
    if let Err(error) = &log {
        tracing::warn!(path = %path.display(), %error, "An app's output is lost");
    }
    let mut buffer = vec![0; 16 << 10];
    loop {
        let count = match pipe.read(&mut buffer).await {
            Ok(0) => return,
            Ok(count) => count,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "Cannot read an app's output");
                return;
            }
        };
        if let Ok(open) = &mut log
            && let Err(error) = open.append(buffer.get(..count).unwrap_or(&[]))
        {
            tracing::warn!(path = %path.display(), %error, "An app's output is lost");
            log = Err(error);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_log_is_bounded_and_its_end_readable() {
        let state = tempfile::tempdir().unwrap();
        let mut log = Log::open(log_path(state.path(), "a-0")).unwrap();
        let line = [b"x".repeat(1023), b"\n".to_vec()].concat();
        for _ in 0..(3 * LOG_BYTES_MAX / 1024) {
            log.append(&line).unwrap();
        }
        log.append(b"one\ntwo\n").unwrap();
        let bytes: u64 = fs::read_dir(state.path().join("logs"))
            .unwrap()
            .map(|file| file.unwrap().metadata().unwrap().len())
            .sum();
        assert!(bytes <= 2 * LOG_BYTES_MAX, "{bytes}");
        assert_eq!(log_tail(state.path(), "a-0", 2).unwrap(), ["one", "two"]);
    }
}
