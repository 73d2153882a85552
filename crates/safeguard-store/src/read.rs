//! Connections that only read: each look sees one snapshot, and no look waits for a commit.

use std::sync::{Condvar, Mutex, PoisonError};

use rusqlite::Connection;

use crate::error::StoreError;
use crate::tx::Tx;
use crate::write::run;

/// Connections, and so looks at the same time.
pub(crate) const READERS: usize = 4;

pub(crate) struct Readers {
    // The mutex guards the connections that nobody uses at the moment.
    idle: Mutex<Vec<Connection>>,
    returned: Condvar,
    vkey: String,
}

impl Readers {
    pub fn new(connections: Vec<Connection>, vkey: String) -> Readers {
        Readers {
            idle: Mutex::new(connections),
            returned: Condvar::new(),
            vkey,
        }
    }

    pub fn look<T>(&self, look: impl FnOnce(&Tx<'_>) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let borrowed = Borrowed {
            readers: self,
            connection: Some(self.take()),
        };
        let Some(connection) = &borrowed.connection else {
            return Err(StoreError::Closed);
        };
        run(connection, "BEGIN")?;
        let looked = look(&Tx::new(connection, &self.vkey, 0));
        run(connection, "COMMIT")?;
        looked
    }

    fn take(&self) -> Connection {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            match idle.pop() {
                Some(connection) => return connection,
                None => idle = self.returned.wait(idle).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }
}

/// Gives the connection back, also when a look panics.
struct Borrowed<'a> {
    readers: &'a Readers,
    connection: Option<Connection>,
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        if !connection.is_autocommit()
            && let Err(error) = run(&connection, "ROLLBACK")
        {
            tracing::error!(%error, "A snapshot could not be closed");
        }
        self.readers
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(connection);
        self.readers.returned.notify_one();
    }
}
