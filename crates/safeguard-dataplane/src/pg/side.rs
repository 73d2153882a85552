//! One side of a session: a stream, what was read of it, and what is still to be written to it.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite};

use crate::transport::Buffer;

/// What is read at once.
pub const INPUT_BYTES: usize = 8 << 10;
/// With so much to be written, nothing more is taken from the other side.
pub const OUTPUT_BYTES_MAX: usize = 32 << 10;

/// Whatever carries a session: TCP, TLS or a Unix socket.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

pub struct Side {
    pub stream: Box<dyn Stream>,
    pub input: Buffer,
    /// How large the input may grow for the message that is under way.
    pub room: usize,
    pub output: Vec<u8>,
    written: usize,
    /// What was written may not have left yet: TLS keeps what it has ciphered.
    unflushed: bool,
    /// It was asked within this poll and had nothing: the task is woken when it has.
    waits: bool,
    /// Nothing more will come.
    pub ended: bool,
}

impl Side {
    pub fn new(stream: Box<dyn Stream>) -> Side {
        Side {
            stream,
            input: Buffer::new(INPUT_BYTES),
            room: INPUT_BYTES,
            output: Vec::new(),
            written: 0,
            unflushed: false,
            waits: false,
            ended: false,
        }
    }

    pub fn is_full(&self) -> bool {
        self.output.len() - self.written >= OUTPUT_BYTES_MAX
    }

    pub fn is_flushed(&self) -> bool {
        self.output.is_empty() && !self.unflushed
    }

    /// Notes that the task was woken, so that whom it waits for has to be told again.
    pub fn polled_anew(&mut self) {
        self.waits = false;
    }

    /// Writes what there is; whether more finds room where none did before.
    pub fn poll_write(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        let was_full = self.is_full();
        while self.written < self.output.len() {
            let rest = self.output.get(self.written..).unwrap_or(&[]);
            match Pin::new(&mut self.stream).poll_write(cx, rest)? {
                Poll::Pending => return Ok(was_full && !self.is_full()),
                Poll::Ready(0) => return Err(io::ErrorKind::WriteZero.into()),
                Poll::Ready(count) => self.written += count,
            }
            self.unflushed = true;
        }
        if self.written > 0 {
            self.output.clear();
            // Most sessions are idle most of the time: what was needed for a moment is given back.
            self.output.shrink_to(INPUT_BYTES);
            self.written = 0;
        }
        if self.unflushed && Pin::new(&mut self.stream).poll_flush(cx)?.is_ready() {
            self.unflushed = false;
        }
        Ok(was_full)
    }

    /// Reads once, if there is room; whether anything came, its end included.
    pub fn poll_read(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        if self.ended || self.waits {
            return Ok(false);
        }
        if self.input.is_empty() && self.room == INPUT_BYTES && self.input.size() > INPUT_BYTES {
            self.input = Buffer::new(INPUT_BYTES);
        }
        if !self.input.make_room(self.room) {
            return Ok(false);
        }
        match self.input.poll_fill(&mut self.stream, cx)? {
            Poll::Pending => {
                self.waits = true;
                Ok(false)
            }
            Poll::Ready(0) => {
                self.ended = true;
                Ok(true)
            }
            Poll::Ready(_) => Ok(true),
        }
    }

    /// Writes everything that is left.
    pub async fn flush(&mut self) -> io::Result<()> {
        poll_fn(|cx| match self.poll_write(cx) {
            Err(error) => Poll::Ready(Err(error)),
            Ok(_) if self.is_flushed() => Poll::Ready(Ok(())),
            Ok(_) => Poll::Pending,
        })
        .await
    }
}
