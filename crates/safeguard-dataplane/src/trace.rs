//! Who a request is: its trace (W3C Trace Context) and its id, kept where they are well-formed and made where they are
//! not. Instance, client and reports of errors get to see the same two.

use std::ops::Range;

use crate::wire::request::RequestHead;
use crate::wire::{Field, Kind};

/// What names one request; reused from one request to the next.
#[derive(Debug)]
pub struct Identity {
    source: IdSource,
    /// Whole header lines, the same for the instance and for the client.
    lines: Vec<u8>,
    request_id: Range<usize>,
    /// Whether the client's trace goes on; its `tracestate` is passed on only then.
    pub continues: bool,
}

/// Makes ids that nobody else makes. They need not be secret, so the kernel is asked once for each connection.
#[derive(Debug)]
struct IdSource {
    high: u64,
    low: u64,
}

const REQUEST_ID_BYTES_MAX: usize = 128;
const TRACE_HEAD: &[u8] = b"traceparent: ";
const REQUEST_ID_HEAD: &[u8] = b"x-request-id: ";
/// `00-` trace id `-` parent id `-` flags.
const TRACE_PARENT_BYTES: usize = 55;

impl Identity {
    pub fn new() -> Identity {
        Identity {
            source: IdSource::new(),
            lines: Vec::with_capacity(128),
            request_id: 0..0,
            continues: false,
        }
    }

    /// Takes over what the request says of itself.
    pub fn read(&mut self, head: &RequestHead, bytes: &[u8]) {
        self.lines.clear();
        let trace = only(&head.fields, Kind::TraceParent).and_then(|field| parent(field.value_in(bytes)));
        self.continues = trace.is_some();
        self.lines.extend_from_slice(TRACE_HEAD);
        match trace {
            Some(trace) => self.lines.extend_from_slice(&trace),
            None => self.begin_trace(),
        }
        self.lines.extend_from_slice(b"\r\n");
        let request_id = only(&head.fields, Kind::RequestId).map(|field| field.value_in(bytes));
        self.push_request_id(request_id.filter(|id| is_request_id(id)));
    }

    /// Names something that can not be read as a request.
    pub fn make(&mut self) {
        self.lines.clear();
        self.push_request_id(None);
    }

    pub fn lines(&self) -> &[u8] {
        &self.lines
    }

    pub fn request_id(&self) -> &str {
        let id = self.lines.get(self.request_id.clone()).unwrap_or(&[]);
        std::str::from_utf8(id).unwrap_or("")
    }

    // The router records no span of its own: a trace that begins here begins with a parent that nobody has recorded,
    // which tracers show as a missing root. It is marked as sampled, for otherwise no instance that asks its caller
    // would record anything.
    fn begin_trace(&mut self) {
        self.lines.extend_from_slice(b"00-");
        push_hex(&mut self.lines, self.source.next());
        self.lines.push(b'-');
        push_hex(&mut self.lines, self.source.next());
        self.lines.truncate(TRACE_HEAD.len() + TRACE_PARENT_BYTES - 3);
        self.lines.extend_from_slice(b"-01");
    }

    fn push_request_id(&mut self, said: Option<&[u8]>) {
        self.lines.extend_from_slice(REQUEST_ID_HEAD);
        let start = self.lines.len();
        match said {
            Some(id) => self.lines.extend_from_slice(id),
            None => push_hex(&mut self.lines, self.source.next()),
        }
        self.request_id = start..self.lines.len();
        self.lines.extend_from_slice(b"\r\n");
    }
}

impl IdSource {
    fn new() -> IdSource {
        let mut bytes = [0; 16];
        #[expect(
            clippy::expect_used,
            reason = "getrandom fails only where the kernel has no randomness at all"
        )]
        getrandom::fill(&mut bytes).expect("the kernel gives random bytes");
        let seed = u128::from_be_bytes(bytes);
        IdSource {
            high: (seed >> 64) as u64,
            low: seed as u64,
        }
    }

    /// The next id, never zero: an id of zeros is not valid.
    fn next(&mut self) -> u128 {
        loop {
            let (high, low) = (mixed(&mut self.high), mixed(&mut self.low));
            if high != 0 && low != 0 {
                return (u128::from(high) << 64) | u128::from(low);
            }
        }
    }
}

