//! The proxy's own questions to the server: they go between the client's messages, and the client sees nothing of them.
//!
//! They are asked by the extended protocol and under a name of their own: a simple query would drop the statement without
//! a name that the client may have prepared.

use safeguard_api::DecisionId;

use super::effect::{Counts, Effect, Purpose, ROWS_MAX};
use super::frame::{self, HEAD_BYTES, error_field};
use super::refusal::{OVER_BUDGET, Refusal};
use super::replies::{Asked, Expected, Own};
use super::session::{End, Session};
use super::transaction::{Answered, Block};
use super::values;

/// Names that begin so are the proxy's.
pub const RESERVED: &[u8] = b"safeguard:";
const OWN_NAME: &[u8] = b"safeguard:own";

/// The types and the values of a question's parameters, as the protocol has them.
type Parameters<'p> = (&'p [u8], &'p [u8]);

impl Session {
    /// Asks the server; nothing else is sent until it has answered. With a Sync an error leaves the server ready; without,
    /// it drops the rest of the client's batch, as after any error.
    pub fn ask(&mut self, purpose: Purpose, synced: bool) {
        self.ask_describing(purpose, synced, None);
    }

    /// The same, and what the parameters of the client's statement of this name are.
    pub fn ask_describing(&mut self, purpose: Purpose, synced: bool, describes: Option<&[u8]>) {
        let is_first = matches!(purpose, Purpose::Baseline | Purpose::Undoable(_));
        let begin = is_first && self.transaction.block == Block::Idle;
        if begin {
            self.transaction.is_wrapped = true;
        }
        let setting = purpose.setting();
        let (first, rest) = purpose.statements(begin).split_at(usize::from(begin));
        let statements: Vec<&str> = first
            .iter()
            .copied()
            .chain(setting.as_deref())
            .chain(rest.iter().copied())
            .collect();
        self.ask_all(&statements, purpose, synced, describes);
    }

    /// Asks within the transaction that there is.
    pub fn ask_plain(&mut self, statements: &[&str], purpose: Purpose, synced: bool) {
        self.ask_all(statements, purpose, synced, None);
    }

    fn ask_all(&mut self, statements: &[&str], purpose: Purpose, synced: bool, describes: Option<&[u8]>) {
        let none: Parameters<'_> = (&[0; 2], &[0; 4]);
        let questions: Vec<_> = statements.iter().map(|&sql| (sql, none)).collect();
        self.ask_with(&questions, purpose, synced, describes);
    }

