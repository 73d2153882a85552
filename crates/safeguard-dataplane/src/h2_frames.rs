//! Watches the frames that an HTTP/2 client sends, and stops reading once it sends too many of those that ask for nothing:
//! each costs the client next to nothing, and the router some work.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use safeguard_api::config::Http2Limits;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

const PREFACE_BYTES: u64 = 24;
const HEAD_BYTES: usize = 9;
const BUDGET_PERIOD: Duration = Duration::from_secs(60);
const END_STREAM: u8 = 1;

/// A connection whose incoming frames are counted.
pub struct FrameWatch<S> {
    stream: S,
    frames: Frames,
    resets: Budget,
    control: Budget,
    flooded: Arc<AtomicBool>,
}

/// Whether a client sent too much; once set it stays so.
pub struct Flooded(Arc<AtomicBool>);

impl Flooded {
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl<S> FrameWatch<S> {
    pub fn new(stream: S, limits: &Http2Limits) -> (FrameWatch<S>, Flooded) {
        let flooded = Arc::new(AtomicBool::new(false));
        let watch = FrameWatch {
            stream,
            frames: Frames::default(),
            resets: Budget::new(limits.resets_per_minute_max),
            control: Budget::new(limits.control_frames_per_minute_max),
            flooded: Arc::clone(&flooded),
        };
        (watch, Flooded(flooded))
    }

    fn count(&mut self, bytes: &[u8]) {
        let (resets, control) = (&mut self.resets, &mut self.control);
        let now = Instant::now();
        let mut fits = true;
        self.frames.pass(bytes, |frame| {
            fits &= match frame {
                Frame::Useful => true,
                Frame::Reset => resets.spend(now),
                Frame::Control => control.spend(now),
            };
        });
        if !fits {
            self.flooded.store(true, Ordering::Relaxed);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for FrameWatch<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        // Nothing more is read. Whoever polls the connection sees the flag in the same turn.
        if self.flooded.load(Ordering::Relaxed) {
            return Poll::Pending;
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        self.count(buffer.filled().get(before..).unwrap_or(&[]));
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for FrameWatch<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// So many in a minute.
struct Budget {
    per_period: u32,
    left: u32,
    since: Instant,
}

impl Budget {
    fn new(per_period: u32) -> Budget {
        Budget {
            per_period,
            left: per_period,
            since: Instant::now(),
        }
    }

    fn spend(&mut self, now: Instant) -> bool {
        if now.saturating_duration_since(self.since) >= BUDGET_PERIOD {
            self.left = self.per_period;
            self.since = now;
        }
        let fits = self.left > 0;
        self.left = self.left.saturating_sub(1);
        fits
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Frame {
    /// Headers, content, and room for more content.
    Useful,
    Reset,
    /// Settings, pings, priorities, pieces of headers, empty content, and what nobody knows.
    Control,
}

/// Follows the frames of one direction (RFC 9113, 4.1) without looking into them.
#[derive(Debug)]
struct Frames {
    head: [u8; HEAD_BYTES],
    head_length: usize,
    content_left: u64,
}

impl Default for Frames {
    fn default() -> Self {
        Frames {
            head: [0; HEAD_BYTES],
            head_length: 0,
            content_left: PREFACE_BYTES,
        }
    }
}

impl Frames {
    fn pass(&mut self, mut bytes: &[u8], mut seen: impl FnMut(Frame)) {
        while let Some(first) = bytes.first() {
            if self.content_left > 0 {
                let length =
                    usize::try_from(self.content_left).map_or(bytes.len(), |left| left.min(bytes.len()));
                self.content_left -= length as u64;
                bytes = bytes.get(length..).unwrap_or(&[]);
                continue;
            }
            self.head[self.head_length] = *first;
            self.head_length += 1;
            bytes = bytes.get(1..).unwrap_or(&[]);
            if self.head_length == HEAD_BYTES {
                self.head_length = 0;
                let [a, b, c, kind, flags, ..] = self.head;
                self.content_left = u64::from(u32::from_be_bytes([0, a, b, c]));
                seen(frame(kind, flags, self.content_left));
            }
        }
    }
}

fn frame(kind: u8, flags: u8, length: u64) -> Frame {
    const DATA: u8 = 0;
    const HEADERS: u8 = 1;
    const RST_STREAM: u8 = 3;
    const GOAWAY: u8 = 7;
    const WINDOW_UPDATE: u8 = 8;
    match kind {
        DATA if length == 0 && flags & END_STREAM == 0 => Frame::Control,
        DATA | HEADERS | GOAWAY | WINDOW_UPDATE => Frame::Useful,
        RST_STREAM => Frame::Reset,
        _ => Frame::Control,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_told_apart_however_they_are_cut() {
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        let mut add = |kind: u8, flags: u8, content: &[u8]| {
            bytes.extend([0, 0, content.len() as u8, kind, flags, 0, 0, 0, 1]);
            bytes.extend(content);
        };
        add(4, 0, &[]);
        add(1, 4, &[0x82]);
        add(0, 0, &[3, 3, 3, 3, 3, 3, 3, 3, 3, 3]);
        add(0, 0, &[]);
        add(0, 1, &[]);
        add(3, 0, &[0, 0, 0, 8]);
        add(6, 0, &[0; 8]);
        add(99, 0, &[0; 200]);
        let wanted = [
            Frame::Control,
            Frame::Useful,
            Frame::Useful,
            Frame::Control,
            Frame::Useful,
            Frame::Reset,
            Frame::Control,
            Frame::Control,
        ];
        for piece in [1, 2, 7, bytes.len()] {
            let mut frames = Frames::default();
            let mut seen = Vec::new();
            for bytes in bytes.chunks(piece) {
                frames.pass(bytes, |frame| seen.push(frame));
            }
            assert_eq!(seen, wanted);
        }
    }

    #[test]
    fn a_budget_comes_back_after_a_minute() {
        let mut budget = Budget::new(3);
        let began = budget.since;
        let spent = |budget: &mut Budget, now| (0..10).filter(|_| budget.spend(now)).count();
        assert_eq!(spent(&mut budget, began), 3);
        assert_eq!(spent(&mut budget, began + BUDGET_PERIOD / 2), 0);
        assert_eq!(spent(&mut budget, began + BUDGET_PERIOD), 3);
    }
}
