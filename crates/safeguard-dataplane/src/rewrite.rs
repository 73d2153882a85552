//! Heads as they are sent on: hop-by-hop fields left out, the router's own put in.

use std::io::Write as _;
use std::time::Duration;

use crate::INJECTED_HEADER;
use crate::body::Encoding;
use crate::trace::Identity;
use crate::wire::request::RequestHead;
use crate::wire::response::ResponseHead;
use crate::wire::{Field, Framing, Kind, connection_names};

/// What the instance must be told besides what the client said.
#[derive(Debug, Clone, Copy)]
pub struct RequestExtras<'a> {
    /// Whole lines that say who sent the request.
    pub forwarded: &'a [u8],
    pub identity: &'a Identity,
    /// The host for a request without one.
    pub host_unsaid: &'a [u8],
}

/// Writes the request's head as the instance shall see it.
pub fn request(head: &RequestHead, bytes: &[u8], extras: RequestExtras<'_>, out: &mut Vec<u8>) {
    out.clear();
    let part = |range: &std::ops::Range<usize>| bytes.get(range.clone()).unwrap_or(&[]);
    let host = Some(part(&head.host))
        .filter(|host| !host.is_empty())
        .unwrap_or(extras.host_unsaid);
    for piece in [
        part(&head.method_at),
        b" ",
        part(&head.target),
        b" HTTP/1.1\r\nhost: ",
        host,
        b"\r\n",
    ] {
        out.extend_from_slice(piece);
    }
    for field in &head.fields {
        let keep = match field.kind {
            Kind::Other | Kind::Cookie | Kind::ContentType => true,
            Kind::Expect => head.expects_continue,
            Kind::TraceState => extras.identity.continues,
            Kind::Host
            | Kind::ContentLength
            | Kind::TransferEncoding
            | Kind::Connection
            | Kind::HopByHop
            | Kind::Upgrade
            | Kind::Forwarded
            | Kind::TesterArm
            | Kind::TesterToken
            | Kind::Release
            | Kind::Mirror
            | Kind::Disguised
            | Kind::TraceParent
            | Kind::RequestId => false,
        };
        if keep && !(head.connection.names_fields && is_named(bytes, &head.fields, field)) {
            push_line(out, field.line_in(bytes));
        }
    }
    out.extend_from_slice(extras.identity.lines());
    out.extend_from_slice(extras.forwarded);
    out.extend_from_slice(b"x-forwarded-host: ");
    out.extend_from_slice(host);
    out.extend_from_slice(b"\r\n");
    match head.framing {
        Framing::Length(length) => push_length(out, length),
        Framing::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        // A method that usually has a body says that it has none; others need not.
        Framing::None if head.method == crate::wire::request::Method::Other => push_length(out, 0),
        Framing::None | Framing::UntilClose => {}
    }
    if head.websocket {
        out.extend_from_slice(b"connection: upgrade\r\nupgrade: websocket\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

/// The head of a request's copy: it says that it is one, so that an instance can leave out what must happen once.
pub fn copy_of(head: &[u8]) -> Vec<u8> {
    let mut copy = head.strip_suffix(b"\r\n").unwrap_or(head).to_vec();
    copy.extend_from_slice(b"safeguard-mirror: 1\r\n\r\n");
    copy
}

/// What the client must be told besides what the instance said.
#[derive(Debug, Clone, Copy)]
pub struct ResponseExtras<'a> {
    /// Whole lines: which release answered, what names the request, and cookies.
    pub release_line: &'a [u8],
    pub identity_lines: &'a [u8],
    pub cookie_lines: &'a [u8],
    pub http_1_0: bool,
    pub keep_alive: bool,
}

/// Writes the response's head as the client shall see it, and says how its body is to be framed.
pub fn response(
    head: &ResponseHead,
    bytes: &[u8],
    extras: ResponseExtras<'_>,
    out: &mut Vec<u8>,
) -> Encoding {
    if head.falsified {
        out.extend_from_slice(b"HTTP/1.1 500 Injected Fault\r\n");
        out.extend_from_slice(INJECTED_HEADER.as_bytes());
        out.extend_from_slice(b": 500\r\n");
    } else {
        push_status(head, bytes, out);
    }
    for field in &head.fields {
        push_field(head, bytes, field, out);
    }
    out.extend_from_slice(extras.release_line);
    out.extend_from_slice(extras.identity_lines);
    out.extend_from_slice(extras.cookie_lines);
    let mut encoding = Encoding::Plain;
    match head.framing {
        Framing::Length(length) => push_length(out, length),
        Framing::Chunked | Framing::UntilClose if !extras.http_1_0 => {
            out.extend_from_slice(b"transfer-encoding: chunked\r\n");
            encoding = Encoding::Chunked;
        }
        Framing::Chunked | Framing::UntilClose => {}
        Framing::None => match head.length_said {
            Some(length) if head.status != 204 => push_length(out, length),
            Some(_) | None => {}
        },
    }
    match (extras.keep_alive, extras.http_1_0) {
        (true, false) => {}
        (true, true) => out.extend_from_slice(b"connection: keep-alive\r\n"),
        (false, _) => out.extend_from_slice(b"connection: close\r\n"),
    }
    out.extend_from_slice(b"\r\n");
    encoding
}

/// Writes an interim response (1xx); a switch of protocols keeps its `Upgrade` and gets `lines`, for it is the last.
pub fn interim(head: &ResponseHead, bytes: &[u8], lines: [&[u8]; 2], out: &mut Vec<u8>) {
    push_status(head, bytes, out);
    for field in &head.fields {
        if head.status == 101 && field.kind == Kind::Upgrade {
            push_line(out, field.line_in(bytes));
        } else {
            push_field(head, bytes, field, out);
        }
    }
    if head.status == 101 {
        out.extend_from_slice(b"connection: upgrade\r\n");
        lines.iter().for_each(|line| out.extend_from_slice(line));
    }
    out.extend_from_slice(b"\r\n");
}

/// An answer of the router's own.
#[derive(Debug, Clone, Copy)]
pub struct OwnAnswer<'a> {
    pub status: u16,
    pub why: &'a str,
    pub keep_alive: bool,
    pub with_body: bool,
    /// How long the client shall wait before it asks again.
    pub retry_after: Option<Duration>,
    /// What names the request; none for a connection that is turned away before it asks.
    pub identity: Option<&'a Identity>,
}

/// Writes a whole answer of the router's own.
pub fn own_answer(answer: OwnAnswer<'_>, out: &mut Vec<u8>) {
    let OwnAnswer { status, why, .. } = answer;
    let reason = reason(status);
    let connection = if answer.keep_alive {
        ""
    } else {
        "connection: close\r\n"
    };
    let body = match answer.identity {
        Some(identity) => format!("safeguard: {why}\nrequest: {}\n", identity.request_id()),
        None => format!("safeguard: {why}\n"),
    };
    let head = format!(
        "HTTP/1.1 {status} {reason}\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n{connection}",
        body.len()
    );
    out.extend_from_slice(head.as_bytes());
    if let Some(wait) = answer.retry_after {
        // Whole seconds, and never less than the wait: a client that obeys is not refused again.
        let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
        out.extend_from_slice(format!("retry-after: {seconds}\r\n").as_bytes());
    }
    out.extend_from_slice(answer.identity.map_or(&[], Identity::lines));
    out.extend_from_slice(b"\r\n");
    if answer.with_body {
        out.extend_from_slice(body.as_bytes());
    }
}

fn push_status(head: &ResponseHead, bytes: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(bytes.get(head.status_text.clone()).unwrap_or(&[]));
    // The space after the code is part of the line, even without a reason (RFC 9112, 4).
    if head.status_text.len() == 3 {
        out.push(b' ');
    }
    out.extend_from_slice(b"\r\n");
}

fn push_field(head: &ResponseHead, bytes: &[u8], field: &Field, out: &mut Vec<u8>) {
    let keep = match field.kind {
        Kind::Other
        | Kind::Host
        | Kind::Cookie
        | Kind::Expect
        | Kind::ContentType
        | Kind::Forwarded
        | Kind::TesterArm
        | Kind::TesterToken
        | Kind::Disguised
        | Kind::TraceState => true,
        Kind::ContentLength
        | Kind::TransferEncoding
        | Kind::Connection
        | Kind::HopByHop
        | Kind::Upgrade
        | Kind::Release
        | Kind::Mirror
        | Kind::TraceParent
        | Kind::RequestId => false,
    };
    if keep && !(head.connection.names_fields && is_named(bytes, &head.fields, field)) {
        push_line(out, field.line_in(bytes));
    }
}

fn is_named(bytes: &[u8], fields: &[Field], field: &Field) -> bool {
    connection_names(bytes, fields).any(|name| name.eq_ignore_ascii_case(field.name_in(bytes)))
}

fn push_line(out: &mut Vec<u8>, line: &[u8]) {
    out.extend_from_slice(line);
    out.extend_from_slice(b"\r\n");
}

fn push_length(out: &mut Vec<u8>, length: u64) {
    #[expect(clippy::expect_used, reason = "a Vec takes every write")]
    write!(out, "content-length: {length}\r\n").expect("writing to a Vec");
}

fn reason(status: u16) -> &'static str {
    match status {
        400 => "Bad Request",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        417 => "Expectation Failed",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "Refused",
    }
}
