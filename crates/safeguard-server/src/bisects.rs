//! The search for the changes at fault in a batch: what is recorded of it, and what is next.
//!
//! A trial is no release: its artifact lies where no release can be made from it, it has no rollout, and what it showed is
//! no evidence for any gate.

use safeguard_api::audit::{Actor, Event, Reference};
use safeguard_api::bisect::{
    Bisect, BisectState, BisectStatus, Conclusion, Part, Rest, Trial, TrialOutcome, TrialReport,
};
use safeguard_api::{ChangeId, Digest, Name, Phase, Release, ReleaseId, Rollout};
use safeguard_rollout::bisect::{Batch, Next, Tried, next, verdict};
use safeguard_store::{Content, Store, StoreError, Tx};
use serde_json::json;

use crate::control::Queue;
use crate::drills::{TrialAsked, UnderWay};
use crate::record::{event, keep, now};

/// Of one search; each takes about a minute.
const TRIALS_MAX: usize = 64;
const TRIED_BY: &str = "trials";

/// What became of a trial.
pub(crate) enum Ended {
    Tried(Box<TrialReport>),
    /// It could not be held.
    Undecided(String),
    /// Something that goes first came: it is no trial, and is held anew.
    BrokenOff(String),
}

/// What is known of one trial, before the log has it.
pub(crate) struct Told {
    pub by: Actor,
    pub changes: Vec<ChangeId>,
    pub outcome: TrialOutcome,
    pub why: String,
    pub artifact: Option<Digest>,
    pub document: Option<Reference>,
}

/// The release of the service whose walk is not over, the first of them.
pub(crate) fn on_its_way(tx: &Tx<'_>, service: &Name) -> Result<Option<ReleaseId>, StoreError> {
    let queue = tx.get::<Queue>(service.as_str())?;
    Ok(queue.and_then(|queue| queue.releases.into_iter().next()))
}

pub(crate) fn status(bisect: Bisect, under_way: &UnderWay) -> BisectStatus {
    let trial = under_way
        .trial
        .as_ref()
        .filter(|trial| trial.release == bisect.release);
    let state = match (trial, what_next(&bisect)) {
        _ if bisect.conclusion.is_some() => BisectState::Over,
        (Some(trial), _) => BisectState::Trying {
            trial: trial.number,
            since: trial.since,
            step: trial.step.clone(),
        },
        (None, Next::Try(changes)) => BisectState::WantsArtifact {
            trial: number(&bisect),
            changes,
        },
        (None, Next::Over(_)) => BisectState::Over,
    };
    BisectStatus {
        hints: hints(&bisect),
        bisect,
        state,
    }
}

/// The number of the trial that comes next.
pub(crate) fn number(bisect: &Bisect) -> u32 {
    u32::try_from(bisect.trials.len())
        .unwrap_or(u32::MAX)
        .saturating_add(1)
}

pub(crate) fn what_next(bisect: &Bisect) -> Next {
    let ids = |change: &safeguard_api::bisect::BatchChange| change.change.clone();
    let changes: Vec<ChangeId> = bisect.changes.iter().map(ids).collect();
    let suspects: Vec<ChangeId> = bisect
        .suspects
        .iter()
        .map(|suspect| suspect.change.clone())
        .collect();
    let tried: Vec<Tried> = bisect
        .trials
        .iter()
        .map(|trial| Tried {
            changes: trial.changes.clone(),
            outcome: trial.outcome,
        })
        .collect();
    let batch = Batch {
        changes: &changes,
        suspects: &suspects,
        trials_max: TRIALS_MAX,
    };
    next(batch, &tried)
}

