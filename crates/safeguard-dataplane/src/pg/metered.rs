//! The quotas of a session: what is over them is refused before it is sent, or cancelled while it runs.
//!
//! A cancel must not hit what comes after the statement that it is meant for. So where something may be cancelled, no more
//! than one statement is on its way to the server; and from the moment at which a cancel is asked for until the server has
//! closed the connection that carried it, which it does after the signal, nothing is taken from either side. Whatever is
//! sent after that finds a server that has had the signal: PostgreSQL drops it when it waits for the next message.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use safeguard_api::config::{Quota, Quotas};
use safeguard_guard::{Facts, TransactionStep};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, Sleep};

use super::cancel::ServerKey;
use super::course::Form;
use super::frame::{self, HEAD_BYTES, error_field};
use super::names::Names;
use super::quota::{
    CANCELLED, Limit, Over, Returned, ends_transaction, has_size, leaves_nothing, may_cancel,
};
use super::refusal::Refusal;
use super::replies::{Asked, Expected};
use super::session::{Copying, End, Session};
use super::side::Side;
use super::transaction::Block;
use super::usage::{Running, Usage};

/// What was not cancelled by a cancel is cancelled again, at first after this long.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// After so many the session ends: who is not heard for a quarter of a minute may not be heard again.
const CANCELS_MAX: u32 = 4;
/// What the server may have ended without saying so is asked for, and waited for.
const ANSWER_LONGEST: Duration = Duration::from_secs(1);

/// With more portals than this, those that nobody can run any more are forgotten.
const PORTALS_KEPT_MAX: usize = 64;

type Cancelling = Pin<Box<dyn Future<Output = Result<(), Refusal>> + Send>>;

/// What is counted of one session.
pub struct Meter {
    usage: Arc<Usage>,
    pub server: ServerKey,
    /// The limits as they stood when a statement was judged last.
    pub quota: Quota,
    place: Option<Running>,
    /// The message that is decided about was admitted before it had to wait.
    admitted: bool,
    /// The message that is decided about goes on with a portal that was run in part.
    continues: bool,
    /// Something that is no mere read was sent since the server was idle.
    pub wrote: bool,
    /// What the statement that is answered at the moment returned.
    returned: Option<Returned>,
    /// Portals that were run in part, with what they returned so far.
    suspended: HashMap<Vec<u8>, Returned>,
    /// How many answers there were before that which is waited for, and since when.
    waiting: Option<(u64, Instant)>,
    /// Since when a transaction is open in which the client sends nothing.
    pub idle_since: Option<Instant>,
    /// That it is over its limit was told.
    pub idle_told: bool,
    /// In observe mode: what is over its limit was told.
    told: bool,
    /// The statement that runs is over a limit, and what is said of it.
    over: Option<(Limit, Box<Refusal>)>,
    cancelling: Option<Cancelling>,
    cancel_again: Instant,
    cancels: u32,
    /// When something is to be done though nothing moved.
    pub wake: Option<Instant>,
    timer: Option<Pin<Box<Sleep>>>,
    /// The timer was asked within this poll: it wakes the task.
    timer_waits: bool,
}

impl Meter {
    pub fn new(usage: Arc<Usage>, server: ServerKey) -> Meter {
        Meter {
            usage,
            server,
            quota: Quota::default(),
            place: None,
            admitted: false,
            continues: false,
            wrote: false,
            returned: None,
            suspended: HashMap::new(),
            waiting: None,
            idle_since: None,
            idle_told: false,
            told: false,
            over: None,
            cancelling: None,
            cancel_again: Instant::now(),
            cancels: 0,
            wake: None,
            timer: None,
            timer_waits: false,
        }
    }

    pub fn is_cancelling(&self) -> bool {
        self.cancelling.is_some()
    }

    /// Notes that the task was woken, so that the timer has to be asked again.
    pub fn polled_anew(&mut self) {
        self.timer_waits = false;
    }

    /// Notes that a message was taken.
    pub fn taken(&mut self) {
        self.admitted = false;
        self.continues = false;
        self.idle_since = None;
    }

    /// Notes which portal is to be run.
    pub fn executes(&mut self, portal: &[u8]) {
        self.continues = self.suspended.contains_key(portal);
    }

