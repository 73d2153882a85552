//! The search for the changes at fault in a batch: what is tried, what that showed, and what follows.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::drill::Drill;
use crate::evidence::Severity;
use crate::id::{ChangeId, Digest, Name, ReleaseId};
use crate::risk::FailureKind;
use crate::stage::Percent;
use crate::time::{Span, Timestamp};
use crate::traffic::TripCause;

/// The search in one release, as far as it is. A later one takes an earlier one's place; the log keeps both.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Bisect {
    pub release: ReleaseId,
    pub service: Name,
    /// The release that was live when this one was created: trials run beside it.
    pub base: ReleaseId,
    /// In the order in which they were recorded.
    pub changes: Vec<BatchChange>,
    pub method: Method,
    /// The paths of requests that failed, as far as the person who asked knows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub failing_paths: Vec<String>,
    /// The most suspicious first. A suspicion is no finding: nothing was tried for it.
    pub suspects: Vec<Suspect>,
    /// In the order in which they were held.
    pub trials: Vec<Trial>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conclusion: Option<Conclusion>,
    pub started_at: Timestamp,
    pub started_by: String,
}

/// A change of the batch, with the commits between which it lies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BatchChange {
    pub change: ChangeId,
    pub base: String,
    pub head: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Artifacts of some of the changes are built and tried.
    Rebuild,
    /// Nothing is tried: what is known of the changes is held against what failed.
    Evidence,
}

/// How a version of the service shows that it is bad. Two versions with different symptoms are not bad in the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Symptom {
    /// It does not become healthy.
    DoesNotStart,
    /// It fails more than the live release under the same load, or its process ends.
    Worse,
    /// It is slower than the live release under the same load.
    Slow,
    /// The rollback drill refuses it.
    Drill,
}

impl fmt::Display for Symptom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Symptom::DoesNotStart => "does not start",
            Symptom::Worse => "is worse than the live release",
            Symptom::Slow => "is slower than the live release",
            Symptom::Drill => "is refused by the rollback drill",
        })
    }
}

/// An artifact of some of the changes, tried in staging.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Trial {
    /// Counts from 1.
    pub number: u32,
    /// In the order of the batch; none: the base alone.
    pub changes: Vec<ChangeId>,
    pub outcome: TrialOutcome,
    /// What decided it, with its figures.
    pub why: String,
    /// None where nothing was built.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub artifact: Option<Digest>,
    /// The [`TrialReport`] in the content store.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub document: Option<Digest>,
    pub ended_at: Timestamp,
    pub entry: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum TrialOutcome {
    Good,
    Bad {
        symptom: Symptom,
    },
    /// There is no artifact of these changes alone.
    NotBuilt,
    /// It was tried, and showed neither.
    Unclear,
}

impl fmt::Display for TrialOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            TrialOutcome::Good => "good",
            TrialOutcome::Bad { .. } => "bad",
            TrialOutcome::NotBuilt => "not built",
            TrialOutcome::Unclear => "could not tell",
        })
    }
}

/// What a trial showed; it does not judge.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TrialReport {
    pub candidate: Digest,
    pub stable: Digest,
    pub configuration: Digest,
    pub started_at: Timestamp,
    pub took: Span,
    pub comparison: Comparison,
    /// None where the comparison had shown enough.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drill: Option<Drill>,
}

/// Candidate and live release under the same load, as the router's judge counted them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    pub weight: Percent,
    pub took: Span,
    pub candidate: ArmFigures,
    pub stable: ArmFigures,
    /// What took the candidate off, if anything did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tripped: Option<TripCause>,
    /// Why there was nothing to compare: it did not become healthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_healthy: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ArmFigures {
    /// At most one bad event counts for each session, class, fingerprint and window.
    pub requests: u64,
    pub errors: u64,
    pub p95_ms: f64,
}

/// What the search came to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Conclusion {
    Found {
        culprits: Vec<Culprit>,
        rest: Rest,
    },
    /// The whole batch is not bad in staging, however often it was tried.
    NotReproduced {
        trials: u32,
    },
    /// Without any of the changes it is bad too: nothing can be said of them.
    BaseIsBad {
        symptom: Symptom,
    },
    /// The whole batch, or the base alone, could not be tried.
    NotTried {
        part: Part,
    },
    /// As many trials as are allowed were held.
    GaveUp {
        trials: u32,
        culprits: Vec<Culprit>,
        /// The least that is known to be bad; the fault is among these.
        left: Vec<ChangeId>,
    },
    /// Nothing was tried: there are suspicions only.
    Suspicions,
}

impl fmt::Display for Conclusion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Conclusion::Found { culprits, rest } => {
                let said: Vec<String> = culprits.iter().map(ToString::to_string).collect();
                let rest = match rest {
                    Rest::Good => "the rest without it is good",
                    Rest::NotTried => "the rest without it could not be tried, so there may be more",
                };
                write!(f, "{}; {rest}", said.join("; "))
            }
            Conclusion::NotReproduced { trials } => write!(
                f,
                "could not be reproduced in staging: {trials} trials of the whole batch, and all were good"
            ),
            Conclusion::BaseIsBad { symptom } => write!(
                f,
                "without any of the changes it {symptom} too: nothing can be said of them"
            ),
            Conclusion::NotTried { part: Part::Whole } => f.write_str("the whole batch could not be tried"),
            Conclusion::NotTried { part: Part::Base } => f.write_str("the base alone could not be tried"),
            Conclusion::GaveUp {
                trials,
                culprits,
                left,
            } => {
                let said: String = culprits.iter().map(|culprit| format!("{culprit}; ")).collect();
                write!(
                    f,
                    "{said}after {trials} trials, the limit, what is left is among {}",
                    listed(left)
                )
            }
            Conclusion::Suspicions => f.write_str("nothing was tried: these are suspicions, and no findings"),
        }
    }
}

