//! What is told of decisions: names and classes, never the text of a statement nor what stands in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use safeguard_api::DecisionId;
use safeguard_api::credential::user_of;
use safeguard_api::guard::{GuardAnswer, StatementClass};
use safeguard_api::statement::{Outcome, RowEffect, StatementDecision, Wording};
use safeguard_guard::Facts;

use super::door::Door;
use super::effect::Effect;
use super::judged::Judgement;
use super::quota::Over;
use super::refusal::{OVER_BUDGET, Refusal};
use super::session::Session;
use crate::clock::wall;

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
    logins_failed: AtomicU64,
    logins_held_up: AtomicU64,
}

impl Counters {
    pub fn session(&self) {
        self.sessions.fetch_add(1, Ordering::Relaxed);
    }

    pub fn message(&self) {
        self.messages.fetch_add(1, Ordering::Relaxed);
    }

    /// A login was refused, since others failed or were under way.
    pub fn login_held_up(&self) {
        self.logins_held_up.fetch_add(1, Ordering::Relaxed);
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
            logins_failed = of(&self.logins_failed),
            logins_held_up = of(&self.logins_held_up),
            "Statements were judged"
        );
    }
}

impl Door {
    /// Tells a login that failed; in the log of the server, where the configuration knows whose it would be.
    pub fn tell_login_failed(&self, login: &str, sqlstate: &str) {
        self.counters.logins_failed.fetch_add(1, Ordering::Relaxed);
        let (Some(desk), Some(principal)) = (&self.desk, self.users.principal(login)) else {
            return;
        };
        let decision = StatementDecision {
            decision: self.decision(),
            at: wall(),
            login: user_of(login).to_owned(),
            person: self.users.person(login),
            principal,
            outcome: Outcome::Refused,
            rule: None,
            sqlstate: Some(sqlstate.to_owned()),
            classes: Vec::new(),
            relations: Vec::new(),
            effect: None,
            approved: None,
            undo: None,
            unkept: false,
            frozen: false,
            repeated: 0,
        };
        if !desk.tell(&self.name, self.environment, decision, None) {
            tracing::warn!(proxy = %self.name, "There were more decisions than one entry of the log takes");
        }
    }
}

impl Session {
    pub fn tell_refused(
        &self,
        all: &[Arc<Facts>],
        judgement: &Judgement,
        decision: DecisionId,
        sqlstate: &str,
        wording: Option<Wording>,
    ) {
        self.door.counters.refused.fetch_add(1, Ordering::Relaxed);
        let rule = judgement.finding.as_ref().map_or("", |finding| &finding.rule);
        tracing::warn!(
            proxy = %self.door.name, user = %self.login.user, principal = %self.login.principal,
            rule, %decision, classes = %classes(all), relations = %relations(all), "A statement was refused"
        );
        let frozen = wording.is_some() && all.iter().any(|facts| self.is_held_by_freeze(facts));
        let unkept = wording.is_some() && !self.began.keeps;
        self.tell_desk(wording, || StatementDecision {
            rule: Some(rule.to_owned()),
            sqlstate: Some(sqlstate.to_owned()),
            unkept,
            frozen,
            ..self.decided(Outcome::Refused, all, decision)
        });
    }

    pub fn tell_not_covered(&self, all: &[Arc<Facts>], refusal: &Refusal) {
        self.door.counters.refused.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(
            proxy = %self.door.name, user = %self.login.user, principal = %self.login.principal,
            sqlstate = %refusal.sqlstate, classes = %classes(all), relations = %relations(all),
            "A statement was refused that can not be measured"
        );
        self.tell_desk(None, || StatementDecision {
            sqlstate: Some(refusal.sqlstate.clone()),
            ..self.decided(Outcome::Refused, all, self.door.decision())
        });
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
        self.tell_desk(None, || StatementDecision {
            rule: Some(rule.to_owned()),
            ..self.decided(Outcome::Observed, all, self.door.decision())
        });
    }

    /// Tells what is over a quota, and returns the name of the decision.
    pub fn tell_quota(&self, over: &Over, is_held: bool) -> DecisionId {
        let decision = self.door.decision();
        let counters = &self.door.counters;
        let counter = if is_held {
            &counters.over_quota
        } else {
            &counters.over_quota_observed
        };
        counter.fetch_add(1, Ordering::Relaxed);
        let sqlstate = over.sqlstate();
        let over = over.words();
        if is_held {
            tracing::warn!(
                proxy = %self.door.name, user = %self.login.user, principal = %self.login.principal,
                %decision, over, "A statement over its quota was refused or cancelled"
            );
        } else {
            tracing::info!(
                proxy = %self.door.name, user = %self.login.user, principal = %self.login.principal,
                %decision, over, "A statement over its quota was let through"
            );
        }
        let outcome = if is_held {
            Outcome::Refused
        } else {
            Outcome::Observed
        };
        self.tell_desk(None, || StatementDecision {
            sqlstate: is_held.then(|| sqlstate.to_owned()),
            ..self.decided(outcome, &[], decision.clone())
        });
        decision
    }

