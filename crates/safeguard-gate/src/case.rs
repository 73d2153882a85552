//! Everything that the gates look at.

use safeguard_api::change::Change;
use safeguard_api::config::{InstanceLimits, Policy};
use safeguard_api::diff::{Diff, History};
use safeguard_api::evidence::About;
use safeguard_api::{Approval, Digest, DocumentKind, Evidence, Release, Timestamp, Waiver};

/// One release before its judges. What is not here has not been shown.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    pub release: &'a Release,
    /// The new changes of the release, in its order.
    pub changes: &'a [ChangeCase<'a>],
    /// The artifact of the live release: evidence about it is the baseline.
    pub baseline: Option<&'a Digest>,
    /// Evidence of the service, the oldest first; also of other commits and artifacts.
    pub evidence: &'a [Evidence],
    pub waivers: &'a [Waiver],
    pub approvals: &'a [Approval],
    pub limits: &'a InstanceLimits,
    /// Of everything that decides how the service runs; a drill's certificate names it.
    pub configuration: &'a Digest,
    pub policy: &'a Policy,
    /// What the release has shown in production so far.
    pub shown: Shown,
    pub now: Timestamp,
}

/// A change with its documents, as far as they were attached.
#[derive(Debug, Clone, Copy)]
pub struct ChangeCase<'a> {
    pub change: &'a Change,
    pub diff: Option<&'a Diff>,
    pub history: Option<&'a History>,
    pub documents: &'a [DocumentKind],
}

/// Requests of users in canary and production that the release has answered: the layer `production`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Shown {
    pub production_requests: u64,
}

impl<'a> Case<'a> {
    /// The commit that the artifact was built from: the head of the newest new change.
    #[must_use]
    pub fn commit(&self) -> Option<&'a str> {
        let newest = self
            .changes
            .iter()
            .max_by(|one, other| one.change.id.cmp(&other.change.id));
        newest.map(|change| change.change.spec.head.as_str())
    }

    /// Whether `evidence` speaks of this very release: its artifact, or the commit it was built from.
    #[must_use]
    pub fn is_about_release(&self, evidence: &Evidence) -> bool {
        match &evidence.spec.about {
            About::Artifact(digest) => *digest == self.release.artifact,
            About::Commit(commit) => self.commit() == Some(commit),
        }
    }

    /// Whether `evidence` speaks of what is to be compared with: the live artifact, or the base of the oldest new change.
    #[must_use]
    pub fn is_about_baseline(&self, evidence: &Evidence) -> bool {
        match &evidence.spec.about {
            About::Artifact(digest) => self.baseline == Some(digest),
            About::Commit(commit) => {
                let oldest = self
                    .changes
                    .iter()
                    .min_by(|one, other| one.change.id.cmp(&other.change.id));
                oldest.is_some_and(|oldest| oldest.change.spec.base == *commit)
            }
        }
    }

    /// Evidence that counts for this release: about it, and not too old; the newest first.
    pub fn current(&self) -> impl Iterator<Item = &'a Evidence> {
        let case = *self;
        self.evidence.iter().rev().filter(move |evidence| {
            case.is_about_release(evidence)
                && case.now.since(evidence.added_at) <= case.policy.gates.evidence.age_max
        })
    }
}