    /// Notes that a portal was run, to its end or in part.
    pub fn executed(&mut self, portal: Vec<u8>, is_suspended: bool, known: &Names) {
        let returned = self.returned.take();
        if !is_suspended {
            return self.forget(&portal);
        }
        if let Some(returned) = returned {
            if self.suspended.len() >= PORTALS_KEPT_MAX {
                // A portal that is not known is refused when it is run, and needs no count.
                self.suspended
                    .retain(|portal, _| !known.candidates(portal).is_empty());
            }
            self.suspended.insert(portal, returned);
        }
    }

    /// Notes that a portal stands for something else from here on.
    pub fn forget(&mut self, portal: &[u8]) {
        // A name is hashed before an empty map is found to be empty, and few sessions ever run a portal in part.
        if !self.suspended.is_empty() {
            self.suspended.remove(portal);
        }
    }

    /// Notes what a statement that ran did to the transaction: at its end, what was changed is done with.
    pub fn stepped(&mut self, steps: &[TransactionStep]) {
        let ends = |step: &TransactionStep| match step {
            TransactionStep::Commit { .. } | TransactionStep::Rollback { .. } | TransactionStep::Prepare => {
                true
            }
            TransactionStep::Begin | TransactionStep::Within => false,
        };
        if steps.iter().any(ends) {
            self.wrote = false;
        }
    }

    /// Notes that an answer is over, by an error or because the server is ready.
    pub fn answered(&mut self, is_idle: bool) {
        self.returned = None;
        self.told = false;
        if is_idle {
            self.wrote = false;
            self.suspended.clear();
        }
    }

    /// Whether the statement that runs returned too much: the rest is dropped, and it must fail.
    pub fn is_cut(&self) -> bool {
        matches!(self.over, Some((Limit::Rows | Limit::Bytes, _)))
    }

    /// What an error of the server is replaced by, when it is the answer to a cancel.
    pub fn instead_of(&self, error: &[u8]) -> Option<Box<Refusal>> {
        let (_, refusal) = self.over.as_ref()?;
        let code = error_field(error.get(HEAD_BYTES..)?, b'C');
        (self.is_cut() || code == Some(CANCELLED.as_bytes())).then(|| refusal.clone())
    }

    /// The same, when nothing more comes of the statement.
    pub fn take_instead_of(&mut self, error: &[u8]) -> Option<Box<Refusal>> {
        let refusal = self.instead_of(error)?;
        self.over = None;
        Some(refusal)
    }

    /// What is said of the statement that must fail, for the last time.
    pub fn take_refusal(&mut self) -> Option<Box<Refusal>> {
        self.cancels = 0;
        self.returned = None;
        self.over.take().map(|(_, refusal)| refusal)
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        if let Some(cancelling) = &mut self.cancelling {
            return cancelling.as_mut().poll(cx).map(|done| {
                self.cancelling = None;
                let pause = AGAIN_AFTER.saturating_mul(1 << self.cancels.min(CANCELS_MAX));
                self.cancels += 1;
                self.cancel_again = Instant::now() + pause;
                done.map_err(|refusal| End::Told(Box::new(refusal)))
            });
        }
        let Some(wake) = self.wake else {
            return Poll::Pending;
        };
        let timer = self
            .timer
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(wake)));
        if timer.deadline() > wake {
            timer.as_mut().reset(wake);
            self.timer_waits = false;
        }
        if self.timer_waits {
            return Poll::Pending;
        }
        // It may have been set for an earlier statement: most end long before, and none sets it anew.
        while timer.as_mut().poll(cx).is_ready() {
            if wake <= Instant::now() {
                return Poll::Ready(Ok(()));
            }
            timer.as_mut().reset(wake);
        }
        self.timer_waits = true;
        Poll::Pending
    }
}

