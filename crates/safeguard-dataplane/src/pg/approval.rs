//! A person's approval of one statement: its code comes in a comment before the statement, or by `SET` before it.
//!
//! An approved statement runs alone in a transaction of the proxy's, and is committed when its true effect is within what
//! was approved. The code is used up before the statement runs, whatever becomes of it.
//!
//! A statement with parameters is approved with what they are bound to: it is decided about at its Bind, and what was bound
//! may then be run, and nothing else until the Sync.

use std::sync::Arc;
use std::task::{Context, Poll};

use safeguard_api::guard::GuardAnswer;
use safeguard_api::statement::{CODE_PREFIX, REQUEST_TEXT_BYTES_MAX, Redeemed, Redemption, Wording};
use safeguard_api::{DecisionId, UndoId};
use safeguard_guard::{Facts, is_approvable};
use tokio::sync::oneshot;

use super::course::{Course, Form, no_undo};
use super::desk::Answer;
use super::effect::{Purpose, not_measured};
use super::estimate::{Bound, Words};
use super::judged::strictest;
use super::refusal::Refusal;
use super::session::Session;
use super::transaction::Block;
use super::values;

const SETTING: &str = "safeguard.approval";
const CODE_BYTES_MAX: usize = 128;

/// The codes of a session, and what is known of the one that is being asked about.
#[derive(Default)]
pub struct Approvals {
    /// For the next statement that needs one.
    set: Option<String>,
    asking: Option<oneshot::Receiver<Answer>>,
    answered: Option<Answer>,
    /// Of the parameters of the statement that is bound, as the server said.
    pub types: Option<Vec<u32>>,
}

/// What a person reads of a statement before it has run.
pub enum Reading {
    Wording(Wording),
    /// The server is asked for what is not known yet.
    Waits,
    /// It can not be approved.
    None,
}

impl Approvals {
    pub fn is_asking(&self) -> bool {
        self.asking.is_some()
    }

    /// Notes a code that was set.
    pub fn set(&mut self, facts: &Facts) {
        if let Some(code) = &facts.approval {
            self.set = Some(code.clone()).filter(|code| !code.is_empty());
        }
    }

    /// An answer is for the message that waited for it, and no other.
    pub fn forget_answer(&mut self) {
        self.answered = None;
        self.types = None;
    }

    /// Ready when the control plane has answered.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(asking) = &mut self.asking else {
            return Poll::Pending;
        };
        let answer = std::task::ready!(Future::poll(std::pin::Pin::new(asking), cx));
        self.asking = None;
        self.answered = Some(answer.unwrap_or_else(|_| Err("the server was not asked about it".to_owned())));
        Poll::Ready(())
    }
}

/// The text of a statement without the comment in front of it that has a code, and the code.
pub fn split(sql: &str) -> (Option<&str>, &str) {
    let comment = sql
        .trim_start()
        .strip_prefix("/*")
        .and_then(|rest| rest.split_once("*/"));
    let code = comment.and_then(|(inner, rest)| {
        let code = inner
            .trim()
            .strip_prefix(SETTING)?
            .trim_start()
            .strip_prefix('=')?
            .trim();
        let code = code.trim_matches('\'');
        code.starts_with(CODE_PREFIX).then_some((Some(code), rest))
    });
    code.unwrap_or((None, sql))
}

/// A text as a person reads it: without blanks around it and the semicolon at its end.
pub fn worded(text: &str) -> Wording {
    Wording {
        text: text.trim().trim_end_matches(';').trim_end().to_owned(),
        values: Vec::new(),
    }
}

impl Session {
    /// Whether the statement may be approved as it was sent: alone, as a text with its literals.
    pub fn may_be_approved(&self, facts: &Facts, text: &str) -> bool {
        self.transaction.block == Block::Idle && self.could_be_approved(facts, text)
    }

    /// Whether the statement may be approved, if it is alone in its transaction.
    pub fn could_be_approved(&self, facts: &Facts, text: &str) -> bool {
        let standing = self.door.standing();
        self.door.desk.is_some()
            && text.len() <= REQUEST_TEXT_BYTES_MAX
            && (facts.taking.is_some() || not_measured(facts).is_none())
            && is_approvable(facts, self.asker(false), &standing.policy)
    }