/// The next number of the sequence SplitMix64.
fn mixed(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// The field of this kind, if there is one and no second.
fn only(fields: &[Field], kind: Kind) -> Option<&Field> {
    let mut found = fields.iter().filter(|field| field.kind == kind);
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// Reads a `traceparent`; one of a later version is passed on as what this version knows of it.
fn parent(value: &[u8]) -> Option<[u8; TRACE_PARENT_BYTES]> {
    let mut parent: [u8; TRACE_PARENT_BYTES] = value.get(..TRACE_PARENT_BYTES)?.try_into().ok()?;
    let is_hex = |byte: &u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(byte);
    let part = |range: Range<usize>| value.get(range).unwrap_or(&[]);
    let (version, trace, span, flags) = (part(0..2), part(3..35), part(36..52), part(53..55));
    let all_hex = [version, trace, span, flags]
        .iter()
        .all(|part| part.iter().all(is_hex));
    let dashes = [2, 35, 52].iter().all(|at| value.get(*at) == Some(&b'-'));
    let is_set = |part: &[u8]| part.iter().any(|byte| *byte != b'0');
    if !all_hex || !dashes || !is_set(trace) || !is_set(span) || version == b"ff" {
        return None;
    }
    match (version, value.get(TRACE_PARENT_BYTES)) {
        (b"00", None) => Some(parent),
        (b"00", Some(_)) => None,
        (_, None | Some(b'-')) => {
            let sampled = flags.last().is_some_and(|digit| b"13579bdf".contains(digit));
            parent[..2].copy_from_slice(b"00");
            parent[53..].copy_from_slice(if sampled { b"01" } else { b"00" });
            Some(parent)
        }
        (_, Some(_)) => None,
    }
}

/// A request id goes into header lines, logs and reports, so it has only letters that mean nothing there.
fn is_request_id(id: &[u8]) -> bool {
    let fits = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:+/=@~".contains(byte);
    !id.is_empty() && id.len() <= REQUEST_ID_BYTES_MAX && id.iter().all(fits)
}

fn push_hex(out: &mut Vec<u8>, number: u128) {
    for byte in number.to_be_bytes() {
        for digit in [byte >> 4, byte & 15] {
            out.push(if digit < 10 {
                b'0' + digit
            } else {
                b'a' + digit - 10
            });
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7";

    fn passed_on(value: &str) -> Option<String> {
        parent(value.as_bytes()).map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[test]
    fn a_valid_parent_is_kept() {
        for flags in ["00", "01", "03", "ff"] {
            let value = format!("00-{TRACE}-{flags}");
            assert_eq!(passed_on(&value), Some(value.clone()));
        }
        // Later versions: what this one knows of them (W3C Trace Context, 3.2.4).
        assert_eq!(
            passed_on(&format!("01-{TRACE}-03")),
            Some(format!("00-{TRACE}-01"))
        );
        assert_eq!(
            passed_on(&format!("cc-{TRACE}-02-what-the-future-says")),
            Some(format!("00-{TRACE}-00"))
        );
    }

    #[test]
    fn an_invalid_parent_is_none() {
        for value in [
            "",
            "00",
            &format!("ff-{TRACE}-01"),
            &format!("00-{TRACE}-01-more"),
            &format!("00-{TRACE}-01."),
            &format!("01-{TRACE}-01."),
            &format!("00-{TRACE}-0"),
            &format!("00-{TRACE}-0x"),
            &format!("0-{TRACE}-01"),
            &format!("00-{}-01", TRACE.to_uppercase()),
            &format!("00_{TRACE}-01"),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
        ] {
            assert_eq!(passed_on(value), None, "{value}");
        }
    }

    #[test]
    fn a_trace_that_begins_is_valid_and_like_no_other() {
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..100 {
            let mut identity = Identity::new();
            for _ in 0..100 {
                identity.read(&RequestHead::default(), b"");
                assert!(!identity.continues);
                let text = String::from_utf8(identity.lines().to_vec()).unwrap();
                let (trace, id) = text.split_once("\r\n").unwrap();
                let trace = trace.strip_prefix("traceparent: ").unwrap();
                assert_eq!(passed_on(trace).as_deref(), Some(trace));
                assert_eq!(id, format!("x-request-id: {}\r\n", identity.request_id()));
                assert!(is_request_id(identity.request_id().as_bytes()));
                assert!(seen.insert(trace.to_owned()) && seen.insert(identity.request_id().to_owned()));
            }
        }
    }

    #[test]
    fn request_ids_that_could_mean_something_elsewhere_are_not_kept() {
        assert!(is_request_id(b"Root=1-67891233-abcdef012345678912345678"));
        assert!(is_request_id(&[b'a'; REQUEST_ID_BYTES_MAX]));
        for id in [
            &b""[..],
            b"a b",
            b"a\"b",
            b"a,b",
            b"\xc3\xa4",
            b"<a>",
            &[b'a'; REQUEST_ID_BYTES_MAX + 1],
        ] {
            assert!(!is_request_id(id), "{id:?}");
        }
    }
}
