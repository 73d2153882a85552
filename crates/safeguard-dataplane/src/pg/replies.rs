//! What the server still has to answer, in its order, also across what it skips after an error.

use std::collections::VecDeque;
use std::sync::Arc;

use safeguard_guard::Facts;

use super::effect::Purpose;
use super::estimate::Prepared;
use super::names::Candidates;
use super::refusal::Refusal;

/// More than this many answers outstanding, and nothing more is sent.
pub const EXPECTED_MAX: usize = 4_096;

/// What was asked of the server.
pub enum Asked {
    /// A simple query: everything up to the server's being ready.
    Query(Arc<Facts>),
    Parse {
        name: Vec<u8>,
        /// Where it may have to be explained or approved.
        prepared: Option<Arc<Prepared>>,
    },
    Bind {
        portal: Vec<u8>,
    },
    Describe,
    Execute {
        portal: Vec<u8>,
        candidates: Candidates,
    },
    Close {
        kind: u8,
        name: Vec<u8>,
    },
    Sync,
    /// The proxy's own question, which is rare and holds more than all others.
    Own(Box<Own>),
}

impl Asked {
    /// Whether the server does more for it than prepare.
    fn is_closing(&self) -> bool {
        match self {
            Asked::Query(_) | Asked::Execute { .. } | Asked::Sync | Asked::Own(_) => true,
            Asked::Parse { .. } | Asked::Bind { .. } | Asked::Describe | Asked::Close { .. } => false,
        }
    }
}

/// The proxy's own question, which the client sees nothing of.
pub struct Own {
    pub purpose: Purpose,
    /// Whether it ends with a Sync.
    pub synced: bool,
    /// Its statements and portals that are still to be closed, and what is still to be described.
    pub ends_left: usize,
    pub rows: Vec<Vec<u8>>,
    pub tags: Vec<Vec<u8>>,
    pub error: Option<Vec<u8>>,
}

/// One answer that is outstanding.
pub struct Expected {
    pub asked: Asked,
    /// Says that the message was replaced by one that can only fail, and what is said of it.
    pub refusal: Option<Box<Refusal>>,
    /// Whether an error was answered already.
    pub failed: bool,
}

/// The answers that are outstanding.
#[derive(Default)]
pub struct Replies {
    expected: VecDeque<Expected>,
    /// The server reads and drops everything up to the next Sync.
    skipping: bool,
    /// How often something was answered that is no mere preparation.
    answers: u64,
}

impl Replies {
    /// Notes what was sent. While the server skips, that is a Sync.
    pub fn push(&mut self, expected: Expected) {
        self.skipping = false;
        self.expected.push_back(expected);
    }

    pub fn front(&self) -> Option<&Expected> {
        self.expected.front()
    }

    pub fn front_mut(&mut self) -> Option<&mut Expected> {
        self.expected.front_mut()
    }

    /// What is outstanding and was not refused, nor failed so far.
    pub fn under_way(&self) -> impl Iterator<Item = &Asked> {
        let under_way = self
            .expected
            .iter()
            .filter(|one| one.refusal.is_none() && !one.failed);
        under_way.map(|one| &one.asked)
    }

    pub fn is_empty(&self) -> bool {
        self.expected.is_empty()
    }

    pub fn is_full(&self) -> bool {
        self.expected.len() >= EXPECTED_MAX
    }

    pub fn is_skipping(&self) -> bool {
        self.skipping
    }

    /// Whether the last that was sent runs something, or has the server answer.
    pub fn is_closed(&self) -> bool {
        self.expected.back().is_some_and(|last| last.asked.is_closing())
    }

    /// Whether the server says that it is ready when it has answered the last that was sent.
    pub fn ends_with_ready(&self) -> bool {
        let ends = |asked: &Asked| matches!(asked, Asked::Query(_) | Asked::Sync | Asked::Own(_));
        self.expected.back().is_some_and(|last| ends(&last.asked))
    }

    /// How often something was answered that is no mere preparation.
    pub fn answers(&self) -> u64 {
        self.answers
    }

    pub fn pop(&mut self) -> Option<Expected> {
        let first = self.expected.pop_front();
        let closes = first.as_ref().is_some_and(|first| first.asked.is_closing());
        self.answers += u64::from(closes);
        first
    }

    /// Takes everything that the server drops after an error that is no simple query's; the Sync stays.
    pub fn skip(&mut self) -> Vec<Expected> {
        let sync = self
            .expected
            .iter()
            .position(|one| matches!(one.asked, Asked::Sync));
        self.skipping = sync.is_none();
        self.answers += 1;
        self.expected
            .drain(..sync.unwrap_or(self.expected.len()))
            .collect()
    }

    /// While the server takes the rows of a COPY it drops each Sync unanswered: those sent before it was known.
    pub fn drop_syncs_of_copy(&mut self) {
        let other = self
            .expected
            .iter()
            .skip(1)
            .position(|one| !matches!(one.asked, Asked::Sync));
        let syncs = other.unwrap_or(self.expected.len().saturating_sub(1));
        self.expected.drain(1..1 + syncs);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(replies: &mut Replies, asked: Asked) {
        replies.push(Expected {
            asked,
            refusal: None,
            failed: false,
        });
    }

    fn execute() -> Asked {
        Asked::Execute {
            portal: Vec::new(),
            candidates: Candidates::default(),
        }
    }

    #[test]
    fn an_error_takes_everything_up_to_the_sync() {
        let mut replies = Replies::default();
        push(&mut replies, Asked::Describe);
        push(&mut replies, execute());
        assert_eq!(replies.skip().len(), 2);
        assert!(replies.is_skipping());
        push(&mut replies, Asked::Sync);
        assert!(!replies.is_skipping());
        push(&mut replies, Asked::Describe);
        assert_eq!(replies.skip().len(), 0, "the Sync is first");
        assert!(!replies.is_skipping());
    }

    #[test]
    fn a_copy_takes_the_syncs_that_came_too_early() {
        let mut replies = Replies::default();
        push(&mut replies, execute());
        push(&mut replies, Asked::Sync);
        push(&mut replies, Asked::Sync);
        push(&mut replies, Asked::Describe);
        push(&mut replies, Asked::Sync);
        replies.drop_syncs_of_copy();
        let left = std::iter::from_fn(|| replies.pop()).count();
        assert_eq!(left, 3);
    }
}
