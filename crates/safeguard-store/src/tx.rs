//! One transaction, as a caller sees it: documents and settings. The log, the outbox and personal texts are in files of
//! their own.

use std::cell::RefCell;
use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Params, Row, params};
use safeguard_audit::Hash;

use crate::document::Document;
use crate::error::StoreError;

/// What a closure given to [`crate::Store::write`] or [`crate::Store::read`] works on.
pub struct Tx<'a> {
    pub(crate) connection: &'a Connection,
    pub(crate) vkey: &'a str,
    /// The log's size before this commit.
    pub(crate) size: u64,
    /// Hashes of the entries that this commit appends.
    pub(crate) leaves: Vec<Hash>,
    /// Whether a row was changed.
    pub(crate) changed: bool,
    /// The database's first error: after one, nothing of the commit is kept, whatever the closure makes of it.
    failure: RefCell<Option<StoreError>>,
}

impl<'a> Tx<'a> {
    pub(crate) fn new(connection: &'a Connection, vkey: &'a str, size: u64) -> Tx<'a> {
        Tx {
            connection,
            vkey,
            size,
            leaves: Vec::new(),
            changed: false,
            failure: RefCell::new(None),
        }
    }

    pub(crate) fn failure(&self) -> Option<StoreError> {
        self.failure.borrow().clone()
    }

    /// Stores a document in the place of the one with the same key.
    ///
    /// # Errors
    /// When it is not kept.
    pub fn put<D: Document>(&mut self, document: &D) -> Result<(), StoreError> {
        let key = document.key();
        let body = serde_json::to_string(document).map_err(|source| StoreError::Write {
            what: format!("{} {key}", D::KIND),
            source: Arc::new(source),
        })?;
        self.change(
            "INSERT INTO document (kind, key, body) VALUES (?1, ?2, ?3)
             ON CONFLICT (kind, key) DO UPDATE SET body = excluded.body",
            params![D::KIND, key, body],
        )?;
        Ok(())
    }

    /// Removes a document; whether there was one. What the log says of it stays.
    ///
    /// # Errors
    /// When it is not removed.
    pub fn remove<D: Document>(&mut self, key: &str) -> Result<bool, StoreError> {
        let rows = self.change(
            "DELETE FROM document WHERE kind = ?1 AND key = ?2",
            params![D::KIND, key],
        )?;
        Ok(rows > 0)
    }

    /// # Errors
    /// When the database or the document cannot be read; a missing one is none.
    pub fn get<D: Document>(&self, key: &str) -> Result<Option<D>, StoreError> {
        let body: Option<String> = self.one(
            "SELECT body FROM document WHERE kind = ?1 AND key = ?2",
            params![D::KIND, key],
            |row| row.get(0),
        )?;
        body.map(|body| parse(D::KIND, key, &body)).transpose()
    }

    /// Returns at most `limit` documents in the order of their keys.
    ///
    /// # Errors
    /// When the database or a document cannot be read.
    pub fn list<D: Document>(&self, newest_first: bool, limit: usize) -> Result<Vec<D>, StoreError> {
        let sql = if newest_first {
            "SELECT key, body FROM document WHERE kind = ?1 ORDER BY key DESC LIMIT ?2"
        } else {
            "SELECT key, body FROM document WHERE kind = ?1 ORDER BY key LIMIT ?2"
        };
        let rows: Vec<(String, String)> = self.many(sql, params![D::KIND, sql_limit(limit)], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
        rows.iter().map(|(key, body)| parse(D::KIND, key, body)).collect()
    }

    /// Returns at most `limit` documents whose keys begin with `prefix`, the last ones in the order of their keys.
    ///
    /// # Errors
    /// When the database or a document cannot be read.
    pub fn list_last<D: Document>(&self, prefix: &str, limit: usize) -> Result<Vec<D>, StoreError> {
        // Keys are ASCII, so whatever begins with the prefix sorts before the prefix and the greatest character.
        let rows: Vec<(String, String)> = self.many(
            "SELECT key, body FROM document WHERE kind = ?1 AND key >= ?2 AND key < ?2 || char(1114111)
             ORDER BY key DESC LIMIT ?3",
            params![D::KIND, prefix, sql_limit(limit)],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        rows.iter()
            .rev()
            .map(|(key, body)| parse(D::KIND, key, body))
            .collect()
    }

    /// # Errors
    /// When it is not kept.
    pub fn put_setting(&mut self, key: &str, value: &str) -> Result<(), StoreError> {
        self.change(
            "INSERT INTO setting (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            params![key, value],
        )?;
        Ok(())
    }

    /// # Errors
    /// When the database cannot be read; a missing setting is none.
    pub fn setting(&self, key: &str) -> Result<Option<String>, StoreError> {
        self.one("SELECT value FROM setting WHERE key = ?1", params![key], |row| {
            row.get(0)
        })
    }

    pub(crate) fn change(&mut self, sql: &str, params: impl Params) -> Result<usize, StoreError> {
        self.changed = true;
        self.checked(
            self.connection
                .prepare_cached(sql)
                .and_then(|mut statement| statement.execute(params)),
        )
    }

    pub(crate) fn one<T>(
        &self,
        sql: &str,
        params: impl Params,
        row: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>, StoreError> {
        let statement = self.connection.prepare_cached(sql);
        self.checked(statement.and_then(|mut statement| statement.query_row(params, row).optional()))
    }

    pub(crate) fn many<T>(
        &self,
        sql: &str,
        params: impl Params,
        row: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let statement = self.connection.prepare_cached(sql);
        self.checked(statement.and_then(|mut statement| statement.query_map(params, row)?.collect()))
    }

    pub(crate) fn checked<T>(&self, result: rusqlite::Result<T>) -> Result<T, StoreError> {
        result.map_err(|error| {
            let error = StoreError::from(error);
            self.failure.borrow_mut().get_or_insert_with(|| error.clone());
            error
        })
    }
}

pub(crate) fn sql_limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

fn parse<D: Document>(kind: &str, key: &str, body: &str) -> Result<D, StoreError> {
    serde_json::from_str(body).map_err(|source| StoreError::Read {
        what: format!("{kind} {key}"),
        source: Arc::new(source),
    })
}
