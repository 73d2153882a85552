//! Everything that the gates look at.

use safeguard_api::change::Change;
use safeguard_api::config::{Approver, InstanceLimits, Policy};
use safeguard_api::diff::{Diff, History};
use safeguard_api::evidence::About;
use safeguard_api::gate::Gate;
use safeguard_api::{
    Approval, Attestation, ChangeDocument, Digest, Environment, Evidence, Passkey, PolicyId, Release,
    Timestamp, Waiver,
};
use serde::{Deserialize, Serialize};

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
    /// What people signed about the release, the oldest first.
    pub approvals: &'a [Approval],
    /// Of all approvers, also the revoked ones.
    pub passkeys: &'a [Passkey],
    /// The environment that the release would enter, or is in when there is no other.
    pub environment: Environment,
    pub limits: &'a InstanceLimits,
    /// Of everything that decides how the service runs; a drill's certificate names it.
    pub configuration: &'a Digest,
    /// The policy that the release is judged by.
    pub policy: &'a Policy,
    pub in_force: &'a InForce,
    /// What the release has shown in production so far.
    pub shown: Shown,
    pub now: Timestamp,
}

/// What matters of the policy that releases entering at this moment are judged by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InForce {
    pub id: PolicyId,
    pub approvers: Vec<Approver>,
}

/// A change with its documents, as far as they were attached.
#[derive(Debug, Clone, Copy)]
pub struct ChangeCase<'a> {
    pub change: &'a Change,
    pub diff: Option<&'a Diff>,
    pub history: Option<&'a History>,
    pub documents: &'a [ChangeDocument],
    /// What people answered to the boxes of its checklist.
    pub answers: &'a [Attestation],
    /// Whether a freeze was open when it was recorded.
    pub made_in_freeze: bool,
    /// The newest later record of the same head, whose base moved, or of another head that took its place.
    pub recorded_again: Option<&'a Change>,
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
        self.evidence
            .iter()
            .rev()
            .filter(move |evidence| case.is_about_release(evidence) && !case.is_old(evidence))
    }

    /// Evidence that counts for this release and may be read by `gate`, the newest first.
    pub fn current_for(&self, gate: Gate) -> impl Iterator<Item = &'a Evidence> {
        self.current().filter(move |evidence| is_for(evidence, gate))
    }

    /// Evidence about what the release is compared with, for `gate`, the newest first.
    pub fn baseline_for(&self, gate: Gate) -> impl Iterator<Item = &'a Evidence> {
        let case = *self;
        self.evidence.iter().rev().filter(move |evidence| {
            case.is_about_baseline(evidence) && !case.is_old(evidence) && is_for(evidence, gate)
        })
    }

    fn is_old(&self, evidence: &Evidence) -> bool {
        self.now.since(produced_at(evidence)) > self.policy.gates.evidence.age_max
    }

    /// What there is for `gate` and does not count, for people to read.
    #[must_use]
    pub fn ignored(&self, gate: Gate) -> Option<String> {
        let for_gate = || self.evidence.iter().filter(|evidence| is_for(evidence, gate));
        let old = for_gate()
            .filter(|evidence| self.is_about_release(evidence) && self.is_old(evidence))
            .count();
        let foreign = for_gate()
            .filter(|evidence| !self.is_about_release(evidence))
            .count();
        let mut parts = Vec::new();
        if old > 0 {
            parts.push(format!(
                "{old} reports are older than {}",
                self.policy.gates.evidence.age_max
            ));
        }
        if foreign > 0 {
            parts.push(format!("{foreign} reports are about other commits or artifacts"));
        }
        (!parts.is_empty()).then(|| parts.join(", "))
    }
}

/// When its tool ran, if that is known, else when it was added: it ages from then.
pub(crate) fn produced_at(evidence: &Evidence) -> Timestamp {
    let known = evidence.spec.produced_at.unwrap_or(evidence.added_at);
    known.min(evidence.added_at)
}

fn is_for(evidence: &Evidence, gate: Gate) -> bool {
    evidence.spec.gate.is_none_or(|only| only == gate)
}
