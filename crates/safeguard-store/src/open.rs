//! Opening a database: version, durability, the log's soundness, and whether it was put back.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use rusqlite::{Connection, OpenFlags};
use safeguard_audit::{Signer, Tree};
use tokio::sync::{mpsc, watch};

use crate::error::OpenError;
use crate::outside::{self, Outside};
use crate::read::{READERS, Readers};
use crate::store::{Lane, Store};
use crate::tx::Tx;
use crate::write::{Head, Writer};

/// The secret half of the key that signs checkpoints.
pub type SigningKeyBytes = [u8; 32];

pub enum Place {
    File(PathBuf),
    /// For simulations: it ends with the store.
    Memory,
}

pub struct Settings {
    pub place: Place,
    /// The log's name, the first line of its checkpoints.
    pub origin: String,
    pub key: SigningKeyBytes,
    /// Where the newest checkpoint is kept, best on another disk.
    pub checkpoint_file: Option<PathBuf>,
}

/// Requests that wait for the writer; whoever comes next waits for a place.
const REQUESTS_QUEUED_MAX: usize = 1024;
const STATEMENTS_CACHED: usize = 64;

/// Each brings the database from the version of its place to the next one.
const MIGRATIONS: [&str; 1] = [include_str!("schema_1.sql")];

pub(crate) fn open(settings: Settings) -> Result<Store, OpenError> {
    let Settings {
        place,
        origin,
        key,
        checkpoint_file,
    } = settings;
    let signer = Signer::new(&origin, &key).map_err(OpenError::Origin)?;
    let vkey = signer.vkey().to_string();
    let lock = match &place {
        Place::File(path) => Some(lock(path)?),
        Place::Memory => None,
    };
    let connection = match &place {
        Place::File(path) => durable(path)?,
        Place::Memory => Connection::open_in_memory()?,
    };
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    migrate(&connection)?;
    let (tree, note) = take_up(&connection, &signer, &vkey)?;
    let outside = match checkpoint_file {
        Some(path) => Some(watch_over(path, &connection, &signer, &tree, note)?),
        None => None,
    };
    let (head, heads) = watch::channel(Head {
        size: tree.size(),
        root: tree.root(),
    });
    let kept = outside.as_ref().map(|(outside, _)| Arc::clone(outside));
    let writer = Writer {
        connection,
        tree,
        signer,
        vkey: vkey.clone(),
        head,
        outside: kept,
    };
    let lane = match &place {
        Place::Memory => Lane::Here(Box::new(Mutex::new(writer))),
        Place::File(path) => {
            let readers = (0..READERS).map(|_| reader(path)).collect::<Result<_, _>>()?;
            let (requests, queue) = mpsc::channel(REQUESTS_QUEUED_MAX);
            let thread = std::thread::Builder::new().name("store-writer".to_owned());
            let thread = thread
                .spawn(move || writer.serve(queue))
                .map_err(OpenError::Thread)?;
            Lane::Thread {
                requests,
                thread,
                readers: Arc::new(Readers::new(readers, vkey.clone())),
            }
        }
    };
    Ok(Store::assemble(lane, heads, vkey, outside, lock))
}

/// The log lives in the writer's memory as well, so a second writer would sign another one.
fn lock(database: &Path) -> Result<File, OpenError> {
    let mut path = database.as_os_str().to_owned();
    path.push(".lock");
    let path = PathBuf::from(path);
    let opened = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path);
    let file = opened.map_err(|source| OpenError::File {
        path: path.clone(),
        source,
    })?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(OpenError::InUse {
            path: database.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(OpenError::File { path, source }),
    }
}

fn durable(path: &Path) -> Result<Connection, OpenError> {
    let opened = Connection::open(path);
    let connection = opened.map_err(|source| OpenError::Open {
        path: path.to_owned(),
        source,
    })?;
    // Erased texts are overwritten. The write-ahead log is bounded after a burst.
    connection.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA secure_delete = ON;
         PRAGMA wal_autocheckpoint = 4000;
         PRAGMA journal_size_limit = 67108864;
         PRAGMA busy_timeout = 5000;",
    )?;
    let mode: String = connection.query_row("PRAGMA journal_mode", [], |row| row.get(0))?;
    if mode != "wal" {
        return Err(OpenError::Pragma {
            pragma: "journal_mode",
            have: mode,
            want: "wal",
        });
    }
    let synchronous: i64 = connection.query_row("PRAGMA synchronous", [], |row| row.get(0))?;
    if synchronous != 2 {
        return Err(OpenError::Pragma {
            pragma: "synchronous",
            have: synchronous.to_string(),
            want: "2",
        });
    }
    Ok(connection)
}

