//! What stands between a release and its next step, with its figures and what to do about it.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::gate::{Gate, Verdict};
use crate::id::{Digest, FreezeId, Name, ReleaseId};
use crate::stage::Stage;
use crate::time::{Span, Timestamp};

/// One thing that stands between a release and its next step, with the figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Block {
    Gate {
        gate: Gate,
        verdict: Verdict,
        reason: String,
    },
    /// A layer of tests that is due was not shown.
    Layers {
        verdict: Verdict,
        reason: String,
    },
    /// The documentation of a change is not complete.
    Documentation {
        reason: String,
    },
    Soak {
        elapsed: Span,
        soak: Span,
        requests: u64,
        requests_min: u64,
    },
    /// Not yet shown to be no worse than stable.
    Proof {
        margin_permille: f64,
        bound_permille: f64,
        requests_more: u64,
    },
    Freeze {
        id: FreezeId,
        reason: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// A freeze calendar is closed, or can not be understood.
    Calendar {
        calendar: Name,
        reason: String,
        /// The next opening, if it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    Approval {
        have: u32,
        need: u32,
    },
    Hold {
        by: String,
    },
    /// Another release of the service is on its way.
    Behind {
        release: ReleaseId,
    },
    /// Something that must be heard from is silent.
    Silent {
        what: String,
        since: Span,
    },
    Poisoned {
        digest: Digest,
    },
    Health {
        why: String,
    },
    /// The stage is promoted by hand.
    Manual {
        stage: Stage,
    },
}

impl Block {
    /// The word that says which kind of thing stopped the release.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Block::Gate { .. } => "gate",
            Block::Layers { .. } => "layers",
            Block::Documentation { .. } => "documentation",
            Block::Soak { .. } => "soak",
            Block::Proof { .. } => "proof",
            Block::Freeze { .. } | Block::Calendar { .. } => "freeze",
            Block::Approval { .. } => "approval",
            Block::Hold { .. } => "hold",
            Block::Behind { .. } => "queue",
            Block::Silent { .. } => "silence",
            Block::Poisoned { .. } => "poisoned",
            Block::Health { .. } => "health",
            Block::Manual { .. } => "manual",
        }
    }

    /// What a person can do about it.
    #[must_use]
    pub fn hint(&self, release: &ReleaseId) -> String {
        match self {
            Block::Gate { .. } | Block::Layers { .. } | Block::Documentation { .. } => {
                format!("run `safeguard gate explain {release}` to see every figure and what is missing")
            }
            Block::Soak { .. } | Block::Proof { .. } => {
                format!("wait; `safeguard rollout watch {release}` shows the progress")
            }
            Block::Freeze { id, .. } => format!("run `safeguard freeze close {id}` when the freeze is over"),
            Block::Calendar { .. } => "run `safeguard freeze check` to see why, and when it opens".to_owned(),
            Block::Approval { .. } => "ask the approvers named in safeguard.toml".to_owned(),
            Block::Hold { .. } | Block::Manual { .. } => {
                format!("run `safeguard release promote {release}` to let it go on")
            }
            Block::Behind { release: other } => format!(
                "wait, run `safeguard release rollback {other}`, or create the release with `--supersede`"
            ),
            Block::Silent { .. } => "run `safeguard status` to see which process is down".to_owned(),
            Block::Poisoned { .. } => {
                format!("run `safeguard release clear {release}` when you know why it was rolled back")
            }
            Block::Health { .. } => format!("run `safeguard release show {release}` to see its instances"),
        }
    }
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Block::Gate {
                gate,
                verdict,
                reason,
            } => write!(f, "gate `{gate}` is {verdict}: {reason}"),
            Block::Layers { verdict, reason } => write!(f, "the layers of tests are {verdict}: {reason}"),
            Block::Documentation { reason } => write!(f, "the documentation is not complete: {reason}"),
            Block::Soak {
                elapsed,
                soak,
                requests,
                requests_min,
            } => write!(
                f,
                "soaked {elapsed} (needs {soak}), {requests} requests (needs {requests_min})"
            ),
            Block::Proof {
                margin_permille,
                bound_permille,
                requests_more,
            } => write!(
                f,
                "may be {:.2} percentage points worse than stable (limit {:.2}); needs about {requests_more} more requests",
                bound_permille / 10.0,
                margin_permille / 10.0
            ),
            Block::Freeze { id, reason, until } => {
                write!(f, "freeze {id} is open: {reason}")?;
                match until {
                    Some(until) => write!(f, " (until {until})"),
                    None => write!(f, " (until somebody closes it)"),
                }
            }
            Block::Calendar {
                calendar,
                reason,
                until,
            } => {
                write!(f, "calendar `{calendar}` is closed: {reason}; ")?;
                match until {
                    Some(until) => write!(f, "next opening {until}"),
                    None => write!(f, "no opening is known"),
                }
            }
            Block::Approval { have, need } => write!(f, "{have} approvals (needs {need})"),
            Block::Hold { by } => write!(f, "held by {by}"),
            Block::Behind { release } => write!(f, "waits behind {release}, which is on its way"),
            Block::Silent { what, since } => write!(f, "{what} has been silent for {since}"),
            Block::Poisoned { digest } => {
                write!(
                    f,
                    "{} was rolled back before and nobody has cleared it",
                    digest.short()
                )
            }
            Block::Health { why } => write!(f, "not healthy: {why}"),
            Block::Manual { stage } => write!(f, "promotion out of {stage} is by hand"),
        }
    }
}
