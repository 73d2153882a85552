//! A change: one merge, with who and what made it.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{ChangeId, Digest, Name};
use crate::time::Timestamp;

/// What a client says of a change when it records one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeSpec {
    /// The service whose code changed.
    pub service: Name,
    /// One line: what the change does.
    pub title: String,
    /// Where the code lives, such as a repository's address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The commit that was merged onto, in hexadecimal.
    pub base: String,
    /// The commit that was merged, in hexadecimal.
    pub head: String,
    /// Git's tree of the merge of `head` into `base`, in hexadecimal: what an approval binds to besides the two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub merge_tree: Option<String>,
    /// Who is named as author.
    pub author: String,
    /// Everyone else named on the commits.
    #[serde(default)]
    pub co_authors: Vec<String>,
    /// The person who asked the AI tool for the change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompter: Option<String>,
    /// The AI tool that wrote it, if one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ai_tool: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ai_tool_version: Option<String>,
    /// The change that this one takes the place of: its branch was pushed to another head.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<ChangeId>,
}

/// A recorded change; it never changes afterwards.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Change {
    pub id: ChangeId,
    #[serde(flatten)]
    pub spec: ChangeSpec,
    pub recorded_at: Timestamp,
    /// The token's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub recorded_by: String,
    /// The log entry that recorded it.
    pub entry: u64,
}

/// A document of a change, in the content store by its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ChangeDocument {
    pub change: ChangeId,
    pub kind: DocumentKind,
    pub document: Digest,
    pub bytes: u64,
    /// Words of people are not in the content store: they are found by the log's commitment to them, and can be erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commitment: Option<String>,
    pub attached_at: Timestamp,
    pub attached_by: String,
    pub entry: u64,
}

/// What a change's documents are about. A later one takes an earlier one's place; the log keeps both.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DocumentKind {
    /// The output of `git diff` between base and head.
    Diff,
    /// [`crate::diff::History`].
    History,
    /// What the change is for, in Markdown.
    Intent,
    /// What was said to the AI tool: a transcript.
    Prompts,
    /// What may go wrong, in Markdown, beside the computed risk.
    Risk,
    /// How to go back: steps that can be executed, in Markdown.
    Recovery,
}

impl DocumentKind {
    pub const ALL: [DocumentKind; 6] = [
        DocumentKind::Diff,
        DocumentKind::History,
        DocumentKind::Intent,
        DocumentKind::Prompts,
        DocumentKind::Risk,
        DocumentKind::Recovery,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            DocumentKind::Diff => "diff",
            DocumentKind::History => "history",
            DocumentKind::Intent => "intent",
            DocumentKind::Prompts => "prompts",
            DocumentKind::Risk => "risk",
            DocumentKind::Recovery => "recovery",
        }
    }
}

impl fmt::Display for DocumentKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Says that a word names no document.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a document of a change: diff, history, intent, prompts, risk or recovery")]
pub struct DocumentKindError(String);

impl FromStr for DocumentKind {
    type Err = DocumentKindError;
    fn from_str(text: &str) -> Result<Self, DocumentKindError> {
        DocumentKind::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| DocumentKindError(text.chars().take(40).collect()))
    }
}

pub const TEXT_BYTES_MAX: usize = 512;
pub const CO_AUTHORS_MAX: usize = 64;

impl ChangeSpec {
    /// Returns what is wrong with the fields, in the order of the type; empty when nothing is.
    #[must_use]
    pub fn problems(&self) -> Vec<String> {
        let mut problems = Vec::new();
        let texts = [
            ("title", Some(&self.title)),
            ("repository", self.repository.as_ref()),
            ("author", Some(&self.author)),
            ("prompter", self.prompter.as_ref()),
            ("ai_tool", self.ai_tool.as_ref()),
            ("ai_tool_version", self.ai_tool_version.as_ref()),
        ];
        for (field, text) in texts {
            let Some(text) = text else { continue };
            if text.trim().is_empty() {
                problems.push(format!("`{field}` is empty"));
            } else if text.len() > TEXT_BYTES_MAX {
                problems.push(format!(
                    "`{field}` has {} bytes (limit {TEXT_BYTES_MAX})",
                    text.len()
                ));
            } else if text.chars().any(char::is_control) {
                problems.push(format!("`{field}` has a control character"));
            }
        }
        let commits = [
            ("base", Some(&self.base)),
            ("head", Some(&self.head)),
            ("merge_tree", self.merge_tree.as_ref()),
        ];
        for (field, commit) in commits {
            let Some(commit) = commit else { continue };
            let hex = (7..=64).contains(&commit.len()) && commit.bytes().all(|b| b.is_ascii_hexdigit());
            if !hex {
                problems.push(format!("`{field}` is not a commit: 7 to 64 hexadecimal digits"));
            }
        }
        if self.base == self.head {
            problems.push("`base` and `head` are the same commit".to_owned());
        }
        if self.co_authors.len() > CO_AUTHORS_MAX {
            problems.push(format!(
                "{} co-authors (limit {CO_AUTHORS_MAX})",
                self.co_authors.len()
            ));
        }
        let unfit = |name: &String| name.trim().is_empty() || name.len() > TEXT_BYTES_MAX;
        if self.co_authors.iter().any(unfit) {
            problems.push(format!(
                "a co-author is empty or longer than {TEXT_BYTES_MAX} bytes"
            ));
        }
        if self.ai_tool_version.is_some() && self.ai_tool.is_none() {
            problems.push("`ai_tool_version` is given without `ai_tool`".to_owned());
        }
        problems
    }
}
