//! The head of a request.

use std::ops::Range;

use super::{
    ConnectionOptions, Field, Framing, HeadEnd, HeadLimits, Kind, Refusal, is_token, read_connection,
    read_fields, read_framing,
};

/// A request's head as places in the buffer it was read from; reused from one request to the next.
#[derive(Debug)]
pub struct RequestHead {
    end: HeadEnd,
    /// How many bytes the head has.
    pub length: usize,
    pub method: Method,
    pub method_at: Range<usize>,
    /// In origin form: the path and the query.
    pub target: Range<usize>,
    pub fields: Vec<Field>,
    pub framing: Framing,
    pub http_1_0: bool,
    pub keep_alive: bool,
    pub connection: ConnectionOptions,
    /// The host, of the target if it was in absolute form; empty for an HTTP/1.0 request without one.
    pub host: Range<usize>,
    pub websocket: bool,
    pub expects_continue: bool,
}

/// What the router needs to know of a method.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Head,
    /// Asks for nothing to be changed (RFC 9110, 9.2.1).
    Safe,
    /// May be sent twice without harm (RFC 9110, 9.2.2).
    Idempotent,
    Other,
}

impl Default for RequestHead {
    fn default() -> Self {
        RequestHead {
            end: HeadEnd::default(),
            length: 0,
            method: Method::Other,
            method_at: 0..0,
            target: 0..0,
            fields: Vec::with_capacity(32),
            framing: Framing::None,
            http_1_0: false,
            keep_alive: false,
            connection: ConnectionOptions::default(),
            host: 0..0,
            websocket: false,
            expects_continue: false,
        }
    }
}

const METHOD_BYTES_MAX: usize = 32;

impl RequestHead {
    /// Forgets the last request.
    pub fn begin(&mut self) {
        self.end = HeadEnd::default();
    }

    /// Reads the head at the start of `bytes`; false when its end is not there yet.
    pub fn read(&mut self, bytes: &[u8], limits: HeadLimits) -> Result<bool, Refusal> {
        // Something that is not HTTP, such as a TLS handshake, may never send a line end.
        if bytes
            .first()
            .is_some_and(|first| !is_token(*first) && *first != b'\r')
        {
            return Err(Refusal::bad("not an HTTP request"));
        }
        let length = match self.end.find(bytes)? {
            Some(length) if length <= limits.bytes_max => length,
            None if bytes.len() < limits.bytes_max => return Ok(false),
            Some(_) | None => {
                return Err(Refusal {
                    status: 431,
                    why: "the header is too long",
                });
            }
        };
        let head = bytes.get(..length).unwrap_or(&[]);
        self.length = length;
        let fields_at = self.read_request_line(head)?;
        read_fields(head, fields_at, &mut self.fields, limits.fields_max)?;
        self.read_framing(head)?;
        self.read_host(head)?;
        self.read_upgrade(head);
        self.read_expect(head)?;
        Ok(true)
    }

    fn read_request_line(&mut self, head: &[u8]) -> Result<usize, Refusal> {
        let start = if head.starts_with(b"\r\n") { 2 } else { 0 };
        let line_end = start
            + memchr::memchr(b'\r', head.get(start..).unwrap_or(&[]))
                .ok_or(Refusal::bad("a request line without an end"))?;
        let line = head.get(start..line_end).unwrap_or(&[]);
        if head.get(line_end + 1) != Some(&b'\n') {
            return Err(Refusal::bad("a CR inside the request line"));
        }
        let method_end = line
            .iter()
            .position(|byte| !is_token(*byte))
            .ok_or(Refusal::bad("a request line without a target"))?;
        let version_at = line
            .len()
            .checked_sub(b" HTTP/1.1".len())
            .filter(|at| method_end < *at)
            .ok_or(Refusal::bad("a request line without a version"))?;
        let (target, version) = (
            line.get(method_end + 1..version_at).unwrap_or(&[]),
            line.get(version_at..).unwrap_or(&[]),
        );
        if method_end == 0 || method_end > METHOD_BYTES_MAX || line.get(method_end) != Some(&b' ') {
            return Err(Refusal::bad("not a method"));
        }
        self.http_1_0 = match version {
            b" HTTP/1.1" => false,
            b" HTTP/1.0" => true,
            other if other.starts_with(b" HTTP/") => {
                return Err(Refusal {
                    status: 505,
                    why: "not HTTP/1.1",
                });
            }
            _ => return Err(Refusal::bad("a request line without a version")),
        };
        if target.is_empty()
            || target
                .iter()
                .any(|byte| *byte <= b' ' || *byte >= 0x7f || *byte == b'#')
        {
            return Err(Refusal::bad("not a request target"));
        }
        let method = line.get(..method_end).unwrap_or(&[]);
        self.method = match method {
            b"HEAD" => Method::Head,
            b"GET" | b"OPTIONS" | b"TRACE" => Method::Safe,
            b"PUT" | b"DELETE" => Method::Idempotent,
            b"CONNECT" => {
                return Err(Refusal {
                    status: 405,
                    why: "CONNECT is not offered",
                });
            }
            _ => Method::Other,
        };
        self.method_at = start..start + method_end;
        self.read_target(method, target, start + method_end + 1)?;
        Ok(line_end + 2)
    }

