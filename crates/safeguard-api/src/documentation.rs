//! The documentation that each change needs before its release moves: which part is there, and what is lacking.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::gate::Verdict;
use crate::id::ChangeId;

/// Whether a release may leave its stage, as far as the documentation of its changes is concerned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Documentation {
    pub verdict: Verdict,
    /// One sentence: the first part that is lacking, and what to type.
    pub reason: String,
    pub parts: Vec<DocumentationPart>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DocumentationPart {
    pub topic: Topic,
    /// The change that it is about; none where it is about all of the release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub change: Option<ChangeId>,
    pub complete: bool,
    /// Where it comes from, or what is lacking and what to type.
    pub why: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Topic {
    Intent,
    Risk,
    Recovery,
    Coverage,
}

impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Topic::Intent => "intent",
            Topic::Risk => "risk",
            Topic::Recovery => "recovery",
            Topic::Coverage => "coverage",
        })
    }
}