fn listed(changes: &[ChangeId]) -> String {
    let names: Vec<&str> = changes.iter().map(ChangeId::as_str).collect();
    names.join(", ")
}

impl fmt::Display for Culprit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (guilty, unknown) = (listed(&self.at_fault), listed(&self.not_separated));
        if self.cleared {
            let all = listed(&self.changes());
            return write!(f, "{all}: bad only without another change, and not at fault");
        }
        let symptom = self.symptom;
        match (self.at_fault.len(), self.not_separated.len()) {
            (0, _) => write!(
                f,
                "the fault is in {unknown}, which could not be tried apart: it {symptom}"
            ),
            (1, 0) => write!(f, "{guilty} is at fault: with it, it {symptom}"),
            (_, 0) => write!(
                f,
                "{guilty} are at fault together: with all of them, it {symptom}"
            ),
            (_, _) => write!(
                f,
                "{guilty} is at fault: with it, it {symptom}; {unknown} could not be tried apart, and nothing is said of it"
            ),
        }
    }
}

/// Changes that are bad together, and fewer of them are not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Culprit {
    pub symptom: Symptom,
    /// Without any one of these the others of this culprit are good: each is needed.
    pub at_fault: Vec<ChangeId>,
    /// Without one of these nothing could be tried, so that nothing is said of them.
    pub not_separated: Vec<ChangeId>,
    /// Bad by itself, and good beside everything else: it lacks another change, and is not at fault.
    pub cleared: bool,
}

impl Culprit {
    /// Every change of it, in the order of the batch.
    #[must_use]
    pub fn changes(&self) -> Vec<ChangeId> {
        let mut all: Vec<ChangeId> = self.at_fault.iter().chain(&self.not_separated).cloned().collect();
        all.sort();
        all
    }
}

/// The batch without its culprits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rest {
    Good,
    /// It could not be tried: there may be more.
    NotTried,
}

/// A part of the batch that everything else is compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    Whole,
    Base,
}

/// A change, and what speaks against it. Ranks, not probabilities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Suspect {
    pub change: ChangeId,
    /// The strongest first; none: nothing speaks against it more than against any other.
    pub reasons: Vec<Suspicion>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum Suspicion {
    /// A scanner's finding lies on lines that it changes; without a line, in a file that it changes.
    Finding {
        severity: Severity,
        rule: String,
        path: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        line: Option<u32>,
    },
    /// A path that failed stands in its diff.
    FailingPath { path: String, file: String },
    /// The risk matrix sees this way to go wrong in it, which is the way in which the batch went wrong.
    Risk {
        kind: FailureKind,
        likelihood: u32,
        impact: u32,
        because: String,
    },
    /// Nobody attached its diff: what it does is not known.
    NoDiff,
}

impl fmt::Display for Suspicion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Suspicion::Finding {
                severity,
                rule,
                path,
                line,
            } => {
                let place = match line {
                    Some(line) => format!("on line {line} of {path}, which it changes"),
                    None => format!("in {path}, which it changes"),
                };
                write!(f, "{severity} finding `{rule}` {place}")
            }
            Suspicion::FailingPath { path, file } => {
                write!(f, "`{path}`, which failed, stands in its change of {file}")
            }
            Suspicion::Risk {
                kind,
                likelihood,
                impact,
                because,
            } => write!(
                f,
                "risk of {kind}: likelihood {likelihood} of 5, impact {impact} of 5 ({because})"
            ),
            Suspicion::NoDiff => f.write_str("its diff was not attached, so that nothing is known of it"),
        }
    }
}

/// What a client says when it begins a search, or goes on with one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BisectSpec {
    pub method: Method,
    /// Forget what was tried.
    #[serde(default)]
    pub anew: bool,
    #[serde(default)]
    pub failing_paths: Vec<String>,
}

pub const FAILING_PATHS_MAX: usize = 32;
pub const FAILING_PATH_BYTES_MAX: usize = 512;

/// `GET /api/v1/releases/{id}/bisect`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct BisectStatus {
    pub bisect: Bisect,
    pub state: BisectState,
    /// What a person can do next.
    pub hints: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "name", rename_all = "snake_case")]
pub enum BisectState {
    /// An artifact of these changes, or why there is none.
    WantsArtifact {
        trial: u32,
        changes: Vec<ChangeId>,
    },
    /// Its trial waits for a drill to end, or is under way.
    Trying {
        trial: u32,
        since: Timestamp,
        step: String,
    },
    Over,
}

/// Says that there is no artifact of these changes alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NotBuilt {
    pub trial: u32,
    pub why: String,
}

pub const NOT_BUILT_WHY_BYTES_MAX: usize = 1024;
