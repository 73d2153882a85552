//! A code freeze: while one is open nothing moves towards production.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::id::{FreezeId, Name};
use crate::time::Timestamp;

/// What a calendar's windows say of the time within them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WindowKind {
    /// Nothing moves within them.
    Deny,
    /// Nothing moves outside of them.
    Allow,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Freeze {
    pub id: FreezeId,
    /// The service it holds; none means all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Name>,
    pub reason: String,
    pub opened_by: String,
    pub opened_at: Timestamp,
    /// When it ends by itself; none means when somebody closes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
}

/// What a client says when it opens one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FreezeSpec {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Name>,
    pub reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

impl Freeze {
    /// Whether it holds `service` at `now`.
    #[must_use]
    pub fn holds(&self, service: &Name, now: Timestamp) -> bool {
        let open = self.closed_at.is_none() && self.until.is_none_or(|until| now < until);
        open && self.service.as_ref().is_none_or(|only| only == service)
    }
}