/// Records the beginning, and the end too where nothing is tried.
pub(crate) fn begin(
    tx: &mut Tx<'_>,
    bisect: &Bisect,
    by: Actor,
    document: Reference,
) -> Result<(), StoreError> {
    let count = bisect.changes.len();
    let text = format!("looks for what is at fault among {count} changes");
    let mut event = event(
        "bisect.started",
        by,
        told_of(bisect),
        json!({ "text": text, "method": bisect.method }),
    );
    event.refs.push(document);
    tx.append(&event)?;
    if let Some(conclusion) = &bisect.conclusion {
        tx.append(&finished(bisect, conclusion))?;
    }
    tx.put(bisect)
}

/// Records that a trial begins; it is no trial before it has ended.
pub(crate) async fn trying(
    store: &Store,
    bisect: &Bisect,
    by: Actor,
    asked: &TrialAsked,
) -> Result<(), StoreError> {
    let (number, count) = (asked.number, asked.changes.len());
    let text = format!("trial {number}, of {count} changes, begins in staging");
    let decision = json!({ "text": text, "changes": asked.changes, "artifact": asked.artifact });
    let event = event("bisect.trying", by, told_of(bisect), decision);
    store.write(move |tx| tx.append(&event)).await??;
    Ok(())
}

/// Records how a trial ended, and what all of them came to if it was the last one.
pub(crate) async fn ended(
    store: &Store,
    content: &Content,
    policy: &safeguard_api::config::Policy,
    asked: TrialAsked,
    ended: Ended,
) -> Result<(), StoreError> {
    let (outcome, why, document) = match ended {
        Ended::Tried(report) => {
            let (outcome, why) = verdict(&report, policy);
            match keep(content, "trial", &*report).await {
                Ok(kept) => (outcome, why, Some(kept)),
                Err(why) => (
                    TrialOutcome::Unclear,
                    format!("its document can not be kept: {why}"),
                    None,
                ),
            }
        }
        Ended::Undecided(why) => (TrialOutcome::Unclear, why, None),
        Ended::BrokenOff(why) => return broken_off(store, asked, why).await,
    };
    let told = Told {
        by: Actor::system(TRIED_BY),
        changes: asked.changes,
        outcome,
        why,
        artifact: Some(asked.artifact),
        document,
    };
    let (release, number) = (asked.release, asked.number);
    store
        .write(move |tx| -> Result<(), StoreError> {
            // Nobody begins anew while a trial is under way.
            if let Some(bisect) = tx
                .get::<Bisect>(release.as_str())?
                .filter(|bisect| self::number(bisect) == number)
            {
                add(tx, bisect, told)?;
            }
            Ok(())
        })
        .await?
}

async fn broken_off(store: &Store, asked: TrialAsked, why: String) -> Result<(), StoreError> {
    let number = asked.number;
    let text = format!("trial {number} was broken off: {why}");
    let subject = vec![asked.release.to_string()];
    let event = event(
        "bisect.broken_off",
        Actor::system(TRIED_BY),
        subject,
        json!({ "text": text, "why": why }),
    );
    store.write(move |tx| tx.append(&event)).await??;
    Ok(())
}

/// Adds a trial to the search, in the transaction of its entry.
pub(crate) fn add(tx: &mut Tx<'_>, mut bisect: Bisect, told: Told) -> Result<Bisect, StoreError> {
    let number = number(&bisect);
    let text = match told.outcome {
        TrialOutcome::Bad { symptom } => {
            format!(
                "trial {number}, of {} changes, {symptom}: {}",
                told.changes.len(),
                told.why
            )
        }
        outcome @ (TrialOutcome::Good | TrialOutcome::NotBuilt | TrialOutcome::Unclear) => {
            format!(
                "trial {number}, of {} changes: {outcome}: {}",
                told.changes.len(),
                told.why
            )
        }
    };
    let decision = json!({
        "text": text, "changes": told.changes, "outcome": told.outcome, "artifact": told.artifact,
    });
    let mut event = event("bisect.trial", told.by, told_of(&bisect), decision);
    let document = told.document.as_ref().map(|kept| kept.sha256.clone());
    event.refs.extend(told.document);
    let entry = tx.append(&event)?;
    bisect.trials.push(Trial {
        number,
        changes: told.changes,
        outcome: told.outcome,
        why: told.why,
        artifact: told.artifact,
        document,
        ended_at: now(),
        entry,
    });
    if let Next::Over(conclusion) = what_next(&bisect) {
        tx.append(&finished(&bisect, &conclusion))?;
        bisect.conclusion = Some(conclusion);
    }
    tx.put(&bisect)?;
    Ok(bisect)
}