impl Session {
    /// Counts statements that are about to run; what is over a limit is refused. What ends a transaction never is: it must
    /// always be possible to hold less.
    pub fn admit(&mut self, all: &[Arc<Facts>], form: Form, quotas: &Quotas) -> Option<Refusal> {
        let quota = quotas.of(self.login.principal);
        self.meter.quota = quota;
        if !matches!(form, Form::Query | Form::Execute) || self.meter.admitted {
            return None;
        }
        if let Some(refusal) = self.takes_locks(all) {
            return Some(refusal);
        }
        let statements = match (form, all.first()) {
            (Form::Query, Some(facts)) => facts.cost.statements.max(1),
            _ => u32::from(!self.meter.continues),
        };
        let usage = Arc::clone(&self.meter.usage);
        let running = match self.meter.place.take() {
            Some(place) => Ok(place),
            None => usage.run(&quota),
        };
        let begun = match &running {
            Ok(_) => usage.begin(statements, &quota),
            Err(over) => Err(*over),
        };
        if let Err(over) = begun {
            let is_held = !self.door.observes && !ends_transaction(all);
            let decision = self.tell_quota(&over, is_held);
            if is_held {
                // A session that runs something keeps its place.
                self.meter.place = running.ok().filter(|_| !self.replies.is_empty());
                return Some(over.refusal(self.login.principal, &self.login.user, &decision));
            }
            usage.begin_anyway(statements, &quota);
        }
        self.meter.place = Some(running.unwrap_or_else(|_| usage.run_anyway()));
        self.meter.admitted = true;
        self.meter.wrote |= !all.iter().all(|facts| leaves_nothing(facts));
        None
    }

    /// Whether a message has to wait until the statement before it is answered: a cancel could hit either. A Sync commits
    /// what was sent outside of a transaction, and with it what was changed before a statement that is to fail; and one
    /// that comes after another must not be answered before the failure of what came before both.
    pub fn must_hold(&mut self, tag: u8) -> bool {
        if self.replies.is_empty() {
            self.meter.over = None;
            return false;
        }
        let may_cancel = may_cancel(&self.meter.quota) && !self.door.observes;
        let passes = match tag {
            b'H' | b'X' => true,
            b'S' => {
                let commits = self.meter.wrote && self.transaction.block == Block::Idle;
                let is_last = self.replies.ends_with_ready();
                !(may_cancel && has_size(&self.meter.quota) && (commits || is_last))
            }
            _ => !may_cancel,
        };
        !passes && self.replies.is_closed() && !self.settle()
    }

    /// Counts a row, or a line of a COPY.
    pub fn returns(&mut self, bytes: usize) {
        let quota = &self.meter.quota;
        if !has_size(quota) || self.meter.is_cut() {
            return;
        }
        let before = match self.replies.front() {
            Some(Expected {
                asked: Asked::Execute { portal, .. },
                ..
            }) => self.meter.suspended.get(portal).copied(),
            _ => None,
        };
        let returned = self
            .meter
            .returned
            .get_or_insert_with(|| before.unwrap_or_default());
        returned.add(bytes);
        if let Some(over) = returned.over(quota) {
            self.exceeds(over);
        }
    }

    /// What is to be done after a while: takes what has come of a cancel, or what is over its time.
    pub fn poll_meter(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), End>> {
        let was_cancelling = self.meter.is_cancelling();
        let Poll::Ready(done) = self.meter.poll(cx) else {
            return Poll::Pending;
        };
        done?;
        if !was_cancelling {
            self.out_of_time()?;
            self.transaction_too_long()?;
            self.idle_too_long()?;
        }
        Poll::Ready(Ok(()))
    }

    /// Notes what is waited for, and until when.
    pub fn watch(&mut self) {
        self.meter.wake = None;
        self.watch_statement();
        self.watch_idle();
        self.watch_transaction();
    }

    fn watch_statement(&mut self) {
        if self.replies.is_empty() {
            self.meter.waiting = None;
            self.meter.over = None;
            if !self.meter.admitted {
                self.meter.place = None;
            }
            return;
        }
        if self.meter.over.is_some() {
            self.meter.wake = Some(self.meter.cancel_again);
            return;
        }
        self.meter.cancels = 0;
        let Some(longest) = self.meter.quota.statement_longest else {
            return;
        };
        // What the server was not asked to answer, it may have ended long ago.
        if !(self.replies.is_closed() || self.flushed || self.transaction.is_asking) {
            return;
        }
        let answers = self.replies.answers();
        let since = match self.meter.waiting {
            Some((before, since)) if before == answers => since,
            _ => {
                let now = Instant::now();
                self.meter.waiting = Some((answers, now));
                self.meter.told = false;
                now
            }
        };
        if !self.meter.told {
            self.meter.wake = Some(since + Duration::from(longest));
        }
    }

