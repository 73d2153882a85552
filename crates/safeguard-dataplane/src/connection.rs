//! One client connection: request after request, each sent to the arm that its user belongs to.

use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use safeguard_rollout::judge::{OutcomeKind, Side};
use tokio::io::AsyncWriteExt as _;
use tokio::sync::futures::OwnedNotified;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::Instant;

use crate::arm::{Arm, Counted, Unreachable, Upstream, Wanted};
use crate::mirror::Copy;
use crate::noted::Noted;
use crate::relay::{Exchanged, NoAnswer, Request, Sockets, exchange};
use crate::rewrite::{self, RequestExtras};
use crate::route::{Choice, Slot};
use crate::router::Router;
use crate::stream::{Leaving, tunnel};
use crate::trace::Identity;
use crate::transport::ClientStream;
use crate::wire::request::{Method, RequestHead};
use crate::wire::{Framing, HeadLimits, Refusal};
use crate::workspace::{ExchangeLimits, Workspace, linger};

pub struct Connection<C> {
    pub(crate) stream: C,
    client: IpAddr,
    pub(crate) router: Arc<Router>,
    slot: Arc<Slot>,
    head: RequestHead,
    pub(crate) work: Workspace,
    /// The request's head as it goes up.
    head_out: Vec<u8>,
    /// Header lines that say who sent the request.
    forwarded: Vec<u8>,
    pub(crate) identity: Identity,
}

/// Who is at the other end, and how it came.
#[derive(Debug, Clone, Copy)]
pub struct Client {
    pub address: IpAddr,
    pub scheme: &'static str,
}

enum Next {
    Request,
    /// The client left, was idle too long, or the router is stopping.
    Closed,
    Refused(Refusal),
}

/// What becomes of the connection after a request.
pub enum After {
    Keep,
    Close,
    /// Bytes that were not read may be on their way; the client shall get to read its answer all the same.
    Linger,
    /// The response was cut short, and the client must be able to tell.
    Reset,
}

/// What must be remembered of a request once its bytes are gone.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    pub received: Instant,
    pub framing: Framing,
    pub to_head: bool,
    pub http_1_0: bool,
    pub keep_alive: bool,
    pub websocket: bool,
    pub idempotent: bool,
    /// Changes nothing, and has no body: may be sent to another arm as well.
    pub safe: bool,
}

/// What became of a request at one arm.
enum Tried {
    Done(After),
    Unreachable(Unreachable),
    /// It failed, and the client has not noticed.
    Shielded,
}

/// A request that can not be repeated goes over a used connection only if that was used a moment ago: an instance that
/// closes idle connections is not about to close that one.
const UNREPEATABLE_IDLE_LONGEST: Duration = Duration::from_secs(1);

/// For the last words on a connection.
const GOODBYE_LONGEST: Duration = Duration::from_secs(1);

impl<C: ClientStream> Connection<C> {
    pub fn new(stream: C, client: Client, router: Arc<Router>, slot: Arc<Slot>) -> Connection<C> {
        let Client { address, scheme } = client;
        let forwarded = format!("x-forwarded-for: {address}\r\nx-forwarded-proto: {scheme}\r\n");
        Connection {
            stream,
            client: address,
            head: RequestHead::default(),
            work: Workspace::new(&router.limits),
            router,
            slot,
            head_out: Vec::with_capacity(1 << 10),
            forwarded: forwarded.into_bytes(),
            identity: Identity::new(),
        }
    }

    pub async fn serve(mut self, stopped: OwnedNotified) {
        let mut stopped = std::pin::pin!(stopped);
        loop {
            let after = match self.next_request(stopped.as_mut()).await {
                Next::Request => self.answer().await,
                Next::Closed => return self.close().await,
                Next::Refused(refusal) => {
                    self.identity.make();
                    self.refuse(refusal, true).await;
                    After::Linger
                }
            };
            match after {
                After::Keep if self.router.is_stopping() => return self.close().await,
                After::Keep => {}
                After::Close => return self.close().await,
                After::Linger => {
                    let (buffer, timer) = (&mut self.work.from_client, &mut self.work.upload_timer);
                    return linger(&mut self.stream, buffer, timer).await;
                }
                After::Reset => {
                    if let Err(error) = self.stream.reset() {
                        tracing::debug!(%error, "Cannot reset a connection");
                    }
                    return;
                }
            }
        }
    }

