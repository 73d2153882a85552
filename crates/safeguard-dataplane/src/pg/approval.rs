//! A person's approval of one statement: its code comes in a comment before the statement, or by `SET` before it.
//!
//! An approved statement runs alone in a transaction of the proxy's, and is committed when its true effect is within what
//! was approved. The code is used up before the statement runs, whatever becomes of it.

use std::sync::Arc;
use std::task::{Context, Poll};

use safeguard_api::guard::GuardAnswer;
use safeguard_api::statement::{CODE_PREFIX, REQUEST_TEXT_BYTES_MAX, Redeemed, Redemption};
use safeguard_api::{DecisionId, Digest, UndoId};
use safeguard_guard::{Facts, is_approvable};
use tokio::sync::oneshot;

use super::course::{Course, Form, no_undo};
use super::desk::Answer;
use super::effect::not_measured;
use super::estimate::Words;
use super::judged::strictest;
use super::refusal::Refusal;
use super::session::Session;
use super::transaction::Block;

const SETTING: &str = "safeguard.approval";
const CODE_BYTES_MAX: usize = 128;

/// The codes of a session, and what is known of the one that is being asked about.
#[derive(Default)]
pub struct Approvals {
    /// For the next statement that needs one.
    set: Option<String>,
    asking: Option<oneshot::Receiver<Answer>>,
    answered: Option<Answer>,
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

/// What an approval is bound to: the text with its literals, without what stands around it.
pub fn digest(text: &str) -> Digest {
    Digest::of(bare(text).as_bytes())
}

/// The text as a person reads it: without blanks around it and the semicolon at its end.
pub fn bare(text: &str) -> &str {
    text.trim().trim_end_matches(';').trim_end()
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

    /// Whether a freeze stands against what may be approved otherwise: that takes two people.
    pub fn is_held_by_freeze(&self, facts: &Facts) -> bool {
        let standing = self.door.standing();
        standing.frozen && !is_approvable(facts, self.asker(true), &standing.policy)
    }

    /// The course of a statement that comes with a code, or before which one was set; none when neither is so, or no code is
    /// needed.
    pub fn approved_course(&mut self, facts: &Arc<Facts>, code: Option<&str>, text: &str) -> Option<Course> {
        if self.transaction.permit.is_some() {
            return Some(self.permitted(facts, text));
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
                    self.transaction.permit = Some(Permit { redeemed, undo });
                    self.permitted(facts, text)
                }
                Err(why) => self.refuse(std::slice::from_ref(facts), not_good(&why)),
            });
        }
        let code = code.map(str::to_owned).or_else(|| self.approvals.set.take())?;
        let refusal = match &self.door.desk {
            None => not_good("this proxy runs without the server that knows approvals"),
            Some(_) if code.len() > CODE_BYTES_MAX => not_good("it is no code of an approval"),
            Some(_) if !self.may_be_approved(facts, text) => not_approvable(),
            // Before the code is used up for nothing.
            Some(_) if self.door.undo_required && !self.began.keeps => no_undo(),
            Some(desk) => {
                self.approvals.asking = Some(desk.ask(Redemption {
                    code,
                    proxy: self.door.name.clone(),
                    environment: self.door.environment,
                    login: self.login.user.clone(),
                    statement: digest(text),
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
    fn permitted(&mut self, facts: &Arc<Facts>, text: &str) -> Course {
        let course = match &facts.taking {
            Some(taking) => self.taken(facts, taking, text),
            None => self.measured(std::slice::from_ref(facts), Form::Query, Words::Query(text)),
        };
        if matches!(course, Course::Refuse(_)) {
            self.transaction.permit = None;
        }
        course
    }
}

/// What the control plane has answered to a code, for as long as the statement's transaction goes.
#[derive(Debug)]
pub struct Permit {
    pub redeemed: Redeemed,
    /// Under which what it removes is kept, where the database keeps it.
    pub undo: UndoId,
}

fn not_good(why: &str) -> Refusal {
    let hint = "ask for another approval: run the statement without a code, and have a person approve the decision that is named then";
    Refusal::new("42501", format!("the approval does not count: {why}"), hint)
}

fn not_approvable() -> Refusal {
    Refusal::new(
        "42501",
        "this statement can not be approved: what stands against it is more than the policy about rows, or it is not alone",
        "send one statement that writes or deletes rows, or one `DROP TABLE` or `TRUNCATE`, outside of a transaction, as a text with its literals; `safeguard statement --help` says more",
    )
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
