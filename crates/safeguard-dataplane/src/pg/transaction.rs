//! What is known of the transaction a session is in, and of what was measured in it.

use std::sync::Arc;

use safeguard_api::guard::Principal;
use safeguard_api::statement::Wording;
use safeguard_guard::{Facts, LOCKS_MAX, TransactionStep};
use tokio::time::Instant;

use super::approval::Permit;
use super::effect::{Counts, Purpose, Watch};
use super::quota::{ROLLED_BACK, leaves_nothing};
use super::refusal::{OVER_BUDGET, Refusal};
use super::replies::Asked;
use super::session::{Copying, Session};
use super::taken::Taken;

/// SQLSTATE `transaction_resolution_unknown`.
const UNKNOWN_OUTCOME: &str = "08007";

/// Where the server is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Block {
    #[default]
    Idle,
    Open,
    Failed,
}

impl Block {
    /// What the server says when it is ready.
    pub fn from_status(status: u8) -> Option<Block> {
        match status {
            b'I' => Some(Block::Idle),
            b'T' => Some(Block::Open),
            b'E' => Some(Block::Failed),
            _ => None,
        }
    }
}

/// What the proxy's own question came to, for the message that waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    Within,
    Over(Box<Refusal>),
    /// The counts were not what was asked for.
    Unreadable,
    /// The server answered with an error, and then with its status.
    Failed {
        error: Vec<u8>,
        status: u8,
    },
}

#[derive(Default)]
pub struct Transaction {
    pub block: Block,
    /// The block was begun by the proxy, and is ended by it when the server is ready next.
    pub is_wrapped: bool,
    /// What ends the proxy's transaction was sent.
    pub is_ending: bool,
    /// The proxy's own question is outstanding.
    pub is_asking: bool,
    /// The counts before the first statement that is measured; none when nothing is.
    pub baseline: Option<Counts>,
    pub watch: Watch,
    pub answered: Option<Answered>,
    /// What a person approved, for the one statement that runs.
    pub permit: Option<Permit>,
    /// What that would take, where it takes whole tables.
    pub taken: Option<Taken>,
    /// The statement that runs alone in the proxy's transaction, where it may be approved.
    pub wording: Option<Wording>,
    /// How it is sent so that it may be, where SQL's own `EXECUTE` runs it.
    pub written_out: Option<String>,
    /// Places in the server's table of locks that statements have taken in it by their texts.
    pub locks: u32,
    /// Since when it is open, where that is limited.
    pub since: Option<Instant>,
    /// That it is open for too long was told.
    pub is_long_told: bool,
}

impl Transaction {
    pub fn is_idle(&self) -> bool {
        self.block == Block::Idle && !self.is_wrapped && !self.is_asking
    }

    /// Notes that the transaction is over, and whether another has begun.
    pub fn over(&mut self, block: Block) {
        *self = Transaction {
            block,
            is_asking: self.is_asking,
            answered: self.answered.take(),
            ..Transaction::default()
        };
    }

    /// Notes a statement that ran.
    pub fn ran(&mut self, facts: &Arc<Facts>) {
        if self.baseline.is_some() || Watch::is_schema(facts) {
            self.watch.add(facts);
        }
    }

    /// Notes what a statement that ran did to the transaction, before the server says so.
    pub fn stepped(&mut self, steps: &[TransactionStep]) {
        for step in steps {
            match *step {
                TransactionStep::Begin => self.block = Block::Open,
                TransactionStep::Commit { chain } | TransactionStep::Rollback { chain } => {
                    self.over(if chain { Block::Open } else { Block::Idle });
                }
                TransactionStep::Prepare => self.over(Block::Idle),
                TransactionStep::Within => {}
            }
        }
    }
}

impl Session {
    /// Whether something that commits is on its way, and what came of it was not heard.
    pub fn may_have_committed(&self) -> bool {
        let is_open = !self.transaction.is_idle() || self.copying == Copying::Active;
        let commits = |facts: &Facts| {
            facts.steps.iter().any(|step| match step {
                TransactionStep::Commit { .. } | TransactionStep::Prepare => true,
                TransactionStep::Begin | TransactionStep::Rollback { .. } | TransactionStep::Within => false,
            })
        };
        self.replies.under_way().any(|asked| match asked {
            Asked::Query(facts) => commits(facts) || !is_open && !leaves_nothing(facts),
            Asked::Execute { candidates, .. } => candidates.iter().any(|facts| commits(facts)),
            Asked::Sync => !is_open && self.meter.wrote,
            Asked::Own(own) => own.purpose == Purpose::Commit,
            Asked::Parse { .. } | Asked::Bind { .. } | Asked::Describe | Asked::Close { .. } => false,
        })
    }

    /// Counts what an agent's statements lock for as long as the transaction goes; too much is refused.
    pub fn takes_locks(&mut self, all: &[Arc<Facts>]) -> Option<Refusal> {
        let locks = all.iter().map(|facts| facts.locks).max().unwrap_or_default();
        if locks == 0 || self.login.principal != Principal::Agent || self.door.observes {
            return None;
        }
        let in_all = self.transaction.locks.saturating_add(locks);
        if in_all > LOCKS_MAX {
            return Some(Refusal::new(
                OVER_BUDGET,
                format!(
                    "would take {in_all} advisory locks and temporary tables in one transaction (limit {LOCKS_MAX})"
                ),
                "commit in between: the server's table of locks is shared by everybody",
            ));
        }
        self.transaction.locks = in_all;
        None
    }

    /// What a client is told whose session ends there: not that anything was rolled back.
    pub fn outcome_unknown(&self, refusal: Refusal) -> Refusal {
        let why = refusal
            .message
            .strip_suffix(ROLLED_BACK)
            .unwrap_or(&refusal.message);
        let unknown = Refusal {
            sqlstate: UNKNOWN_OUTCOME.to_owned(),
            message: format!("whether what was sent last was committed is not known: {why}"),
            detail: refusal.detail,
            hint: "connect again, and look whether it is there before it is sent again".to_owned(),
        };
        match self.transaction.permit.as_ref().filter(|_| self.keeps_rows()) {
            Some(permit) => {
                unknown.with_detail(&format!("what it removed is kept as {}, if it was", permit.undo))
            }
            None => unknown,
        }
    }
}

/// Whether a text that ran has begun another transaction at the end of one, so that the server's status does not tell.
pub fn is_chained(facts: &Facts) -> bool {
    facts.steps.iter().any(|step| {
        matches!(
            step,
            TransactionStep::Commit { chain: true } | TransactionStep::Rollback { chain: true }
        )
    })
}
