//! The rollback drill: what its process is told, what it says on its way, and the certificate that comes out.

use std::fmt;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bisect::TrialReport;
use crate::config::{Policy, RollbackGate, RouterLimits, Service};
use crate::id::{Digest, EvidenceId, Name, ReleaseId};
use crate::time::{Span, Timestamp};
use crate::traffic::TripCause;

/// A rollback, tried in staging: the certificate of gate `rollback-test`, if [`Drill::refusals`] finds nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Drill {
    pub candidate: Digest,
    /// None where nothing was live to go back to: then it shows that the service can be stopped, and no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable: Option<Digest>,
    /// Of everything that decides how the service runs: the certificate is void with another.
    pub configuration: Digest,
    pub started_at: Timestamp,
    pub took: Span,
    /// Requests under way when a fault began, the least of all faults.
    pub concurrent_requests: u32,
    pub requests: u64,
    /// Answered with 5xx by the service itself.
    pub failed_requests: u64,
    /// With no complete answer from the service, those apart that a fault itself killed.
    pub lost_requests: u64,
    pub writes: Writes,
    /// In the order in which they were tried; after one that failed no other is tried.
    pub faults: Vec<Fault>,
    /// What answered after the last rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serves: Option<Digest>,
    /// What went wrong besides the faults, a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failures: Vec<String>,
}

/// What became of writes that the service had acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Writes {
    /// No write is configured, so nothing is known of them.
    NotTried,
    /// The configuration says that the service keeps nothing.
    KeepsNothing,
    Tried {
        acknowledged: u64,
        /// Acknowledged, and not there after the rollback.
        lost: u64,
        /// Acknowledged, and whether they are there could not be read.
        unread: u64,
    },
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Fault {
    pub name: FaultKind,
    /// What noticed it; none where nothing was live to compare with, and the drill ordered the rollback itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub noticed: Option<TripCause>,
    /// From the fault to the moment that no user is sent to the candidate.
    pub detect: Span,
    /// Until the router has confirmed the control plane's table.
    pub flip: Span,
    /// Until every request on it has ended, or the policy waits no longer.
    pub drain: Span,
    /// Until its processes are gone and stable alone answers.
    pub verify: Span,
    /// Requests that the fault itself killed.
    pub killed_requests: u64,
    pub lost_requests: u64,
    /// Why the rollback could not be shown to be complete, if it could not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl Fault {
    /// From the fault to a verified rollback.
    #[must_use]
    pub fn total(&self) -> Span {
        Span(self.detect.0 + self.flip.0 + self.drain.0 + self.verify.0)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaultKind {
    /// The process is killed, and again whenever it has been started again.
    Sigkill,
    /// The process stands still.
    Sigstop,
    /// Its answers arrive as 5xx.
    Errors,
}

impl FaultKind {
    /// In the order in which they are tried.
    pub const ALL: [FaultKind; 3] = [FaultKind::Sigkill, FaultKind::Sigstop, FaultKind::Errors];

    /// Whether requests that are under way can not be answered any more.
    #[must_use]
    pub fn kills(self) -> bool {
        match self {
            FaultKind::Sigkill | FaultKind::Sigstop => true,
            FaultKind::Errors => false,
        }
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            FaultKind::Sigkill => "SIGKILL",
            FaultKind::Sigstop => "SIGSTOP",
            FaultKind::Errors => "injected 5xx",
        })
    }
}

impl Drill {
    /// Why it is no certificate, a sentence each; empty when it is one.
    #[must_use]
    pub fn refusals(&self, gate: &RollbackGate) -> Vec<String> {
        let mut found = self.failures.clone();
        for fault in &self.faults {
            if let Some(failure) = &fault.failure {
                found.push(format!("after {}: {failure}", fault.name));
            } else if gate.rollback_longest < fault.total() {
                let (took, limit) = (fault.total(), gate.rollback_longest);
                found.push(format!(
                    "after {}: the rollback took {took} (limit {limit})",
                    fault.name
                ));
            }
        }
        // One failure is a full stop, so what was not tried after it is no failure of its own.
        if found.is_empty() {
            let untried = FaultKind::ALL
                .into_iter()
                .filter(|kind| self.faults.iter().all(|fault| fault.name != *kind));
            found.extend(untried.map(|kind| format!("{kind} was not tried")));
            if self.serves != self.stable {
                let name =
                    |digest: &Option<Digest>| digest.as_ref().map_or("nothing".to_owned(), Digest::to_string);
                let (serves, stable) = (name(&self.serves), name(&self.stable));
                found.push(format!("{serves} serves after the rollback, and not {stable}"));
            }
        }
        if 0 < self.lost_requests {
            found.push(format!(
                "{} of {} requests were lost, those apart that a fault itself killed (limit 0)",
                self.lost_requests, self.requests
            ));
        }
        if let Writes::Tried {
            acknowledged,
            lost,
            unread,
        } = self.writes
        {
            if 0 < lost {
                found.push(format!(
                    "{lost} of {acknowledged} acknowledged writes were lost (limit 0)"
                ));
            }
            if 0 < unread {
                found.push(format!(
                    "{unread} of {acknowledged} acknowledged writes could not be read back"
                ));
            }
        }
        found
    }

