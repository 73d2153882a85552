//! Where a body ends: by its length, by chunks, or with the connection.

use super::{Framing, Refusal};

/// What stands at the front of the buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// So many bytes of content; the caller takes them all.
    Content(usize),
    /// So many bytes that are not content.
    Skip(usize),
    /// Nothing that can be understood without more bytes.
    More,
    /// The body is over; what follows is the next message.
    End,
}

/// Tells content from framing.
#[derive(Debug, Clone)]
pub enum Decoder {
    Length(u64),
    Chunked(Chunked),
    UntilClose,
}

#[derive(Debug, Clone)]
pub enum Chunked {
    Size,
    Content {
        left: u64,
    },
    /// The line end after a chunk's content.
    ContentEnd,
    Trailer {
        bytes: usize,
    },
    End,
}

/// A chunk's size and its extensions.
const CHUNK_LINE_BYTES_MAX: usize = 256;
const CHUNK_DIGITS_MAX: usize = 15;
const TRAILER_BYTES_MAX: usize = 8 << 10;

impl Decoder {
    pub fn new(framing: Framing) -> Decoder {
        match framing {
            Framing::None => Decoder::Length(0),
            Framing::Length(length) => Decoder::Length(length),
            Framing::Chunked => Decoder::Chunked(Chunked::Size),
            Framing::UntilClose => Decoder::UntilClose,
        }
    }

    pub fn step(&mut self, bytes: &[u8]) -> Result<Step, Refusal> {
        match self {
            Decoder::Length(0) => Ok(Step::End),
            Decoder::Length(_) | Decoder::UntilClose if bytes.is_empty() => Ok(Step::More),
            Decoder::Length(left) => {
                let length = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left -= length as u64;
                Ok(Step::Content(length))
            }
            Decoder::UntilClose => Ok(Step::Content(bytes.len())),
            Decoder::Chunked(chunked) => chunked.step(bytes),
        }
    }
}

impl Chunked {
    fn step(&mut self, bytes: &[u8]) -> Result<Step, Refusal> {
        match self {
            Chunked::End => Ok(Step::End),
            Chunked::Content { left } => {
                if bytes.is_empty() {
                    return Ok(Step::More);
                }
                let length = usize::try_from(*left).map_or(bytes.len(), |left| left.min(bytes.len()));
                *left -= length as u64;
                if *left == 0 {
                    *self = Chunked::ContentEnd;
                }
                Ok(Step::Content(length))
            }
            Chunked::ContentEnd => match bytes {
                [b'\r', b'\n', ..] => {
                    *self = Chunked::Size;
                    Ok(Step::Skip(2))
                }
                [] | [b'\r'] => Ok(Step::More),
                _ => Err(Refusal::bad("a chunk is longer than its size")),
            },
            Chunked::Size => {
                let Some(length) = line(bytes, CHUNK_LINE_BYTES_MAX)? else {
                    // Wait for the rest only of what can still become a size.
                    return match bytes.first() {
                        Some(first) if !first.is_ascii_hexdigit() => Err(Refusal::bad("not a chunk size")),
                        Some(_) | None => Ok(Step::More),
                    };
                };
                *self = match size(bytes.get(..length - 2).unwrap_or(&[]))? {
                    0 => Chunked::Trailer { bytes: 0 },
                    left => Chunked::Content { left },
                };
                Ok(Step::Skip(length))
            }
            Chunked::Trailer { bytes: before } => {
                let Some(length) = line(bytes, TRAILER_BYTES_MAX - *before)? else {
                    return Ok(Step::More);
                };
                let content = bytes.get(..length - 2).unwrap_or(&[]);
                if content.is_empty() {
                    *self = Chunked::End;
                } else if !is_field(content) {
                    return Err(Refusal::bad("not a trailer field"));
                } else {
                    *before += length;
                }
                Ok(Step::Skip(length))
            }
        }
    }
}

/// Whether a line is a name, directly followed by a colon, and a value.
fn is_field(line: &[u8]) -> bool {
    let name_end = line.iter().position(|byte| !super::is_token(*byte));
    name_end.is_some_and(|end| end > 0 && line.get(end) == Some(&b':'))
}

/// The length of the line at the front, with its end.
fn line(bytes: &[u8], bytes_max: usize) -> Result<Option<usize>, Refusal> {
    let within = bytes.get(..bytes_max).unwrap_or(bytes);
    let Some(end) = memchr::memchr(b'\n', within) else {
        if bytes.len() >= bytes_max {
            return Err(Refusal::bad("a chunk's framing is too long"));
        }
        return Ok(None);
    };
    let content = within.get(..end).unwrap_or(&[]);
    match content.split_last() {
        Some((b'\r', text))
            if text
                .iter()
                .all(|byte| *byte == b'\t' || (*byte >= b' ' && *byte != 0x7f)) =>
        {
            Ok(Some(end + 1))
        }
        Some(_) | None => Err(Refusal::bad(
            "a bare line end or a control character in a chunk's framing",
        )),
    }
}

fn size(line: &[u8]) -> Result<u64, Refusal> {
    const WRONG: Refusal = Refusal::bad("not a chunk size");
    let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    if digits == 0 || digits > CHUNK_DIGITS_MAX || !matches!(line.get(digits), None | Some(b';')) {
        return Err(WRONG);
    }
    let text = line
        .get(..digits)
        .and_then(|digits| std::str::from_utf8(digits).ok())
        .ok_or(WRONG)?;
    u64::from_str_radix(text, 16).map_err(|_| WRONG)
}
