//! Long-lived connections: server-sent events and WebSocket. Both end when their users must leave the release, each where
//! its protocol has a seam: events at a blank line, WebSocket between two frames.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::body::{BodyEnd, Encoding, Lane, append_chunk};
use crate::transport::{Broken, Buffer, Timer, read_some, write_both};
use crate::wire::Refusal;
use crate::wire::chunk::{Decoder, Step};

/// A stream without a byte for so long is closed.
const STREAM_IDLE_LONGEST: Duration = Duration::from_secs(3600);
/// A receiver that takes nothing for so long is given up.
const STREAM_WRITE_LONGEST: Duration = Duration::from_secs(30);
/// WebSocket clients that must leave are told within this time, so that they do not all come back at once; and within
/// half of what they have for leaving.
const LEAVE_JITTER: Duration = Duration::from_secs(1);
/// How long a WebSocket client may take to answer a close frame.
const CLOSE_LONGEST: Duration = Duration::from_secs(2);

/// Close, "service restart" (RFC 6455, 5.5.1 and the registry of its status codes).
const CLOSE_FRAME: [u8; 4] = [0x88, 2, 0x03, 0xf4];
const OPCODE_CLOSE: u8 = 8;

/// When the users of a long-lived connection must leave, and how long they may take.
#[derive(Debug, Clone)]
pub struct Leaving {
    pub evacuation: watch::Receiver<u32>,
    pub longest: Duration,
}

impl Leaving {
    /// Ends when the time to leave is over, whatever the stream waits for.
    async fn overdue(mut self) {
        // An error means that the release is gone, which is a word to leave too.
        if self.evacuation.changed().await.is_err() {
            tracing::debug!("A release went before its streams");
        }
        tokio::time::sleep(self.longest).await;
    }
}

/// Carries events down; ends whole at a blank line once its users must leave.
pub async fn carry_events<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    lane: Lane<'_, R, W>,
    leaving: &mut Leaving,
) -> Result<(), BodyEnd> {
    let overdue = leaving.clone().overdue();
    tokio::select! {
        ended = carry_events_until_told(lane, &mut leaving.evacuation) => ended,
        () = overdue => Err(BodyEnd::Source(Broken::TimedOut)),
    }
}

async fn carry_events_until_told<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    lane: Lane<'_, R, W>,
    evacuation: &mut watch::Receiver<u32>,
) -> Result<(), BodyEnd> {
    let Lane {
        from,
        buffer,
        decoder,
        to,
        out,
        encoding,
        timer,
    } = lane;
    let mut seam = EventSeam::default();
    let mut leaves = false;
    loop {
        leaves = leaves || evacuation.has_changed().unwrap_or(true);
        if leaves && seam.is_at() {
            return end_events(to, out, encoding, timer).await;
        }
        match decoder.step(buffer.filled()).map_err(BodyEnd::Framing)? {
            Step::Content(length) => {
                let mut content = buffer.filled().get(..length).unwrap_or(&[]);
                if leaves {
                    let whole = seam.clone().until(content);
                    content = content.get(..whole).unwrap_or(content);
                }
                seam.pass(content);
                match encoding {
                    Encoding::Plain => out.extend_from_slice(content),
                    Encoding::Chunked => append_chunk(out, content),
                }
                buffer.consume(length);
            }
            Step::Skip(length) => buffer.consume(length),
            Step::End => return end_events(to, out, encoding, timer).await,
            Step::More => {
                write_both(to, out, &[], timer, STREAM_WRITE_LONGEST)
                    .await
                    .map_err(|_| BodyEnd::Sink)?;
                out.clear();
                if !buffer.make_room(0) {
                    return Err(BodyEnd::Framing(Refusal::bad("a chunk's framing is too long")));
                }
                match wait_for_more(from, buffer, timer, (!leaves).then_some(&mut *evacuation)).await {
                    Ok(()) => {}
                    Err(Broken::Ended) if matches!(decoder, Decoder::UntilClose) => {
                        *decoder = Decoder::Length(0)
                    }
                    Err(broken) => return Err(BodyEnd::Source(broken)),
                }
            }
        }
    }
}

/// Waits for bytes, or for the word to leave if that has not come yet.
async fn wait_for_more<R: AsyncRead + Unpin>(
    from: &mut R,
    buffer: &mut Buffer,
    timer: &mut Timer,
    evacuation: Option<&mut watch::Receiver<u32>>,
) -> Result<(), Broken> {
    let Some(evacuation) = evacuation else {
        return read_some(from, buffer, timer, STREAM_IDLE_LONGEST).await;
    };
    tokio::select! {
        read = read_some(from, buffer, timer, STREAM_IDLE_LONGEST) => read,
        // An error means that the release is gone, which is a word to leave too; the caller looks again.
        _ = evacuation.changed_mark() => Ok(()),
    }
}

/// Waits for a change without marking it as seen.
trait ChangedMark {
    async fn changed_mark(&mut self);
}

impl ChangedMark for watch::Receiver<u32> {
    async fn changed_mark(&mut self) {
        if self.changed().await.is_ok() {
            self.mark_changed();
        }
    }
}