    /// Whether the server reads a text that is refused: a person may let it run with what it is bound to, which is known at the
    /// Bind and is refused there.
    pub fn is_decided_when_bound(&self, all: &[Arc<Facts>], words: Words<'_>) -> bool {
        let ([facts], Words::Parsed(text)) = (all, words) else {
            return false;
        };
        self.could_be_approved(facts, text)
    }

    /// How what SQL's own `PREPARE` has or its `EXECUTE` runs is sent instead, where a person could let that run once. A name can
    /// come to stand for something else without a word of the server's, so that no approval is bound to one.
    pub fn written_out(&self, all: &[Arc<Facts>]) -> Option<String> {
        let (first, rest) = all.split_first()?;
        let how = match (first.prepares.as_slice(), first.executes.as_slice(), rest) {
            ([_], [], []) => "send what stands behind its `AS`".to_owned(),
            ([], [name], [_, ..]) => {
                format!("send the statement that `{name}` stands for in the place of `EXECUTE`")
            }
            _ => return None,
        };
        let could_be_approved = |facts: &Arc<Facts>| {
            let by_itself = Facts {
                prepares: Vec::new(),
                ..Facts::clone(facts)
            };
            self.could_be_approved(&by_itself, "")
        };
        let prepared = if rest.is_empty() { all } else { rest };
        prepared.iter().all(could_be_approved).then(|| {
            format!(
                "{how}, by itself and outside of a transaction, with its values in the text or as parameters of the driver: \
                 that a person can let run once (`safeguard statement approve`)"
            )
        })
    }

    /// What a person reads before it has run, where it may be approved as it was sent: alone.
    pub fn reading(&mut self, facts: &Arc<Facts>, words: Words<'_>) -> Reading {
        let bound = match words {
            Words::Query(text) if self.may_be_approved(facts, text) => return Reading::Wording(worded(text)),
            Words::Query(_) | Words::Parsed(_) | Words::None => return Reading::None,
            Words::Bound(bound) => bound,
        };
        if self.begun || !self.could_be_approved(facts, "") {
            return Reading::None;
        }
        if !self.settle() {
            return Reading::Waits;
        }
        let is_seen = bound.prepared.is_some() && bound.values.is_some();
        if self.transaction.block != Block::Idle || !is_seen {
            return Reading::None;
        }
        if self.approvals.types.is_none() {
            self.ask_describing(Purpose::Types, false, Some(bound.statement));
            return Reading::Waits;
        }
        self.bound_wording(facts, bound)
            .map_or(Reading::None, Reading::Wording)
    }

    /// What a person reads of a statement and what it is bound to, where that may be approved and can be shown in full.
    pub fn bound_wording(&self, facts: &Arc<Facts>, bound: Bound<'_>) -> Option<Wording> {
        let (prepared, types) = (bound.prepared?, self.approvals.types.as_deref()?);
        let wording = Wording {
            values: values::read(bound.values?, types)?,
            ..worded(split(&prepared.text).1)
        };
        // What is read must be what the name was judged by.
        let is_judged = self.facts_of(prepared.text.as_bytes()) == *facts;
        let may = self.could_be_approved(facts, &wording.text);
        (is_judged && may && wording.is_readable()).then_some(wording)
    }

    /// What a person reads of a statement that runs alone, once it is known what it does.
    pub fn wording_of(&self, facts: &Arc<Facts>, words: Words<'_>) -> Option<Wording> {
        match words {
            Words::Query(text) => self.could_be_approved(facts, text).then(|| worded(text)),
            Words::Bound(bound) if !self.begun => self.bound_wording(facts, bound),
            Words::Bound(_) | Words::Parsed(_) | Words::None => None,
        }
    }

    /// Whether a freeze stands against what may be approved otherwise: that takes two people.
    pub fn is_held_by_freeze(&self, facts: &Facts) -> bool {
        let standing = self.door.standing();
        standing.frozen && !is_approvable(facts, self.asker(true), &standing.policy)
    }

