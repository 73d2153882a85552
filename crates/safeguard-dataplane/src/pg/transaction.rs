//! What is known of the transaction a session is in, and of what was measured in it.

use std::sync::Arc;

use safeguard_api::statement::Wording;
use safeguard_guard::{Facts, TransactionStep};
use tokio::time::Instant;

use super::approval::Permit;
use super::effect::{Counts, Watch};
use super::refusal::Refusal;
use super::taken::Taken;

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

/// Whether a text that ran has begun another transaction at the end of one, so that the server's status does not tell.
pub fn is_chained(facts: &Facts) -> bool {
    facts.steps.iter().any(|step| {
        matches!(
            step,
            TransactionStep::Commit { chain: true } | TransactionStep::Rollback { chain: true }
        )
    })
}