async fn end_events<W: AsyncWrite + Unpin>(
    to: &mut W,
    out: &mut Vec<u8>,
    encoding: Encoding,
    timer: &mut Timer,
) -> Result<(), BodyEnd> {
    if encoding == Encoding::Chunked {
        out.extend_from_slice(b"0\r\n\r\n");
    }
    let written = write_both(to, out, &[], timer, STREAM_WRITE_LONGEST).await;
    out.clear();
    written.map_err(|_| BodyEnd::Sink)
}

/// Follows a stream of events and knows where one ends: at an empty line.
#[derive(Debug, Clone)]
struct EventSeam {
    line_empty: bool,
    after_cr: bool,
    at_seam: bool,
}

impl Default for EventSeam {
    fn default() -> Self {
        EventSeam {
            line_empty: true,
            after_cr: false,
            at_seam: true,
        }
    }
}

impl EventSeam {
    fn is_at(&self) -> bool {
        self.at_seam
    }

    fn pass(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.step(*byte);
        }
    }

    /// How many of the bytes belong to the event that is under way.
    fn until(mut self, bytes: &[u8]) -> usize {
        for (at, byte) in bytes.iter().enumerate() {
            self.step(*byte);
            if self.at_seam {
                return at + 1;
            }
        }
        bytes.len()
    }

    fn step(&mut self, byte: u8) {
        match byte {
            // The second half of a line end.
            b'\n' if self.after_cr => self.after_cr = false,
            b'\r' | b'\n' => {
                self.at_seam = self.line_empty;
                self.line_empty = true;
                self.after_cr = byte == b'\r';
            }
            _ => {
                self.at_seam = false;
                self.line_empty = false;
                self.after_cr = false;
            }
        }
    }
}

/// Carries a WebSocket both ways until either side closes or its users must leave.
pub async fn tunnel<R, W, S, T>(
    (client_read, client_write): (&mut R, &mut W),
    (upstream_read, upstream_write): (&mut S, &mut T),
    (from_client, from_upstream): (&mut Buffer, &mut Buffer),
    (up_timer, down_timer): (&mut Timer, &mut Timer),
    leaving: Leaving,
) where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
    S: AsyncRead + Unpin,
    T: AsyncWrite + Unpin,
{
    let overdue = leaving.clone().overdue();
    let up = async {
        while pass_on(from_client, upstream_write, up_timer).await
            && read_some(client_read, from_client, up_timer, STREAM_IDLE_LONGEST)
                .await
                .is_ok()
        {}
    };
    let down = Down {
        from: upstream_read,
        to: client_write,
        buffer: from_upstream,
        timer: down_timer,
        frames: Frames::default(),
        leave: Leave::Stays,
    };
    // Whoever ends first, ends the others: nothing is left half open.
    tokio::select! {
        () = up => {}
        () = down.run(leaving) => {}
        () = overdue => {}
    }
}

/// The way down of a WebSocket.
struct Down<'a, S, W> {
    from: &'a mut S,
    to: &'a mut W,
    buffer: &'a mut Buffer,
    timer: &'a mut Timer,
    frames: Frames,
    leave: Leave,
}

/// Whether the client is to be told to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leave {
    Stays,
    /// At this moment; until then everything goes on as before.
    At(Instant),
    /// Between this frame and the next.
    Now,
}

impl<S: AsyncRead + Unpin, W: AsyncWrite + Unpin> Down<'_, S, W> {
    async fn run(mut self, mut leaving: Leaving) {
        loop {
            if matches!(self.leave, Leave::At(at) if at <= Instant::now()) {
                self.leave = Leave::Now;
            }
            // An instance that has said goodbye itself must not be followed by another goodbye.
            if self.leave == Leave::Now && self.frames.is_between() && !self.frames.closed {
                return self.close().await;
            }
            let filled = self.buffer.filled();
            let whole = self.frames.clone().until(filled, self.leave == Leave::Now);
            let piece = filled.get(..whole).unwrap_or(&[]);
            self.frames.pass(piece);
            if !piece.is_empty() {
                let written = write_both(self.to, piece, &[], self.timer, STREAM_WRITE_LONGEST).await;
                if written.is_err() {
                    return;
                }
                self.buffer.consume(whole);
                continue;
            }
            if !self.buffer.make_room(0) || self.wait(&mut leaving).await.is_err() {
                return;
            }
        }
    }

    /// Waits for bytes, for the word to leave, or for the moment to say so.
    async fn wait(&mut self, leaving: &mut Leaving) -> Result<(), Broken> {
        let longest = match self.leave {
            Leave::Stays | Leave::Now => STREAM_IDLE_LONGEST,
            Leave::At(at) => at.saturating_duration_since(Instant::now()),
        };
        let read = read_some(&mut *self.from, &mut *self.buffer, &mut *self.timer, longest);
        match self.leave {
            Leave::Now => read.await,
            Leave::At(_) => match read.await {
                Err(Broken::TimedOut) => Ok(()),
                read => read,
            },
            Leave::Stays => tokio::select! {
                read = read => read,
                _ = leaving.evacuation.changed() => {
                    self.leave = Leave::At(Instant::now() + jitter(leaving.longest));
                    Ok(())
                }
            },
        }
    }

    /// Tells the client to leave and waits for its goodbye, which goes up to the instance; that closes then.
    async fn close(self) {
        let told = write_both(self.to, &CLOSE_FRAME, &[], self.timer, STREAM_WRITE_LONGEST).await;
        let until = Instant::now() + CLOSE_LONGEST;
        let mut open = told.is_ok();
        while open {
            // Nothing more goes down.
            self.buffer.clear();
            let left = until.saturating_duration_since(Instant::now());
            open = read_some(self.from, self.buffer, self.timer, left).await.is_ok();
        }
    }
}

