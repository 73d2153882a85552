//! What a token may do.

use serde::Serialize;

/// What a token may do. Each scope includes the ones before it.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Anyone who can reach the listener: the log's public part, and whether the server is there.
    Public,
    Read,
    /// Record changes, store artifacts, create releases: for build pipelines and coding agents.
    Propose,
    /// Add evidence: for the pipeline that runs the checks, never for the agent whose change is checked.
    Evidence,
    /// Promote, hold, roll back, open and close freezes.
    Operate,
    /// Policies, tokens, clearing poisoned digests.
    Admin,
}
