//! A case as it is kept: enough to judge it again from the documents in the content store, equal to the byte.

use std::collections::HashMap;
use std::sync::Arc;

use safeguard_api::change::Change;
use safeguard_api::config::{InstanceLimits, Policy, Terms};
use safeguard_api::diff::{Diff, History};
use safeguard_api::evidence::EvidenceSpec;
use safeguard_api::gate::{Gate, GateReport};
use safeguard_api::risk::Risk;
use safeguard_api::{
    Approval, Attestation, ChangeDocument, Digest, Environment, Evidence, EvidenceId, Passkey, Release,
    Stage, Timestamp, Waiver,
};
use serde::{Deserialize, Serialize};

use crate::case::{Case, ChangeCase, InForce, Shown};
use crate::unreadable::Unreadable;

/// Everything that the gates were told, with documents by their hashes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CaseFile {
    pub release: Release,
    pub stage: Stage,
    pub required: Vec<Gate>,
    pub changes: Vec<ChangeFile>,
    pub baseline: Option<Digest>,
    pub evidence: Vec<EvidenceFile>,
    pub waivers: Vec<Waiver>,
    pub approvals: Vec<Approval>,
    pub passkeys: Vec<Passkey>,
    pub in_force: InForce,
    pub limits: InstanceLimits,
    pub configuration: Digest,
    pub policy: Policy,
    /// Besides the policy, for the verdicts; the risk is computed from the policy alone.
    pub terms: Terms,
    pub shown: Shown,
    pub now: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ChangeFile {
    pub change: Change,
    pub diff: Option<Digest>,
    pub history: Option<Digest>,
    pub documents: Vec<ChangeDocument>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<Attestation>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub made_in_freeze: bool,
    /// The newest later record of the same head, or of another head that took its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded_again: Option<Change>,
}

/// Evidence without its facts: reading the report gives them again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvidenceFile {
    pub id: EvidenceId,
    pub spec: EvidenceSpec,
    pub document: Digest,
    pub bytes: u64,
    pub added_at: Timestamp,
    pub added_by: String,
    pub entry: u64,
}

impl EvidenceFile {
    #[must_use]
    pub fn of(evidence: &Evidence) -> EvidenceFile {
        EvidenceFile {
            id: evidence.id.clone(),
            spec: evidence.spec.clone(),
            document: evidence.document.clone(),
            bytes: evidence.bytes,
            added_at: evidence.added_at,
            added_by: evidence.added_by.clone(),
            entry: evidence.entry,
        }
    }
}

/// What the documents of a case say.
#[derive(Debug, Clone, Default)]
pub struct Parts {
    pub diffs: HashMap<Digest, Arc<Diff>>,
    pub histories: HashMap<Digest, Arc<History>>,
    /// In the order of the file.
    pub evidence: Vec<Evidence>,
}

/// Why a case can not be judged again.
#[derive(Debug, thiserror::Error)]
pub enum PartsError {
    #[error("document {0} is not there")]
    Missing(Digest),
    #[error("document {digest} can not be read")]
    Unreadable {
        digest: Digest,
        #[source]
        source: Unreadable,
    },
    #[error("document {digest} is no history")]
    History {
        digest: Digest,
        #[source]
        source: serde_json::Error,
    },
}

impl Parts {
    /// Reads every document that the file names.
    ///
    /// # Errors
    /// The first that is missing or can not be read.
    pub fn read(
        file: &CaseFile,
        mut fetch: impl FnMut(&Digest) -> Option<Vec<u8>>,
    ) -> Result<Parts, PartsError> {
        let mut get = |digest: &Digest| fetch(digest).ok_or_else(|| PartsError::Missing(digest.clone()));
        let mut parts = Parts::default();
        for change in &file.changes {
            if let Some(digest) = &change.diff {
                let diff = crate::read_diff(&get(digest)?).map_err(|source| unreadable(digest, source))?;
                parts.diffs.insert(digest.clone(), Arc::new(diff));
            }
            if let Some(digest) = &change.history {
                let history =
                    serde_json::from_slice(&get(digest)?).map_err(|source| PartsError::History {
                        digest: digest.clone(),
                        source,
                    })?;
                parts.histories.insert(digest.clone(), Arc::new(history));
            }
        }
        for kept in &file.evidence {
            let document = &kept.document;
            let read =
                crate::read(&kept.spec, &get(document)?).map_err(|source| unreadable(document, source))?;
            parts.evidence.push(Evidence {
                id: kept.id.clone(),
                spec: kept.spec.clone(),
                document: document.clone(),
                bytes: kept.bytes,
                facts: read.facts,
                inconclusive: read.inconclusive,
                added_at: kept.added_at,
                added_by: kept.added_by.clone(),
                entry: kept.entry,
            });
        }
        Ok(parts)
    }
}

fn unreadable(digest: &Digest, source: Unreadable) -> PartsError {
    PartsError::Unreadable {
        digest: digest.clone(),
        source,
    }
}

impl CaseFile {
    /// Lays the case before `look`, under the policy and the terms that the release is held to.
    pub fn with_case<T>(&self, parts: &Parts, look: impl FnOnce(&Case<'_>) -> T) -> T {
        self.under(&self.policy.under(&self.terms), parts, look)
    }

    fn under<T>(&self, policy: &Policy, parts: &Parts, look: impl FnOnce(&Case<'_>) -> T) -> T {
        let changes: Vec<ChangeCase<'_>> = self
            .changes
            .iter()
            .map(|change| ChangeCase {
                change: &change.change,
                diff: change
                    .diff
                    .as_ref()
                    .and_then(|digest| parts.diffs.get(digest))
                    .map(Arc::as_ref),
                history: change
                    .history
                    .as_ref()
                    .and_then(|digest| parts.histories.get(digest))
                    .map(Arc::as_ref),
                documents: &change.documents,
                answers: &change.answers,
                made_in_freeze: change.made_in_freeze,
                recorded_again: change.recorded_again.as_ref(),
            })
            .collect();
        look(&Case {
            release: &self.release,
            changes: &changes,
            baseline: self.baseline.as_ref(),
            evidence: &parts.evidence,
            waivers: &self.waivers,
            approvals: &self.approvals,
            passkeys: &self.passkeys,
            environment: self.entering(),
            in_force: &self.in_force,
            limits: &self.limits,
            configuration: &self.configuration,
            policy,
            shown: self.shown,
            now: self.now,
        })
    }

    #[must_use]
    pub fn risk(&self, parts: &Parts) -> Risk {
        self.under(&self.policy, parts, crate::risk)
    }

    /// The environment that the release would enter; the one it is in when it would become live there.
    #[must_use]
    pub fn entering(&self) -> Environment {
        self.stage.next().unwrap_or(self.stage).environment()
    }

    /// The verdicts of the required gates; wherever any gate is required, also the layers of tests and the documentation.
    #[must_use]
    pub fn judge(&self, parts: &Parts) -> GateReport {
        self.with_case(parts, |case| GateReport {
            layers: (!self.required.is_empty()).then(|| crate::pyramid(case, self.stage)),
            documentation: (!self.required.is_empty()).then(|| crate::documentation(case)),
            ..crate::judge(case, &self.required)
        })
    }
}