    /// What it could not show, a sentence each; with any, it is neither a certificate nor a refusal.
    #[must_use]
    pub fn missing(&self, gate: &RollbackGate) -> Vec<String> {
        let mut found = Vec::new();
        match self.writes {
            Writes::NotTried => found.push(
                "writes were not tried: say `write` and `verify` in `[services.NAME.drill]`, or `keeps_nothing = true`"
                    .to_owned(),
            ),
            Writes::Tried { acknowledged: 0, .. } => {
                found.push("no write was acknowledged, so none could be lost".to_owned());
            }
            Writes::KeepsNothing | Writes::Tried { .. } => {}
        }
        if self.concurrent_requests < gate.concurrent_requests_min {
            found.push(format!(
                "{} requests were under way at once ({} are asked for)",
                self.concurrent_requests, gate.concurrent_requests_min
            ));
        }
        found
    }
}

/// What the drill's process is told, as one line on its standard input. It ends when that input does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DrillOrder {
    pub service: Name,
    /// With the variables of staging alone.
    pub settings: Service,
    pub policy: Policy,
    pub router: RouterLimits,
    pub configuration: Digest,
    pub candidate: DrillVersion,
    pub stable: Option<DrillVersion>,
    /// Compare the two first: then it is a trial, and its last word is [`DrillWord::Tried`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comparison: Option<ComparisonOrder>,
}

/// How long candidate and live release are compared: until the candidate has answered so often, within bounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComparisonOrder {
    pub requests_min: u64,
    pub shortest: Span,
    pub longest: Span,
}

/// A version in a drill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DrillVersion {
    pub release: ReleaseId,
    pub version: String,
    pub artifact: Digest,
    /// Where the artifact lies unpacked; it is hashed before every start.
    pub root: PathBuf,
}

/// What the drill's process says, one line each on its standard output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "word", rename_all = "snake_case")]
pub enum DrillWord {
    Step(DrillStep),
    Done {
        drill: Drill,
    },
    Tried {
        report: Box<TrialReport>,
    },
    /// It could not be held: nothing is known of the candidate.
    Undecided {
        why: String,
    },
}

/// How far a drill is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DrillStep {
    pub at: Timestamp,
    pub text: String,
    /// The faults that are over.
    pub faults: Vec<Fault>,
}

/// What is known of a release's drills with its present live release and configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DrillStatus {
    pub release: ReleaseId,
    pub service: Name,
    pub candidate: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stable: Option<Digest>,
    pub configuration: Digest,
    pub state: DrillState,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum DrillState {
    NotHeld,
    /// It begins when no other drill is under way.
    Waiting,
    Running {
        since: Timestamp,
        step: DrillStep,
    },
    Held {
        drill: Box<Drill>,
        /// Why it is no certificate.
        refusals: Vec<String>,
        /// What it could not show.
        missing: Vec<String>,
        evidence: EvidenceId,
    },
    Undecided {
        why: String,
        at: Timestamp,
        attempts: u32,
        /// When it is tried again by itself; none when a person has to ask for it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        again_at: Option<Timestamp>,
    },
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn certificate() -> Drill {
        let fault = |name| Fault {
            name,
            noticed: None,
            detect: Span(900),
            flip: Span(20),
            drain: Span(300),
            verify: Span(700),
            killed_requests: 9,
            lost_requests: 0,
            failure: None,
        };
        Drill {
            candidate: Digest::of(b"candidate"),
            stable: Some(Digest::of(b"stable")),
            configuration: Digest::of(b"configuration"),
            started_at: Timestamp(0),
            took: Span::seconds(30),
            concurrent_requests: 200,
            requests: 9000,
            failed_requests: 0,
            lost_requests: 0,
            writes: Writes::Tried {
                acknowledged: 400,
                lost: 0,
                unread: 0,
            },
            faults: FaultKind::ALL.map(fault).to_vec(),
            serves: Some(Digest::of(b"stable")),
            failures: Vec::new(),
        }
    }

    fn says(change: impl FnOnce(&mut Drill)) -> String {
        let mut drill = certificate();
        change(&mut drill);
        let gate = RollbackGate::default();
        let mut all = drill.refusals(&gate);
        all.extend(drill.missing(&gate));
        all.join("; ")
    }

    #[test]
    fn a_certificate_needs_every_part() {
        assert_eq!(says(|_| {}), "");
        let lost = |lost, unread| Writes::Tried {
            acknowledged: 400,
            lost,
            unread,
        };
        let cases = [
            (
                says(|drill| drill.faults[1].drain = Span::seconds(29)),
                "SIGSTOP: the rollback took 30s 620ms (limit 30s)",
            ),
            (
                says(|drill| drill.faults[0].failure = Some("it hangs".to_owned())),
                "after SIGKILL: it hangs",
            ),
            (
                says(|drill| drill.faults.truncate(2)),
                "injected 5xx was not tried",
            ),
            (
                says(|drill| drill.serves = Some(drill.candidate.clone())),
                "serves after the rollback",
            ),
            (
                says(|drill| drill.serves = None),
                "nothing serves after the rollback",
            ),
            (
                says(|drill| drill.lost_requests = 1),
                "1 of 9000 requests were lost",
            ),
            (
                says(|drill| drill.writes = lost(2, 0)),
                "2 of 400 acknowledged writes were lost",
            ),
            (
                says(|drill| drill.writes = lost(0, 3)),
                "3 of 400 acknowledged writes could not be read",
            ),
            (
                says(|drill| drill.writes = Writes::NotTried),
                "writes were not tried",
            ),
            (
                says(|drill| drill.concurrent_requests = 199),
                "199 requests were under way",
            ),
            (
                says(|drill| drill.failures.push("it never came up".to_owned())),
                "it never came up",
            ),
        ];
        for (said, wanted) in cases {
            assert!(said.contains(wanted), "{said} does not say {wanted}");
        }
    }
}
