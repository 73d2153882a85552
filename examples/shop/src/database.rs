//! The shop's database: a SQLite file that all instances of an environment share.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, TransactionBehavior};

use crate::pages::Refusal;

const BUSY_LONGEST: Duration = Duration::from_secs(5);
const CONNECTIONS_KEPT_MAX: usize = 16;

/// SQLite is a file and has no network; the database of a shop has one. Every statement waits this long first,
/// so a page that asks more often is slower, as it would be in earnest.
const ROUND_TRIP_MS_LEAST: u64 = 9;
const ROUND_TRIP_MS_SPREAD: u64 = 6;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS articles (id INTEGER PRIMARY KEY, name TEXT NOT NULL, cents INTEGER NOT NULL,
        stock INTEGER NOT NULL, stars REAL NOT NULL);
    CREATE TABLE IF NOT EXISTS sessions (key TEXT PRIMARY KEY, name TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS carts (session TEXT NOT NULL, article INTEGER NOT NULL, count INTEGER NOT NULL,
        greeting TEXT NOT NULL, PRIMARY KEY (session, article)) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS orders (id INTEGER PRIMARY KEY, session TEXT NOT NULL, cents INTEGER NOT NULL,
        receipt TEXT NOT NULL);
    CREATE INDEX IF NOT EXISTS orders_by_session ON orders (session, id);
";

const ARTICLES: [(&str, i64); 12] = [
    ("teapot", 3450),
    ("cup", 890),
    ("kettle", 4990),
    ("tray", 1575),
    ("spoon", 420),
    ("sugar bowl", 1260),
    ("milk jug", 1340),
    ("tea towel", 760),
    ("strainer", 980),
    ("tin", 1120),
    ("cosy", 1890),
    ("cake stand", 5400),
];

pub struct Database {
    path: PathBuf,
    /// Connections at rest. The lock is held to take one or put one back, never across a statement.
    free: Mutex<Vec<Connection>>,
    trips: AtomicU64,
}

impl Database {
    /// Opens the file, and lays out and fills the tables where they are missing.
    ///
    /// # Errors
    /// The directory can not be made, or SQLite refuses the file.
    pub fn open(path: &Path) -> anyhow::Result<Database> {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        let mut connection = connect(path)?;
        // Instances start at the same time: one of them writes, the others find it done.
        let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        transaction.execute_batch(SCHEMA)?;
        for (id, (name, cents)) in (1i64..).zip(ARTICLES) {
            transaction.execute(
                "INSERT OR IGNORE INTO articles VALUES (?1, ?2, ?3, ?4, ?5)",
                (
                    id,
                    name,
                    cents,
                    1000,
                    3.0 + f64::from(u32::try_from(id % 5)?) / 2.5,
                ),
            )?;
        }
        transaction.commit()?;
        let free = Mutex::new(vec![connection]);
        Ok(Database {
            path: path.to_owned(),
            free,
            trips: AtomicU64::new(0),
        })
    }

    fn take(&self) -> rusqlite::Result<Connection> {
        let free = self.free().pop();
        free.map_or_else(|| connect(&self.path), Ok)
    }

    fn put(&self, connection: Connection) {
        let mut free = self.free();
        if free.len() < CONNECTIONS_KEPT_MAX {
            free.push(connection);
        }
    }

    fn free(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.free.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn round_trip(&self) {
        // A spread without chance: the multiplier scatters consecutive numbers evenly.
        let trip = self
            .trips
            .fetch_add(1, Ordering::Relaxed)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            >> 32;
        let length = ROUND_TRIP_MS_LEAST + trip % ROUND_TRIP_MS_SPREAD;
        tokio::time::sleep(Duration::from_millis(length)).await;
    }
}

/// The statements of one page.
pub struct Session<'a> {
    database: &'a Database,
    held: Option<Connection>,
}

impl<'a> Session<'a> {
    /// Each statement borrows a connection for its own length, so that waiting for the network holds none.
    #[must_use]
    pub fn per_statement(database: &'a Database) -> Session<'a> {
        Session { database, held: None }
    }

    /// All statements run on one connection, which is kept from the first to the last.
    ///
    /// # Errors
    /// SQLite's own.
    pub fn holding(database: &'a Database) -> Result<Session<'a>, Refusal> {
        Ok(Session {
            database,
            held: Some(database.take()?),
        })
    }

    /// Runs one statement.
    ///
    /// # Errors
    /// SQLite's own.
    pub async fn run<T>(
        &mut self,
        statement: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Refusal> {
        self.database.round_trip().await;
        // Tens of microseconds: less than handing it to another thread.
        match &self.held {
            Some(connection) => Ok(statement(connection)?),
            None => {
                let connection = self.database.take()?;
                let result = statement(&connection);
                self.database.put(connection);
                Ok(result?)
            }
        }
    }
}

impl Drop for Session<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.held.take() {
            self.database.put(connection);
        }
    }
}

fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection.busy_timeout(BUSY_LONGEST)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "normal")?;
    Ok(connection)
}