    /// The course of a statement that comes with a code, or before which one was set; none when neither is so, or no code is
    /// needed.
    pub fn approved_course(
        &mut self,
        facts: &Arc<Facts>,
        code: Option<&str>,
        form: Form,
        words: Words<'_>,
    ) -> Option<Course> {
        match self.transaction.permit.as_ref().map(|permit| &permit.runs) {
            Some(Runs::This) => return Some(self.permitted(facts, form, words)),
            Some(Runs::Portal(_) | Runs::Ran) => {
                return Some(self.refuse(std::slice::from_ref(facts), not_alone()));
            }
            None => {}
        }
        let comes = code.is_some() || self.approvals.set.is_some() || self.approvals.answered.is_some();
        if self.door.observes || !comes {
            return None;
        }
        let standing = self.door.standing();
        let asker = self.asker(standing.frozen);
        if strictest([facts], asker, &standing.policy).answer == GuardAnswer::Allow {
            return None;
        }
        // Before the code is used up.
        let over = self.admit(std::slice::from_ref(facts), Form::Query, &standing.policy.quotas);
        if let Some(refusal) = over {
            return Some(Course::Refuse(Box::new(refusal)));
        }
        if !self.settle() {
            return Some(Course::Wait);
        }
        if let Some(answer) = self.approvals.answered.take() {
            return Some(match answer {
                Ok(redeemed) => {
                    let undo = self.door.undo();
                    let runs = Runs::This;
                    self.transaction.permit = Some(Permit { redeemed, undo, runs });
                    self.permitted(facts, form, words)
                }
                Err(why) => self.refuse(std::slice::from_ref(facts), not_good(&why)),
            });
        }
        let wording = match self.reading(facts, words) {
            Reading::Waits => return Some(Course::Wait),
            Reading::Wording(wording) => Some(wording),
            Reading::None => None,
        };
        let code = code.map(str::to_owned).or_else(|| self.approvals.set.take())?;
        let refusal = match (&self.door.desk, wording) {
            (None, _) => not_good("this proxy runs without the server that knows approvals"),
            (Some(_), _) if code.len() > CODE_BYTES_MAX => not_good("it is no code of an approval"),
            (Some(_), None) => self.not_approvable(facts, form),
            // Before the code is used up for nothing.
            (Some(_), Some(_)) if self.door.undo_required && !self.began.keeps => no_undo(),
            (Some(desk), Some(wording)) => {
                self.approvals.asking = Some(desk.ask(Redemption {
                    code,
                    proxy: self.door.name.clone(),
                    environment: self.door.environment,
                    login: self.login.user.clone(),
                    statement: wording.digest(),
                    frozen: self.is_held_by_freeze(facts),
                }));
                return Some(Course::Wait);
            }
        };
        Some(self.refuse(std::slice::from_ref(facts), refusal))
    }

    /// What to do instead, how a person lets the very statement run once, and whether what it takes is gone for good then.
    pub fn approvable_hint(&self, instead: &str, decision: &DecisionId) -> String {
        let kept = match (self.began.keeps, self.door.undo_required) {
            (true, _) => "",
            (false, true) => {
                "; nothing is kept here of what it removes, so that it runs only after `safeguard undo install`"
            }
            (false, false) => {
                "; nothing is kept here of what it removes, which is gone for good then: `safeguard undo install` keeps it"
            }
        };
        format!(
            "{instead}; or ask a person for `safeguard statement approve {decision}`, and run it again with the code{kept}"
        )
    }

    /// Whether the database said that it keeps rows.
    pub fn keeps_rows(&self) -> bool {
        self.transaction
            .baseline
            .as_ref()
            .is_some_and(|counts| counts.keeps)
    }

    /// Whether the database drops tables into its trash for the proxy.
    pub fn discards(&self) -> bool {
        self.transaction
            .baseline
            .as_ref()
            .is_some_and(|counts| counts.discards)
    }

    /// Tells the client under which id the rows are kept that an approved statement has removed.
    pub fn tell_kept(&mut self) {
        let Some(permit) = self.transaction.permit.as_ref().filter(|_| self.keeps_rows()) else {
            return;
        };
        let message = format!(
            "what the statement removed and changed is kept as {}",
            permit.undo
        );
        let hint = format!("`safeguard undo restore {}` brings it back", permit.undo);
        Refusal::new("00000", message, hint).write_notice(&mut self.client.output);
    }

    /// Runs what was approved. Whatever refuses it refuses the approval too, which is used up.
    fn permitted(&mut self, facts: &Arc<Facts>, form: Form, words: Words<'_>) -> Course {
        let all = std::slice::from_ref(facts);
        let course = match &facts.taking {
            Some(taking) => self.taken(facts, taking, form, words),
            None => self.measured(all, form, words),
        };
        if matches!(course, Course::Refuse(_)) {
            self.transaction.permit = None;
        }
        course
    }