fn finished(bisect: &Bisect, conclusion: &Conclusion) -> Event {
    let decision = json!({
        "text": conclusion.to_string(), "conclusion": conclusion, "trials": bisect.trials.len(),
    });
    event(
        "bisect.finished",
        Actor::system(TRIED_BY),
        told_of(bisect),
        decision,
    )
}

fn told_of(bisect: &Bisect) -> Vec<String> {
    vec![bisect.release.to_string(), bisect.service.to_string()]
}

/// What can be done next about a release: of one that came back with several new changes, find the one at fault.
pub(crate) fn hints_of(release: &Release, rollout: &Rollout, bisect: Option<&Bisect>) -> Vec<String> {
    let came_back = matches!(
        rollout.phase,
        Phase::RolledBack { .. } | Phase::RollbackFailed { .. }
    );
    match bisect {
        Some(bisect) => hints(bisect),
        None if came_back && 1 < release.new_changes.len() && release.base.is_some() => vec![format!(
            "`safeguard release bisect {}` finds which of its {} changes is at fault",
            release.id,
            release.new_changes.len()
        )],
        None => Vec::new(),
    }
}

/// What a person can do next.
pub(crate) fn hints(bisect: &Bisect) -> Vec<String> {
    let release = &bisect.release;
    let Some(conclusion) = &bisect.conclusion else {
        return vec![format!(
            "`safeguard release bisect {release}` goes on with the search"
        )];
    };
    match conclusion {
        Conclusion::Found { culprits, rest } => {
            let guilty: Vec<ChangeId> = culprits
                .iter()
                .filter(|culprit| !culprit.cleared)
                .flat_map(|culprit| culprit.changes())
                .collect();
            let innocent: Vec<String> = bisect
                .changes
                .iter()
                .filter(|change| !guilty.contains(&change.change))
                .map(|change| format!("--change {}", change.change))
                .collect();
            let names: Vec<&str> = guilty.iter().map(ChangeId::as_str).collect();
            let names = names.join(", ");
            match (innocent.is_empty(), rest) {
                (true, _) => vec![format!("mend {names}, then release it anew")],
                (false, Rest::Good) => vec![format!(
                    "release the rest without {names}: build it, then `safeguard release create … {}`",
                    innocent.join(" ")
                )],
                (false, Rest::NotTried) => vec![format!("mend {names}; the rest was not shown to be good")],
            }
        }
        Conclusion::NotReproduced { .. } => vec![format!(
            "name the requests that failed in `[services.{}.drill]`, then `safeguard release bisect {release} --anew`",
            bisect.service
        )],
        Conclusion::BaseIsBad { .. } => vec![format!(
            "look for what changed besides the code: data, configuration, the machine; then `safeguard release bisect {release} --anew`"
        )],
        Conclusion::NotTried { part } => {
            let part = match part {
                Part::Whole => "the whole batch",
                Part::Base => "the base",
            };
            vec![format!(
                "let `rebuild` make {part}, then `safeguard release bisect {release} --anew`"
            )]
        }
        Conclusion::GaveUp { .. } => vec![format!(
            "release smaller batches; the trials are in `safeguard release bisect {release} --json`"
        )],
        Conclusion::Suspicions => vec![format!(
            "with `[services.{}.rebuild]` in safeguard.toml the suspicions are tried in staging",
            bisect.service
        )],
    }
}
