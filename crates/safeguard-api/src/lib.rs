//! The vocabulary of safeguard: resources, ids, limits and every wire type, each defined once.
//!
//! This crate decides nothing and does no IO: no files, no sockets, no clock, no randomness.

pub mod approval;
pub mod audit;
pub mod bisect;
mod block;
pub mod breakglass;
pub mod change;
pub mod checklist;
pub mod config;
pub mod credential;
pub mod diff;
pub mod documentation;
pub mod drill;
pub mod evidence;
pub mod freeze;
pub mod gate;
pub mod guard;
pub mod id;
pub mod instance;
pub mod lines;
pub mod migration;
pub mod operation;
pub mod passkey;
pub mod policy_change;
pub mod problem;
pub mod pyramid;
pub mod release;
pub mod risk;
mod scope;
pub mod ssh_key;
pub mod stage;
pub mod statement;
pub mod status;
pub mod suppression;
pub mod time;
pub mod traffic;
pub mod waiver;

pub use approval::Approval;
pub use breakglass::Breakglass;
pub use change::{Change, ChangeDocument, ChangeSpec, DocumentKind};
pub use checklist::Attestation;
pub use config::Config;
pub use credential::Credential;
pub use evidence::Evidence;
pub use freeze::Freeze;
pub use gate::{Gate, GateReport, GateVerdict, Permit, Verdict};
pub use id::{
    ApprovalId, BreakglassId, ChangeId, CredentialId, DecisionId, Digest, EvidenceId, FreezeId, Name,
    PolicyChangeId, PolicyId, ReleaseId, TokenId, UndoId, WaiverId,
};
pub use passkey::Passkey;
pub use policy_change::PolicyChange;
pub use problem::Problem;
pub use release::{Block, Phase, Release, Rollout};
pub use ssh_key::SshKey;
pub use stage::{Environment, Percent, Stage};
pub use statement::StatementRequest;
pub use time::{Now, Span, Timestamp};
pub use waiver::Waiver;
