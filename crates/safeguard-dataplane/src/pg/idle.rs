//! What a session may hold up: its timeouts, which it may not lift, and how long it keeps a transaction open, in which it sends
//! nothing or goes on and on.

use std::sync::Arc;
use std::time::Duration;

use safeguard_api::Span;
use safeguard_guard::{Facts, TIMEOUTS, Timeouts, milliseconds};
use tokio::time::Instant;

use super::frame::columns;
use super::quota::{Limit, Over};
use super::refusal::Refusal;
use super::session::{End, Session};
use super::side::Stream;
use super::transaction::Block;
use super::upstream::{self, UpstreamError};

/// What a session began with.
#[derive(Debug, Clone, Copy)]
pub struct Began {
    pub timeouts: Timeouts,
    /// Whether what is removed in a transaction with an undo id is kept.
    pub keeps: bool,
}

/// Asks the database for it. A timeout that this server does not know is none.
pub async fn began(stream: &mut dyn Stream) -> Result<Began, UpstreamError> {
    let figures = TIMEOUTS.map(|name| format!("pg_catalog.current_setting('{name}', true)"));
    let question = format!(
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_namespace WHERE nspname = 'safeguard_undo'), {}",
        figures.join(", ")
    );
    let row = upstream::ask(stream, &question).await?;
    let began = row.as_deref().and_then(columns).and_then(|columns| {
        let (keeps, figures) = columns.split_first()?;
        let figure = |text: &Option<&[u8]>| match text {
            None => Some(0),
            Some(text) => std::str::from_utf8(text).ok().and_then(milliseconds),
        };
        let figures: Option<Vec<u64>> = figures.iter().map(figure).collect();
        Some(Began {
            timeouts: figures?.try_into().ok()?,
            keeps: *keeps == Some(b"t"),
        })
    });
    began.ok_or(UpstreamError::Protocol("no timeouts"))
}

impl Session {
    /// What a text does in this session: one that sets a timeout to more than what the session began with lifts it.
    pub fn in_this_session(&self, facts: Arc<Facts>) -> Arc<Facts> {
        facts.lifting(&self.began.timeouts).map_or(facts, Arc::new)
    }

    /// Notes since when the client has sent nothing while a transaction is open, and until when it may.
    pub fn watch_idle(&mut self) {
        let longest = self.meter.quota.idle_in_transaction_longest;
        let Some(longest) = longest.filter(|_| self.keeps_open()) else {
            self.meter.idle_since = None;
            self.meter.idle_told = false;
            return;
        };
        let since = *self.meter.idle_since.get_or_insert_with(Instant::now);
        if !self.meter.idle_told {
            let until = since + Duration::from(longest);
            let wake = self.meter.wake.map_or(until, |wake| wake.min(until));
            self.meter.wake = Some(wake);
        }
    }

    /// Notes since when a transaction is open, and until when it may be.
    pub fn watch_transaction(&mut self) {
        let longest = self.meter.quota.transaction_longest;
        let Some(longest) = longest.filter(|_| self.is_open()) else {
            self.transaction.since = None;
            return;
        };
        let since = *self.transaction.since.get_or_insert_with(Instant::now);
        if !self.transaction.is_long_told {
            let until = since + Duration::from(longest);
            let wake = self.meter.wake.map_or(until, |wake| wake.min(until));
            self.meter.wake = Some(wake);
        }
    }

    /// Ends a session whose transaction is open for too long, whatever happens in it.
    pub fn transaction_too_long(&mut self) -> Result<(), End> {
        let longest = self.meter.quota.transaction_longest;
        let (Some(since), Some(longest)) = (self.transaction.since, longest) else {
            return Ok(());
        };
        if self.transaction.is_long_told || since.elapsed() < Duration::from(longest) {
            return Ok(());
        }
        self.transaction.is_long_told = true;
        match self.over_time(Limit::Transaction, since, longest) {
            Some(refusal) => Err(End::Cut(refusal)),
            None => Ok(()),
        }
    }

    /// Tells that something took too long, and returns what the client is told where that ends its session.
    fn over_time(&self, limit: Limit, since: Instant, longest: Span) -> Option<Box<Refusal>> {
        let over = Over {
            limit,
            figure: u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX),
            max: longest.ms(),
        };
        let is_held = !self.door.observes;
        let decision = self.tell_quota(&over, is_held);
        is_held.then(|| Box::new(over.refusal(self.login.principal, &self.login.user, &decision)))
    }

    /// Ends a session that has kept its transaction for too long; the database rolls back what it left.
    pub fn idle_too_long(&mut self) -> Result<(), End> {
        let longest = self.meter.quota.idle_in_transaction_longest;
        let (Some(since), Some(longest)) = (self.meter.idle_since, longest) else {
            return Ok(());
        };
        if self.meter.idle_told || since.elapsed() < Duration::from(longest) {
            return Ok(());
        }
        // What was sent without a Sync may have ended, or may still run: the server says so when it is asked.
        if !self.settle() {
            self.meter.idle_since = None;
            return Ok(());
        }
        self.meter.idle_told = true;
        match self.over_time(Limit::Idle, since, longest) {
            Some(refusal) => Err(End::Told(refusal)),
            None => Ok(()),
        }
    }

    /// Whether a transaction is open. A batch without its Sync is one.
    fn is_open(&self) -> bool {
        self.mid_batch || self.transaction.block != Block::Idle || self.transaction.is_wrapped
    }

    /// Whether a transaction is open and the server has nothing to do for it, as far as is known.
    fn keeps_open(&self) -> bool {
        let waits = self.replies.is_empty() || self.mid_batch && !self.flushed && !self.transaction.is_asking;
        self.is_open() && waits && !self.left
    }
}
