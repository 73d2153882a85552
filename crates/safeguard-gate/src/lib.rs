//! From evidence to verdicts: reports become facts, and the seven gates are pure functions of a [`Case`].
//!
//! This crate does no IO and knows no clock: reports are bytes that somebody read, and the time is given.

pub mod approval;
mod case;
mod checklist;
mod coverage;
pub mod diff;
mod documentation;
mod file;
pub mod gates;
mod introduced;
pub mod owners;
mod paths;
mod pyramid;
mod read;
mod risk;
pub mod signature;
mod suspects;
mod unreadable;

pub use case::{Case, ChangeCase, InForce, Shown};
pub use checklist::{CHECKLIST_PAGE, checklist, open_boxes};
pub use diff::read_diff;
pub use documentation::{DOCUMENTATION_PAGE, documentation, writes_recovery};
pub use file::{CaseFile, ChangeFile, EvidenceFile, Parts, PartsError};
pub use gates::judge;
pub use owners::Owners;
pub use pyramid::{PYRAMID_PAGE, pyramid};
pub use read::{REPORT_BYTES_MAX, Read, read, read_sarif};
pub use risk::{RISK_PAGE, risk};
pub use suspects::{Failed, kinds_of, kinds_of_drill, suspects};
pub use unreadable::{Place, Unreadable};
