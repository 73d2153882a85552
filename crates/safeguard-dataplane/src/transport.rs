//! Reading and writing with a deadline: one buffer and one lazy timer for each direction.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};
use tokio_rustls::server::TlsStream;

/// A client's connection, whatever carries it.
pub trait ClientStream: AsyncRead + AsyncWrite + Unpin + Send {
    /// Both directions, to be used at once.
    fn halves(&mut self) -> (impl AsyncRead + Unpin + Send, impl AsyncWrite + Unpin + Send);

    /// Makes the client see, when the connection is dropped, that it did not get everything.
    fn reset(&self) -> io::Result<()>;
}

impl ClientStream for TcpStream {
    fn halves(&mut self) -> (impl AsyncRead + Unpin + Send, impl AsyncWrite + Unpin + Send) {
        self.split()
    }

    fn reset(&self) -> io::Result<()> {
        self.set_zero_linger()
    }
}

impl ClientStream for TlsStream<TcpStream> {
    fn halves(&mut self) -> (impl AsyncRead + Unpin + Send, impl AsyncWrite + Unpin + Send) {
        tokio::io::split(self)
    }

    // Without the word that TLS ends with, too, a client must take it for cut.
    fn reset(&self) -> io::Result<()> {
        self.get_ref().0.set_zero_linger()
    }
}

/// Bytes that were read and not yet understood.
#[derive(Debug, Default)]
pub struct Buffer {
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Buffer {
    pub fn new(size: usize) -> Buffer {
        Buffer {
            bytes: vec![0; size],
            start: 0,
            end: 0,
        }
    }

    pub fn filled(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or(&[])
    }

    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// How much it could hold, without growing.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    pub fn clear(&mut self) {
        self.start = 0;
        self.end = 0;
    }

    pub fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
        if self.start == self.end {
            self.clear();
        }
    }

    /// Makes room, if need be by growing up to `size_max`; false when there is none to be had.
    pub fn make_room(&mut self, size_max: usize) -> bool {
        if self.end < self.bytes.len() {
            return true;
        }
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            return true;
        }
        if self.bytes.len() < size_max {
            let size = (self.bytes.len() * 2).min(size_max);
            self.bytes.resize(size, 0);
            return true;
        }
        false
    }

    /// Whether a read would find room without growing.
    pub fn has_room(&self) -> bool {
        self.end < self.bytes.len()
    }

    /// Reads once into the room there is; 0 at the end of the stream.
    pub fn poll_fill<R: AsyncRead + Unpin>(
        &mut self,
        from: &mut R,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<usize>> {
        let mut room = ReadBuf::new(self.bytes.get_mut(self.end..).unwrap_or(&mut []));
        ready!(Pin::new(from).poll_read(cx, &mut room))?;
        let count = room.filled().len();
        self.end += count;
        Poll::Ready(Ok(count))
    }
}

/// A deadline that moves with every wait. The timer itself is set anew only when it rings too early or would ring too
/// late, so a busy connection does not touch the timer wheel at all.
#[derive(Debug)]
pub struct Timer {
    sleep: Pin<Box<Sleep>>,
    deadline: Instant,
}

impl Timer {
    pub fn new() -> Timer {
        let deadline = Instant::now() + Duration::from_secs(60);
        Timer {
            sleep: Box::pin(tokio::time::sleep_until(deadline)),
            deadline,
        }
    }

    pub fn set(&mut self, deadline: Instant) {
        self.deadline = deadline;
        if deadline < self.sleep.deadline() {
            self.sleep.as_mut().reset(deadline);
        }
    }

    pub fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.sleep.as_mut().poll(cx));
            if self.sleep.deadline() >= self.deadline {
                return Poll::Ready(());
            }
            self.sleep.as_mut().reset(self.deadline);
        }
    }
}

/// Why a wait for bytes ended without any.
#[derive(Debug)]
pub enum Broken {
    Ended,
    TimedOut,
    Failed,
}

/// Reads at least one byte; the time begins when there is nothing to read at once.
pub async fn read_some<R: AsyncRead + Unpin>(
    from: &mut R,
    buffer: &mut Buffer,
    timer: &mut Timer,
    longest: Duration,
) -> Result<(), Broken> {
    let mut waiting = false;
    poll_fn(|cx| match buffer.poll_fill(from, cx) {
        Poll::Ready(Ok(0)) => Poll::Ready(Err(Broken::Ended)),
        Poll::Ready(Ok(_)) => Poll::Ready(Ok(())),
        Poll::Ready(Err(_)) => Poll::Ready(Err(Broken::Failed)),
        Poll::Pending => {
            if !waiting {
                waiting = true;
                timer.set(Instant::now() + longest);
            }
            timer.poll_expired(cx).map(|()| Err(Broken::TimedOut))
        }
    })
    .await
}

/// Writes all of `first` and then all of `second`, together where the kernel takes them; the time begins anew with
/// every piece it takes.
pub async fn write_both<W: AsyncWrite + Unpin>(
    to: &mut W,
    mut first: &[u8],
    mut second: &[u8],
    timer: &mut Timer,
    longest: Duration,
) -> Result<(), Broken> {
    let mut waiting = false;
    poll_fn(|cx| {
        while !(first.is_empty() && second.is_empty()) {
            let polled = if first.is_empty() {
                Pin::new(&mut *to).poll_write(cx, second)
            } else if second.is_empty() {
                Pin::new(&mut *to).poll_write(cx, first)
            } else {
                Pin::new(&mut *to).poll_write_vectored(cx, &[IoSlice::new(first), IoSlice::new(second)])
            };
            match polled {
                Poll::Ready(Ok(0)) => return Poll::Ready(Err(Broken::Ended)),
                Poll::Ready(Ok(count)) => {
                    let of_first = count.min(first.len());
                    first = first.get(of_first..).unwrap_or(&[]);
                    second = second.get(count - of_first..).unwrap_or(&[]);
                    waiting = false;
                }
                Poll::Ready(Err(_)) => return Poll::Ready(Err(Broken::Failed)),
                Poll::Pending => {
                    if !waiting {
                        waiting = true;
                        timer.set(Instant::now() + longest);
                    }
                    return timer.poll_expired(cx).map(|()| Err(Broken::TimedOut));
                }
            }
        }
        Poll::Ready(Ok(()))
    })
    .await
}
