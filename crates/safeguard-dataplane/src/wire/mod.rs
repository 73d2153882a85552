//! HTTP/1.1 as bytes (RFC 9112), read strictly: what is not exactly right is refused, never repaired.
//!
//! There is one parser for both directions, and what is sent on is written anew from what it understood. So no other
//! reader can see two requests where this one saw one.

pub mod chunk;
pub mod request;
pub mod response;

use std::ops::Range;

/// Why a message is refused, and with which status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    pub why: &'static str,
}

impl Refusal {
    pub const fn bad(why: &'static str) -> Refusal {
        Refusal { status: 400, why }
    }
}

/// The limits of a head.
#[derive(Debug, Clone, Copy)]
pub struct HeadLimits {
    pub bytes_max: usize,
    pub fields_max: usize,
}

/// One header field, as places in the buffer.
#[derive(Debug, Clone)]
pub struct Field {
    pub name: Range<usize>,
    pub value: Range<usize>,
    pub kind: Kind,
}

/// The fields that the router knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Other,
    Host,
    ContentLength,
    TransferEncoding,
    Connection,
    /// Fields of one connection only (RFC 9110, 7.6.1), besides those that `Connection` names.
    HopByHop,
    Upgrade,
    Expect,
    Cookie,
    ContentType,
    /// Who sent the request, as an earlier proxy or a liar says; replaced by what the router saw.
    Forwarded,
    /// A tester's choice of the arm, and the token that allows it.
    TesterArm,
    TesterToken,
    /// The release that answered; only the router says so.
    Release,
    /// Marks a copy; only the router says so.
    Mirror,
    /// One of the above with `_` for `-`, which some servers take for the same: left out, or a client could say through it
    /// what the router takes care to say itself.
    Disguised,
    /// The trace and the id of the request; the router checks them and writes them anew.
    TraceParent,
    TraceState,
    RequestId,
}

/// How the end of a body is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    None,
    Length(u64),
    Chunked,
    UntilClose,
}

impl Field {
    pub fn value_in<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(self.value.clone()).unwrap_or(&[])
    }
    pub fn name_in<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(self.name.clone()).unwrap_or(&[])
    }
    /// The whole line without its end.
    pub fn line_in<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes.get(self.name.start..self.value.end).unwrap_or(&[])
    }
}

/// Finds the end of a head; remembers how far it has looked, so that each byte is looked at once.
#[derive(Debug, Default)]
pub struct HeadEnd {
    looked: usize,
    line_start: usize,
}

impl HeadEnd {
    /// Returns the head's length once its empty line is there.
    pub fn find(&mut self, bytes: &[u8]) -> Result<Option<usize>, Refusal> {
        while let Some(found) = memchr::memchr(b'\n', bytes.get(self.looked..).unwrap_or(&[])) {
            let at = self.looked + found;
            if at == 0 || bytes.get(at - 1) != Some(&b'\r') {
                return Err(Refusal::bad("a line ends without CR"));
            }
            let empty = at - 1 == self.line_start;
            // One empty line before the first is tolerated: some clients send it after a body (RFC 9112, 2.2).
            if empty && self.line_start > 2 {
                return Ok(Some(at + 1));
            }
            if empty && self.line_start != 0 {
                return Err(Refusal::bad("empty lines before the message"));
            }
            self.looked = at + 1;
            self.line_start = at + 1;
        }
        self.looked = bytes.len();
        Ok(None)
    }
}

/// Reads the fields between the first line and the empty line.
pub fn read_fields(
    head: &[u8],
    mut at: usize,
    fields: &mut Vec<Field>,
    fields_max: usize,
) -> Result<(), Refusal> {
    fields.clear();
    loop {
        let rest = head.get(at..).unwrap_or(&[]);
        if rest == b"\r\n" {
            return Ok(());
        }
        let name_length = rest
            .iter()
            .position(|byte| !is_token(*byte))
            .ok_or(Refusal::bad("a header line without a colon"))?;
        if name_length == 0 || rest.get(name_length) != Some(&b':') {
            return Err(Refusal::bad("a header name is not a token followed by a colon"));
        }
        let value_start = name_length + 1;
        let value_length = rest
            .get(value_start..)
            .and_then(|value| value.iter().position(|byte| !is_text(*byte)))
            .ok_or(Refusal::bad("a header line without an end"))?;
        let value_end = value_start + value_length;
        if rest.get(value_end..value_end + 2) != Some(b"\r\n") {
            return Err(Refusal::bad("a control character in a header"));
        }
        if fields.len() == fields_max {
            return Err(Refusal {
                status: 431,
                why: "too many header fields",
            });
        }
        let name = rest.get(..name_length).unwrap_or(&[]);
        let value = rest.get(value_start..value_end).unwrap_or(&[]);
        let leading = value.iter().take_while(|byte| is_space(**byte)).count();
        let trailing = value.iter().rev().take_while(|byte| is_space(**byte)).count();
        let start = at + value_start + leading;
        fields.push(Field {
            name: at..at + name_length,
            value: start..(at + value_end - trailing).max(start),
            kind: kind_of(name),
        });
        at += value_end + 2;
    }
}

