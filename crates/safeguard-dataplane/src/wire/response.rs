//! The head of a response.

use std::ops::Range;

use super::{
    ConnectionOptions, Field, Framing, HeadEnd, HeadLimits, Kind, Refusal, read_connection, read_fields,
    read_framing,
};

/// A response's head as places in the buffer it was read from; reused from one response to the next.
#[derive(Debug)]
pub struct ResponseHead {
    end: HeadEnd,
    pub length: usize,
    pub status: u16,
    /// The status code and the reason, as they came.
    pub status_text: Range<usize>,
    pub fields: Vec<Field>,
    pub framing: Framing,
    /// The `Content-Length` of a response without a body, to HEAD or with status 304.
    pub length_said: Option<u64>,
    pub keep_alive: bool,
    pub connection: ConnectionOptions,
    pub event_stream: bool,
    /// The status is not the instance's, but an error on purpose.
    pub falsified: bool,
}

impl Default for ResponseHead {
    fn default() -> Self {
        ResponseHead {
            end: HeadEnd::default(),
            length: 0,
            status: 0,
            status_text: 0..0,
            fields: Vec::with_capacity(32),
            framing: Framing::None,
            length_said: None,
            keep_alive: false,
            connection: ConnectionOptions::default(),
            event_stream: false,
            falsified: false,
        }
    }
}

impl ResponseHead {
    /// Forgets the last response.
    pub fn begin(&mut self) {
        self.end = HeadEnd::default();
        self.falsified = false;
    }

    /// Makes the response an error that says it is one on purpose; its body stays.
    pub fn falsify(&mut self) {
        self.status = 500;
        self.falsified = true;
    }

    /// Reads the head at the start of `bytes`; false when its end is not there yet.
    pub fn read(&mut self, bytes: &[u8], to_head: bool, limits: HeadLimits) -> Result<bool, Refusal> {
        let length = match self.end.find(bytes)? {
            Some(length) if length <= limits.bytes_max => length,
            None if bytes.len() < limits.bytes_max => return Ok(false),
            Some(_) | None => return Err(Refusal::bad("the response's header is too long")),
        };
        let head = bytes.get(..length).unwrap_or(&[]);
        self.length = length;
        let (http_1_0, fields_at) = self.read_status_line(head)?;
        read_fields(head, fields_at, &mut self.fields, limits.fields_max)?;
        let said = read_framing(head, &self.fields)?;
        let no_body = to_head || matches!(self.status, 100..=199 | 204 | 304);
        self.framing = match said {
            _ if no_body => Framing::None,
            Some(Framing::Length(0)) => Framing::None,
            Some(framing) => framing,
            None => Framing::UntilClose,
        };
        self.length_said = match said {
            Some(Framing::Length(length)) => Some(length),
            Some(Framing::None | Framing::Chunked | Framing::UntilClose) | None => None,
        };
        self.connection = read_connection(head, &self.fields);
        self.keep_alive = !self.connection.close
            && (!http_1_0 || self.connection.keep_alive)
            && self.framing != Framing::UntilClose;
        self.event_stream = self.fields.iter().any(|field| {
            field.kind == Kind::ContentType
                && field
                    .value_in(head)
                    .get(..b"text/event-stream".len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(b"text/event-stream"))
        });
        Ok(true)
    }

    fn read_status_line(&mut self, head: &[u8]) -> Result<(bool, usize), Refusal> {
        const WRONG: Refusal = Refusal::bad("not a status line");
        let end = memchr::memchr(b'\r', head).ok_or(WRONG)?;
        let line = head.get(..end).unwrap_or(&[]);
        let http_1_0 = match line.get(..9) {
            Some(b"HTTP/1.1 ") => false,
            Some(b"HTTP/1.0 ") => true,
            Some(_) | None => return Err(WRONG),
        };
        let digits = line
            .get(9..12)
            .filter(|digits| digits.iter().all(u8::is_ascii_digit))
            .ok_or(WRONG)?;
        self.status = digits
            .iter()
            .fold(0, |sum, digit| sum * 10 + u16::from(digit - b'0'));
        let reason = line.get(12..).unwrap_or(&[]);
        let reason_fits = reason.is_empty()
            || (reason.first() == Some(&b' ') && reason.iter().all(|byte| *byte >= b' ' && *byte != 0x7f));
        if !(100..=599).contains(&self.status) || !reason_fits || head.get(end + 1) != Some(&b'\n') {
            return Err(WRONG);
        }
        self.status_text = 9..end;
        Ok((http_1_0, end + 2))
    }
}
