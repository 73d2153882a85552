//! The one writer: it puts waiting requests into one commit, each in a savepoint of its own.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use safeguard_audit::{Hash, Signer, Tree};
use tokio::sync::{mpsc, oneshot, watch};

use crate::error::StoreError;
use crate::outside::Outside;
use crate::tx::Tx;

/// Requests in one commit.
const GROUP_MAX: usize = 256;
/// How long a commit waits for as many requests as the last one had; a sync takes several times as long.
const GATHER_MAX: Duration = Duration::from_micros(500);

/// What the last commit made of the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    pub size: u64,
    pub root: Hash,
}

pub(crate) struct Writer {
    pub connection: Connection,
    pub tree: Tree,
    pub signer: Signer,
    pub vkey: String,
    pub head: watch::Sender<Head>,
    pub outside: Option<Arc<Outside>>,
}

/// One request: what it changes, and where its answer goes.
pub(crate) trait Job: Send {
    /// Returns whether its savepoint is kept.
    fn run(&mut self, tx: &mut Tx<'_>) -> bool;
    fn answer(self: Box<Self>, commit: Result<(), StoreError>);
}

pub(crate) struct WriteJob<F, T, E> {
    change: Option<F>,
    result: Option<Answer<T, E>>,
    reply: oneshot::Sender<Answer<T, E>>,
}

/// What the change said, if its commit was done.
pub(crate) type Answer<T, E> = Result<Result<T, E>, StoreError>;

pub(crate) fn job<F, T, E>(change: F, reply: oneshot::Sender<Answer<T, E>>) -> Box<WriteJob<F, T, E>>
where
    F: FnOnce(&mut Tx<'_>) -> Result<T, E>,
{
    Box::new(WriteJob {
        change: Some(change),
        result: None,
        reply,
    })
}

impl<F, T, E> Job for WriteJob<F, T, E>
where
    F: FnOnce(&mut Tx<'_>) -> Result<T, E> + Send,
    T: Send,
    E: Send,
{
    fn run(&mut self, tx: &mut Tx<'_>) -> bool {
        let Some(change) = self.change.take() else {
            return false;
        };
        // A closure that panics must not take the writer, and so every other request, along.
        let result = catch_unwind(AssertUnwindSafe(|| change(tx)));
        let result = result.map_err(|_: Box<dyn Any + Send>| StoreError::Panicked);
        let keep = matches!(result, Ok(Ok(_)));
        self.result = Some(result);
        keep
    }

    fn answer(self: Box<Self>, commit: Result<(), StoreError>) {
        let answer = match commit {
            Ok(()) => self.result.unwrap_or(Err(StoreError::Closed)),
            Err(error) => Err(error),
        };
        if self.reply.send(answer).is_err() {
            tracing::debug!("A caller left before its commit was done");
        }
    }
}

impl Writer {
    /// Serves requests until the last sender is gone.
    pub fn serve(mut self, mut requests: mpsc::Receiver<Box<dyn Job>>) {
        let mut group = Vec::with_capacity(GROUP_MAX);
        let mut last = 0;
        while let Some(first) = requests.blocking_recv() {
            group.push(first);
            gather(&mut group, &mut requests, last);
            last = group.len();
            self.commit(&mut group);
        }
    }

    /// Commits all requests together and answers each; when the commit fails, all of them fail.
    pub fn commit(&mut self, group: &mut Vec<Box<dyn Job>>) {
        let committed = self.transact(group);
        if let Err(error) = &committed {
            tracing::error!(requests = group.len(), error = %chain(error), "Commit failed");
        }
        for job in group.drain(..) {
            job.answer(committed.clone());
        }
    }

    fn transact(&mut self, group: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
        let done = self.prepare(group).and_then(|prepared| {
            // A savepoint that was rolled back leaves pages behind that a commit would write for nothing.
            let end = if matches!(prepared, Prepared::Nothing) {
                "ROLLBACK"
            } else {
                "COMMIT"
            };
            run(&self.connection, end)?;
            Ok(prepared)
        });
        match done {
            Ok(Prepared::Nothing | Prepared::Rows) => Ok(()),
            Ok(Prepared::Log { tree, note }) => {
                let head = Head {
                    size: tree.size(),
                    root: tree.root(),
                };
                self.tree = tree;
                self.head.send_replace(head);
                if let Some(outside) = &self.outside {
                    outside.put(note);
                }
                Ok(())
            }
            Err(error) => {
                // SQLite has rolled back by itself when the disk is full.
                if !self.connection.is_autocommit() {
                    run(&self.connection, "ROLLBACK")?;
                }
                Err(error)
            }
        }
    }

    /// Runs the requests in a transaction and leaves it open.
    fn prepare(&self, group: &mut [Box<dyn Job>]) -> Result<Prepared, StoreError> {
        run(&self.connection, "BEGIN IMMEDIATE")?;
        let mut tx = Tx::new(&self.connection, &self.vkey, self.tree.size());
        let mut kept = false;
        for job in group {
            run(&self.connection, "SAVEPOINT request")?;
            let leaves = tx.leaves.len();
            tx.changed = false;
            let keep = job.run(&mut tx);
            if let Some(error) = tx.failure() {
                return Err(error);
            }
            kept |= keep && tx.changed;
            if !keep {
                tx.leaves.truncate(leaves);
                run(&self.connection, "ROLLBACK TO request")?;
            }
            run(&self.connection, "RELEASE request")?;
        }
        if tx.leaves.is_empty() {
            return Ok(if kept { Prepared::Rows } else { Prepared::Nothing });
        }
        let mut tree = self.tree.clone();
        let mut full = Vec::new();
        for leaf in std::mem::take(&mut tx.leaves) {
            tree.append(leaf, &mut full);
        }
        for (tile, hashes) in full {
            tx.put_tile(tile, &hashes)?;
        }
        for (tile, hashes) in tree.partial() {
            tx.put_tile(tile, hashes)?;
        }
        let note = self.signer.sign(tree.size(), &tree.root());
        tx.put_checkpoint(tree.size(), &note)?;
        Ok(Prepared::Log { tree, note })
    }
}

/// Takes the requests that wait already. The callers of the last commit are about to come back: without a moment for
/// them, every other commit would be a small one, and its sync takes as long as that of a large one.
fn gather(group: &mut Vec<Box<dyn Job>>, requests: &mut mpsc::Receiver<Box<dyn Job>>, last: usize) {
    let wanted = last - last / 4;
    let started = Instant::now();
    while group.len() < GROUP_MAX {
        match requests.try_recv() {
            Ok(next) => group.push(next),
            Err(_) if group.len() < wanted && started.elapsed() < GATHER_MAX => std::thread::yield_now(),
            Err(_) => break,
        }
    }
}

/// What a transaction that is about to end has done.
enum Prepared {
    Nothing,
    /// Rows changed, and the log did not.
    Rows,
    Log {
        tree: Tree,
        note: String,
    },
}

pub(crate) fn run(connection: &Connection, sql: &str) -> Result<(), StoreError> {
    connection.prepare_cached(sql)?.execute([])?;
    Ok(())
}

pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use crate::{Place, Settings, Store, StoreError, Tx};

    fn fill(tx: &mut Tx<'_>, key: &str) -> Result<(), StoreError> {
        tx.append_bytes(&["a".to_owned()], br#"{"v":1}"#)?;
        tx.put_setting(key, &"x".repeat(50_000))
    }

    fn pragma(store: &Store, sql: &'static str) {
        store
            .write_blocking(|tx| tx.checked(tx.connection.execute_batch(sql)))
            .unwrap()
            .unwrap();
    }

    #[test]
    fn when_the_database_cannot_be_written_nobody_is_told_otherwise() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("a.db");
        let place = || Place::File(database.clone());
        let settings = || Settings {
            place: place(),
            origin: "a".into(),
            key: [1; 32],
            checkpoint_file: None,
        };
        let store = Store::open(settings()).unwrap();
        store.write_blocking(|tx| fill(tx, "before")).unwrap().unwrap();
        let status = store.log_status();
        // As small as it is: the same error as from a disk that is full.
        pragma(&store, "PRAGMA max_page_count = 1");
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut requests = Vec::new();
            for key in ["a", "b", "c", "d"] {
                let store = store.clone();
                requests.push(tokio::spawn(async move {
                    // A closure that hides the error is told all the same.
                    store
                        .write(move |tx| Ok::<_, StoreError>(fill(tx, key).is_ok()))
                        .await
                }));
            }
            for request in requests {
                let answer = request.await.unwrap();
                assert!(matches!(answer, Err(StoreError::Database(_))), "{answer:?}");
            }
        });
        assert_eq!(store.log_status(), status);
        assert_eq!(store.read_blocking(|tx| tx.setting("a")).unwrap(), None);
        pragma(&store, "PRAGMA max_page_count = 1000000");
        store.write_blocking(|tx| fill(tx, "after")).unwrap().unwrap();
        assert_eq!(store.log_status().size, 2);
        drop(store);
        assert_eq!(Store::open(settings()).unwrap().log_status().size, 2);
    }
}
