//! What is told of a dependency.

use std::ops::Range;

use safeguard_api::evidence::Severity;

use crate::package::Ecosystem;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The page's name: `vulnerable-dependency`.
    pub rule: &'static str,
    pub path: String,
    /// In bytes of the file as it is.
    pub span: Range<usize>,
    pub message: String,
    pub severity: Severity,
    /// Whether it is sure enough to refuse a change for.
    pub certain: bool,
    /// The package it is about; the same wherever it stands.
    pub about: Option<(Ecosystem, String)>,
}

impl Finding {
    pub fn blocks(&self) -> bool {
        self.certain && self.severity >= Severity::High
    }
}
