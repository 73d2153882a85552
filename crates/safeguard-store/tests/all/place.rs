//! A folder with a database, and what is written into it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use safeguard_api::Timestamp;
use safeguard_api::audit::{Actor, Event};
use safeguard_store::{OpenError, Place, Settings, Store, StoreError, Tx};

pub struct Folder {
    pub root: tempfile::TempDir,
}

impl Folder {
    pub fn new() -> Folder {
        Folder {
            root: tempfile::tempdir().unwrap(),
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub fn settings(&self) -> Settings {
        settings(&self.path("safeguard.db"), Some(self.path("checkpoint")))
    }

    pub fn open(&self) -> Store {
        Store::open(self.settings()).unwrap()
    }

    pub fn try_open(&self) -> Result<Store, OpenError> {
        Store::open(self.settings())
    }
}

pub fn settings(database: &Path, checkpoint_file: Option<PathBuf>) -> Settings {
    Settings {
        place: Place::File(database.to_owned()),
        origin: "safeguard.test".into(),
        key: [3; 32],
        checkpoint_file,
    }
}

pub fn memory() -> Store {
    let place = Place::Memory;
    Store::open(Settings {
        place,
        origin: "safeguard.test".into(),
        key: [3; 32],
        checkpoint_file: None,
    })
    .unwrap()
}

pub fn event(subject: &str, text: &str) -> Event {
    Event {
        v: 1,
        kind: "test.happened".to_owned(),
        ts: Timestamp(1_700_000_000_000),
        actor: Actor::system("test"),
        subject: vec![subject.to_owned(), "all".to_owned()],
        refs: Vec::new(),
        commit: Vec::new(),
        decision: serde_json::json!({ "text": text }),
        late: false,
    }
}

/// Appends one event and returns its index.
pub fn append(store: &Store, subject: &str) -> u64 {
    let event = event(subject, "once");
    store
        .write_blocking(move |tx: &mut Tx<'_>| tx.append(&event))
        .unwrap()
        .unwrap()
}

pub fn subjects(store: &Store) -> Vec<String> {
    let entries = store
        .read_blocking(|tx| tx.entries(None, false, usize::MAX))
        .unwrap();
    entries
        .into_iter()
        .map(|mut entry| entry.event.subject.remove(0))
        .collect()
}

/// Exports the log to a folder, verifies it with nothing else, and returns what was found.
pub fn verified(store: &Store) -> safeguard_audit::Report {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().to_owned();
    let write = move |tx: &Tx<'_>| -> Result<(), StoreError> {
        tx.export(&mut |path, bytes| {
            let path = root.join(path);
            std::fs::create_dir_all(path.parent().unwrap())?;
            std::fs::write(path, bytes)
        })
    };
    store.read_blocking(write).unwrap();
    let read = |path: &str| match std::fs::read(folder.path().join(path)) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    };
    safeguard_audit::verify(&read, &safeguard_audit::Expected::default())
}

pub fn until(deadline: Duration, mut reached: impl FnMut() -> bool) {
    let end = Instant::now() + deadline;
    while !reached() {
        assert!(Instant::now() < end, "not reached within {deadline:?}");
        std::thread::yield_now();
    }
}
