//! A session: what the client sends is judged, what the server answers is told apart, and neither is kept.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll};

use safeguard_api::guard::{Asker, Principal};
use safeguard_guard::Facts;
use tokio::sync::futures::OwnedNotified;

use super::approval::Approvals;
use super::cancel::ServerKey;
use super::door::Door;
use super::estimate::Estimates;
use super::frame::BadLength;
use super::idle::Began;
use super::issued::{self, Tenure};
use super::metered::Meter;
use super::names::Names;
use super::refusal::Refusal;
use super::replies::Replies;
use super::side::{INPUT_BYTES, Side};
use super::transaction::Transaction;
use crate::transport::Buffer;

/// After so many rounds without a pause, whatever else may end the session is asked.
const ROUNDS_MAX: usize = 16;

/// Who logged in.
#[derive(Debug, Clone)]
pub struct Login {
    pub user: String,
    pub principal: Principal,
    /// Whose login it is, or for whom the agent works.
    pub person: Option<String>,
    /// What ends the session, where the login was issued for minutes.
    pub tenure: Option<Tenure>,
}

/// The session behind it.
pub struct Opened {
    pub side: Side,
    pub key: ServerKey,
    pub began: Began,
}

/// Why a session ends.
#[derive(Debug)]
pub enum End {
    /// The client left, in order or not.
    Client,
    /// The server closed, or can not be reached any more.
    Server,
    /// It can not go on, for a reason that the client is told.
    Told(Box<Refusal>),
    /// The same, and what runs is cancelled.
    Cut(Box<Refusal>),
}

impl End {
    /// SQLSTATE `protocol_violation`.
    pub fn protocol(message: impl Into<String>) -> End {
        let hint = "this is a fault of the client's driver, or of the guard; the session ends to be on the safe side";
        End::Told(Box::new(Refusal::new("08P01", message, hint)))
    }
}

impl From<BadLength> for End {
    fn from(error: BadLength) -> End {
        End::protocol(error.to_string())
    }
}

/// What becomes of bytes that belong to a message whose head was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Through {
    Pass(usize),
    Drop(usize),
}

impl Through {
    pub const NOTHING: Through = Through::Pass(0);

    pub fn left(self) -> usize {
        match self {
            Through::Pass(left) | Through::Drop(left) => left,
        }
    }

    /// Takes what is there of it, and returns how much that was.
    pub fn take(&mut self, bytes: &[u8], out: &mut Vec<u8>) -> usize {
        let count = self.left().min(bytes.len());
        match self {
            Through::Pass(left) => {
                out.extend_from_slice(bytes.get(..count).unwrap_or(bytes));
                *left -= count;
            }
            Through::Drop(left) => *left -= count,
        }
        count
    }
}

/// What became of the bytes at hand.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    Taken(usize),
    /// The message is longer than what is there: it takes so much.
    More(usize),
    /// It has to wait for an answer of the server.
    Wait,
}

/// Whether the server takes the rows of a COPY.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Copying {
    No,
    Active,
    /// The server gave up, and the client may not know yet.
    Failed,
}

pub struct Session {
    pub door: Arc<Door>,
    pub login: Login,
    pub client: Side,
    pub server: Side,
    pub began: Began,
    pub from_client: Through,
    pub from_server: Through,
    pub replies: Replies,
    pub statements: Names,
    pub portals: Names,
    pub transaction: Transaction,
    pub approvals: Approvals,
    pub estimates: Estimates,
    /// Of the message that is decided about, for when it has to wait.
    pub facts: Option<Arc<Facts>>,
    pub copying: Copying,
    /// Something of the extended protocol was sent, and no Sync after it.
    pub mid_batch: bool,
    /// Something was bound or run, and no Sync was sent after it.
    pub begun: bool,
    /// The server was asked to answer what it has so far.
    pub flushed: bool,
    /// The end of a statement that is not told before its transaction has ended.
    pub held: Vec<u8>,
    /// The client said that it leaves.
    pub left: bool,
    /// The server said why it ends the session.
    pub last_word: bool,
    pub meter: Meter,
}