    /// Notes that what was approved is bound to a portal.
    pub fn permit_portal(&mut self, portal: &[u8]) {
        if let Some(permit) = &mut self.transaction.permit {
            permit.runs = Runs::Portal(portal.to_vec());
        }
    }

    /// Whether what was approved, and may run alone, is not this.
    pub fn is_beside_approved(&self) -> bool {
        let runs = self.transaction.permit.as_ref().map(|permit| &permit.runs);
        matches!(runs, Some(Runs::Portal(_) | Runs::Ran))
    }

    /// The course of an Execute of what was approved; none when it runs another portal, or nothing was approved.
    pub fn permitted_execution(&mut self, portal: &[u8], all: &[Arc<Facts>]) -> Option<Course> {
        let runs = self.transaction.permit.as_ref().map(|permit| &permit.runs);
        if !matches!(runs, Some(Runs::Portal(permitted)) if permitted == portal) {
            return None;
        }
        let quotas = &self.door.standing().policy.quotas;
        Some(match (self.admit(all, Form::Execute, quotas), all) {
            (Some(refusal), _) => Course::Refuse(Box::new(refusal)),
            (None, [facts]) if facts.taking.is_some() => self.taken_runs(facts),
            (None, _) => self.measured(all, Form::Execute, Words::None),
        })
    }

    fn not_approvable(&self, facts: &Arc<Facts>, form: Form) -> Refusal {
        let mut refusal = Refusal::new(
            "42501",
            "this statement can not be approved: what stands against it is more than the policy about rows, or it is not alone",
            "send one statement that writes or deletes rows, or one `DROP TABLE` or `TRUNCATE`, outside of a transaction and of a pipeline, with values of PostgreSQL's own types and 16 KiB in all; `safeguard statement --help` says more",
        );
        let mut all = vec![Arc::clone(facts)];
        if let Ok(prepared) = self.prepared(&all, form) {
            all.extend(prepared);
        }
        if let Some(how) = self.written_out(&all) {
            refusal.hint = how;
        }
        refusal
    }
}

/// What the control plane has answered to a code, for as long as the statement's transaction goes.
#[derive(Debug)]
pub struct Permit {
    pub redeemed: Redeemed,
    pub runs: Runs,
    /// Under which what it removes is kept, where the database keeps it.
    pub undo: UndoId,
}

/// What a code was given for.
#[derive(Debug)]
pub enum Runs {
    /// The message that is decided about.
    This,
    /// What was bound to this portal.
    Portal(Vec<u8>),
    /// It was run, and something else in its place.
    Ran,
}

/// Something else within the batch of what was approved.
pub fn not_alone() -> Refusal {
    Refusal::new(
        "42501",
        "an approved statement runs alone, and something else came in its batch",
        "send a Sync before it and after it; drivers do so outside of pipelines and batches",
    )
}

fn not_good(why: &str) -> Refusal {
    let hint = "ask for another approval: run the statement without a code, and have a person approve the decision that is named then";
    Refusal::new("42501", format!("the approval does not count: {why}"), hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_stands_in_a_comment_in_front() {
        assert_eq!(
            split("/* safeguard.approval='sga_1' */ DELETE FROM t"),
            (Some("sga_1"), " DELETE FROM t")
        );
        assert_eq!(split(" /*safeguard.approval=sga_1*/x"), (Some("sga_1"), "x"));
        for none in [
            "DELETE FROM t /* safeguard.approval=sga_1 */",
            "/* safeguard.approval=other */ DELETE FROM t",
            "/* safeguard.approval=sga_1",
            "-- safeguard.approval=sga_1\nDELETE FROM t",
        ] {
            assert_eq!(split(none), (None, none));
        }
    }

    #[test]
    fn an_approval_is_bound_to_the_literals() {
        let digest = |text: &str| worded(text).digest();
        assert_eq!(
            digest("DELETE FROM t WHERE id = 7"),
            digest(" DELETE FROM t WHERE id = 7 ; ")
        );
        assert_ne!(
            digest("DELETE FROM t WHERE id = 7"),
            digest("DELETE FROM t WHERE id = 8")
        );
        assert_ne!(
            digest("DELETE FROM t WHERE id = 7"),
            digest("DELETE FROM t  WHERE id = 7")
        );
    }
}