    /// Ends the connection in good order: in TLS the client is told, or it would take what it got for cut.
    async fn close(&mut self) {
        match tokio::time::timeout(GOODBYE_LONGEST, self.stream.shutdown()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::debug!(%error, "A client had left before the connection ended"),
            Err(_) => tracing::debug!("A client did not take its goodbye"),
        }
    }

    async fn next_request(&mut self, mut stopped: Pin<&mut OwnedNotified>) -> Next {
        let limits = &self.router.limits;
        let head_limits = HeadLimits {
            bytes_max: limits.header_bytes_max,
            fields_max: limits.headers_max,
        };
        let header_longest = Duration::from(limits.header_longest);
        self.head.begin();
        let mut header_by = None;
        loop {
            let buffer = &mut self.work.from_client;
            if !buffer.is_empty() {
                match self.head.read(buffer.filled(), head_limits) {
                    Ok(true) => return Next::Request,
                    Ok(false) => {}
                    Err(refusal) => return Next::Refused(refusal),
                }
                if header_by.is_none() {
                    header_by = Some(Instant::now() + header_longest);
                }
            }
            buffer.make_room(limits.header_bytes_max);
            let timer = &mut self.work.upload_timer;
            let stream = &mut self.stream;
            let mut waiting = false;
            let read = std::future::poll_fn(|cx| {
                use std::task::Poll;
                if let Poll::Ready(read) = buffer.poll_fill(stream, cx) {
                    return Poll::Ready(Some(read));
                }
                // Between two requests, and only there, the router may stop.
                if header_by.is_none() && std::future::Future::poll(stopped.as_mut(), cx).is_ready() {
                    return Poll::Ready(None);
                }
                if !waiting {
                    waiting = true;
                    timer.set(header_by.unwrap_or_else(|| Instant::now() + limits.idle_longest.into()));
                }
                timer.poll_expired(cx).map(|()| None)
            })
            .await;
            match read {
                Some(Ok(count)) if count > 0 => {}
                Some(Ok(_) | Err(_)) => return Next::Closed,
                None if header_by.is_none() => return Next::Closed,
                None => {
                    return Next::Refused(Refusal {
                        status: 408,
                        why: "the header came too slowly",
                    });
                }
            }
        }
    }

    async fn answer(&mut self) -> After {
        let asked = Asked {
            received: Instant::now(),
            framing: self.head.framing,
            to_head: self.head.method == Method::Head,
            http_1_0: self.head.http_1_0,
            keep_alive: self.head.keep_alive && !self.router.is_stopping(),
            websocket: self.head.websocket,
            idempotent: self.head.method != Method::Other && self.head.framing == Framing::None,
            safe: matches!(self.head.method, Method::Head | Method::Safe)
                && self.head.framing == Framing::None
                && !self.head.websocket,
        };
        self.identity.read(&self.head, self.work.from_client.filled());
        let bytes = self.work.from_client.filled();
        if let Err(wait) = self.slot.admit(&self.head, bytes, self.client) {
            self.work.from_client.consume(self.head.length);
            return self.make_wait(asked, wait).await;
        }
        if matches!(asked.framing, Framing::Length(length) if length > self.router.limits.body_bytes_max) {
            let refusal = Refusal {
                status: 413,
                why: "the body is too long",
            };
            self.refuse(refusal, !asked.to_head).await;
            return After::Linger;
        }
        let bytes = self.work.from_client.filled();
        let mut choice = self
            .slot
            .choose(&self.head, bytes, self.client, &self.router.token_key);
        if choice.is_some() {
            let extras = RequestExtras {
                forwarded: &self.forwarded,
                identity: &self.identity,
                host_unsaid: self.slot.service.as_str().as_bytes(),
            };
            rewrite::request(&self.head, bytes, extras, &mut self.head_out);
        }
        if let Some(arm) = choice.as_mut().and_then(|choice| choice.mirror.take())
            && asked.safe
            && self.slot.mirror_turn()
        {
            self.mirror(asked, arm);
        }
        self.work.from_client.consume(self.head.length);
        match choice {
            Some(choice) => self.try_arms(asked, choice).await,
            None => self.give_up(asked, 503, "no release serves here").await,
        }
    }

