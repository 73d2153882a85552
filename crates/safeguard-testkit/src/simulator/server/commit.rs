//! What the server writes down: rollout, service and log in one transaction of the real store.

use safeguard_api::audit::{Actor, Event as LogEvent};
use safeguard_api::release::{Phase, RollbackReason, Rollout};
use safeguard_rollout::desired::settle;
use safeguard_rollout::plan::{Commit, Plan};
use safeguard_store::{Poisoned, StoreError};

use super::super::check;
use super::super::router::Counted;
use super::Sim;

impl Sim {
    pub(super) fn commit(&mut self, planned: &Plan) -> Result<(), String> {
        self.outcome.commits += 1;
        let settled = settle(&self.state, &planned.next);
        let next = planned.next.clone();
        let ts = self.wall();
        let poisons = matches!(&next.phase, Phase::RollingBack { reason, .. }
            if !matches!(reason, RollbackReason::Superseded { .. }));
        let state = settled.clone();
        let events: Vec<LogEvent> = planned
            .decisions
            .iter()
            .map(|decision| LogEvent {
                v: 1,
                kind: decision.kind.to_owned(),
                ts,
                actor: Actor::system("planner"),
                subject: vec![next.release.to_string()],
                refs: Vec::new(),
                commit: Vec::new(),
                decision: decision.detail.clone(),
                late: false,
            })
            .collect();
        self.entries += events.len() as u64;
        self.outcome.reentries += events
            .iter()
            .filter(|event| event.kind == "deploy.reentered")
            .count() as u64;
        let written = self.store.write_blocking(move |tx| -> Result<(), StoreError> {
            tx.put(&next)?;
            tx.put(&state)?;
            if poisons {
                tx.put(&Poisoned {
                    artifact: next.artifact.clone(),
                    release: next.release.clone(),
                    at: ts,
                    reason: "rolled back".to_owned(),
                    cleared_by: None,
                    cleared_at: None,
                })?;
            }
            for event in &events {
                tx.append(event)?;
            }
            Ok(())
        });
        written
            .and_then(|written| written)
            .map_err(|error| error.to_string())?;
        if planned.commit == Commit::Transition {
            let truth = self.truth();
            let command = self.observation.command.as_ref();
            let decisions = planned.decisions.len();
            check::committed(
                &self.committed,
                &planned.next,
                decisions,
                command,
                &self.script.policy,
                &truth,
            )?;
            self.count_anew(&planned.next);
            self.committed = planned.next.clone();
        }
        self.state = settled;
        Ok(())
    }

    pub(super) fn count_anew(&mut self, next: &Rollout) {
        if next.stage != self.committed.stage {
            self.stage_began = self.now;
        }
        let shows = matches!(
            next.phase,
            Phase::Warming | Phase::Analyzing { .. } | Phase::Soaking
        );
        let anew = next.phase != self.committed.phase || next.phase_since != self.committed.phase_since;
        if shows && anew {
            self.part = Counted::default();
            self.healthy_ms = 0;
        }
    }
}
