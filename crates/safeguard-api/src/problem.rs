//! The one shape of an error on the wire: RFC 9457 problem details.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// Such as `urn:safeguard:refused`, `urn:safeguard:not-found`, `urn:safeguard:invalid`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What was refused, in one sentence.
    pub title: String,
    pub status: u16,
    /// The figures against their limits, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub details: Vec<String>,
    /// What to do next.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// The log entry that recorded the refusal, where one did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entry: Option<u64>,
}

impl Problem {
    #[must_use]
    pub fn new(status: u16, kind: &str, title: impl Into<String>) -> Problem {
        Problem {
            kind: format!("urn:safeguard:{kind}"),
            title: title.into(),
            status,
            details: Vec::new(),
            hint: None,
            entry: None,
        }
    }

    #[must_use]
    pub fn with_details(mut self, details: Vec<String>) -> Problem {
        self.details = details;
        self
    }

    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Problem {
        self.hint = Some(hint.into());
        self
    }
}
