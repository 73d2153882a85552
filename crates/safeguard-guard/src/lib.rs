//! Judges SQL statements and shell commands by their trees: what they would do, and whether who asks may.
//!
//! This crate does no IO and knows no clock, no database and no network: text and policy in, decision out.

mod calls;
mod condition;
mod cost;
mod facts;
mod functions;
mod judge;
mod memory;
pub mod migration;
mod names;
mod read;
pub mod rules;
mod schema;
mod server;
mod session;
mod shape;
pub mod shell;
mod table;
mod timeouts;
mod tree;

pub use calls::LOCKS_MAX;
pub use facts::{Act, Facts, Plan, Run, Taking, TakingVerb, TransactionStep};
pub use judge::{NOT_COUNTED, Verdict, budget, decide, is_approvable, judge};
pub use read::{DEPTH_MAX, STATEMENT_BYTES_MAX, STATEMENTS_MAX, read};
pub use shape::{Shape, hash_shape};
pub use timeouts::{TIMEOUTS, Timeouts, milliseconds};
