//! What a change does to files, and what is known of these files' past.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::lines::LineSet;
use crate::time::Timestamp;

/// A change's diff against its base, read from `git diff`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Diff {
    /// Sorted by path.
    pub files: Vec<FileDiff>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileDiff {
    /// After the change; for a removed file, before it.
    pub path: String,
    /// Where it came from, if it was moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved_from: Option<String>,
    pub status: FileStatus,
    /// Git's mode after the change, such as `100755`, `120000` for a link or `160000` for a submodule, where the change
    /// sets it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<String>,
    pub binary: bool,
    /// Lines that the change adds or rewrites, as they are numbered after it.
    pub added: LineSet,
    pub removed_lines: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FileStatus {
    Added,
    Modified,
    Removed,
}

/// `safeguard.history/1`: what git knows of the files that a change touches, at the change's base.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct History {
    pub api: String,
    /// By path, as in the diff.
    pub files: BTreeMap<String, FileHistory>,
    /// The text of CODEOWNERS at the base, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub codeowners: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileHistory {
    pub first_commit_at: Timestamp,
    pub last_commit_at: Timestamp,
    pub commits: u32,
    pub commits_last_90_days: u32,
    /// Commits by author, as `Name <email>`.
    pub authors: BTreeMap<String, u32>,
}

impl Diff {
    #[must_use]
    pub fn added_lines(&self) -> u64 {
        self.files.iter().map(|file| file.added.len()).sum()
    }

    #[must_use]
    pub fn removed_lines(&self) -> u64 {
        self.files.iter().map(|file| u64::from(file.removed_lines)).sum()
    }
}