async fn pass_on<W: AsyncWrite + Unpin>(buffer: &mut Buffer, to: &mut W, timer: &mut Timer) -> bool {
    let passed = write_both(to, buffer.filled(), &[], timer, STREAM_WRITE_LONGEST)
        .await
        .is_ok();
    buffer.clear();
    passed
}

fn jitter(longest: Duration) -> Duration {
    let mut bytes = [0; 2];
    let most = LEAVE_JITTER.min(longest / 2);
    // Without randomness everybody leaves at once.
    match getrandom::fill(&mut bytes) {
        Ok(()) => most * u32::from(u16::from_be_bytes(bytes)) / u32::from(u16::MAX),
        Err(_) => Duration::ZERO,
    }
}

/// Follows the frames of one direction (RFC 6455, 5.2) without looking into them.
#[derive(Debug, Clone, Default)]
struct Frames {
    head: [u8; 14],
    head_length: usize,
    content_left: u64,
    /// A close frame has begun: it is the last (RFC 6455, 5.5.1).
    closed: bool,
}

impl Frames {
    fn is_between(&self) -> bool {
        self.head_length == 0 && self.content_left == 0
    }

    fn pass(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let length = self.step(rest);
            rest = rest.get(length..).unwrap_or(&[]);
        }
    }

    /// How many of the bytes may be sent: all, or up to the end of the frame that is under way.
    fn until(mut self, bytes: &[u8], frame_only: bool) -> usize {
        if !frame_only {
            return bytes.len();
        }
        let mut at = 0;
        while at < bytes.len() {
            at += self.step(bytes.get(at..).unwrap_or(&[]));
            if self.is_between() {
                break;
            }
        }
        at
    }

    /// Takes a byte of a frame's head, or as much of its content as there is.
    fn step(&mut self, bytes: &[u8]) -> usize {
        if self.content_left > 0 {
            let length = usize::try_from(self.content_left).map_or(bytes.len(), |left| left.min(bytes.len()));
            self.content_left -= length as u64;
            return length;
        }
        let Some(first) = bytes.first() else { return 0 };
        self.head[self.head_length] = *first;
        self.head_length += 1;
        if let Some(content) = self.content_length() {
            self.closed = self.closed || self.head[0] & 0x0f == OPCODE_CLOSE;
            self.content_left = content;
            self.head_length = 0;
        }
        1
    }

    /// The content's length once the head is whole.
    fn content_length(&self) -> Option<u64> {
        let head = self.head.get(..self.head_length).unwrap_or(&[]);
        let second = *head.get(1)?;
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        let (extended, short) = match second & 0x7f {
            126 => (2, 0),
            127 => (8, 0),
            length => (0, u64::from(length)),
        };
        if head.len() < 2 + extended + mask {
            return None;
        }
        let length = head.get(2..2 + extended).unwrap_or(&[]);
        Some(if extended == 0 {
            short
        } else {
            length.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_end_at_empty_lines() {
        for (text, until) in [
            ("data: 1\n\ndata: 2\n\n", 9),
            ("data: 1\r\n\r\nx", 10),
            ("data: 1\r\rx", 9),
            ("data: 1\ndata: 2\n", 16),
            ("data: 1", 7),
        ] {
            let mut seam = EventSeam::default();
            seam.pass(b"i");
            assert_eq!(seam.until(text.as_bytes()), until, "{text:?}");
        }
        assert!(EventSeam::default().is_at());
    }

    #[test]
    fn frames_end_where_their_heads_say() {
        let mut small = vec![0x81, 3, b'a', b'b', b'c'];
        let mut medium = vec![0x82, 126, 0, 200];
        medium.extend([7; 200]);
        let mut large = vec![0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0];
        large.extend([7; 65536]);
        let masked = vec![0x81, 0x81, 1, 2, 3, 4, 9];
        let lengths = [small.len(), medium.len(), large.len(), masked.len()];
        small.extend(medium);
        small.extend(large);
        small.extend(masked);
        let mut at = 0;
        for length in lengths {
            assert_eq!(Frames::default().until(&small[at..], true), length);
            at += length;
        }
        let mut frames = Frames::default();
        for byte in &small {
            frames.pass(&[*byte]);
        }
        assert!(frames.is_between() && !frames.closed);
        frames.pass(&[0x88, 2, 3]);
        assert!(frames.closed && !frames.is_between());
    }
}
