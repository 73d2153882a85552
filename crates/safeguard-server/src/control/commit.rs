//! One transaction: the rollout's next state, what became of the service, the log's entries and the notices.

use safeguard_api::audit::{Actor, ActorKind, Reference};
use safeguard_api::release::{Block, Phase};
use safeguard_api::status::{Notice, ServiceState};
use safeguard_api::{Problem, Release, Rollout};
use safeguard_rollout::desired::settle;
use safeguard_rollout::observe::Command;
use safeguard_rollout::plan::{Answer, Commit, Plan, PlanFile};
use safeguard_store::{Poisoned, StoreError, Tx};

use super::load::refusal;
use super::{Loop, Queue};
use crate::notify;
use crate::record::{self, now};

impl Loop {
    pub(super) async fn commit(
        &mut self,
        release: &Release,
        planned: Plan,
        file: &PlanFile,
    ) -> Result<(), StoreError> {
        if planned.commit == Commit::No {
            return Ok(());
        }
        // What is decided in the same moment as a command is refused is not the doing of the one who asked.
        let obeyed = matches!(planned.answer, Some(Answer::Done { .. }));
        let actor = actor(file.observed.command.as_ref().filter(|_| obeyed));
        let made_from = if planned.decisions.is_empty() {
            None
        } else {
            self.keep(file).await
        };
        let release = release.clone();
        let before = file.rollout.clone();
        self.store
            .write(move |tx| write(tx, &release, &before, &planned, &actor, made_from.as_ref()))
            .await?
    }

    /// Keeps what the decisions were made from. They count without it too: a full disk must not stop a way back.
    async fn keep(&mut self, file: &PlanFile) -> Option<Reference> {
        match record::keep(&self.content, "plan", file).await {
            Ok(reference) => Some(reference),
            Err(why) => {
                self.complain("What a decision was made from can not be kept", &why);
                None
            }
        }
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
    made_from: Option<&Reference>,
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
    let mut queue = tx
        .get::<Queue>(release.service.as_str())?
        .unwrap_or_else(|| Queue::empty(&release.service));
    let walks = queue.releases.contains(&release.id);
    if walks && is_over(&next.phase) {
        queue.releases.retain(|walking| *walking != release.id);
        tx.put(&queue)?;
    } else if !walks && !is_over(&next.phase) {
        queue.releases.insert(0, release.id.clone());
        tx.put(&queue)?;
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
        let mut event = record::event(decision.kind, actor.clone(), subject, told);
        event.refs.extend(made_from.cloned());
        tx.append(&event)?;
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

/// Whether the release leaves its queue. A rollback that failed stays: a person must look, and nothing else starts.
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
