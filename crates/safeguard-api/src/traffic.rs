//! What the control plane tells the router, and what the router tells back.
//!
//! The two talk over a Unix socket, one JSON object a line: a [`RouterCall`], then its [`RouterAnswer`].

use std::fmt;
use std::net::SocketAddr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::config::{JudgePolicy, UserKey};
use crate::id::{Digest, Name, ReleaseId};
use crate::stage::{Environment, Percent};
use crate::time::{Span, Timestamp};

pub const ROUTER_LINE_BYTES_MAX: usize = 16 << 20;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "call", rename_all = "snake_case")]
pub enum RouterCall {
    /// Applies a table if its generation is newer, renews the lease if it is the same, and reports.
    Apply { table: TrafficTable },
    /// Reports without changing anything. Does not renew the lease.
    Report,
    /// The journal's entries after `after`, at most `limit`.
    Journal { after: u64, limit: usize },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum RouterAnswer {
    Report(RouterReport),
    Journal { entries: Vec<JournalEntry> },
    Refused { why: String },
}

/// All routes, and until when the candidates' weights hold without word from the control plane.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrafficTable {
    /// An older generation is never applied.
    pub generation: u64,
    pub lease: Span,
    pub routes: Vec<Route>,
}

/// One service in one environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Route {
    pub service: Name,
    pub environment: Environment,
    pub user_key: UserKey,
    pub stable: Option<Arm>,
    pub candidate: Option<Candidate>,
    /// The digests of the tokens that let a tester choose the arm by a header.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub testers: Vec<Digest>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Arm {
    pub release: ReleaseId,
    pub version: String,
    pub endpoints: Vec<Endpoint>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Endpoint {
    /// The instance's id, as the supervisor knows it.
    pub instance: String,
    pub address: SocketAddr,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    pub arm: Arm,
    pub weight: Percent,
    /// Decides with the user's key which users see the candidate first; the same for the whole walk.
    pub salt: String,
    pub epoch: u32,
    /// The last journal entry the planner knew when it chose `weight`. The router refuses to raise a weight
    /// that it took down itself in a later entry.
    pub journal_seen: u64,
    /// Whether bad events count: not while warming, and only where there is something to compare with.
    pub judged: bool,
    /// Observe mode: trips are journalled, and the weight stays.
    pub observe: bool,
    pub judge: JudgePolicy,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RouterReport {
    /// The generation in force.
    pub generation: u64,
    pub at: Timestamp,
    /// Changes when the router starts anew: counters begin at 0 again.
    pub incarnation: String,
    pub journal_last: u64,
    pub routes: Vec<RouteReport>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RouteReport {
    pub service: Name,
    pub environment: Environment,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable: Option<ArmReport>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<ArmReport>,
    /// The candidate's weight in force: the table's, or 0 when the router took it down or the lease ran out.
    pub weight: Percent,
    pub epoch: u32,
    /// The judge's evidence at present, as the logarithm of its e-value, and the limit at which it trips.
    pub log_evidence: f64,
    pub log_evidence_max: f64,
    /// Requests that found no instance to go to.
    pub unrouted: u64,
    /// Requests of clients that made too many; they went nowhere and are no evidence.
    #[serde(default)]
    pub rate_limited: u64,
}

/// Counted since the router started, or since this release became this arm.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ArmReport {
    pub release: ReleaseId,
    pub requests: u64,
    /// Bad events of class `error` or `new_kind`, before any counting once.
    pub errors: u64,
    /// Requests with no complete answer from the instance: refused, reset, timed out, cut short.
    pub lost: u64,
    /// Failures that clients did not see, because stable answered instead; they are among `errors`.
    #[serde(default)]
    pub shielded: u64,
    /// Copies of stable's requests: sent, of them not answered well, and not sent because too many were under way.
    #[serde(default)]
    pub mirrored: u64,
    #[serde(default)]
    pub mirrored_errors: u64,
    #[serde(default)]
    pub mirror_skipped: u64,
    /// Requests the judge uses, at most one bad event for each session, class, fingerprint and window.
    pub judged_requests: u64,
    pub judged_errors: u64,
    /// Distinct sessions within the judge's window.
    pub sessions: u64,
    pub in_flight: u64,
    /// Long-lived connections: WebSocket and server-sent events.
    pub streams: u64,
    pub p50_ms: f64,
    pub p95_ms: f64,
    /// When the first and the last bad response was seen, by the router's wall clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_bad_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_bad_at: Option<Timestamp>,
    /// The `x-request-id` of the last bad response.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_bad_request: Option<String>,
}

/// What kind of bad event a request was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BadClass {
    /// 5xx, refused, reset, timed out, cut short.
    Error,
    /// Later than stable's 95th percentile.
    Slow,
    /// An error of a fingerprint that stable has not shown.
    NewKind,
    /// 4xx except 404.
    ClientError,
}

