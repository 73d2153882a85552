//! What is told of decisions: names and classes, never the text of a statement nor what stands in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use safeguard_api::guard::GuardAnswer;
use safeguard_guard::Facts;

use super::effect::Effect;
use super::judged::Judgement;
use super::quota::Over;
use super::refusal::Refusal;
use super::session::Session;

const NAMES_TOLD_MAX: usize = 16;

/// What a proxy did since it started.
#[derive(Debug, Default)]
pub struct Counters {
    sessions: AtomicU64,
    messages: AtomicU64,
    refused: AtomicU64,
    measured: AtomicU64,
    over_budget: AtomicU64,
    observed: AtomicU64,
    over_quota: AtomicU64,
    over_quota_observed: AtomicU64,
}

impl Counters {
    pub fn session(&self) {
        self.sessions.fetch_add(1, Ordering::Relaxed);
    }

    pub fn message(&self) {
        self.messages.fetch_add(1, Ordering::Relaxed);
    }

    /// Tells all of them in one line.
    pub fn tell(&self, proxy: &str) {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        tracing::info!(
            proxy,
            sessions = of(&self.sessions),
            messages = of(&self.messages),
            refused = of(&self.refused),
            measured = of(&self.measured),
            over_budget = of(&self.over_budget),
            observed = of(&self.observed),
            over_quota = of(&self.over_quota),
            over_quota_observed = of(&self.over_quota_observed),
            "Statements were judged"
        );
    }
}

impl Session {
    pub fn tell_refused(&self, all: &[Arc<Facts>], judgement: &Judgement, decision: &str) {
        self.door.counters.refused.fetch_add(1, Ordering::Relaxed);
        let rule = judgement.finding.as_ref().map_or("", |finding| &finding.rule);
        tracing::warn!(
            proxy = %self.door.name, user = %self.login.user, principal = %self.login.principal,
            rule, decision, classes = %classes(all), relations = %relations(all), "A statement was refused"
        );
    }

    pub fn tell_not_covered(&self, all: &[Arc<Facts>], refusal: &Refusal) {
        self.door.counters.refused.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(
            proxy = %self.door.name, user = %self.login.user, principal = %self.login.principal,
            sqlstate = %refusal.sqlstate, classes = %classes(all), relations = %relations(all),
            "A statement was refused that can not be measured"
        );
    }

    pub fn tell_observed(&self, all: &[Arc<Facts>], judgement: &Judgement) {
        if judgement.answer == GuardAnswer::Allow {
            return;
        }
        self.door.counters.observed.fetch_add(1, Ordering::Relaxed);
        let rule = judgement.finding.as_ref().map_or("", |finding| &finding.rule);
        tracing::info!(
            proxy = %self.door.name, user = %self.login.user, principal = %self.login.principal,
            rule, would = %judgement.answer, classes = %classes(all), relations = %relations(all),
            "A statement was let through"
        );
    }

    /// Tells what is over a quota, and returns the name of the decision.
    pub fn tell_quota(&self, over: &Over, is_held: bool) -> String {
        let decision = self.door.decision();
        let counters = &self.door.counters;
        let counter = if is_held {
            &counters.over_quota
        } else {
            &counters.over_quota_observed
        };
        counter.fetch_add(1, Ordering::Relaxed);
        let over = over.words();
        if is_held {
            tracing::warn!(
                proxy = %self.door.name, user = %self.login.user, principal = %self.login.principal,
                decision, over, "A statement over its quota was refused or cancelled"
            );
        } else {
            tracing::info!(
                proxy = %self.door.name, user = %self.login.user, principal = %self.login.principal,
                decision, over, "A statement over its quota was let through"
            );
        }
        decision
    }

    pub fn tell_measured(&self, effect: &Effect, over: Option<&str>) {
        self.door.counters.measured.fetch_add(1, Ordering::Relaxed);
        let (changed, deleted) = (effect.rows_changed, effect.rows_deleted);
        match over {
            Some(over) => {
                self.door.counters.over_budget.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(
                    proxy = %self.door.name, user = %self.login.user, principal = %self.login.principal,
                    changed, deleted, over, "A transaction over its budget was not committed"
                );
            }
            None => tracing::debug!(
                proxy = %self.door.name, user = %self.login.user, principal = %self.login.principal,
                changed, deleted, "A transaction was measured"
            ),
        }
    }
}

fn classes(all: &[Arc<Facts>]) -> String {
    let mut classes: Vec<&str> = all
        .iter()
        .flat_map(|facts| &facts.acts)
        .map(|act| act.class.as_str())
        .collect();
    classes.sort_unstable();
    classes.dedup();
    classes.join(" ")
}

fn relations(all: &[Arc<Facts>]) -> String {
    let names = all.iter().flat_map(|facts| &facts.relations);
    let names: Vec<&str> = names
        .take(NAMES_TOLD_MAX)
        .map(|relation| relation.name.as_str())
        .collect();
    names.join(" ")
}
