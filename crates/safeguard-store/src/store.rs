//! The store's handle: what the server and the simulator hold.

use std::fs::File;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use safeguard_api::status::LogStatus;
use tokio::sync::{mpsc, oneshot, watch};

use crate::error::{OpenError, StoreError};
use crate::open::Settings;
use crate::outside::Outside;
use crate::read::Readers;
use crate::tx::Tx;
use crate::write::{Head, Job, Writer, job};

/// A database and the one who writes to it; clones share both.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    lane: Lane,
    head: watch::Receiver<Head>,
    vkey: String,
    outside: Option<(Arc<Outside>, JoinHandle<()>)>,
    /// Keeps other processes away while the database is open.
    _lock: Option<File>,
}

/// The way to the writer.
pub(crate) enum Lane {
    /// A file: a thread of its own writes, and others read.
    Thread {
        requests: mpsc::Sender<Box<dyn Job>>,
        thread: JoinHandle<()>,
        readers: Arc<Readers>,
    },
    /// In memory: whoever asks does the work. The mutex guards the only connection.
    Here(Box<Mutex<Writer>>),
    Closed,
}

impl Store {
    /// Opens the database, makes it if it is not there, and brings it to this program's version.
    ///
    /// # Errors
    /// Why it was not opened. Nothing is signed when the log is damaged, was signed by another key, or is behind
    /// the checkpoint kept outside.
    pub fn open(settings: Settings) -> Result<Store, OpenError> {
        crate::open::open(settings)
    }

    pub(crate) fn assemble(
        lane: Lane,
        head: watch::Receiver<Head>,
        vkey: String,
        outside: Option<(Arc<Outside>, JoinHandle<()>)>,
        lock: Option<File>,
    ) -> Store {
        Store {
            inner: Arc::new(Inner {
                lane,
                head,
                vkey,
                outside,
                _lock: lock,
            }),
        }
    }

    /// Runs `change` in a savepoint of the next commit, and returns its result when the commit is durable.
    /// When it returns an error, nothing of it is kept.
    ///
    /// It must not call the store itself, nor wait for anything: all other requests wait for it.
    ///
    /// # Errors
    /// When the commit failed; nothing of any request in it was kept.
    pub async fn write<T, E>(
        &self,
        change: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<Result<T, E>, StoreError>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        let (answer, reply) = oneshot::channel();
        let job = job(change, answer);
        match &self.inner.lane {
            Lane::Thread { requests, .. } => requests.send(job).await.map_err(|_| StoreError::Closed)?,
            Lane::Here(writer) => commit_here(writer, job),
            Lane::Closed => return Err(StoreError::Closed),
        }
        reply.await.map_err(|_| StoreError::Closed)?
    }

    /// The same for threads outside of an asynchronous runtime.
    ///
    /// # Errors
    /// As [`Store::write`].
    pub fn write_blocking<T, E>(
        &self,
        change: impl FnOnce(&mut Tx<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<Result<T, E>, StoreError>
    where
        T: Send + 'static,
        E: Send + 'static,
    {
        let (answer, mut reply) = oneshot::channel();
        let job = job(change, answer);
        match &self.inner.lane {
            Lane::Thread { requests, .. } => {
                requests.blocking_send(job).map_err(|_| StoreError::Closed)?;
                reply.blocking_recv().map_err(|_| StoreError::Closed)?
            }
            Lane::Here(writer) => {
                commit_here(writer, job);
                reply.try_recv().map_err(|_| StoreError::Closed)?
            }
            Lane::Closed => Err(StoreError::Closed),
        }
    }

    /// Looks at one snapshot of what is committed.
    ///
    /// # Errors
    /// What `look` says, or that the database cannot be read.
    pub async fn read<T>(
        &self,
        look: impl FnOnce(&Tx<'_>) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError>
    where
        T: Send + 'static,
    {
        match &self.inner.lane {
            Lane::Thread { readers, .. } => {
                let readers = Arc::clone(readers);
                let looked = tokio::task::spawn_blocking(move || readers.look(look));
                looked.await.map_err(|_| StoreError::Panicked)?
            }
            Lane::Here(writer) => look_here(writer, look),
            Lane::Closed => Err(StoreError::Closed),
        }
    }

    /// The same for threads outside of an asynchronous runtime.
    ///
    /// # Errors
    /// As [`Store::read`].
    pub fn read_blocking<T>(
        &self,
        look: impl FnOnce(&Tx<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        match &self.inner.lane {
            Lane::Thread { readers, .. } => readers.look(look),
            Lane::Here(writer) => look_here(writer, look),
            Lane::Closed => Err(StoreError::Closed),
        }
    }

    /// Returns what the newest committed checkpoint says, without a look into the database.
    #[must_use]
    pub fn log_status(&self) -> LogStatus {
        let head = *self.inner.head.borrow();
        LogStatus {
            size: head.size,
            root: head.root.to_string(),
            vkey: self.inner.vkey.clone(),
        }
    }

    /// Waits for what was asked before, and for the checkpoint outside to be written. The database's file is closed with
    /// the last clone.
    pub async fn close(self) {
        if let Err(error) = self.write(|_| Ok::<(), ()>(())).await {
            tracing::error!(%error, "The last commit failed");
        }
        let closed = tokio::task::spawn_blocking(move || {
            if let Some((outside, _)) = &self.inner.outside {
                outside.flush();
            }
            drop(self);
        });
        if closed.await.is_err() {
            tracing::error!("Closing the store panicked");
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        // The threads end before the lock is given up: whoever opens the database next finds it closed.
        if let Lane::Thread {
            requests,
            thread,
            readers,
        } = std::mem::replace(&mut self.lane, Lane::Closed)
        {
            drop((requests, readers));
            join(thread);
        }
        if let Some((outside, thread)) = self.outside.take() {
            outside.close();
            join(thread);
        }
    }
}

fn join(thread: JoinHandle<()>) {
    // A request may hold the last clone of the store; a thread cannot wait for itself.
    if thread.thread().id() != std::thread::current().id() && thread.join().is_err() {
        tracing::error!("A thread of the store panicked");
    }
}

fn commit_here(writer: &Mutex<Writer>, job: Box<dyn Job>) {
    writer
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .commit(&mut vec![job]);
}

fn look_here<T>(
    writer: &Mutex<Writer>,
    look: impl FnOnce(&Tx<'_>) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    let writer = writer.lock().unwrap_or_else(PoisonError::into_inner);
    look(&Tx::new(&writer.connection, &writer.vkey, writer.tree.size()))
}