impl BadClass {
    pub const ALL: [BadClass; 4] = [
        BadClass::Error,
        BadClass::Slow,
        BadClass::NewKind,
        BadClass::ClientError,
    ];

    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            BadClass::Error => "error",
            BadClass::Slow => "slow",
            BadClass::NewKind => "new_kind",
            BadClass::ClientError => "client_error",
        }
    }
}

/// The router's own decision to take a candidate's weight to 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Trip {
    /// Its number in the router's journal.
    pub seq: u64,
    pub at: Timestamp,
    pub cause: TripCause,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum TripCause {
    /// The e-process passed 1/α.
    Judge {
        /// The class that weighed most.
        class: BadClass,
        log_evidence: f64,
        log_evidence_max: f64,
        canary_bad: u64,
        canary_requests: u64,
        stable_bad: u64,
        stable_requests: u64,
    },
    /// The candidate's process ended again and again.
    Exits {
        count: u32,
        within: Span,
    },
    HealthChecks {
        failed: u32,
    },
    OutOfMemory,
    /// Failures in a row on the candidate while stable succeeds.
    FailuresInARow {
        count: u32,
    },
}

impl TripCause {
    /// The word for tables.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            TripCause::Judge { class, .. } => match class {
                BadClass::Error => "judge: errors",
                BadClass::Slow => "judge: slow",
                BadClass::NewKind => "judge: new errors",
                BadClass::ClientError => "judge: client errors",
            },
            TripCause::Exits { .. } => "exits",
            TripCause::HealthChecks { .. } => "health",
            TripCause::OutOfMemory => "out of memory",
            TripCause::FailuresInARow { .. } => "failures in a row",
        }
    }
}

impl fmt::Display for TripCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TripCause::Judge {
                class,
                log_evidence,
                log_evidence_max,
                canary_bad,
                canary_requests,
                stable_bad,
                stable_requests,
            } => {
                let what = match class {
                    BadClass::Error => "errors",
                    BadClass::Slow => "slow responses",
                    BadClass::NewKind => "errors of a new kind",
                    BadClass::ClientError => "client errors",
                };
                write!(
                    f,
                    "{what} come from the candidate: {canary_bad} in {canary_requests} requests against \
                     {stable_bad} in {stable_requests} on stable (evidence {log_evidence:.1}, limit {log_evidence_max:.1})"
                )
            }
            TripCause::Exits { count, within } => {
                write!(f, "the candidate's process ended {count} times within {within}")
            }
            TripCause::HealthChecks { failed } => write!(f, "{failed} health checks failed in a row"),
            TripCause::OutOfMemory => write!(f, "the candidate was killed for using too much memory"),
            TripCause::FailuresInARow { count } => {
                write!(
                    f,
                    "{count} requests in a row failed on the candidate while stable succeeded"
                )
            }
        }
    }
}

/// One line of the router's own append-only journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// Counts from 1 and never repeats, also across restarts.
    pub seq: u64,
    pub at: Timestamp,
    pub service: Name,
    pub environment: Environment,
    pub release: ReleaseId,
    pub event: JournalEvent,
    /// True when the control plane was silent at the time, so the log has it later than it happened.
    pub late: bool,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum JournalEvent {
    /// The candidate lost its users by the router's own decision, with the evaluations that led to it.
    Tripped {
        cause: TripCause,
        evidence: Vec<Evaluation>,
    },
    /// Observe mode: the same decision, and nothing was moved.
    WouldTrip {
        cause: TripCause,
        evidence: Vec<Evaluation>,
    },
    LeaseExpired {
        lease: Span,
        weight: Percent,
    },
    /// The router started anew with the lease over or unknown.
    Restarted {
        weight: Percent,
    },
}

/// What the judge saw at one look, enough to compute its verdict again.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evaluation {
    /// Milliseconds since the judge began.
    pub at_ms: u64,
    pub class: BadClass,
    /// Bad events of the class since the last look, and those of them on the canary.
    pub n: u32,
    pub k: u32,
    /// Distinct sessions on canary and stable.
    pub sessions_canary: u32,
    pub sessions_stable: u32,
}
