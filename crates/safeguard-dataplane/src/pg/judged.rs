//! What is decided about texts and names: facts are kept by the text, decisions are made anew each time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use safeguard_api::config::GuardPolicy;
use safeguard_api::guard::{Asker, GuardAnswer, GuardFinding};
use safeguard_guard::{Facts, decide, judge};

/// Longer texts are rarely sent twice.
const KEPT_TEXT_BYTES_MAX: usize = 4_096;
const KEPT_TEXTS_MAX: usize = 4_096;

/// What counts at this moment: the policy, and whether a freeze holds production.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Standing {
    pub policy: GuardPolicy,
    pub frozen: bool,
}

/// The strictest answer to everything that something may stand for.
#[derive(Debug, Clone)]
pub struct Judgement {
    pub answer: GuardAnswer,
    /// What is said of a statement that is refused or measured.
    pub finding: Option<GuardFinding>,
}

pub fn strictest<'f>(
    candidates: impl IntoIterator<Item = &'f Arc<Facts>>,
    asker: Asker,
    policy: &GuardPolicy,
) -> Judgement {
    let mut strictest: Option<(GuardAnswer, &Facts)> = None;
    for facts in candidates {
        let answer = decide(facts, asker, policy).answer;
        if strictest.is_none_or(|(so_far, _)| so_far < answer) {
            strictest = Some((answer, facts));
        }
    }
    match strictest {
        Some((GuardAnswer::Allow, _)) | None => Judgement {
            answer: GuardAnswer::Allow,
            finding: None,
        },
        Some((answer, facts)) => {
            let decision = judge(facts, asker, policy);
            Judgement {
                answer,
                finding: decision.finding,
            }
        }
    }
}

/// Facts by their texts, for all sessions of a proxy.
#[derive(Default)]
pub struct FactsByText {
    // Guards two generations: whatever is asked for is in the younger one, and the older is dropped when that is full.
    generations: Mutex<[HashMap<String, Arc<Facts>>; 2]>,
}

impl FactsByText {
    pub fn read(&self, sql: &str) -> Arc<Facts> {
        if sql.len() > KEPT_TEXT_BYTES_MAX {
            return Arc::new(safeguard_guard::read(sql));
        }
        if let Some(facts) = self.kept(sql) {
            return facts;
        }
        let facts = Arc::new(safeguard_guard::read(sql));
        self.keep(sql.to_owned(), Arc::clone(&facts));
        facts
    }

    fn kept(&self, sql: &str) -> Option<Arc<Facts>> {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        let [young, old] = &mut *generations;
        if let Some(facts) = young.get(sql) {
            return Some(Arc::clone(facts));
        }
        let (sql, facts) = old.remove_entry(sql)?;
        young.insert(sql, Arc::clone(&facts));
        Some(facts)
    }

    fn keep(&self, sql: String, facts: Arc<Facts>) {
        let mut generations = self.generations.lock().unwrap_or_else(PoisonError::into_inner);
        let [young, old] = &mut *generations;
        if young.len() >= KEPT_TEXTS_MAX {
            *old = std::mem::take(young);
        }
        young.insert(sql, facts);
    }
}
