//! A release, and the rollout that walks it through the stages.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use crate::block::Block;
use crate::config::Terms;
use crate::id::{ChangeId, Digest, Name, PolicyId, ReleaseId};
use crate::stage::{Percent, Stage};
use crate::time::{Span, Timestamp};
use crate::traffic::Trip;

/// What a client says when it creates a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseSpec {
    pub service: Name,
    /// The artifact, stored before.
    pub artifact: Digest,
    /// A name for people, such as `1.4.2`.
    pub version: String,
    /// The changes it carries; those that the live release carries are known and may be left out.
    #[serde(default)]
    pub changes: Vec<ChangeId>,
    /// Which way it takes.
    #[serde(default)]
    pub lane: Lane,
    /// Whether it closes a release that is on its way, rather than wait for it.
    #[serde(default)]
    pub supersede: bool,
}

/// The way of a release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    #[default]
    Standard,
    /// Shorter soaks for more approvals; the gates are the same, and it is reviewed afterwards.
    Hotfix,
}

impl fmt::Display for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Lane::Standard => "standard",
            Lane::Hotfix => "hotfix",
        })
    }
}

/// A person's look at a hotfix after it went out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Review {
    pub release: ReleaseId,
    pub by: String,
    pub note: String,
    pub at: Timestamp,
    pub entry: u64,
}

/// One artifact on its way to production; it never changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Release {
    pub id: ReleaseId,
    pub service: Name,
    pub artifact: Digest,
    pub version: String,
    pub changes: Vec<ChangeId>,
    /// Those of `changes` that the live release did not carry when this one was created.
    pub new_changes: Vec<ChangeId>,
    /// The live release it was compared with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<ReleaseId>,
    #[serde(default)]
    pub lane: Lane,
    pub created_at: Timestamp,
    pub created_by: String,
}

/// The walk of one release: its state, and the policy in force when it entered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rollout {
    pub release: ReleaseId,
    pub service: Name,
    pub artifact: Digest,
    pub policy: PolicyId,
    /// What the release's lane makes of the policy.
    #[serde(default)]
    pub terms: Terms,
    /// Grows with every committed transition; an older one is never applied.
    pub generation: u64,
    pub stage: Stage,
    pub phase: Phase,
    /// What this stage, or this canary step, has shown so far.
    pub soak: Soak,
    /// Sticky tokens of an older epoch are void. Grows whenever users must leave the candidate.
    pub epoch: u32,
    /// The last entry of the router's journal that the planner has acted on.
    pub journal_seen: u64,
    /// A person's wish that it stay where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hold: Option<Hold>,
    /// What stands in the way at present, for people to read.
    #[serde(default)]
    pub blocks: Vec<Block>,
    /// Observe mode: what would have been done.
    #[serde(default)]
    pub would_have: Vec<WouldHave>,
    pub entered_at: Timestamp,
    pub phase_since: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hold {
    pub by: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    pub at: Timestamp,
}

/// Time, requests and errors, accumulated only while the candidate is healthy and observed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Soak {
    pub elapsed: Span,
    pub requests: u64,
    /// Bad events among `requests`.
    pub errors: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct WouldHave {
    pub at: Timestamp,
    pub decision: String,
}

impl Rollout {
    /// The walk's beginning: queued for dev, with nothing shown yet.
    #[must_use]
    pub fn begin(
        release: ReleaseId,
        service: Name,
        artifact: Digest,
        policy: PolicyId,
        at: Timestamp,
    ) -> Rollout {
        Rollout {
            release,
            service,
            artifact,
            policy,
            terms: Terms::default(),
            generation: 1,
            stage: Stage::Dev,
            phase: Phase::Queued,
            soak: Soak::default(),
            epoch: 1,
            journal_seen: 0,
            hold: None,
            blocks: Vec::new(),
            would_have: Vec::new(),
            entered_at: at,
            phase_since: at,
        }
    }
}

