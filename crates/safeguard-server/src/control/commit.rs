//! One transaction: the rollout's next state, what became of the service, the log's entries and the notices.

use safeguard_api::audit::{Actor, ActorKind};
use safeguard_api::release::{Block, Phase};
use safeguard_api::status::{Notice, ServiceState};
use safeguard_api::{Problem, Release, Rollout};
use safeguard_rollout::desired::settle;
use safeguard_rollout::observe::{Command, Observation};
use safeguard_rollout::plan::{Answer, Commit, Plan};
use safeguard_store::{Poisoned, StoreError, Tx};

use super::load::refusal;
use super::{Lane, Loop};
use crate::notify;
use crate::record::{self, now};

impl Loop {
    pub(super) async fn commit(
        &self,
        release: &Release,
        before: &Rollout,
        planned: Plan,
        observation: &Observation,
    ) -> Result<(), StoreError> {
        if planned.commit == Commit::No {
            return Ok(());
        }
        // What is decided in the same moment as a command is refused is not the doing of the one who asked.
        let obeyed = matches!(planned.answer, Some(Answer::Done { .. }));
        let actor = actor(observation.command.as_ref().filter(|_| obeyed));
        let release = release.clone();
        let before = before.clone();
        self.store
            .write(move |tx| write(tx, &release, &before, &planned, &actor))
            .await?
    }

    /// Records a refused promotion, and returns what the person who asked is told.
    pub(super) async fn refuse(
        &self,
        release: &Release,
        rollout: &Rollout,
        why: &str,
        blocks: &[Block],
        command: &Command,
    ) -> Result<Problem, StoreError> {
        let mut problem = refusal(release, rollout, why, blocks);
        let text = format!("{}: {}", problem.title, problem.details.join("; "));
        let event = record::event(
            "promotion.refused",
            actor(Some(command)),
            vec![release.id.to_string(), release.service.to_string()],
            serde_json::json!({ "text": text, "blocks": blocks, "stage": rollout.stage, "phase": rollout.phase }),
        );
        problem.entry = Some(self.store.write(move |tx| tx.append(&event)).await??);
        Ok(problem)
    }
}

fn write(
    tx: &mut Tx<'_>,
    release: &Release,
    before: &Rollout,
    planned: &Plan,
    actor: &Actor,
) -> Result<(), StoreError> {
    let next = &planned.next;
    tx.put(next)?;
    // Read here and not at the round's start: another rollout of the service may have been committed in between.
    let state = &tx
        .get::<ServiceState>(release.service.as_str())?
        .unwrap_or_else(|| ServiceState {
            service: release.service.clone(),
            live: None,
            previous: None,
            active: None,
        });
    let settled = settle(state, next);
    if settled != *state {
        tx.put(&settled)?;
    }
    let mut lane = tx
        .get::<Lane>(release.service.as_str())?
        .unwrap_or_else(|| Lane::empty(&release.service));
    let walks = lane.releases.contains(&release.id);
    if walks && is_over(&next.phase) {
        lane.releases.retain(|walking| *walking != release.id);
        tx.put(&lane)?;
    } else if !walks && !is_over(&next.phase) {
        lane.releases.insert(0, release.id.clone());
        tx.put(&lane)?;
    }
    if let Phase::RollingBack { reason, .. } = &next.phase
        && !matches!(before.phase, Phase::RollingBack { .. })
        && !matches!(reason, safeguard_api::release::RollbackReason::Superseded { .. })
    {
        tx.put(&Poisoned {
            artifact: release.artifact.clone(),
            release: release.id.clone(),
            at: now(),
            reason: reason.to_string(),
            cleared_by: None,
            cleared_at: None,
        })?;
    }
    for decision in &planned.decisions {
        let mut told = decision.detail.clone();
        if let Some(fields) = told.as_object_mut() {
            fields.insert("text".to_owned(), decision.text.clone().into());
        } else {
            told = serde_json::json!({ "text": decision.text, "detail": told });
        }
        let subject = vec![
            release.id.to_string(),
            release.artifact.to_string(),
            release.service.to_string(),
        ];
        tx.append(&record::event(decision.kind, actor.clone(), subject, told))?;
        if let Some(event) = decision.notice {
            tx.notify(
                notify::TOPIC,
                &Notice {
                    api: "safeguard.notice/1".to_owned(),
                    event: event.to_owned(),
                    service: release.service.clone(),
                    release: release.id.clone(),
                    version: release.version.clone(),
                    at: now(),
                    text: decision.text.clone(),
                },
            )?;
        }
    }
    Ok(())
}

/// Whether the release leaves its lane. A rollback that failed stays: a person must look, and nothing else starts.
fn is_over(phase: &Phase) -> bool {
    phase.is_final() && !matches!(phase, Phase::RollbackFailed { .. })
}

/// Who decided: the person who asked, else the planner.
fn actor(command: Option<&Command>) -> Actor {
    match command {
        Some(Command::Promote { by } | Command::Hold { by, .. } | Command::Rollback { by }) => Actor {
            kind: ActorKind::Human,
            id: by.clone(),
            auth: "api".to_owned(),
        },
        Some(Command::Supersede { .. }) | None => Actor::system("planner"),
    }
}
