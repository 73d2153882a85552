//! What becomes of a message before the server sees it: it goes on, is refused, or waits until something is counted.

use std::sync::Arc;

use safeguard_api::guard::{GuardAnswer, Principal};
use safeguard_guard::{Facts, TransactionStep};

use super::approval::{Reading, not_alone};
use super::effect::{Purpose, not_measured};
use super::estimate::Words;
use super::frame;
use super::judged::{Judgement, strictest};
use super::own::unreadable;
use super::refusal::{NOT_SUPPORTED, Refusal};
use super::session::Session;
use super::transaction::{Answered, Block};

/// What a message does with the statements that it names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A simple query: it runs them.
    Query,
    /// It has one read.
    Parse,
    /// It has one planned, which may run functions already.
    Bind,
    /// It runs one.
    Execute,
}

pub enum Course {
    Forward,
    Refuse(Box<Refusal>),
    /// Until the server has answered.
    Wait,
    /// The client was answered; nothing is sent.
    Answered,
}

impl Session {
    /// Decides about a message. A message that waits is decided about anew, with what was learned since. `words` are what the
    /// message says of the statement.
    pub fn course(&mut self, candidates: &[Arc<Facts>], form: Form, words: Words<'_>) -> Course {
        if self.is_beside_approved() {
            return self.refuse(candidates, not_alone());
        }
        let standing = self.door.standing();
        let prepared = match self.prepared(candidates, form) {
            Ok(prepared) => prepared,
            Err(refusal) => return self.refuse(candidates, refusal),
        };
        let with_prepared: Vec<_>;
        let all = if prepared.is_empty() {
            candidates
        } else {
            with_prepared = candidates.iter().chain(&prepared).cloned().collect();
            &with_prepared
        };
        let judgement = strictest(all, self.asker(standing.frozen), &standing.policy);
        if self.door.observes || judgement.answer != GuardAnswer::Deny {
            let over = self.admit(all, form, &standing.policy.quotas);
            if let Some(refusal) = over {
                return Course::Refuse(Box::new(refusal));
            }
        }
        if self.door.observes {
            if let Some(course) = self.costed(all, form, words) {
                return course;
            }
            if matches!(form, Form::Query | Form::Execute) {
                self.tell_observed(all, &judgement);
            }
            return Course::Forward;
        }
        match judgement.answer {
            GuardAnswer::Allow => match self.costed(all, form, words) {
                Some(course) => course,
                None => self.allowed(all, form),
            },
            GuardAnswer::Measure if self.is_unrecorded() => self.refuse(all, unrecorded()),
            GuardAnswer::Measure if !takes_tables(all) => self.measured(all, form, words),
            GuardAnswer::Measure | GuardAnswer::Deny if self.is_decided_when_bound(all, words) => {
                Course::Forward
            }
            GuardAnswer::Measure | GuardAnswer::Deny => self.denied(all, &judgement, words),
        }
    }

    /// Whether nobody answers for who asks, and what is decided does not reach the log.
    fn is_unrecorded(&self) -> bool {
        let unattended = matches!(self.login.principal, Principal::Agent | Principal::Service);
        unattended && self.door.desk.as_ref().is_some_and(|desk| !desk.is_recording())
    }

    fn denied(&mut self, all: &[Arc<Facts>], judgement: &Judgement, words: Words<'_>) -> Course {
        // Until all is answered a name may stand for what the server never took: where texts are refused at their values, what
        // does not exist must be told as that.
        if matches!(words, Words::Bound(_)) && self.door.desk.is_some() && !self.settle() {
            return Course::Wait;
        }
        let reading = match all {
            [facts] => self.reading(facts, words),
            _ => Reading::None,
        };
        let wording = match reading {
            Reading::Waits => return Course::Wait,
            Reading::Wording(wording) => Some(wording),
            Reading::None => None,
        };
        let decision = self.door.decision();
        let mut refusal = match &judgement.finding {
            Some(finding) => Refusal::of(finding, &decision),
            None => Refusal::new(
                NOT_SUPPORTED,
                "the statement is not understood",
                "write it another way",
            ),
        };
        if let (GuardAnswer::Measure, [facts]) = (judgement.answer, all) {
            refusal = uncounted(not_measured(facts).unwrap_or("takes whole tables"));
        }
        if wording.is_some() {
            refusal.hint = self.approvable_hint(&refusal.hint, &decision);
        } else if let Some(how) = self.written_out(all) {
            refusal.hint = format!("{}; {how}", refusal.hint);
        }
        self.tell_refused(all, judgement, decision, &refusal.sqlstate, wording);
        Course::Refuse(Box::new(refusal))
    }

    /// A refusal that is no rule's.
    pub fn refuse(&self, all: &[Arc<Facts>], refusal: Refusal) -> Course {
        self.tell_not_covered(all, &refusal);
        Course::Refuse(Box::new(refusal))
    }

