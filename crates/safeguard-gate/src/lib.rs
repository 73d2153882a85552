//! From evidence to verdicts: reports become facts, and the seven gates are pure functions of a [`Case`].
//!
//! This crate does no IO and knows no clock: reports are bytes that somebody read, and the time is given.

mod case;
pub mod diff;
mod file;
mod gates;
pub mod owners;
mod read;
mod unreadable;

pub use case::{Case, ChangeCase, Shown};
pub use diff::read_diff;
pub use file::{CaseFile, ChangeFile, EvidenceFile, Parts, PartsError};
pub use gates::judge;
pub use owners::Owners;
pub use read::{REPORT_BYTES_MAX, Read, read};
pub use unreadable::{Place, Unreadable};
