//! What is kept of drills, and when the next one is due.

use safeguard_api::audit::Actor;
use safeguard_api::config::{Config, Mode, Policy};
use safeguard_api::drill::{Drill, DrillState, DrillStatus};
use safeguard_api::evidence::{About, EvidenceSpec, Facts, Format, PLAIN_REPORT_API, PlainReport, Tool};
use safeguard_api::status::{PolicyStatus, ServiceState};
use safeguard_api::time::Span;
use safeguard_api::{Digest, Evidence, EvidenceId, Name, Phase, Release, ReleaseId, Rollout, Timestamp};
use safeguard_store::{Content, Document, Store, StoreError, Tx};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{UnderWay, asks};
use crate::api::evidence;
use crate::control::Queue;
use crate::record::{event, keep, now};

/// A drill that could not be held is tried so often by itself, after these waits.
const ATTEMPTS_MAX: u32 = 3;
const AGAIN_AFTER: [Span; 2] = [Span::seconds(30), Span::minutes(2)];
/// Who adds a certificate: no token can, since nobody else holds drills.
const ADDED_BY: &str = "drills";

/// What a certificate is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Subject {
    pub release: ReleaseId,
    pub service: Name,
    pub candidate: Digest,
    pub stable: Option<Digest>,
    pub configuration: Digest,
}

/// A release that a drill can be held of.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    pub subject: Subject,
    pub release: Release,
    pub live: Option<Release>,
    pub rollout: Rollout,
    pub policy: Policy,
}

/// The last drill of a release, whatever it was held with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct DrillRecord {
    subject: Subject,
    /// Drills in a row that could not be held.
    attempts: u32,
    at: Timestamp,
    ended: Ended,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case")]
enum Ended {
    Held { evidence: EvidenceId },
    Undecided { why: String },
}

impl Document for DrillRecord {
    const KIND: &'static str = "drill-record";
    fn key(&self) -> String {
        self.subject.release.to_string()
    }
}

impl DrillRecord {
    /// When it is to be tried again by itself; none when it is not.
    fn again_at(&self) -> Option<Timestamp> {
        let waits = usize::try_from(self.attempts.saturating_sub(1)).ok()?;
        let wait = AGAIN_AFTER.get(waits)?;
        (self.attempts < ATTEMPTS_MAX).then(|| self.at.plus(*wait))
    }

    /// Whether it says nothing of `subject` any more, or was never said.
    fn is_due(&self, subject: &Subject, age_max: Span, now: Timestamp) -> bool {
        if self.subject != *subject {
            return true;
        }
        match &self.ended {
            Ended::Held { .. } => age_max < now.since(self.at),
            Ended::Undecided { .. } => self.again_at().is_some_and(|at| at <= now),
        }
    }
}

/// Gathers what a drill of the release would be held with; none when there is no such release any more.
pub(crate) fn case(tx: &Tx<'_>, config: &Config, id: &ReleaseId) -> Result<Option<Case>, StoreError> {
    let found = tx
        .get::<Release>(id.as_str())?
        .zip(tx.get::<Rollout>(id.as_str())?);
    let Some((release, rollout)) = found else {
        return Ok(None);
    };
    let Some(settings) = config.services.get(&release.service) else {
        return Ok(None);
    };
    let Some(policy) = tx.get::<PolicyStatus>(rollout.policy.as_str())? else {
        return Ok(None);
    };
    let live = tx
        .get::<ServiceState>(release.service.as_str())?
        .and_then(|state| state.live)
        .filter(|live| *live != release.id);
    let live = match live {
        Some(live) => tx.get::<Release>(live.as_str())?,
        None => None,
    };
    let subject = Subject {
        release: release.id.clone(),
        service: release.service.clone(),
        candidate: release.artifact.clone(),
        stable: live.as_ref().map(|live| live.artifact.clone()),
        configuration: settings.configuration(&policy.policy, &config.router),
    };
    Ok(Some(Case {
        subject,
        release,
        live,
        rollout,
        policy: policy.policy,
    }))
}

/// The first release on its way that needs a drill.
pub(super) fn due(tx: &Tx<'_>, config: &Config, now: Timestamp) -> Result<Option<Case>, StoreError> {
    for service in config.services.keys() {
        let Some(queue) = tx.get::<Queue>(service.as_str())? else {
            continue;
        };
        for id in &queue.releases {
            let Some(case) = case(tx, config, id)? else {
                continue;
            };
            if !wants(&case) {
                continue;
            }
            let known = tx.get::<DrillRecord>(id.as_str())?;
            let age_max = case.policy.gates.evidence.age_max;
            if known.is_none_or(|known| known.is_due(&case.subject, age_max, now)) {
                return Ok(Some(case));
            }
        }
    }
    Ok(None)
}