impl Session {
    pub fn new(door: Arc<Door>, login: Login, client: Side, server: Opened) -> Session {
        let statements_max = door.limits.statements_max;
        let meter = Meter::new(door.usages.of(&login.user), server.key);
        Session {
            door,
            login,
            client,
            server: server.side,
            began: server.began,
            from_client: Through::NOTHING,
            from_server: Through::NOTHING,
            replies: Replies::default(),
            statements: Names::new(statements_max),
            portals: Names::new(statements_max),
            transaction: Transaction::default(),
            approvals: Approvals::default(),
            estimates: Estimates::default(),
            facts: None,
            copying: Copying::No,
            mid_batch: false,
            begun: false,
            flushed: false,
            held: Vec::new(),
            left: false,
            last_word: false,
            meter,
        }
    }

    /// Who asks, as it counts at this moment.
    pub fn asker(&self, frozen: bool) -> Asker {
        Asker {
            principal: self.login.principal,
            environment: self.door.environment,
            frozen,
        }
    }

    /// Relays until one of the two ends, or until the proxy stops and nothing is under way.
    pub async fn run(mut self, stopped: OwnedNotified) {
        let mut stopped = std::pin::pin!(stopped);
        let mut over = std::pin::pin!(issued::over(self.login.tenure.clone()));
        let mut stopping = self.door.is_stopping();
        let end = loop {
            if let Some(end) = self.ending(stopping) {
                break end;
            }
            let relayed = tokio::select! {
                // Whoever keeps the streams busy does not put off the end of what let them in.
                biased;
                refusal = &mut over => {
                    self.cut_off().await;
                    break End::Told(Box::new(refusal));
                }
                () = &mut stopped, if !stopping => {
                    stopping = true;
                    continue;
                }
                relayed = poll_fn(|cx| self.poll_relay(cx, stopping)) => relayed,
            };
            match relayed {
                Ok(()) => {}
                Err(End::Cut(refusal)) => {
                    self.cut_off().await;
                    break End::Told(refusal);
                }
                Err(end) => break end,
            }
        };
        self.end(end).await;
        self.see_out().await;
    }

