//! What the proxies tell the control plane of their decisions, and ask it about approvals.
//!
//! Decisions are gathered here and fetched by whoever talks to the control plane. There is room for a limited number of
//! them: those that say the same are counted as one.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

use safeguard_api::statement::{
    DECISIONS_MAX, DecisionBatch, Redeemed, Redemption, RowEffect, StatementDecision, StatementText, Wording,
};
use safeguard_api::{Environment, Name};
use tokio::sync::oneshot;

/// From so many on, decisions that say the same are counted as one.
const LISTED_MAX: usize = 32;
/// Codes that wait to be asked about; further ones are refused.
const QUESTIONS_MAX: usize = 64;
/// Of one batch; further statements can not be approved.
const TEXTS_MAX: usize = 16;

/// The answer to a code: what it is good for, or why it is not.
pub type Answer = Result<Redeemed, String>;

/// A code that somebody has to ask the control plane about.
pub struct Question {
    pub redemption: Redemption,
    pub answer: oneshot::Sender<Answer>,
}

/// Between the proxies of a process and the control plane.
pub struct Desk {
    // Guards that what is fetched is fetched once.
    batches: Mutex<BTreeMap<Name, DecisionBatch>>,
    questions: SyncSender<Question>,
    recording: AtomicBool,
}

impl Desk {
    /// The desk, and the questions that it will be asked.
    #[must_use]
    pub fn new() -> (Desk, Receiver<Question>) {
        let (questions, asked) = sync_channel(QUESTIONS_MAX);
        let desk = Desk {
            batches: Mutex::default(),
            questions,
            recording: AtomicBool::new(false),
        };
        (desk, asked)
    }

    /// Takes everything that was told since the last time.
    pub fn fetch(&self) -> Vec<DecisionBatch> {
        let mut batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *batches).into_values().collect()
    }

    /// Says whether what was fetched last is in the log; until then nothing is known to be.
    pub fn set_recording(&self, recording: bool) {
        self.recording.store(recording, Ordering::Relaxed);
    }

    /// Whether decisions reach the log.
    pub(super) fn is_recording(&self) -> bool {
        self.recording.load(Ordering::Relaxed)
    }

    /// Tells a decision; false when there is no room for it before the next fetch.
    pub(super) fn tell(
        &self,
        proxy: &Name,
        environment: Environment,
        decision: StatementDecision,
        wording: Option<Wording>,
    ) -> bool {
        let mut batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        let batch = batches.entry(proxy.clone()).or_insert_with(|| DecisionBatch {
            proxy: proxy.clone(),
            environment,
            decisions: Vec::new(),
            texts: Vec::new(),
        });
        if let Some(Wording { text, values }) = wording.filter(|_| batch.texts.len() < TEXTS_MAX) {
            batch.texts.push(StatementText {
                decision: decision.decision.clone(),
                text,
                values,
            });
        } else if batch.decisions.len() >= LISTED_MAX {
            // What may be approved is named by its own decision.
            let same = |one: &&mut StatementDecision| is_same(one, &decision, &batch.texts);
            if let Some(same) = batch.decisions.iter_mut().find(same) {
                same.repeated += 1;
                same.effect = sum(same.effect, decision.effect);
                return true;
            }
        }
        let has_room = batch.decisions.len() < DECISIONS_MAX;
        if has_room {
            batch.decisions.push(decision);
        }
        has_room
    }

    /// Asks about a code; the answer is an end when nobody takes the question.
    pub(super) fn ask(&self, redemption: Redemption) -> oneshot::Receiver<Answer> {
        let (answer, answered) = oneshot::channel();
        // Without anybody to hear it, or among too many, the sender goes with the question, which the receiver notices.
        drop(self.questions.try_send(Question { redemption, answer }));
        answered
    }
}

fn is_same(one: &StatementDecision, other: &StatementDecision, texts: &[StatementText]) -> bool {
    one.login == other.login
        && one.outcome == other.outcome
        && one.rule == other.rule
        && one.sqlstate == other.sqlstate
        && one.classes == other.classes
        && one.relations == other.relations
        && one.approved.is_none()
        && other.approved.is_none()
        && !texts.iter().any(|text| text.decision == one.decision)
}

fn sum(one: Option<RowEffect>, other: Option<RowEffect>) -> Option<RowEffect> {
    match (one, other) {
        (Some(one), Some(other)) => Some(RowEffect {
            rows_changed: one.rows_changed.saturating_add(other.rows_changed),
            rows_deleted: one.rows_deleted.saturating_add(other.rows_deleted),
        }),
        (one, other) => one.or(other),
    }
}