    fn read_target(&mut self, method: &[u8], target: &[u8], at: usize) -> Result<(), Refusal> {
        self.target = at..at + target.len();
        self.host = 0..0;
        if target.starts_with(b"/") || (target == b"*" && method == b"OPTIONS") {
            return Ok(());
        }
        let scheme = b"http://".len();
        let absolute = target
            .get(..scheme)
            .filter(|start| start.eq_ignore_ascii_case(b"http://"))
            .and(target.get(scheme..))
            .ok_or(Refusal::bad("not a request target"))?;
        let host_length = absolute
            .iter()
            .position(|byte| *byte == b'/' || *byte == b'?')
            .unwrap_or(absolute.len());
        if host_length == 0 || absolute.get(host_length) != Some(&b'/') {
            return Err(Refusal::bad("an absolute target without a host or a path"));
        }
        self.host = at + scheme..at + scheme + host_length;
        self.target = at + scheme + host_length..at + target.len();
        Ok(())
    }

    fn read_framing(&mut self, head: &[u8]) -> Result<(), Refusal> {
        self.framing = read_framing(head, &self.fields)?.unwrap_or(Framing::None);
        if self.framing == Framing::Length(0) {
            self.framing = Framing::None;
        }
        if self.http_1_0 && self.framing == Framing::Chunked {
            return Err(Refusal::bad("a transfer-encoding in HTTP/1.0"));
        }
        self.connection = read_connection(head, &self.fields);
        self.keep_alive = !self.connection.close && (!self.http_1_0 || self.connection.keep_alive);
        Ok(())
    }

    fn read_host(&mut self, head: &[u8]) -> Result<(), Refusal> {
        let mut hosts = self.fields.iter().filter(|field| field.kind == Kind::Host);
        let first = hosts.next();
        if hosts.next().is_some() {
            return Err(Refusal::bad("more than one host"));
        }
        match first {
            None if self.http_1_0 => {}
            None => return Err(Refusal::bad("no host")),
            // The target's host wins over the field (RFC 9112, 3.2.2).
            Some(field) if self.host.is_empty() => self.host = field.value.clone(),
            Some(_) => {}
        }
        let host = head.get(self.host.clone()).unwrap_or(&[]);
        let valid = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~:[]%!$&'()*+,;=".contains(byte);
        if (host.is_empty() && first.is_some()) || !host.iter().all(valid) {
            return Err(Refusal::bad("not a host"));
        }
        Ok(())
    }

    // Only WebSocket is passed on: an upgrade to h2c would carry requests past the router's eyes.
    fn read_upgrade(&mut self, head: &[u8]) {
        let mut upgrades = self.fields.iter().filter(|field| field.kind == Kind::Upgrade);
        let asked = upgrades
            .next()
            .is_some_and(|field| field.value_in(head).eq_ignore_ascii_case(b"websocket"));
        self.websocket = asked
            && upgrades.next().is_none()
            && self.connection.upgrade
            && !self.http_1_0
            && self.framing == Framing::None
            && head.get(self.method_at.clone()) == Some(b"GET");
    }

    fn read_expect(&mut self, head: &[u8]) -> Result<(), Refusal> {
        self.expects_continue = false;
        for field in self.fields.iter().filter(|field| field.kind == Kind::Expect) {
            if !field.value_in(head).eq_ignore_ascii_case(b"100-continue") {
                return Err(Refusal {
                    status: 417,
                    why: "an expectation other than 100-continue",
                });
            }
            self.expects_continue = !self.http_1_0 && self.framing != Framing::None;
        }
        Ok(())
    }
}