    /// Asks with parameters: their types and values stand beside each text.
    pub fn ask_with(
        &mut self,
        questions: &[(&str, Parameters<'_>)],
        purpose: Purpose,
        synced: bool,
        describes: Option<&[u8]>,
    ) {
        let ends_left = 4 * questions.len() + usize::from(describes.is_some());
        let out = &mut self.server.output;
        for (sql, (types, values)) in questions {
            // A question that failed has left its portal and its statement behind.
            frame::close(out, b'P', OWN_NAME);
            frame::close(out, b'S', OWN_NAME);
            frame::parse_with(out, OWN_NAME, sql, types);
            frame::bind_with(out, OWN_NAME, OWN_NAME, values);
            frame::execute(out, OWN_NAME);
            frame::close(out, b'P', OWN_NAME);
            frame::close(out, b'S', OWN_NAME);
        }
        if let Some(statement) = describes {
            frame::describe(out, statement);
        }
        frame::empty(out, if synced { b'S' } else { b'H' });
        if !synced {
            self.mid_batch = true;
        }
        self.transaction.is_asking = true;
        let own = Own {
            purpose,
            synced,
            ends_left,
            rows: Vec::new(),
            tags: Vec::new(),
            error: None,
        };
        self.replies.push(Expected {
            asked: Asked::Own(Box::new(own)),
            refusal: None,
            failed: false,
        });
    }

    /// Notes a row that is too long to be read.
    pub fn own_row_unread(&mut self) {
        if let Some(Expected {
            asked: Asked::Own(own),
            ..
        }) = self.replies.front_mut()
        {
            own.rows.push(Vec::new());
        }
    }

    /// Hears a whole message of the answer.
    pub fn own_message(&mut self, tag: u8, message: &[u8]) -> Result<(), End> {
        let body = message.get(HEAD_BYTES..).unwrap_or(&[]);
        let Some(Expected {
            asked: Asked::Own(own),
            ..
        }) = self.replies.front_mut()
        else {
            return Err(End::protocol("an answer came without a question"));
        };
        match tag {
            b'D' if own.rows.len() < ROWS_MAX => own.rows.push(body.to_vec()),
            b'D' => return Err(End::protocol("more tables were written to than can be counted")),
            b'C' => own.tags.push(body.to_vec()),
            b'E' => {
                let mut error = message.to_vec();
                if let Some(refusal) = self.meter.instead_of(message) {
                    error.clear();
                    refusal.write(&mut error);
                }
                own.error = Some(error);
            }
            // What it returns ends what is described.
            b'3' | b'T' | b'n' => own.ends_left = own.ends_left.saturating_sub(1),
            // What can not be read has no types, which fit no value.
            b't' => self.approvals.types = Some(values::types(body).unwrap_or_default()),
            b'1' | b'2' | b'Z' => {}
            _ => return Err(End::protocol("the server answered another question")),
        }
        let status = body.first().copied().unwrap_or_default();
        let is_done = match own.synced {
            true => tag == b'Z',
            false => own.error.is_some() || own.ends_left == 0,
        };
        if !is_done {
            return Ok(());
        }
        let Some(Expected {
            asked: Asked::Own(own),
            ..
        }) = self.replies.pop()
        else {
            return Err(End::protocol("an answer came without a question"));
        };
        self.transaction.is_asking = false;
        if own.synced {
            let block = Block::from_status(status);
            self.transaction.block = block.ok_or_else(|| End::protocol("the server is in no known state"))?;
            self.mid_batch = false;
        } else if own.error.is_some() {
            drop(self.replies.skip());
        } else if own.tags.first().is_some_and(|tag| tag == b"BEGIN\0") {
            self.transaction.block = Block::Open;
        }
        self.answered(*own, status)
    }

    fn answered(&mut self, own: Own, status: u8) -> Result<(), End> {
        match own.purpose {
            Purpose::Estimate => {
                self.estimated(own, status);
                Ok(())
            }
            Purpose::List | Purpose::Rows | Purpose::Discard => {
                self.taken_answered(own, status);
                Ok(())
            }
            Purpose::Types => {
                // The client's batch goes on to its end; this is the error that it hears.
                self.client.output.extend(own.error.unwrap_or_default());
                Ok(())
            }
            Purpose::Baseline | Purpose::Undoable(_) | Purpose::Check => {
                self.transaction.answered = match own.error {
                    // The client's batch goes on to its end; this is the error that it hears.
                    Some(error) if !own.synced => {
                        self.client.output.extend_from_slice(&error);
                        // A commit that fails ends its transaction: the proxy rolls it back at the batch's end.
                        self.transaction.is_wrapped |= own.purpose == Purpose::Check;
                        None
                    }
                    Some(error) => Some(Answered::Failed { error, status }),
                    None => self.counted(&own),
                };
                Ok(())
            }
            Purpose::LastCheck => {
                let words = match own.error {
                    Some(ref error) => Some(error.clone()),
                    None => match self.counted(&own) {
                        Some(Answered::Within) => None,
                        other => Some(Self::over_budget(other)),
                    },
                };
                match words {
                    None => self.ask(Purpose::Commit, true),
                    Some(words) => self.ask(Purpose::Rollback(words), true),
                }
                Ok(())
            }
            Purpose::Commit => {
                let committed = own.tags.iter().any(|tag| tag.as_slice() == b"COMMIT\0");
                match own.error {
                    Some(error) => self.wrapped_over(&error),
                    None if committed => {
                        self.tell_kept();
                        self.wrapped_over(&[]);
                    }
                    None => return Err(End::protocol("the server did not commit")),
                }
                self.expect_idle()
            }
            Purpose::Rollback(words) => {
                self.held.clear();
                self.wrapped_over(&words);
                self.expect_idle()
            }
        }
    }

    /// Takes the counts: as the baseline, or against it.
    fn counted(&mut self, own: &Own) -> Option<Answered> {
        let Some(counts) = Counts::read(&own.rows) else {
            return Some(Answered::Unreadable);
        };
        let Some(before) = self.transaction.baseline.as_ref() else {
            self.transaction.baseline = Some(counts);
            return None;
        };
        let mut effect = Effect::between(before, &counts, &self.transaction.watch);
        if let Some(taken) = &self.transaction.taken {
            effect.take(taken, &counts);
        }
        let standing = self.door.standing();
        let budget = match &self.transaction.permit {
            Some(permit) => permit.redeemed.budget,
            None => safeguard_guard::budget(self.asker(standing.frozen), &standing.policy),
        };
        let over = effect.over(budget);
        let decision = self.door.decision();
        self.tell_measured(&effect, over.as_deref(), &decision);
        Some(match over {
            None => Answered::Within,
            Some(over) => Answered::Over(Box::new(self.over_refusal(&over, &decision))),
        })
    }

    fn over_budget(answered: Option<Answered>) -> Vec<u8> {
        let mut words = Vec::new();
        match answered {
            Some(Answered::Over(refusal)) => refusal.write(&mut words),
            _ => unreadable().write(&mut words),
        }
        words
    }

    pub fn over_refusal(&self, over: &str, decision: &DecisionId) -> Refusal {
        let instead = match self.transaction.permit {
            Some(_) => "the code is used up; have what it really does approved",
            None => "change fewer rows in one transaction; `[guard.budgets]` has the limits",
        };
        let hint = match (&self.transaction.wording, &self.transaction.written_out) {
            (Some(_), _) => self.approvable_hint(instead, decision),
            (None, Some(how)) => format!("{instead}; {how}"),
            (None, None) => instead.to_owned(),
        };
        let mut refusal = Refusal::new(OVER_BUDGET, over, hint);
        refusal.detail = format!(
            "measured for {} in {}, triggers and cascades included, decision {decision}; the transaction was rolled back",
            self.login.principal, self.door.environment,
        );
        refusal
    }

    /// The server is ready, and the proxy's transaction is to end.
    pub fn end_wrapped(&mut self, status: u8) {
        match status {
            b'T' => self.ask(Purpose::LastCheck, true),
            b'E' => self.ask(Purpose::Rollback(Vec::new()), true),
            _ => self.wrapped_over(&[]),
        }
    }

    /// Tells the client how the proxy's transaction ended: as the statement did, or with an error.
    fn wrapped_over(&mut self, error: &[u8]) {
        if error.is_empty() {
            self.flush_held();
        } else {
            self.held.clear();
            self.client.output.extend_from_slice(error);
        }
        frame::ready(&mut self.client.output, b'I');
        self.transaction.over(Block::Idle);
        self.meter.answered(true);
        self.portals.forget_all(false);
    }

    fn expect_idle(&self) -> Result<(), End> {
        match self.transaction.block {
            Block::Idle => Ok(()),
            Block::Open | Block::Failed => Err(End::protocol("a transaction did not end")),
        }
    }

    pub fn flush_held(&mut self) {
        if !self.held.is_empty() {
            self.client.output.append(&mut self.held);
        }
    }
}

/// What is said where the server does not count.
pub fn unreadable() -> Refusal {
    Refusal::new(
        super::refusal::NOT_SUPPORTED,
        "the server does not count rows, so that nothing can be measured",
        "set `track_counts = on` on the server",
    )
}

/// Whether an error ends the session.
pub fn is_fatal(error: &[u8]) -> bool {
    let body = error.get(HEAD_BYTES..).unwrap_or(&[]);
    let severity = error_field(body, b'V').or_else(|| error_field(body, b'S'));
    severity.is_some_and(|severity| severity != b"ERROR")
}
