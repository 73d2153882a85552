//! State, audit log and outbox in one SQLite database: whatever changes, changes together with its log entry.
//!
//! This crate decides nothing: it keeps documents, appends events, and signs what the log has become. A write is
//! answered only when it is durable: WAL and `synchronous=FULL` are read back when the database is opened. That a
//! process may be killed at any moment is tested; that a disk keeps what it has confirmed is the disk's promise.

mod content;
mod document;
mod error;
mod log;
mod open;
mod outbox;
mod outside;
mod personal;
mod read;
mod store;
mod tx;
mod write;

pub use content::{Content, ContentError};
pub use document::{Document, EvidenceAbout, Poisoned, TokenRecord, document_key};
pub use error::{OpenError, StoreError};
pub use open::{Place, Settings, SigningKeyBytes};
pub use outbox::OutboxRow;
pub use store::Store;
pub use tx::Tx;
