//! The vocabulary of safeguard: resources, ids, limits and every wire type, each defined once.
//!
//! This crate decides nothing and does no IO: no files, no sockets, no clock, no randomness.

pub mod approval;
pub mod audit;
pub mod change;
pub mod config;
pub mod diff;
pub mod drill;
pub mod evidence;
pub mod freeze;
pub mod gate;
pub mod id;
pub mod instance;
pub mod lines;
pub mod operation;
pub mod problem;
pub mod pyramid;
pub mod release;
pub mod risk;
pub mod stage;
pub mod status;
pub mod time;
pub mod traffic;

pub use approval::{Approval, Waiver};
pub use change::{Change, ChangeDocument, ChangeSpec, DocumentKind};
pub use config::Config;
pub use evidence::Evidence;
pub use freeze::Freeze;
pub use gate::{Gate, GateReport, GateVerdict, Permit, Verdict};
pub use id::{
    ApprovalId, ChangeId, Digest, EvidenceId, FreezeId, Name, PolicyId, ReleaseId, TokenId, WaiverId,
};
pub use problem::Problem;
pub use release::{Block, Phase, Release, Rollout};
pub use stage::{Environment, Percent, Stage};
pub use time::{Now, Span, Timestamp};
