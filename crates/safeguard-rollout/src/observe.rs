//! What the planner is told of the world at one tick.

use safeguard_api::gate::GateReport;
use safeguard_api::id::ReleaseId;
use safeguard_api::release::Block;
use safeguard_api::risk::Risk;
use safeguard_api::stage::Percent;
use safeguard_api::time::{Now, Span, Timestamp};
use safeguard_api::traffic::{RouteReport, Trip};
use serde::{Deserialize, Serialize};

/// Everything [`crate::plan::plan`] looks at besides the rollout and its policy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    pub now: Now,
    /// The open freeze or the closed calendar that holds this service; a calendar that can not be read is closed.
    pub freeze: Option<Block>,
    /// The gates that the policy wants passed before the release leaves its present stage.
    pub gates: GateReport,
    /// What the changes look like, where anybody has measured them.
    pub risk: Option<Risk>,
    /// Approvals that count for leaving the present stage.
    pub approvals: u32,
    /// The candidate's instances in the environment of the present stage.
    pub instances: Instances,
    /// Whether the service has a live release, whose instances are healthy in that environment.
    pub stable: Stable,
    /// The candidate in all other environments, taken together.
    pub elsewhere: Elsewhere,
    /// Whether this very release is the live one, and what could take over from it.
    pub restoring: Restoring,
    /// What the router last said of that environment; none when it has not answered since the last tick.
    pub traffic: Option<Traffic>,
    /// How long the router has not answered.
    pub router_silent: Span,
    /// The release's digest was rolled back before and nobody has cleared it.
    pub poisoned: bool,
    /// The release that must end before this one may leave the queue; also the one on its way that must end before
    /// a live release can be rolled back, since a service has one candidate at a time.
    pub behind: Option<ReleaseId>,
    /// What a person asked for since the last tick.
    pub command: Option<Command>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Instances {
    /// Not asked for, or all gone.
    None,
    Starting,
    Healthy,
    /// Running, and failing its health checks.
    Unhealthy {
        why: String,
    },
    /// Will not start: refused by the supervisor.
    Failed {
        why: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stable {
    /// Nothing is live yet: there is nobody to compare with and nothing to fall back on.
    Absent,
    NotReady,
    Ready,
}

/// The candidate outside the environment of the present stage: a rollback has to clear that too.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Elsewhere {
    /// Processes that still exist.
    pub instances: u32,
    /// The greatest weight in force; 0 when the router has not answered.
    pub weight: Percent,
    /// Requests in flight, and streams.
    pub in_flight: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Restoring {
    /// The release is on its way, or over: the live release is another one.
    NotLive,
    /// It is live, and nothing was live before it.
    Nothing,
    /// It is live; these are the instances of the release before it, in all environments together, the least ready
    /// one standing for all.
    Previous(Instances),
}

/// The router's report for the stage's environment.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Traffic {
    /// The rollout generation that the router's table in force was made from.
    pub generation: u64,
    pub route: RouteReport,
    /// Counted since this stage, or this canary step, began: for the soak.
    pub requests: u64,
    pub errors: u64,
    /// Counted since the canary stage began, each bad event once, for the proof: requests and errors.
    pub canary: Sample,
    pub stable: Sample,
    /// The first journal entry after `Rollout::journal_seen` in which the router took the weight down, if any.
    pub reduced: Option<Reduced>,
    /// The newest journal entry about this release, to be kept as `Rollout::journal_seen` by whoever acts on it.
    pub journal_last: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Sample {
    pub requests: u64,
    pub errors: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Reduced {
    Tripped(Trip),
    /// Observe mode: it would have been taken down, and was not.
    WouldTrip(Trip),
    LeaseExpired {
        seq: u64,
        at: Timestamp,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    Promote {
        by: String,
    },
    Hold {
        by: String,
        reason: Option<String>,
    },
    Rollback {
        by: String,
    },
    /// A newer release closes this one.
    Supersede {
        by: ReleaseId,
    },
}