    /// What SQL's own `EXECUTE` would run.
    pub fn prepared(&self, candidates: &[Arc<Facts>], form: Form) -> Result<Vec<Arc<Facts>>, Refusal> {
        let mut found = Vec::new();
        for facts in candidates {
            for name in &facts.executes {
                // It may be prepared by the same text, whose facts count already.
                let known = self.statements.candidates(name.as_bytes());
                let runs = matches!(form, Form::Query | Form::Execute) && !self.door.observes;
                if runs && known.is_empty() && !facts.prepares.contains(name) {
                    return Err(unknown_statement(name.as_bytes()));
                }
                found.extend_from_slice(&known);
            }
        }
        Ok(found)
    }

    fn allowed(&mut self, all: &[Arc<Facts>], form: Form) -> Course {
        let has_steps = all.iter().any(|facts| !facts.steps.is_empty());
        if !has_steps || self.transaction.baseline.is_none() || !matches!(form, Form::Query | Form::Execute) {
            return Course::Forward;
        }
        if !self.settle() {
            return Course::Wait;
        }
        if self.transaction.baseline.is_none() {
            return Course::Forward;
        }
        let [facts] = all else {
            return self.refuse(all, ambiguous());
        };
        if self.transaction.is_wrapped && needs_block(&facts.steps) {
            return self.refuse(all, no_block());
        }
        match facts.steps.as_slice() {
            [TransactionStep::Commit { .. }] if facts.cost.statements == 1 => self.before_commit(all, form),
            [TransactionStep::Begin] if facts.cost.statements == 1 => {
                // From here on the transaction is the client's own.
                self.transaction.is_wrapped = false;
                Course::Forward
            }
            [TransactionStep::Prepare] => self.refuse(all, handed_over()),
            [_] if facts.cost.statements == 1 => Course::Forward,
            _ => self.refuse(all, mixed()),
        }
    }

    fn before_commit(&mut self, all: &[Arc<Facts>], form: Form) -> Course {
        match self.transaction.answered.take() {
            None if self.transaction.block != Block::Open => Course::Forward,
            None => {
                self.ask(Purpose::Check, form == Form::Query);
                Course::Wait
            }
            Some(Answered::Within) => Course::Forward,
            Some(refused) => {
                // A commit that fails ends its transaction, and clients send no `ROLLBACK` after it: the proxy does.
                self.transaction.is_wrapped = true;
                match refused {
                    Answered::Over(refusal) => Course::Refuse(refusal),
                    Answered::Failed { error, status } => self.failed(&error, status),
                    Answered::Unreadable | Answered::Within => self.refuse(all, unreadable()),
                }
            }
        }
    }

    pub fn measured(&mut self, all: &[Arc<Facts>], form: Form, words: Words<'_>) -> Course {
        if all.iter().any(|facts| !facts.steps.is_empty()) {
            return self.refuse(all, mixed());
        }
        if all.iter().any(|facts| facts.holds_cursor) {
            return self.refuse(all, held_cursor());
        }
        if let Some(does) = all.iter().find_map(|facts| not_measured(facts)) {
            return self.refuse(all, uncounted(does));
        }
        if form == Form::Parse {
            return Course::Forward;
        }
        if !self.settle() {
            return Course::Wait;
        }
        // What failed before it leaves a transaction that has failed: its error is the one to be told.
        match self.transaction.answered.take() {
            Some(Answered::Failed { error, status }) => return self.failed(&error, status),
            Some(Answered::Unreadable) => return self.refuse(all, unreadable()),
            Some(Answered::Within | Answered::Over(_)) | None => {}
        }
        if self.transaction.block == Block::Failed {
            return self.costed(all, form, words).unwrap_or(Course::Forward);
        }
        if self.transaction.baseline.is_none() {
            let purpose = match &self.transaction.permit {
                Some(permit) => Purpose::Undoable(permit.undo.clone()),
                None => Purpose::Baseline,
            };
            // The types are asked for in the same breath, as long as the statement may be alone.
            let describes = match words {
                Words::Bound(bound) if self.transaction.block == Block::Idle && !self.begun => {
                    let is_known = self.approvals.types.is_some() || self.door.desk.is_none();
                    let is_seen = bound.prepared.is_some() && bound.values.is_some();
                    Some(bound.statement).filter(|_| is_seen && !is_known)
                }
                Words::Bound(_) | Words::Query(_) | Words::Parsed(_) | Words::None => None,
            };
            self.ask_describing(purpose, form == Form::Query, describes);
            return Course::Wait;
        }
        if self.transaction.permit.is_some() {
            if self.door.undo_required && !self.keeps_rows() {
                return self.refuse(all, no_undo());
            }
            let read_by = self
                .transaction
                .baseline
                .as_ref()
                .and_then(|counts| counts.read_by.as_deref());
            if let Some(name) = read_by {
                return self.refuse(all, read_otherwise(name));
            }
        }
        if let Some(course) = self.costed(all, form, words) {
            return course;
        }
        if self.transaction.is_wrapped && form != Form::Execute {
            self.transaction.wording = match all {
                [facts] => self.wording_of(facts, words),
                _ => None,
            };
            self.transaction.written_out = self.written_out(all);
        }
        for facts in all {
            self.transaction.watch.add(facts);
        }
        Course::Forward
    }