/// Reads `Content-Length` and `Transfer-Encoding`; none when neither is there.
pub fn read_framing(head: &[u8], fields: &[Field]) -> Result<Option<Framing>, Refusal> {
    let mut framing = None;
    for field in fields {
        let read = match field.kind {
            Kind::ContentLength => Framing::Length(
                read_length(field.value_in(head)).ok_or(Refusal::bad("content-length is not a number"))?,
            ),
            Kind::TransferEncoding if field.value_in(head).eq_ignore_ascii_case(b"chunked") => {
                Framing::Chunked
            }
            Kind::TransferEncoding => {
                return Err(Refusal::bad("a transfer-encoding other than chunked"));
            }
            _ => continue,
        };
        if framing.is_some() {
            return Err(Refusal::bad("more than one content-length or transfer-encoding"));
        }
        framing = Some(read);
    }
    Ok(framing)
}

/// What the `Connection` fields say.
#[derive(Debug, Clone, Copy, Default)]
pub struct ConnectionOptions {
    pub close: bool,
    pub keep_alive: bool,
    pub upgrade: bool,
    /// Names other fields, which are then of this connection only.
    pub names_fields: bool,
}

pub fn read_connection(head: &[u8], fields: &[Field]) -> ConnectionOptions {
    let mut options = ConnectionOptions::default();
    for option in connection_names(head, fields) {
        if option.eq_ignore_ascii_case(b"close") {
            options.close = true;
        } else if option.eq_ignore_ascii_case(b"keep-alive") {
            options.keep_alive = true;
        } else if option.eq_ignore_ascii_case(b"upgrade") {
            options.upgrade = true;
        } else {
            options.names_fields = true;
        }
    }
    options
}

/// The members of all `Connection` fields.
pub fn connection_names<'a>(head: &'a [u8], fields: &'a [Field]) -> impl Iterator<Item = &'a [u8]> {
    fields
        .iter()
        .filter(|field| field.kind == Kind::Connection)
        .flat_map(|field| field.value_in(head).split(|byte| *byte == b','))
        .map(|option| option.trim_ascii())
        .filter(|option| !option.is_empty())
}

fn read_length(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 18 {
        return None;
    }
    text.iter().try_fold(0u64, |sum, byte| {
        byte.is_ascii_digit().then(|| sum * 10 + u64::from(byte - b'0'))
    })
}

pub fn kind_of(name: &[u8]) -> Kind {
    const KNOWN: &[(&str, Kind)] = &[
        ("te", Kind::HopByHop),
        ("host", Kind::Host),
        ("cookie", Kind::Cookie),
        ("expect", Kind::Expect),
        ("trailer", Kind::HopByHop),
        ("upgrade", Kind::Upgrade),
        ("x-real-ip", Kind::Forwarded),
        ("forwarded", Kind::Forwarded),
        ("connection", Kind::Connection),
        ("tracestate", Kind::TraceState),
        ("keep-alive", Kind::HopByHop),
        ("traceparent", Kind::TraceParent),
        ("content-type", Kind::ContentType),
        ("x-request-id", Kind::RequestId),
        ("safeguard-arm", Kind::TesterArm),
        ("content-length", Kind::ContentLength),
        ("http2-settings", Kind::HopByHop),
        ("x-forwarded-for", Kind::Forwarded),
        ("proxy-connection", Kind::HopByHop),
        ("safeguard-tester", Kind::TesterToken),
        ("safeguard-mirror", Kind::Mirror),
        ("x-forwarded-host", Kind::Forwarded),
        ("x-forwarded-port", Kind::Forwarded),
        ("transfer-encoding", Kind::TransferEncoding),
        ("safeguard-release", Kind::Release),
        ("x-forwarded-proto", Kind::Forwarded),
        // The router alone says it, as with the release.
        ("safeguard-injected", Kind::Release),
        ("proxy-authenticate", Kind::HopByHop),
        ("proxy-authorization", Kind::HopByHop),
    ];
    KNOWN
        .iter()
        .find(|(known, _)| known.len() == name.len() && known.as_bytes().eq_ignore_ascii_case(name))
        .map_or_else(|| kind_of_unknown(name, KNOWN), |(_, kind)| *kind)
}

fn kind_of_unknown(name: &[u8], known: &[(&str, Kind)]) -> Kind {
    if memchr::memchr(b'_', name).is_none() {
        return Kind::Other;
    }
    let plain = name.iter().map(|byte| {
        if *byte == b'_' {
            b'-'
        } else {
            byte.to_ascii_lowercase()
        }
    });
    let disguised = known.iter().any(|(known, _)| plain.clone().eq(known.bytes()));
    if disguised { Kind::Disguised } else { Kind::Other }
}

const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let chars = b"!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let mut at = 0;
    while at < chars.len() {
        table[chars[at] as usize] = true;
        at += 1;
    }
    table
};

pub fn is_token(byte: u8) -> bool {
    TOKEN[usize::from(byte)]
}

fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= b' ' && byte != 0x7f)
}

fn is_space(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}
