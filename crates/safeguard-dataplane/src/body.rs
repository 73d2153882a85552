//! Carries a body from one side to the other: content is taken out of its framing and framed anew.

use std::io::Write as _;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};

use crate::transport::{Broken, Buffer, Timer, read_some, write_both};
use crate::wire::Refusal;
use crate::wire::chunk::{Decoder, Step};

/// How the receiver learns where the body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// The bytes as they are: the length is known, or the connection closes.
    Plain,
    Chunked,
}

/// Why a body did not get across whole.
#[derive(Debug)]
pub enum BodyEnd {
    Source(Broken),
    Sink,
    Framing(Refusal),
    TooLong,
}

/// Limits of one body.
#[derive(Debug, Clone, Copy)]
pub struct BodyLimits {
    pub bytes_max: u64,
    pub idle_longest: Duration,
}

/// One direction of an exchange, from one socket to the other.
pub struct Lane<'a, R, W> {
    pub from: &'a mut R,
    pub buffer: &'a mut Buffer,
    pub decoder: &'a mut Decoder,
    pub to: &'a mut W,
    /// What is ready to be written; it may begin with a head, which then travels with the first piece.
    pub out: &'a mut Vec<u8>,
    pub encoding: Encoding,
    pub timer: &'a mut Timer,
}

/// Small pieces are gathered into one write up to here; larger ones are written from where they lie.
const GATHERED_BYTES_MAX: usize = 16 << 10;

/// Carries the body across.
pub async fn carry<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    lane: Lane<'_, R, W>,
    limits: BodyLimits,
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
    let mut bytes = 0u64;
    loop {
        match decoder.step(buffer.filled()).map_err(BodyEnd::Framing)? {
            Step::Content(length) => {
                bytes += length as u64;
                if bytes > limits.bytes_max {
                    return Err(BodyEnd::TooLong);
                }
                let content = buffer.filled().get(..length).unwrap_or(&[]);
                match encoding {
                    Encoding::Plain => {
                        write_both(to, out, content, timer, limits.idle_longest)
                            .await
                            .map_err(|_| BodyEnd::Sink)?;
                        out.clear();
                    }
                    Encoding::Chunked => {
                        append_chunk(out, content);
                        if out.len() > GATHERED_BYTES_MAX {
                            flush(to, out, timer, limits).await?;
                        }
                    }
                }
                buffer.consume(length);
            }
            Step::Skip(length) => buffer.consume(length),
            Step::End => {
                if encoding == Encoding::Chunked {
                    out.extend_from_slice(b"0\r\n\r\n");
                }
                return flush(to, out, timer, limits).await;
            }
            Step::More => {
                flush(to, out, timer, limits).await?;
                if !buffer.make_room(0) {
                    return Err(BodyEnd::Framing(Refusal::bad("a chunk's framing is too long")));
                }
                match read_some(from, buffer, timer, limits.idle_longest).await {
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

/// Appends `content` as one chunk; an empty one would end the body, so it appends nothing.
pub fn append_chunk(out: &mut Vec<u8>, content: &[u8]) {
    if content.is_empty() {
        return;
    }
    append_hex(out, content.len());
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(content);
    out.extend_from_slice(b"\r\n");
}

fn append_hex(out: &mut Vec<u8>, number: usize) {
    #[expect(clippy::expect_used, reason = "a Vec takes every write")]
    write!(out, "{number:x}").expect("writing to a Vec");
}

async fn flush<W: AsyncWrite + Unpin>(
    to: &mut W,
    out: &mut Vec<u8>,
    timer: &mut Timer,
    limits: BodyLimits,
) -> Result<(), BodyEnd> {
    if !out.is_empty() {
        write_both(to, out, &[], timer, limits.idle_longest)
            .await
            .map_err(|_| BodyEnd::Sink)?;
        out.clear();
    }
    Ok(())
}