    pub fn tell_measured(&self, effect: &Effect, over: Option<&str>, decision: &DecisionId) {
        self.door.counters.measured.fetch_add(1, Ordering::Relaxed);
        let (changed, deleted) = (effect.rows_changed, effect.rows_deleted);
        let outcome = match over {
            Some(over) => {
                self.door.counters.over_budget.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(
                    proxy = %self.door.name, user = %self.login.user, principal = %self.login.principal,
                    changed, deleted, over, "A transaction over its budget was not committed"
                );
                Outcome::RolledBack
            }
            None => {
                tracing::debug!(
                    proxy = %self.door.name, user = %self.login.user, principal = %self.login.principal,
                    changed, deleted, "A transaction was measured"
                );
                Outcome::Within
            }
        };
        let watch = &self.transaction.watch;
        let wording = self.transaction.wording.clone().filter(|_| over.is_some());
        let keeps = over.is_none() && self.keeps_rows();
        let permit = self.transaction.permit.as_ref().filter(|_| keeps);
        // Where the server was asked, a name has its schema.
        let relations = match &self.transaction.taken {
            Some(taken) => taken.named().map(str::to_owned).take(NAMES_TOLD_MAX).collect(),
            None => watch.targets.iter().take(NAMES_TOLD_MAX).cloned().collect(),
        };
        let is_held = |wording: &Wording| self.is_held_by_freeze(&self.door.texts.read(&wording.text));
        let frozen = wording.as_ref().is_some_and(is_held);
        let unkept = wording.is_some() && !self.keeps_rows();
        self.tell_desk(wording, || StatementDecision {
            unkept,
            frozen,
            sqlstate: over.map(|_| OVER_BUDGET.to_owned()),
            classes: watch.classes.iter().copied().collect(),
            relations,
            undo: permit.map(|permit| permit.undo.clone()),
            effect: Some(RowEffect {
                rows_changed: changed,
                rows_deleted: deleted,
            }),
            ..self.decided(outcome, &[], decision.clone())
        });
    }

    fn decided(&self, outcome: Outcome, all: &[Arc<Facts>], decision: DecisionId) -> StatementDecision {
        StatementDecision {
            decision,
            at: wall(),
            login: self.login.user.clone(),
            person: self.login.person.clone(),
            principal: self.login.principal,
            outcome,
            rule: None,
            sqlstate: None,
            classes: classes_of(all),
            relations: relations_of(all).map(str::to_owned).collect(),
            effect: None,
            approved: self
                .transaction
                .permit
                .as_ref()
                .map(|permit| permit.redeemed.decision.clone()),
            undo: None,
            unkept: false,
            frozen: false,
            repeated: 0,
        }
    }

    /// Tells a decision at the desk, where there is one. What finds no room there is in the lines of the log alone.
    fn tell_desk(&self, wording: Option<Wording>, decision: impl FnOnce() -> StatementDecision) {
        let Some(desk) = &self.door.desk else {
            return;
        };
        if !desk.tell(&self.door.name, self.door.environment, decision(), wording) {
            tracing::warn!(proxy = %self.door.name, "There were more decisions than one entry of the log takes");
        }
    }
}

fn classes_of(all: &[Arc<Facts>]) -> Vec<StatementClass> {
    let acts = all.iter().flat_map(|facts| &facts.acts);
    let mut classes: Vec<StatementClass> = acts.map(|act| act.class).collect();
    classes.sort_unstable();
    classes.dedup();
    classes
}

fn classes(all: &[Arc<Facts>]) -> String {
    let mut classes: Vec<&str> = classes_of(all).into_iter().map(StatementClass::as_str).collect();
    classes.sort_unstable();
    classes.join(" ")
}

fn relations_of(all: &[Arc<Facts>]) -> impl Iterator<Item = &str> {
    let names = all.iter().flat_map(|facts| &facts.relations);
    names.take(NAMES_TOLD_MAX).map(|relation| relation.name.as_str())
}

fn relations(all: &[Arc<Facts>]) -> String {
    relations_of(all).collect::<Vec<_>>().join(" ")
}