/// While it serves in a stage that asks for the gate. In observe mode nothing is held, so nothing is broken either, and
/// staging's data stays as it is.
fn wants(case: &Case) -> bool {
    let serves = match case.rollout.phase {
        Phase::Soaking | Phase::Verified | Phase::Analyzing { .. } | Phase::Held { .. } => true,
        Phase::Queued
        | Phase::Blocked
        | Phase::Deploying
        | Phase::Warming
        | Phase::Promoting
        | Phase::Live
        | Phase::RollingBack { .. }
        | Phase::RolledBack { .. }
        | Phase::RollbackFailed { .. }
        | Phase::Superseded { .. } => false,
    };
    serves && case.policy.mode == Mode::Enforce && asks(&case.policy, case.rollout.stage)
}

/// Recorded before it begins, as one that could not be held: should this server end meanwhile, that is what it was.
pub(super) async fn started(
    store: &Store,
    subject: &Subject,
    by: Actor,
    at: Timestamp,
) -> Result<(), StoreError> {
    let asked = by.id != ADDED_BY;
    let event = event(
        "drill.started",
        by,
        told_of(subject),
        json!({ "text": format!("a rollback of {} is tried", subject.release), "subject": subject }),
    );
    let subject = subject.clone();
    store
        .write(move |tx| -> Result<(), StoreError> {
            let known = tx.get::<DrillRecord>(subject.release.as_str())?;
            let before = match known {
                // A person who asks begins anew.
                Some(known) if known.subject == subject && !asked => match known.ended {
                    Ended::Undecided { .. } => known.attempts,
                    Ended::Held { .. } => 0,
                },
                Some(_) | None => 0,
            };
            tx.append(&event)?;
            tx.put(&DrillRecord {
                subject,
                attempts: before + 1,
                at,
                ended: Ended::Undecided {
                    why: "the server ended while it was held".to_owned(),
                },
            })
        })
        .await?
}

pub(super) async fn undecided(store: &Store, subject: &Subject, why: String) -> Result<(), StoreError> {
    let event = event(
        "drill.finished",
        Actor::system(ADDED_BY),
        told_of(subject),
        json!({ "text": format!("no drill could be held: {why}"), "why": why }),
    );
    let subject = subject.clone();
    store
        .write(move |tx| -> Result<(), StoreError> {
            let known = tx.get::<DrillRecord>(subject.release.as_str())?;
            tx.append(&event)?;
            tx.put(&DrillRecord {
                attempts: known.map_or(1, |known| known.attempts),
                subject,
                at: now(),
                ended: Ended::Undecided { why },
            })
        })
        .await?
}

/// Keeps the document, and records it as evidence together with its entry in the log.
pub(super) async fn done(
    store: &Store,
    content: &Content,
    subject: &Subject,
    policy: &Policy,
    drill: Drill,
) -> Result<(), StoreError> {
    let gate = &policy.gates.rollback_test;
    let (refusals, missing) = (drill.refusals(gate), drill.missing(gate));
    let text = match (refusals.first(), missing.first()) {
        (Some(refusal), _) => format!("no certificate: {refusal}"),
        (None, Some(missing)) => format!("no certificate: {missing}"),
        (None, None) => format!("a certificate, after {}", drill.took),
    };
    let report = PlainReport {
        api: PLAIN_REPORT_API.to_owned(),
        tool: Tool {
            name: "safeguard drill".to_owned(),
            version: Some(env!("CARGO_PKG_VERSION").to_owned()),
        },
        produced_at: Some(drill.started_at),
        facts: Facts::Drill(drill),
    };
    let kept = match keep(content, "report", &report).await {
        Ok(kept) => kept,
        Err(why) => {
            return undecided(store, subject, format!("its document can not be kept: {why}")).await;
        }
    };
    let at = now();
    let chance = match getrandom::u32() {
        Ok(chance) => chance,
        Err(error) => return undecided(store, subject, format!("no random bytes: {error}")).await,
    };
    let PlainReport { tool, facts, .. } = report;
    let evidence = Evidence {
        id: EvidenceId::new(at.0.unsigned_abs(), chance),
        spec: EvidenceSpec {
            service: subject.service.clone(),
            format: Format::Safeguard,
            about: About::Artifact(subject.candidate.clone()),
            layer: None,
            measure: None,
            asked: None,
            gate: None,
            tool: Some(tool.name),
            tool_version: tool.version,
            produced_at: report.produced_at,
        },
        document: kept.sha256.clone(),
        bytes: kept.size,
        facts,
        inconclusive: Vec::new(),
        added_at: at,
        added_by: ADDED_BY.to_owned(),
        entry: 0,
    };
    let mut told = told_of(subject);
    told.push(evidence.id.to_string());
    let mut event = event(
        "drill.finished",
        Actor::system(ADDED_BY),
        told,
        json!({ "text": text, "refusals": refusals, "missing": missing, "subject": subject }),
    );
    event.refs.push(kept);
    let subject = subject.clone();
    store
        .write(move |tx| -> Result<(), StoreError> {
            let evidence = evidence::record(tx, evidence, &event)?;
            tx.put(&DrillRecord {
                subject,
                attempts: 0,
                at,
                ended: Ended::Held {
                    evidence: evidence.id,
                },
            })
        })
        .await?
}