    /// Leaves a copy of the request to be sent by somebody else; when too many wait already, it is left out.
    fn mirror(&self, asked: Asked, arm: Arc<Arm>) {
        let copy = Copy {
            arm,
            head: rewrite::copy_of(&self.head_out),
            to_head: asked.to_head,
        };
        if let Err(TrySendError::Full(copy) | TrySendError::Closed(copy)) = self.router.copies.try_send(copy)
        {
            copy.arm.counters.mirror_skipped.fetch_add(1, Relaxed);
        }
    }

    /// Sends the request to the chosen arm; to stable if the candidate can not be reached.
    async fn try_arms(&mut self, asked: Asked, mut choice: Choice) -> After {
        let mut arm = Arc::clone(&choice.arm);
        let mut side = choice.side;
        let mut is_second = false;
        loop {
            let noted = Noted {
                choice: &choice,
                arm: &arm,
                side,
                is_second,
            };
            arm.counters.requests.fetch_add(1, Relaxed);
            let in_flight = Counted::new(&arm.presence.in_flight);
            let tried = self.try_arm(asked, &noted).await;
            drop(in_flight);
            let (status, why) = match tried {
                Tried::Done(after) => return after,
                // The failure is noted; a request that may be sent twice is sent to stable.
                Tried::Shielded => (502, "the instance failed"),
                // Nothing was sent, so nothing can happen twice.
                Tried::Unreachable(unreachable) => {
                    noted.bad(OutcomeKind::Refused, asked.received.elapsed(), &self.identity);
                    match unreachable.timed_out {
                        true => (504, "the instance did not take the connection in time"),
                        false => (502, "no instance can be reached"),
                    }
                }
            };
            match choice.fallback.take() {
                Some(stable) => {
                    arm = stable;
                    side = Side::Stable;
                    is_second = true;
                }
                None => return self.give_up(asked, status, why).await,
            }
        }
    }

    async fn try_arm(&mut self, asked: Asked, noted: &Noted<'_>) -> Tried {
        let limits = &self.router.limits;
        let idle_longest = if asked.idempotent {
            limits.upstream_idle_longest.into()
        } else {
            UNREPEATABLE_IDLE_LONGEST.min(limits.upstream_idle_longest.into())
        };
        let mut wanted = Wanted {
            idle_longest: Some(idle_longest),
            connect_longest: limits.connect_longest.into(),
        };
        loop {
            let mut upstream = match noted.arm.connect(wanted).await {
                Ok(upstream) => upstream,
                Err(unreachable) => return Tried::Unreachable(unreachable),
            };
            let exchanged = self.exchange(asked, noted, &mut upstream).await;
            match exchanged {
                Exchanged::Stale if wanted.idle_longest.is_some() => wanted.idle_longest = None,
                exchanged => {
                    return match self.shield(asked, noted, exchanged) {
                        Ok(()) => Tried::Shielded,
                        Err(exchanged) => Tried::Done(self.conclude(asked, noted, exchanged, upstream).await),
                    };
                }
            }
        }
    }

    async fn exchange(&mut self, asked: Asked, noted: &Noted<'_>, upstream: &mut Upstream) -> Exchanged {
        let exchange_limits = ExchangeLimits::of(&self.router.limits);
        let leaving = self.leaving(noted.arm);
        let (client_read, client_write) = self.stream.halves();
        let (upstream_read, upstream_write) = upstream.stream.halves();
        let sockets = Sockets {
            client_read,
            client_write,
            upstream_read,
            upstream_write,
        };
        let request = Request {
            received: asked.received,
            framing: asked.framing,
            to_head: asked.to_head,
            http_1_0: asked.http_1_0,
            keep_alive: asked.keep_alive,
            websocket: asked.websocket,
            release_line: &noted.arm.release_line,
            identity_lines: self.identity.lines(),
            cookie_lines: &noted.choice.cookie_lines,
            head_out: &mut self.head_out,
            may_repeat: asked.idempotent,
            reused: upstream.reused,
            withhold_failure: noted.may_shield(asked),
            presence: &noted.arm.presence,
            injection: self
                .router
                .injection
                .as_deref()
                .filter(|_| noted.side == Side::Canary),
        };
        exchange(&mut self.work, sockets, request, leaving, exchange_limits).await
    }

