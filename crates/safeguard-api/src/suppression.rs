//! What a person signs so that a comment in the source lets a critical finding pass.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::approval::Signable;

pub const SUPPRESSION_API: &str = "safeguard.suppression/1";
/// Where a repository keeps what was signed: a signed statement a line.
pub const APPROVALS_FILE: &str = "safeguard-approvals.jsonl";
pub const APPROVALS_FILE_BYTES_MAX: usize = 1 << 20;
/// Of one line of the file.
pub const APPROVAL_BYTES_MAX: usize = 8192;

/// A finding and the comment that would let it pass: its canonical JSON (RFC 8785) is signed. Where the two stand is no part of it, so that
/// code may move; each word of them is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SuppressionStatement {
    /// `safeguard.suppression/1`.
    pub api: String,
    /// The identity of the finding, as the report of `safeguard check` has it.
    pub finding: String,
    pub rule: String,
    pub reason: String,
    pub owner: String,
    /// The last day that the comment and its approval hold: `2027-01-31`.
    pub until: String,
}

/// A comment that would let a finding pass, and what somebody signed for it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SilencingComment {
    pub statement: SuppressionStatement,
    /// A line of the file of approvals, as it was written; who signed it is verified whenever it counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<String>,
}

impl SuppressionStatement {
    /// Whether this very text is what was signed.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        self.bytes() == text.as_bytes()
    }
}