fn told_of(subject: &Subject) -> Vec<String> {
    vec![
        subject.release.to_string(),
        subject.candidate.to_string(),
        subject.service.to_string(),
    ]
}

/// What is known of the drills of a case.
pub(crate) fn state(tx: &Tx<'_>, case: &Case, under_way: &UnderWay) -> Result<DrillStatus, StoreError> {
    let Subject {
        release,
        service,
        candidate,
        stable,
        configuration,
    } = case.subject.clone();
    let known = tx.get::<DrillRecord>(release.as_str())?;
    let known = known.filter(|known| known.subject == case.subject);
    let running = under_way
        .running
        .as_ref()
        .filter(|running| running.subject == case.subject);
    let state = if let Some(running) = running {
        DrillState::Running {
            since: running.since,
            step: running.step.clone(),
        }
    } else if under_way.waiting.contains(&release) {
        DrillState::Waiting
    } else {
        match known {
            None => DrillState::NotHeld,
            Some(known) => ended(tx, case, known)?,
        }
    };
    Ok(DrillStatus {
        release,
        service,
        candidate,
        stable,
        configuration,
        state,
    })
}

fn ended(tx: &Tx<'_>, case: &Case, known: DrillRecord) -> Result<DrillState, StoreError> {
    let again_at = known.again_at().filter(|_| wants(case));
    let evidence = match known.ended {
        Ended::Undecided { why } => {
            return Ok(DrillState::Undecided {
                why,
                at: known.at,
                attempts: known.attempts,
                again_at,
            });
        }
        Ended::Held { evidence } => evidence,
    };
    let found = tx.get::<Evidence>(&format!("{}/{evidence}", case.subject.service))?;
    Ok(match found.map(|found| found.facts) {
        Some(Facts::Drill(drill)) => {
            let gate = &case.policy.gates.rollback_test;
            DrillState::Held {
                refusals: drill.refusals(gate),
                missing: drill.missing(gate),
                drill: Box::new(drill),
                evidence,
            }
        }
        Some(_) | None => DrillState::NotHeld,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn record(attempts: u32, ended: Ended) -> DrillRecord {
        let subject = Subject {
            release: ReleaseId::new(1, 1),
            service: "shop".parse().unwrap(),
            candidate: Digest::of(b"candidate"),
            stable: Some(Digest::of(b"stable")),
            configuration: Digest::of(b"configuration"),
        };
        DrillRecord {
            subject,
            attempts,
            at: Timestamp(0),
            ended,
        }
    }

    #[test]
    fn what_was_said_holds_and_what_could_not_be_held_is_tried_three_times() {
        let undecided = || Ended::Undecided {
            why: "too slow".to_owned(),
        };
        let held = || Ended::Held {
            evidence: EvidenceId::new(1, 1),
        };
        let due = |record: &DrillRecord, seconds: i64| {
            record.is_due(&record.subject, Span::hours(24), Timestamp(seconds * 1000))
        };
        let table = [
            (record(1, undecided()), 29, false),
            (record(1, undecided()), 30, true),
            (record(2, undecided()), 119, false),
            (record(2, undecided()), 120, true),
            (record(3, undecided()), 1_000_000, false),
            // A failed drill is held as a certificate is: neither is repeated before it is too old.
            (record(0, held()), 24 * 3600, false),
            (record(0, held()), 24 * 3600 + 1, true),
        ];
        for (record, seconds, wanted) in table {
            assert_eq!(due(&record, seconds), wanted, "{record:?} after {seconds} s");
        }
    }

    #[test]
    fn another_artifact_live_release_or_configuration_makes_it_void() {
        let record = record(
            0,
            Ended::Held {
                evidence: EvidenceId::new(1, 1),
            },
        );
        let same = record.subject.clone();
        let is_due = |subject: Subject| record.is_due(&subject, Span::hours(1), Timestamp(1));
        assert!(!is_due(same.clone()));
        let candidate = Digest::of(b"candidatf");
        assert!(is_due(Subject {
            candidate,
            ..same.clone()
        }));
        assert!(is_due(Subject {
            stable: None,
            ..same.clone()
        }));
        let configuration = Digest::of(b"another");
        assert!(is_due(Subject {
            configuration,
            ..same
        }));
    }
}