fn reader(path: &Path) -> Result<Connection, OpenError> {
    let opened = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE);
    let connection = opened.map_err(|source| OpenError::Open {
        path: path.to_owned(),
        source,
    })?;
    connection.execute_batch("PRAGMA query_only = ON; PRAGMA busy_timeout = 5000;")?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_CACHED);
    Ok(connection)
}

fn migrate(connection: &Connection) -> Result<(), OpenError> {
    let have: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let known = i64::try_from(MIGRATIONS.len()).unwrap_or(i64::MAX);
    if !(0..=known).contains(&have) {
        return Err(OpenError::Newer { have, known });
    }
    for (version, migration) in (1..).zip(MIGRATIONS).filter(|(version, _)| have < *version) {
        connection.execute_batch(&format!(
            "BEGIN IMMEDIATE; {migration} PRAGMA user_version = {version}; COMMIT;"
        ))?;
    }
    Ok(())
}

/// Takes up the log where it ended, after a look at whether checkpoint, entries and tiles belong together.
fn take_up(connection: &Connection, signer: &Signer, vkey: &str) -> Result<(Tree, String), OpenError> {
    let damaged = |what: String| OpenError::Damaged { what };
    let entries: i64 = connection.query_row("SELECT coalesce(max(idx) + 1, 0) FROM entry", [], |row| {
        row.get(0)
    })?;
    let mut tx = Tx::new(connection, vkey, 0);
    let stored: Option<String> = tx
        .one("SELECT note FROM checkpoint WHERE id = 1", [], |row| row.get(0))
        .map_err(OpenError::Log)?;
    let Some(note) = stored else {
        if entries != 0 {
            return Err(damaged(format!("it has {entries} entries and no checkpoint")));
        }
        let tree = Tree::new();
        let note = signer.sign(0, &tree.root());
        tx.put_checkpoint(0, &note).map_err(OpenError::Log)?;
        return Ok((tree, note));
    };
    let checkpoint = signer.vkey().open(note.as_bytes()).map_err(OpenError::OtherKey)?;
    if i64::try_from(checkpoint.size) != Ok(entries) {
        return Err(damaged(format!(
            "its checkpoint has {} entries, the database {entries}",
            checkpoint.size
        )));
    }
    let tree = tx.tree(checkpoint.size).map_err(OpenError::Log)?;
    if tree.root() != checkpoint.root {
        return Err(damaged(format!(
            "its tiles lead to root {}, not to {}",
            tree.root(),
            checkpoint.root
        )));
    }
    Ok((tree, note))
}

type OutsideThread = (Arc<Outside>, std::thread::JoinHandle<()>);

/// Compares the log with the checkpoint kept outside; only a log that continues it goes on.
fn watch_over(
    path: PathBuf,
    connection: &Connection,
    signer: &Signer,
    tree: &Tree,
    note: String,
) -> Result<OutsideThread, OpenError> {
    let kept = outside::read(&path).map_err(|source| OpenError::File {
        path: path.clone(),
        source,
    })?;
    let have = tree.size();
    match kept {
        Some(kept) => {
            let kept = signer.vkey().open(&kept);
            let kept = kept.map_err(|source| OpenError::CheckpointFile {
                path: path.clone(),
                source,
            })?;
            let restored = || OpenError::RestoredFromBackup {
                path: path.clone(),
                have,
                kept: kept.size,
            };
            if have < kept.size {
                return Err(restored());
            }
            let tx = Tx::new(connection, "", have);
            if tx.root_at(kept.size, have).map_err(OpenError::Log)? != kept.root {
                return Err(restored());
            }
        }
        None if have > 0 => {
            tracing::warn!(path = %path.display(), entries = have, "No checkpoint was kept outside; a restored database would not be noticed this time");
        }
        None => {}
    }
    outside::replace(&path, note.as_bytes()).map_err(|source| OpenError::File {
        path: path.clone(),
        source,
    })?;
    let outside = Arc::new(Outside::new(path));
    let thread = outside.start().map_err(OpenError::Thread)?;
    Ok((outside, thread))
}
