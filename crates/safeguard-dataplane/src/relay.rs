//! One request and its response between two sockets: the body goes up while the answer comes down.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use crate::Injection;
use crate::arm::{Counted, Presence};
use crate::body::{BodyEnd, BodyLimits, Encoding, Lane, carry};
use crate::rewrite::{self, ResponseExtras};
use crate::stream::{Leaving, carry_events};
use crate::transport::{Broken, Buffer, Timer, write_both};
use crate::wire::chunk::Decoder;
use crate::wire::response::ResponseHead;
use crate::wire::{Framing, Refusal};
use crate::workspace::{ExchangeLimits, Workspace};

/// How an exchange ended.
#[derive(Debug)]
pub enum Exchanged {
    /// The client has the whole response.
    Whole(Answer),
    /// The instance agreed to speak WebSocket; what follows is no longer HTTP.
    Upgraded(Answer),
    /// A connection that had been used before was closed before anything came back.
    Stale,
    /// The client has nothing yet: the instance closed, failed, was silent, or spoke nonsense.
    NoAnswer(NoAnswer),
    /// The instance failed, and the client was not told, as it was wanted.
    Withheld(Answer),
    /// The client has a part of the response and never gets the rest.
    CutShort(Answer),
    /// The client went away, or did not take its response.
    ClientGone,
    /// The request's body was wrong, too long or too slow, and the client has nothing yet.
    BodyRefused(Refusal),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAnswer {
    Closed,
    TimedOut,
    Nonsense(&'static str),
}

/// What is known of a response once its head is there.
#[derive(Debug, Clone, Copy)]
pub struct Answer {
    pub status: u16,
    /// From the request to the response's head.
    pub latency: Duration,
    pub event_stream: bool,
    /// Whether the client's connection is good for another request.
    pub keep_client: bool,
    /// Whether the instance's connection is.
    pub keep_upstream: bool,
}

/// What one exchange needs to know of its request.
pub struct Request<'a> {
    pub received: Instant,
    pub framing: Framing,
    pub to_head: bool,
    pub http_1_0: bool,
    pub keep_alive: bool,
    pub websocket: bool,
    pub release_line: &'a [u8],
    pub identity_lines: &'a [u8],
    pub cookie_lines: &'a [u8],
    /// The request's head as it goes to the instance.
    pub head_out: &'a mut Vec<u8>,
    /// Whether the request may be sent once more if a used connection turns out to be closed.
    pub may_repeat: bool,
    pub reused: bool,
    /// A response of status 5xx is not passed on.
    pub withhold_failure: bool,
    pub presence: &'a Presence,
    /// Present where the answer may be turned into an error on purpose.
    pub injection: Option<&'a Injection>,
}

/// Both directions' sockets.
pub struct Sockets<CR, CW, UR, UW> {
    pub client_read: CR,
    pub client_write: CW,
    pub upstream_read: UR,
    pub upstream_write: UW,
}

/// How the way up ended.
enum UploadEnd {
    ClientGone,
    Refused(Refusal),
}

/// What the two directions know of each other.
#[derive(Default)]
struct Progress {
    /// The request has gone up whole.
    sent: AtomicBool,
    /// A part of the response has gone down: nothing else can be answered.
    begun: AtomicBool,
}

pub async fn exchange<CR, CW, UR, UW>(
    work: &mut Workspace,
    sockets: Sockets<CR, CW, UR, UW>,
    request: Request<'_>,
    leaving: Leaving,
    limits: ExchangeLimits,
) -> Exchanged
where
    CR: AsyncRead + Unpin,
    CW: AsyncWrite + Unpin,
    UR: AsyncRead + Unpin,
    UW: AsyncWrite + Unpin,
{
    let progress = Progress::default();
    let Workspace {
        from_client,
        from_upstream,
        response,
        response_out,
        body_out,
        upload_timer,
        download_timer,
    } = work;
    let Sockets {
        mut client_read,
        client_write,
        upstream_read,
        mut upstream_write,
    } = sockets;
    let Request {
        head_out, framing, ..
    } = request;
    let body_limits = BodyLimits {
        bytes_max: limits.body_bytes_max,
        idle_longest: limits.body_idle_longest,
    };
    // Without a body the head goes out at once, and all that is left to do on this side is to notice a client that leaves.
    let upload = async {
        let mut decoder = Decoder::new(framing);
        let encoding = if framing == Framing::Chunked {
            Encoding::Chunked
        } else {
            Encoding::Plain
        };
        let up = &mut upstream_write;
        let carried = if framing == Framing::None {
            write_both(up, head_out, &[], upload_timer, limits.body_idle_longest)
                .await
                .map_err(|_| BodyEnd::Sink)
        } else {
            body_out.clear();
            body_out.extend_from_slice(head_out);
            let lane = Lane {
                from: &mut client_read,
                buffer: from_client,
                decoder: &mut decoder,
                to: up,
                out: body_out,
                encoding,
                timer: upload_timer,
            };
            carry(lane, body_limits).await
        };
        match carried {
            Ok(()) => progress.sent.store(true, Ordering::Relaxed),
            // The instance takes no more: it may still have answered, and if not, the way down finds out.
            Err(BodyEnd::Sink) => {
                progress.sent.store(true, Ordering::Relaxed);
                return std::future::pending().await;
            }
            Err(BodyEnd::Framing(refusal)) => return UploadEnd::Refused(refusal),
            Err(BodyEnd::TooLong) => {
                return UploadEnd::Refused(Refusal {
                    status: 413,
                    why: "the body is too long",
                });
            }
            Err(BodyEnd::Source(Broken::TimedOut)) => {
                return UploadEnd::Refused(Refusal {
                    status: 408,
                    why: "the body came too slowly",
                });
            }
            Err(BodyEnd::Source(Broken::Ended | Broken::Failed)) => return UploadEnd::ClientGone,
        }
        // What comes now is the next request; it is kept, and as long as there is room for it a client that leaves is
        // noticed.
        poll_fn(|cx| {
            while from_client.has_room() {
                match from_client.poll_fill(&mut client_read, cx) {
                    Poll::Ready(Ok(count)) if count > 0 => {}
                    Poll::Ready(Ok(_) | Err(_)) => return Poll::Ready(UploadEnd::ClientGone),
                    Poll::Pending => return Poll::Pending,
                }
            }
            Poll::Pending
        })
        .await
    };
    let download = Download {
        progress: &progress,
        received: request.received,
        to_head: request.to_head,
        http_1_0: request.http_1_0,
        keep_alive: request.keep_alive,
        websocket: request.websocket,
        release_line: request.release_line,
        identity_lines: request.identity_lines,
        cookie_lines: request.cookie_lines,
        stale_possible: request.may_repeat && request.reused,
        withhold_failure: request.withhold_failure,
        presence: request.presence,
        injection: request.injection,
        limits,
        buffer: from_upstream,
        head: response,
        out: response_out,
        timer: download_timer,
        from: upstream_read,
        to: client_write,
        leaving,
    };
    let mut upload = pin!(upload);
    let mut download = pin!(download.run());
    let mut upload_end = None;
    let mut exchanged = poll_fn(|cx| {
        // The way up first: the way down counts its time from the moment that everything is sent.
        if upload_end.is_none()
            && let Poll::Ready(end) = upload.as_mut().poll(cx)
        {
            upload_end = Some(end);
        }
        if let Poll::Ready(exchanged) = download.as_mut().poll(cx) {
            return Poll::Ready(exchanged);
        }
        match upload_end {
            Some(UploadEnd::ClientGone) => Poll::Ready(Exchanged::ClientGone),
            Some(UploadEnd::Refused(refusal)) if !progress.begun.load(Ordering::Relaxed) => {
                Poll::Ready(Exchanged::BodyRefused(refusal))
            }
            // The response has begun and can not be whole for a request that is not.
            Some(UploadEnd::Refused(_)) => Poll::Ready(Exchanged::ClientGone),
            None => Poll::Pending,
        }
    })
    .await;
    // An answer to half a request: the rest of the request must not be taken for the next one.
    if let Exchanged::Whole(answer) = &mut exchanged
        && !progress.sent.load(Ordering::Relaxed)
    {
        answer.keep_client = false;
        answer.keep_upstream = false;
    }
    exchanged
}

/// The way down.
struct Download<'a, R, W> {
    progress: &'a Progress,
    received: Instant,
    to_head: bool,
    http_1_0: bool,
    keep_alive: bool,
    websocket: bool,
    release_line: &'a [u8],
    identity_lines: &'a [u8],
    cookie_lines: &'a [u8],
    stale_possible: bool,
    withhold_failure: bool,
    presence: &'a Presence,
    injection: Option<&'a Injection>,
    limits: ExchangeLimits,
    buffer: &'a mut Buffer,
    head: &'a mut ResponseHead,
    out: &'a mut Vec<u8>,
    timer: &'a mut Timer,
    from: R,
    to: W,
    leaving: Leaving,
}