    /// Notes a failure that the client need not see, if it is one: the canary's, of a request that may be sent twice,
    /// with nothing sent to the client yet. Anything else is given back.
    fn shield(&self, asked: Asked, noted: &Noted<'_>, exchanged: Exchanged) -> Result<(), Exchanged> {
        if !noted.may_shield(asked) {
            return Err(exchanged);
        }
        match exchanged {
            Exchanged::Withheld(answer) => noted.answered(answer, false, &self.identity),
            Exchanged::NoAnswer(NoAnswer::TimedOut) => {
                noted.bad(OutcomeKind::TimedOut, asked.received.elapsed(), &self.identity);
            }
            Exchanged::NoAnswer(NoAnswer::Closed | NoAnswer::Nonsense(_)) | Exchanged::Stale => {
                noted.bad(OutcomeKind::Reset, asked.received.elapsed(), &self.identity);
            }
            other => return Err(other),
        }
        noted.arm.counters.shielded.fetch_add(1, Relaxed);
        Ok(())
    }

    /// Notes how it ended, and does what remains to be done with both connections.
    async fn conclude(
        &mut self,
        asked: Asked,
        noted: &Noted<'_>,
        exchanged: Exchanged,
        upstream: Upstream,
    ) -> After {
        match exchanged {
            Exchanged::Whole(answer) => {
                noted.answered(answer, false, &self.identity);
                if answer.keep_upstream {
                    upstream
                        .endpoint
                        .put_back(upstream.stream, self.router.limits.upstream_idle_max);
                }
                match (answer.keep_client, asked.framing) {
                    (true, _) => After::Keep,
                    (false, Framing::None) => After::Close,
                    (false, _) => After::Linger,
                }
            }
            Exchanged::CutShort(answer) => {
                noted.answered(answer, true, &self.identity);
                After::Reset
            }
            Exchanged::Upgraded(answer) => {
                noted.answered(answer, false, &self.identity);
                self.tunnel(noted, upstream).await;
                After::Close
            }
            // The client's doing is no evidence either way.
            Exchanged::ClientGone => After::Close,
            Exchanged::BodyRefused(refusal) => {
                self.refuse(refusal, !asked.to_head).await;
                After::Linger
            }
            Exchanged::NoAnswer(NoAnswer::TimedOut) => {
                noted.bad(OutcomeKind::TimedOut, asked.received.elapsed(), &self.identity);
                self.give_up(asked, 504, "the instance did not answer in time")
                    .await
            }
            Exchanged::NoAnswer(NoAnswer::Nonsense(why)) => {
                noted.bad(OutcomeKind::Reset, asked.received.elapsed(), &self.identity);
                tracing::debug!(release = %noted.arm.release, why, "An instance's response was refused");
                self.give_up(asked, 502, "the instance's response is not HTTP/1.1")
                    .await
            }
            Exchanged::NoAnswer(NoAnswer::Closed) | Exchanged::Stale | Exchanged::Withheld(_) => {
                noted.bad(OutcomeKind::Reset, asked.received.elapsed(), &self.identity);
                self.give_up(asked, 502, "the instance closed the connection without an answer")
                    .await
            }
        }
    }

    fn leaving(&self, arm: &Arm) -> Leaving {
        let mut evacuation = arm.presence.evacuation.subscribe();
        // Chosen before the users had to leave, and only now on its way: that is a word to leave too.
        if !self.slot.is_serving(arm) || self.router.is_stopping() {
            evacuation.mark_changed();
        }
        Leaving {
            evacuation,
            longest: self.router.drain_longest,
        }
    }

    async fn tunnel(&mut self, noted: &Noted<'_>, mut upstream: Upstream) {
        let _stream = Counted::new(&noted.arm.presence.streams);
        let leaving = self.leaving(noted.arm);
        let (mut client_read, mut client_write) = self.stream.halves();
        let (mut upstream_read, mut upstream_write) = upstream.stream.halves();
        let work = &mut self.work;
        tunnel(
            (&mut client_read, &mut client_write),
            (&mut upstream_read, &mut upstream_write),
            (&mut work.from_client, &mut work.from_upstream),
            (&mut work.upload_timer, &mut work.download_timer),
            leaving,
        )
        .await;
    }
}
