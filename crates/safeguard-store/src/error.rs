//! Why the store could not be opened, and why it could not do what it was asked.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use safeguard_audit::NoteError;

/// Says why one request was not done. Every caller of a group commit gets the same one, so it can be cloned.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    #[error("the database cannot do it; nothing of this commit was kept")]
    Database(#[source] Arc<rusqlite::Error>),
    #[error("a log entry has {bytes} bytes (limit {})", safeguard_audit::ENTRY_BYTES_MAX)]
    EntryTooLong { bytes: usize },
    #[error("cannot write `{what}` as JSON")]
    Write {
        what: String,
        #[source]
        source: Arc<serde_json::Error>,
    },
    #[error("cannot read `{what}` as it was stored")]
    Read {
        what: String,
        #[source]
        source: Arc<serde_json::Error>,
    },
    #[error("the stored log is damaged: {what}")]
    Damaged { what: String },
    #[error("cannot write an exported file")]
    Export(#[source] Arc<io::Error>),
    #[error("the operating system gives no random bytes")]
    Chance,
    #[error("the change panicked; nothing of it was kept")]
    Panicked,
    #[error("the store is closed")]
    Closed,
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> StoreError {
        StoreError::Database(Arc::new(error))
    }
}

/// Says why a database was not opened; nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("cannot open the database `{path}`")]
    Open {
        path: PathBuf,
        #[source]
        source: rusqlite::Error,
    },
    #[error("cannot use the file `{path}`")]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("another process has the database `{path}` open")]
    InUse { path: PathBuf },
    #[error("the database's `{pragma}` is `{have}` (needs `{want}`)")]
    Pragma {
        pragma: &'static str,
        have: String,
        want: &'static str,
    },
    #[error("the database has version {have}, and this program knows versions up to {known}")]
    Newer { have: i64, known: i64 },
    #[error("the name of the log cannot be used")]
    Origin(#[source] NoteError),
    #[error("the log in the database was not signed with this key")]
    OtherKey(#[source] NoteError),
    #[error("the stored log is damaged: {what}")]
    Damaged { what: String },
    #[error("the checkpoint kept in `{path}` cannot be trusted")]
    CheckpointFile {
        path: PathBuf,
        #[source]
        source: NoteError,
    },
    #[error(
        "the database was restored from an older backup or is another one: it has {have} log entries, and the \
         checkpoint kept in `{path}` has {kept}; {}",
        if have < kept { "entries are missing" } else { "the entries they share differ" }
    )]
    RestoredFromBackup { path: PathBuf, have: u64, kept: u64 },
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
    #[error("cannot prepare the database")]
    Prepare(#[from] rusqlite::Error),
    #[error("cannot read the log in the database")]
    Log(#[source] StoreError),
}