/// A server that sends nothing but interim responses would otherwise hold a request for ever.
const INTERIM_MAX: usize = 16;

impl<R: AsyncRead + Unpin, W: AsyncWrite + Unpin> Download<'_, R, W> {
    async fn run(mut self) -> Exchanged {
        self.out.clear();
        self.buffer.clear();
        for _ in 0..INTERIM_MAX {
            if let Err(end) = self.read_head().await {
                return end;
            }
            let latency = self.received.elapsed();
            match self.head.status {
                101 if self.websocket => return self.upgrade(latency).await,
                101 => {
                    return Exchanged::NoAnswer(NoAnswer::Nonsense(
                        "a switch of protocols that nobody asked for",
                    ));
                }
                100..=199 => {
                    if let Err(end) = self.pass_interim().await {
                        return end;
                    }
                }
                status => {
                    if self
                        .injection
                        .is_some_and(|injection| injection.falsifies(status))
                    {
                        self.head.falsify();
                    }
                    if self.withhold_failure && self.head.status >= 500 {
                        return Exchanged::Withheld(self.answer(latency));
                    }
                    return self.pass_response(latency).await;
                }
            }
        }
        Exchanged::NoAnswer(NoAnswer::Nonsense("too many interim responses"))
    }

    async fn read_head(&mut self) -> Result<(), Exchanged> {
        self.head.begin();
        let mut timed = false;
        loop {
            if !self.buffer.is_empty() {
                match self
                    .head
                    .read(self.buffer.filled(), self.to_head, self.limits.head)
                {
                    Ok(true) => return Ok(()),
                    Ok(false) => {}
                    Err(refusal) => return Err(Exchanged::NoAnswer(NoAnswer::Nonsense(refusal.why))),
                }
            }
            self.buffer.make_room(self.limits.head.bytes_max);
            let (buffer, from, timer) = (&mut *self.buffer, &mut self.from, &mut *self.timer);
            let (sent, longest) = (&self.progress.sent, self.limits.response_longest);
            let read = poll_fn(|cx| match buffer.poll_fill(from, cx) {
                Poll::Ready(result) => Poll::Ready(Some(result)),
                Poll::Pending if !sent.load(Ordering::Relaxed) => Poll::Pending,
                Poll::Pending => {
                    if !timed {
                        timed = true;
                        timer.set(Instant::now() + longest);
                    }
                    timer.poll_expired(cx).map(|()| None)
                }
            })
            .await;
            match read {
                Some(Ok(count)) if count > 0 => {}
                Some(Ok(_) | Err(_)) if self.stale_possible && self.buffer.is_empty() => {
                    return Err(Exchanged::Stale);
                }
                Some(Ok(_) | Err(_)) => return Err(Exchanged::NoAnswer(NoAnswer::Closed)),
                None => return Err(Exchanged::NoAnswer(NoAnswer::TimedOut)),
            }
        }
    }

    async fn pass_interim(&mut self) -> Result<(), Exchanged> {
        if !self.http_1_0 {
            rewrite::interim(self.head, self.buffer.filled(), [&[], &[]], self.out);
            self.write_out().await?;
        }
        self.buffer.consume(self.head.length);
        Ok(())
    }

    async fn upgrade(mut self, latency: Duration) -> Exchanged {
        let lines = [self.release_line, self.identity_lines];
        rewrite::interim(self.head, self.buffer.filled(), lines, self.out);
        self.buffer.consume(self.head.length);
        let answer = self.answer(latency);
        match self.write_out().await {
            Ok(()) => Exchanged::Upgraded(answer),
            Err(end) => end,
        }
    }

    async fn pass_response(mut self, latency: Duration) -> Exchanged {
        let mut answer = self.answer(latency);
        let extras = ResponseExtras {
            release_line: self.release_line,
            identity_lines: self.identity_lines,
            cookie_lines: self.cookie_lines,
            http_1_0: self.http_1_0,
            keep_alive: answer.keep_client,
        };
        let encoding = rewrite::response(self.head, self.buffer.filled(), extras, self.out);
        self.buffer.consume(self.head.length);
        self.progress.begun.store(true, Ordering::Relaxed);
        let mut decoder = Decoder::new(self.head.framing);
        let limits = BodyLimits {
            bytes_max: u64::MAX,
            idle_longest: self.limits.body_idle_longest,
        };
        let lane = Lane {
            from: &mut self.from,
            buffer: &mut *self.buffer,
            decoder: &mut decoder,
            to: &mut self.to,
            out: &mut *self.out,
            encoding,
            timer: &mut *self.timer,
        };
        let carried = if answer.event_stream {
            let _stream = Counted::new(&self.presence.streams);
            carry_events(lane, &mut self.leaving).await
        } else {
            carry(lane, limits).await
        };
        // Bytes behind the response are an answer that nobody asked for.
        answer.keep_upstream &= self.buffer.is_empty();
        match carried {
            Ok(()) => Exchanged::Whole(answer),
            Err(BodyEnd::Sink) => Exchanged::ClientGone,
            Err(BodyEnd::Source(_) | BodyEnd::Framing(_) | BodyEnd::TooLong) => Exchanged::CutShort(answer),
        }
    }

    fn answer(&self, latency: Duration) -> Answer {
        let length_known = !matches!(self.head.framing, Framing::Chunked | Framing::UntilClose);
        let event_stream = self.head.event_stream && !self.to_head && (200..300).contains(&self.head.status);
        Answer {
            status: self.head.status,
            latency,
            event_stream,
            keep_client: self.keep_alive && !event_stream && (length_known || !self.http_1_0),
            keep_upstream: self.head.keep_alive && !event_stream,
        }
    }

    async fn write_out(&mut self) -> Result<(), Exchanged> {
        let longest = self.limits.body_idle_longest;
        let written = write_both(&mut self.to, self.out, &[], self.timer, longest).await;
        self.out.clear();
        written.map_err(|_| Exchanged::ClientGone)
    }
}