    /// Answers a simple query with the error that the proxy's own question got before it.
    pub fn failed(&mut self, error: &[u8], status: u8) -> Course {
        self.client.output.extend_from_slice(error);
        if self.transaction.is_wrapped {
            self.transaction.is_ending = true;
            self.end_wrapped(status);
        } else {
            frame::ready(&mut self.client.output, status);
        }
        Course::Answered
    }

    /// Whether everything that was sent is answered. Without a Sync the server is asked to answer what it has.
    pub fn settle(&mut self) -> bool {
        if self.replies.is_empty() {
            return true;
        }
        if self.mid_batch && !self.flushed {
            frame::empty(&mut self.server.output, b'H');
            self.flushed = true;
        }
        false
    }
}

/// Whether it takes whole tables, which are counted only when a person has approved it.
fn takes_tables(all: &[Arc<Facts>]) -> bool {
    matches!(all, [facts] if facts.taking.is_some())
}

pub fn no_undo() -> Refusal {
    Refusal::new(
        "42501",
        "an approved statement runs only where what it removes is kept, and this database keeps nothing",
        "run `safeguard undo install` and connect again, or write `undo_required = false` in the proxy's configuration: what it removes is gone for good then",
    )
}

fn read_otherwise(setting: &str) -> Refusal {
    Refusal::new(
        "42501",
        format!(
            "the session has set `{setting}`, by which the approved statement may name other rows than were approved"
        ),
        format!("`RESET \"{setting}\"`, or set it at the login, and have the statement approved again"),
    )
}

/// Whoever nobody answers for writes nothing that leaves no trace.
fn unrecorded() -> Refusal {
    Refusal::new(
        "42501",
        "what is decided about writes does not reach the log, so that agents and services write nothing",
        "try again when the safeguard server answers; `safeguard doctor` says what is wrong with it",
    )
}

/// Whether it is an error outside of a transaction that the client has begun.
fn needs_block(steps: &[TransactionStep]) -> bool {
    steps.iter().any(|step| match step {
        TransactionStep::Within => true,
        TransactionStep::Commit { chain } | TransactionStep::Rollback { chain } => *chain,
        TransactionStep::Begin | TransactionStep::Prepare => false,
    })
}

/// SQLSTATE `no_active_sql_transaction`, which PostgreSQL itself would answer with.
fn no_block() -> Refusal {
    Refusal::new(
        "25P01",
        "savepoints and `AND CHAIN` can only be used in a transaction that was begun",
        "send `BEGIN` first",
    )
}

fn mixed() -> Refusal {
    Refusal::new(
        NOT_SUPPORTED,
        "what begins or ends a transaction stands in one text with other statements, and what they change is measured",
        "send `BEGIN`, the statements and `COMMIT` one by one",
    )
}

fn handed_over() -> Refusal {
    Refusal::new(
        NOT_SUPPORTED,
        "a transaction that another session commits can not be measured before it is",
        "commit in the session that did the work",
    )
}

fn ambiguous() -> Refusal {
    Refusal::new(
        NOT_SUPPORTED,
        "what begins or ends a transaction is run under a name that may stand for several statements",
        "send it under a name of its own",
    )
}

fn held_cursor() -> Refusal {
    Refusal::new(
        NOT_SUPPORTED,
        "a cursor `WITH HOLD` runs its query at the commit, after what it changes was measured",
        "declare it without `WITH HOLD`, and read it within the transaction",
    )
}

fn uncounted(does: &str) -> Refusal {
    Refusal::new(
        NOT_SUPPORTED,
        format!("a statement that {does} would have to be measured, and what it takes is not counted"),
        "have a rule in `[[guard.rules]]` allow it to whom it is for, or ask somebody who may",
    )
}

pub fn unknown_statement(name: &[u8]) -> Refusal {
    let name = String::from_utf8_lossy(name);
    Refusal::new(
        "26000",
        format!("prepared statement \"{name}\" does not exist"),
        "prepare it again: it was not prepared in this session, or too many others were since",
    )
}

pub fn unknown_portal(name: &[u8]) -> Refusal {
    let name = String::from_utf8_lossy(name);
    Refusal::new(
        "34000",
        format!("portal \"{name}\" does not exist"),
        "bind it again; a cursor that SQL declared is read by `FETCH`",
    )
}

/// SQLSTATE `name_too_long`.
pub fn name_too_long(name: &[u8]) -> Refusal {
    Refusal::new(
        "42622",
        format!(
            "a name of {} bytes is longer than PostgreSQL tells apart (limit 63)",
            name.len()
        ),
        "name prepared statements and portals by at most 63 bytes",
    )
}

pub fn reserved(name: &[u8]) -> Refusal {
    let name = String::from_utf8_lossy(name);
    Refusal::new(
        "42939",
        format!("the name \"{name}\" is the guard's own"),
        "take a name that does not begin with `safeguard:`",
    )
}
