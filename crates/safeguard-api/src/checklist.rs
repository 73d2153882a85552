//! The checklist of a change: its boxes, and what people answered where nothing here can tell.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::ChangeId;
use crate::time::Timestamp;

/// One thing that must be true before a change is deployed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckBox {
    /// `C1` before the code was made, `C2` its review, `C3` testing, `C4` deployment.
    pub part: String,
    pub text: String,
    pub state: BoxState,
    /// The figure, what a person said, or what is missing.
    pub why: String,
    /// By this name a person answers it; none where evidence or a document does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<Question>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BoxState {
    Done,
    /// Do not deploy.
    Open,
    /// Nothing here can tell, and no person has said so yet: do not deploy.
    Unknown,
}

/// A box that a person answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Question {
    /// No credentials of production were in reach of the tool.
    Credentials,
    /// It was not made in a freeze, or somebody allowed it.
    Freeze,
    /// Every file that it removes was asked to be removed.
    Deletions,
    /// It sits behind a flag with a kill switch.
    Flag,
    /// Somebody is on call for it.
    OnCall,
}

impl Question {
    pub const ALL: [Question; 5] = [
        Question::Credentials,
        Question::Freeze,
        Question::Deletions,
        Question::Flag,
        Question::OnCall,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Question::Credentials => "credentials",
            Question::Freeze => "freeze",
            Question::Deletions => "deletions",
            Question::Flag => "flag",
            Question::OnCall => "on-call",
        }
    }
}

impl fmt::Display for Question {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Says that a word names no box.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is no box that a person answers: credentials, freeze, deletions, flag or on-call")]
pub struct QuestionError(String);

impl FromStr for Question {
    type Err = QuestionError;
    fn from_str(text: &str) -> Result<Self, QuestionError> {
        Question::ALL
            .into_iter()
            .find(|question| question.as_str() == text)
            .ok_or_else(|| QuestionError(text.chars().take(40).collect()))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    Yes,
    No,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Answer::Yes => "yes",
            Answer::No => "no",
        })
    }
}

/// What a client sends to answer a box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttestationSpec {
    pub question: Question,
    pub answer: Answer,
    /// How the person knows.
    pub reason: String,
}

/// A person's answer to a box. A later one takes an earlier one's place; the log keeps both.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Attestation {
    pub change: ChangeId,
    /// The commit that it speaks of: of another it says nothing.
    pub head: String,
    #[serde(flatten)]
    pub said: AttestationSpec,
    /// The token's name.
    pub by: String,
    pub at: Timestamp,
    pub entry: u64,
}