    /// The client is gone, and what it left behind may still run: its place is kept until that has ended, and it has no
    /// more time than with a client.
    pub async fn see_out(&mut self) {
        if self.door.observes || self.meter.place.is_none() || self.replies.is_empty() {
            return;
        }
        if let Err(error) = self.client.stream.shutdown().await {
            tracing::debug!(%error, "A client was gone before its connection was closed");
        }
        let Some(longest) = self.meter.quota.statement_longest else {
            return server_ended(&mut self.server).await;
        };
        let cancel_longest = self.door.limits.login_longest.into();
        while tokio::time::timeout(longest.into(), server_ended(&mut self.server))
            .await
            .is_err()
        {
            let cancel = self.door.upstream.cancel(&self.meter.server);
            let is_cancelled = matches!(tokio::time::timeout(cancel_longest, cancel).await, Ok(Ok(())));
            tracing::warn!(
                proxy = %self.door.name, user = %self.login.user, is_cancelled,
                "A statement whose client is gone ran for too long"
            );
        }
    }

    fn out_of_time(&mut self) -> Result<(), End> {
        let now = Instant::now();
        if let Some((_, refusal)) = &self.meter.over {
            if self.meter.cancel_again > now {
                return Ok(());
            }
            if self.meter.cancels >= CANCELS_MAX {
                let refusal = Refusal::clone(refusal);
                let why = "the database did not end it when it was asked to, and so the session ends";
                return Err(End::Told(Box::new(refusal.with_detail(why))));
            }
            self.cancel();
            return Ok(());
        }
        let (Some((answers, since)), Some(longest)) =
            (self.meter.waiting, self.meter.quota.statement_longest)
        else {
            return Ok(());
        };
        if now < since + Duration::from(longest) {
            return Ok(());
        }
        if self.mid_batch && !self.flushed && !self.transaction.is_asking {
            self.settle();
            self.meter.waiting = Some((answers, since + ANSWER_LONGEST));
            return Ok(());
        }
        let ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.exceeds(Over {
            limit: Limit::Longest,
            figure: ms,
            max: longest.ms(),
        });
        Ok(())
    }

    fn exceeds(&mut self, over: Over) {
        if self.door.observes {
            if !self.meter.told {
                self.meter.told = true;
                self.tell_quota(&over, false);
            }
            return;
        }
        let decision = self.tell_quota(&over, true);
        let refusal = over.refusal(self.login.principal, &self.login.user, &decision);
        self.meter.over = Some((over.limit, Box::new(refusal)));
        self.cancel();
    }

    fn cancel(&mut self) {
        let Some((_, refusal)) = &self.meter.over else {
            return;
        };
        // While it waits for rows, PostgreSQL hears no cancel; but it hears that none will come.
        if self.copying == Copying::Active && self.from_client.left() == 0 {
            frame::copy_fail(&mut self.server.output, &refusal.message);
            self.copying = Copying::Failed;
            self.meter.cancel_again = Instant::now() + AGAIN_AFTER;
            return;
        }
        let (door, server, refusal) = (
            Arc::clone(&self.door),
            self.meter.server.clone(),
            Refusal::clone(refusal),
        );
        self.meter.cancelling = Some(Box::pin(async move {
            let longest = door.limits.login_longest.into();
            let sent = tokio::time::timeout(longest, door.upstream.cancel(&server)).await;
            if let Ok(Ok(())) = sent {
                return Ok(());
            }
            // A cancel of which nothing is known may come at any time: nothing can be sent after it.
            let why = "the database could not be asked to cancel it, and so the session ends";
            Err(refusal.with_detail(why))
        }));
    }
}

/// Reads what nobody wants until the server has ended the session, which it does with its statement.
async fn server_ended(server: &mut Side) {
    let mut unwanted = [0; 4 << 10];
    let is_told = server.flush().await.is_ok() && server.stream.shutdown().await.is_ok();
    while is_told && matches!(server.stream.read(&mut unwanted).await, Ok(1..)) {}
}
