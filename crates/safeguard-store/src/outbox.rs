//! Effects that were decided together with the state, and are delivered afterwards, each at least once.

use std::sync::Arc;

use rusqlite::params;
use serde::Serialize;

use crate::error::StoreError;
use crate::tx::{Tx, sql_limit};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    pub id: i64,
    pub topic: String,
    /// JSON.
    pub body: String,
    /// How often delivery has failed.
    pub attempts: u32,
    /// Not to be tried before, in milliseconds since 1970.
    pub next_try_ms: i64,
}

impl Tx<'_> {
    /// Decides an effect; it is delivered after the commit.
    ///
    /// # Errors
    /// When it is not kept.
    pub fn notify(&mut self, topic: &str, body: &impl Serialize) -> Result<(), StoreError> {
        let body = serde_json::to_string(body).map_err(|source| StoreError::Write {
            what: topic.to_owned(),
            source: Arc::new(source),
        })?;
        self.change(
            "INSERT INTO outbox (topic, body) VALUES (?1, ?2)",
            params![topic, body],
        )?;
        Ok(())
    }

    /// Returns at most `limit` effects that were not delivered, in the order in which they are to be tried.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn pending(&self, limit: usize) -> Result<Vec<OutboxRow>, StoreError> {
        self.many(
            "SELECT id, topic, body, attempts, next_try_ms FROM outbox ORDER BY next_try_ms, id LIMIT ?1",
            params![sql_limit(limit)],
            |row| {
                Ok(OutboxRow {
                    id: row.get(0)?,
                    topic: row.get(1)?,
                    body: row.get(2)?,
                    attempts: row.get(3)?,
                    next_try_ms: row.get(4)?,
                })
            },
        )
    }

    /// Forgets an effect that was delivered.
    ///
    /// # Errors
    /// When it is not forgotten.
    pub fn delivered(&mut self, id: i64) -> Result<(), StoreError> {
        self.change("DELETE FROM outbox WHERE id = ?1", params![id])?;
        Ok(())
    }

    /// Counts a failed delivery, and says when to try again, in milliseconds since 1970.
    ///
    /// # Errors
    /// When it is not kept.
    pub fn failed(&mut self, id: i64, next_try_ms: i64) -> Result<(), StoreError> {
        self.change(
            "UPDATE outbox SET attempts = attempts + 1, next_try_ms = ?2 WHERE id = ?1",
            params![id, next_try_ms],
        )?;
        Ok(())
    }
}