/// Where the rollout stands in its present stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Phase {
    /// Another release of the service is on its way; this one waits behind it.
    Queued,
    /// Ready for `stage`, and something stands in the way: see `Rollout::blocks`.
    Blocked,
    /// The supervisor starts the candidate in the stage's environment.
    Deploying,
    /// Healthy; the first moments do not count.
    Warming,
    /// The canary: some users, compared with the rest. `step` counts from 0.
    Analyzing { step: usize, weight: Percent },
    /// All users of the stage's environment, until the soak is complete.
    Soaking,
    /// The stage has shown what it must; promotion to the next stage is asked for.
    Verified,
    /// The candidate becomes the stable arm; the old stable arm drains.
    Promoting,
    /// It serves everyone and is the one to compare with.
    Live,
    /// It can not go on by itself; a person decides. The weight never grows here.
    Held { weight: Percent, reason: HeldReason },
    /// Users leave it, then its instances stop.
    RollingBack {
        reason: RollbackReason,
        times: RollbackTimes,
    },
    RolledBack {
        reason: RollbackReason,
        times: RollbackTimes,
    },
    /// Users left it, or could not be shown to have left it; a person must look.
    RollbackFailed {
        reason: RollbackReason,
        times: RollbackTimes,
        failure: String,
    },
    /// Closed by a newer release before it got to production.
    Superseded { by: ReleaseId },
}

/// When each part of a rollback was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RollbackTimes {
    /// When the reason was seen: by the router for its own trips, by the planner for the rest.
    pub detected_at: Timestamp,
    /// When the release that was live before could serve again: only in the rollback of a live release.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored_at: Option<Timestamp>,
    /// When the router confirmed that no new request goes to the candidate.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flipped_at: Option<Timestamp>,
    /// When the last request in flight on the candidate had ended, or the drain's time was over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drained_at: Option<Timestamp>,
    /// When its instances were gone and the router had confirmed which digest serves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verified_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum RollbackReason {
    /// A person said so; none is needed beyond that.
    Operator { by: String },
    /// The judge or a hard trigger in the router.
    Tripped { trip: Trip },
    /// The candidate did not become healthy.
    DeployFailed { why: String },
    /// More errors than the stage's budget.
    ErrorBudget {
        errors: u64,
        requests: u64,
        permille_max: u32,
    },
    /// A newer release closes this one.
    Superseded { by: ReleaseId },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum HeldReason {
    /// The step's longest time is over and there is not enough evidence.
    NotEnoughEvidence { requests_more: u64 },
    /// The evidence says that the candidate is worse than the margin allows.
    Worse {
        at_least_permille: f64,
        margin_permille: f64,
    },
    /// The digest was rolled back before and nobody has cleared it.
    Poisoned,
}

impl Phase {
    /// The phase's word, as in the API.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Phase::Queued => "queued",
            Phase::Blocked => "blocked",
            Phase::Deploying => "deploying",
            Phase::Warming => "warming",
            Phase::Analyzing { .. } => "analyzing",
            Phase::Soaking => "soaking",
            Phase::Verified => "verified",
            Phase::Promoting => "promoting",
            Phase::Live => "live",
            Phase::Held { .. } => "held",
            Phase::RollingBack { .. } => "rolling_back",
            Phase::RolledBack { .. } => "rolled_back",
            Phase::RollbackFailed { .. } => "rollback_failed",
            Phase::Superseded { .. } => "superseded",
        }
    }

    /// Whether the walk is over: nothing moves it again but an operator's rollback of a live release.
    #[must_use]
    pub fn is_final(&self) -> bool {
        match self {
            Phase::Live
            | Phase::RolledBack { .. }
            | Phase::RollbackFailed { .. }
            | Phase::Superseded { .. } => true,
            Phase::Queued
            | Phase::Blocked
            | Phase::Deploying
            | Phase::Warming
            | Phase::Analyzing { .. }
            | Phase::Soaking
            | Phase::Verified
            | Phase::Promoting
            | Phase::Held { .. }
            | Phase::RollingBack { .. } => false,
        }
    }
}

impl fmt::Display for RollbackReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RollbackReason::Operator { by } => write!(f, "rolled back by {by}"),
            RollbackReason::Tripped { trip } => write!(f, "{}", trip.cause),
            RollbackReason::DeployFailed { why } => write!(f, "did not become healthy: {why}"),
            RollbackReason::ErrorBudget {
                errors,
                requests,
                permille_max,
            } => write!(
                f,
                "{errors} errors in {requests} requests (limit {:.1} %)",
                f64::from(*permille_max) / 10.0
            ),
            RollbackReason::Superseded { by } => write!(f, "superseded by {by}"),
        }
    }
}

impl fmt::Display for HeldReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HeldReason::NotEnoughEvidence { requests_more } => {
                write!(
                    f,
                    "not enough evidence: needs about {requests_more} more requests"
                )
            }
            HeldReason::Worse {
                at_least_permille,
                margin_permille,
            } => write!(
                f,
                "worse than stable by at least {:.2} percentage points (limit {:.2})",
                at_least_permille / 10.0,
                margin_permille / 10.0
            ),
            HeldReason::Poisoned => write!(f, "was rolled back before and nobody has cleared it"),
        }
    }
}
