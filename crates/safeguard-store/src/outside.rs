//! The newest checkpoint, kept in a file outside the database: it shows when the database was put back.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// The file is written no more often than this.
const WRITE_EVERY: Duration = Duration::from_millis(200);

/// What the writer hands to the thread that writes the file, so that no commit waits for another disk.
pub(crate) struct Outside {
    path: PathBuf,
    // The mutex guards one hand-over: `newest` is taken by the thread, and `written` counts up when it lies on the disk.
    slot: Mutex<Slot>,
    changed: Condvar,
}

#[derive(Default)]
struct Slot {
    newest: Option<String>,
    put: u64,
    written: u64,
    /// Someone waits for what was put to be written.
    hurry: bool,
    closing: bool,
}

impl Outside {
    pub fn new(path: PathBuf) -> Outside {
        Outside {
            path,
            slot: Mutex::new(Slot::default()),
            changed: Condvar::new(),
        }
    }

    pub fn start(self: &std::sync::Arc<Self>) -> io::Result<JoinHandle<()>> {
        let outside = std::sync::Arc::clone(self);
        std::thread::Builder::new()
            .name("checkpoint-file".to_owned())
            .spawn(move || outside.serve())
    }

    pub fn put(&self, note: String) {
        let mut slot = self.lock();
        slot.newest = Some(note);
        slot.put += 1;
        self.changed.notify_all();
    }

    /// Waits until what was put before is on the disk, or could not be written.
    pub fn flush(&self) {
        let mut slot = self.lock();
        let target = slot.put;
        while slot.written < target {
            slot.hurry = true;
            self.changed.notify_all();
            slot = self.changed.wait(slot).unwrap_or_else(PoisonError::into_inner);
        }
    }

    pub fn close(&self) {
        self.lock().closing = true;
        self.changed.notify_all();
    }

    fn serve(&self) {
        loop {
            let mut slot = self.lock();
            while slot.newest.is_none() && !slot.closing {
                slot = self.changed.wait(slot).unwrap_or_else(PoisonError::into_inner);
            }
            let Some(note) = slot.newest.take() else { return };
            let put = slot.put;
            slot.hurry = false;
            drop(slot);
            if let Err(error) = replace(&self.path, note.as_bytes()) {
                tracing::error!(path = %self.path.display(), %error, "Checkpoint file not written");
            }
            let mut slot = self.lock();
            slot.written = put;
            self.changed.notify_all();
            let rest = |slot: &mut Slot| !slot.hurry && !slot.closing;
            drop(self.changed.wait_timeout_while(slot, WRITE_EVERY, rest));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Slot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Returns the file's bytes, none if there is no file.
pub(crate) fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Puts a file in the place of another: whoever reads sees the one or the other, after a crash too.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let mut file = File::create(&beside)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}
