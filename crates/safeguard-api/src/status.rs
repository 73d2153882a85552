//! What the server answers when it is asked how things stand.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bisect::Bisect;
use crate::breakglass::Breakglass;
use crate::config::{Mode, Policy};
use crate::freeze::{Freeze, FreezeCheck};
use crate::id::{Name, PolicyId, ReleaseId, TokenId};
use crate::instance::{InstanceReport, RoleReport};
use crate::operation::Scope;
use crate::release::{Release, Rollout};
use crate::time::{Span, Timestamp};
use crate::traffic::RouteReport;
use crate::waiver::Waiver;

/// What serves a service: the live release, the one to fall back on, and the one on its way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceState {
    pub service: Name,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<ReleaseId>,
    /// What was live before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<ReleaseId>,
    /// The release whose walk is not over; at most one at a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active: Option<ReleaseId>,
}

/// `GET /api/v1/status`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Status {
    pub version: String,
    pub at: Timestamp,
    pub mode: Mode,
    pub policy: PolicyId,
    pub services: Vec<ServiceStatus>,
    pub freezes: Vec<Freeze>,
    pub processes: Vec<RoleReport>,
    pub log: LogStatus,
    /// Things to look at, most pressing first, each with what to do.
    pub warnings: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ServiceStatus {
    #[serde(flatten)]
    pub state: ServiceState,
    pub live_version: Option<String>,
    pub routes: Vec<RouteReport>,
    pub instances: Vec<InstanceReport>,
    pub active_release: Option<ReleaseStatus>,
    /// Whether releases may move, and what will change that.
    pub freeze: FreezeCheck,
    /// Time since the router last answered.
    pub router_silent: Option<Span>,
}

/// `GET /api/v1/releases/{id}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReleaseStatus {
    pub release: Release,
    pub rollout: Rollout,
    /// What the router counts for it, in each environment.
    pub routes: Vec<RouteReport>,
    pub instances: Vec<InstanceReport>,
    /// Log entries about it, oldest first: index and kind.
    pub entries: Vec<EntrySummary>,
    /// Gates that people set aside for it, or were asked to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waivers: Vec<Waiver>,
    /// What lifts freezes for it, or did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub breakglasses: Vec<Breakglass>,
    /// The search for the changes at fault in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bisect: Option<Box<Bisect>>,
    /// What a person can do next.
    pub hints: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EntrySummary {
    pub index: u64,
    pub kind: String,
    pub at: Timestamp,
    pub text: String,
    #[serde(default)]
    pub late: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LogStatus {
    pub size: u64,
    pub root: String,
    /// The name and key to verify checkpoints with.
    pub vkey: String,
}

/// `POST /api/v1/policy` answers, and `GET` too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PolicyStatus {
    pub id: PolicyId,
    pub policy: Policy,
    pub applied_at: Timestamp,
    pub applied_by: String,
    /// Releases still judged by an older one.
    pub older: Vec<ReleaseId>,
    /// How many of its approvers must sign before another takes its place.
    #[serde(default)]
    pub persons_to_change: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Token {
    pub id: TokenId,
    pub name: String,
    pub scope: Scope,
    pub created_at: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenSpec {
    pub name: String,
    pub scope: Scope,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TokenCreated {
    #[serde(flatten)]
    pub token: Token,
    /// Shown once; only its hash is kept.
    pub secret: String,
}

/// What `exec` notifiers get on standard input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Notice {
    pub api: String,
    /// `held`, `rolled_back`, `rollback_failed` or `live`.
    pub event: String,
    pub service: Name,
    pub release: ReleaseId,
    pub version: String,
    pub at: Timestamp,
    pub text: String,
}