    /// Reads, takes and writes as long as anything moves; ready when the session ends, or when it is time to look whether it
    /// has to.
    fn poll_relay(&mut self, cx: &mut Context<'_>, stopping: bool) -> Poll<Result<(), End>> {
        self.client.polled_anew();
        self.server.polled_anew();
        self.meter.polled_anew();
        for _ in 0..ROUNDS_MAX {
            let moved = match self.poll_streams(cx) {
                Poll::Ready(Ok(())) => true,
                Poll::Ready(Err(end)) => return Poll::Ready(Err(end)),
                Poll::Pending => false,
            };
            if moved && let Err(end) = self.turn() {
                return Poll::Ready(Err(if self.left { End::Client } else { end }));
            }
            if let Some(end) = self.ending(stopping) {
                return Poll::Ready(Err(end));
            }
            if !moved {
                return Poll::Pending;
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Takes everything that can be taken without reading or writing. Nothing that comes of the server's messages is held back
    /// by what the client sends, but for the room to write it.
    fn turn(&mut self) -> Result<(), End> {
        loop {
            self.take_from_server()?;
            if !self.take_from_client()? {
                self.watch();
                return Ok(());
            }
        }
    }

    fn take_from_client(&mut self) -> Result<bool, End> {
        let mut input = std::mem::take(&mut self.client.input);
        let taken = self.take_client_messages(&mut input);
        self.client.input = input;
        taken
    }

    fn take_client_messages(&mut self, input: &mut Buffer) -> Result<bool, End> {
        let mut moved = false;
        while !self.server.is_full() && !self.left && !self.must_wait() {
            match self.client_message(input.filled())? {
                Step::Taken(0) | Step::Wait => break,
                Step::Taken(count) => {
                    input.consume(count);
                    self.client.room = INPUT_BYTES;
                    // An answer is for the message that waited for it, and no other.
                    self.transaction.answered = None;
                    self.approvals.forget_answer();
                    self.estimates.forget_answer();
                    self.facts = None;
                    self.meter.taken();
                    moved = true;
                }
                Step::More(size) => {
                    self.client.room = size.max(INPUT_BYTES);
                    break;
                }
            }
        }
        Ok(moved)
    }

    /// Whether nothing more is sent before the server has answered the proxy's own question, or ended its transaction, or the
    /// control plane has said what a code is good for.
    fn must_wait(&self) -> bool {
        let is_ending = self.transaction.is_ending && self.copying != Copying::Active;
        self.transaction.is_asking
            || is_ending
            || self.replies.is_full()
            || self.approvals.is_asking()
            || self.meter.is_cancelling()
    }

    fn take_from_server(&mut self) -> Result<(), End> {
        let mut input = std::mem::take(&mut self.server.input);
        let taken = self.take_server_messages(&mut input);
        self.server.input = input;
        taken
    }

    fn take_server_messages(&mut self, input: &mut Buffer) -> Result<(), End> {
        let mut moved = false;
        while !self.client.is_full() && !self.meter.is_cancelling() {
            match self.server_message(input.filled())? {
                Step::Taken(0) | Step::Wait => break,
                Step::Taken(count) => {
                    input.consume(count);
                    self.server.room = INPUT_BYTES;
                    moved = true;
                }
                Step::More(size) => {
                    self.server.room = size.max(INPUT_BYTES);
                    break;
                }
            }
        }
        if !moved && self.server.ended && !self.client.is_full() && !self.meter.is_cancelling() {
            return Err(End::Server);
        }
        Ok(())
    }

    /// Writes and reads what is possible; ready when there is anything to be taken.
    fn poll_streams(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        if let Poll::Ready(done) = self.poll_meter(cx) {
            return Poll::Ready(done);
        }
        let mut moved = self.server.poll_write(cx).map_err(|_| End::Server)?;
        moved |= self.client.poll_write(cx).map_err(|_| End::Client)?;
        if !self.client.is_full() {
            moved |= self.server.poll_read(cx).map_err(|_| End::Server)?;
        }
        if !self.server.is_full() {
            moved |= self.client.poll_read(cx).map_err(|_| End::Client)?;
        }
        moved |= self.approvals.poll(cx).is_ready();
        if moved { Poll::Ready(Ok(())) } else { Poll::Pending }
    }

    /// Why it ends here, if it does.
    fn ending(&self, stopping: bool) -> Option<End> {
        if self.is_over() {
            return Some(End::Client);
        }
        (stopping && self.is_idle()).then(|| {
            let hint = "connect again";
            End::Told(Box::new(Refusal::new("57P01", "the proxy is stopping", hint)))
        })
    }

    fn is_over(&self) -> bool {
        let gone = self.client.ended && self.replies.is_empty() && !self.must_wait();
        (self.left || gone) && self.server.is_flushed() && self.client.is_flushed()
    }

    fn is_idle(&self) -> bool {
        self.replies.is_empty()
            && !self.mid_batch
            && self.transaction.is_idle()
            && self.client.input.is_empty()
            && self.client.is_flushed()
    }

    async fn end(&mut self, end: End) {
        let refusal = match end {
            End::Client => return,
            End::Server if self.last_word => return self.write_rest().await,
            End::Server => Refusal::new(
                "08006",
                "the database closed the connection",
                "connect again; nothing of an open transaction was committed",
            ),
            End::Told(refusal) | End::Cut(refusal) => *refusal,
        };
        let refusal = if self.may_have_committed() {
            self.outcome_unknown(refusal)
        } else {
            refusal
        };
        tracing::info!(
            proxy = %self.door.name, user = %self.login.user, why = %refusal.message, "A session was ended"
        );
        // A message that was sent in part can not be followed by another.
        if !matches!(self.from_server, Through::Pass(1..)) {
            refusal.write_fatal(&mut self.client.output);
        }
        self.write_rest().await;
    }

    async fn write_rest(&mut self) {
        let longest = self.door.limits.login_longest.into();
        match tokio::time::timeout(longest, self.client.flush()).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) | Err(_) => tracing::debug!("A client did not take the last word of its session"),
        }
    }
}
