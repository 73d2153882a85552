//! Messages of PostgreSQL's protocol, as bytes: heads, bodies, and the few that the proxy writes itself.

/// The tag and the length, which counts itself but not the tag.
pub const HEAD_BYTES: usize = 5;
/// A longer message is no message.
const MESSAGE_BYTES_MAX: usize = 0x3fff_ffff;

/// What the first bytes of a message say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Head {
    pub tag: u8,
    /// The length of the body, without the head.
    pub body: usize,
}

/// A length that no message has.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message says that it is {0} bytes long")]
pub struct BadLength(u32);

impl Head {
    /// Reads a head; none when there are too few bytes.
    pub fn read(bytes: &[u8]) -> Result<Option<Head>, BadLength> {
        let Some(&[tag, a, b, c, d]) = bytes.first_chunk::<HEAD_BYTES>() else {
            return Ok(None);
        };
        let length = u32::from_be_bytes([a, b, c, d]);
        match usize::try_from(length) {
            Ok(length @ 4..=MESSAGE_BYTES_MAX) => Ok(Some(Head {
                tag,
                body: length - 4,
            })),
            _ => Err(BadLength(length)),
        }
    }

    /// Head and body.
    pub fn whole(self) -> usize {
        HEAD_BYTES + self.body
    }
}

/// Takes a text that ends with a zero byte off the front.
pub fn take_text<'b>(bytes: &mut &'b [u8]) -> Option<&'b [u8]> {
    let end = memchr::memchr(0, bytes)?;
    let (text, rest) = bytes.split_at(end);
    *bytes = rest.get(1..)?;
    Some(text)
}

pub fn take<'b, const N: usize>(bytes: &mut &'b [u8]) -> Option<&'b [u8; N]> {
    let (first, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(first)
}

pub fn take_u32(bytes: &mut &[u8]) -> Option<u32> {
    take::<4>(bytes).map(|four| u32::from_be_bytes(*four))
}

/// The columns of a row; a missing one is NULL. None when the message is not a row.
pub fn columns(mut body: &[u8]) -> Option<Vec<Option<&[u8]>>> {
    let count = u16::from_be_bytes(*take::<2>(&mut body)?);
    let mut columns = Vec::new();
    for _ in 0..count {
        let length = i32::from_be_bytes(*take::<4>(&mut body)?);
        columns.push(match usize::try_from(length) {
            Err(_) => None,
            Ok(length) => {
                let (value, rest) = body.split_at_checked(length)?;
                body = rest;
                Some(value)
            }
        });
    }
    Some(columns)
}

/// A field of an error or a notice, such as `C`, its SQLSTATE.
pub fn error_field(mut body: &[u8], field: u8) -> Option<&[u8]> {
    loop {
        let (&kind, rest) = body.split_first()?;
        if kind == 0 {
            return None;
        }
        body = rest;
        let value = take_text(&mut body)?;
        if kind == field {
            return Some(value);
        }
    }
}

/// Writes a message; its length is put in afterwards.
pub fn message(out: &mut Vec<u8>, tag: u8, body: impl FnOnce(&mut Vec<u8>)) {
    out.push(tag);
    let at = out.len();
    out.extend_from_slice(&[0; 4]);
    body(out);
    let length = u32::try_from(out.len() - at).unwrap_or(u32::MAX).to_be_bytes();
    if let Some(place) = out.get_mut(at..at + 4) {
        place.copy_from_slice(&length);
    }
}

/// Writes a text and the zero byte after it; what is in the text from a zero byte on is left out.
pub fn text(out: &mut Vec<u8>, text: &[u8]) {
    let end = memchr::memchr(0, text).unwrap_or(text.len());
    out.extend_from_slice(text.get(..end).unwrap_or(text));
    out.push(0);
}

pub fn query(out: &mut Vec<u8>, sql: &str) {
    message(out, b'Q', |out| text(out, sql.as_bytes()));
}

pub fn parse(out: &mut Vec<u8>, name: &[u8], sql: &str) {
    parse_with(out, name, sql, &[0; 2]);
}

/// With the types of its parameters, and their number before them.
pub fn parse_with(out: &mut Vec<u8>, name: &[u8], sql: &str, types: &[u8]) {
    message(out, b'P', |out| {
        text(out, name);
        text(out, sql.as_bytes());
        out.extend_from_slice(types);
    });
}

/// Binds a statement without parameters; every column comes as text.
pub fn bind(out: &mut Vec<u8>, portal: &[u8], statement: &[u8]) {
    bind_with(out, portal, statement, &[0; 4]);
}

/// With the values of its parameters, and their formats before them.
pub fn bind_with(out: &mut Vec<u8>, portal: &[u8], statement: &[u8], values: &[u8]) {
    message(out, b'B', |out| {
        text(out, portal);
        text(out, statement);
        out.extend_from_slice(values);
        out.extend_from_slice(&[0; 2]);
    });
}

/// Runs a portal to its end.
pub fn execute(out: &mut Vec<u8>, portal: &[u8]) {
    message(out, b'E', |out| {
        text(out, portal);
        out.extend_from_slice(&[0; 4]);
    });
}

/// Has the server say what a statement asks for and returns.
pub fn describe(out: &mut Vec<u8>, statement: &[u8]) {
    message(out, b'D', |out| {
        out.push(b'S');
        text(out, statement);
    });
}

/// Closes a statement (`S`) or a portal (`P`).
pub fn close(out: &mut Vec<u8>, kind: u8, name: &[u8]) {
    message(out, b'C', |out| {
        out.push(kind);
        text(out, name);
    });
}

/// Ends a COPY with an error, for which there is a reason.
pub fn copy_fail(out: &mut Vec<u8>, reason: &str) {
    message(out, b'f', |out| text(out, reason.as_bytes()));
}

pub fn empty(out: &mut Vec<u8>, tag: u8) {
    message(out, tag, |_| ());
}

pub fn ready(out: &mut Vec<u8>, status: u8) {
    message(out, b'Z', |out| out.push(status));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut out = Vec::new();
        bind(&mut out, b"p", b"s");
        let head = Head::read(&out).unwrap().unwrap();
        assert_eq!((head.tag, head.whole()), (b'B', out.len()));
        let mut body = &out[HEAD_BYTES..];
        assert_eq!(take_text(&mut body), Some(&b"p"[..]));
        assert_eq!(take_text(&mut body), Some(&b"s"[..]));
        assert_eq!(body, [0; 6]);
    }

    #[test]
    fn a_length_that_is_none_is_refused() {
        assert_eq!(Head::read(b"Q\0\0\0\x03"), Err(BadLength(3)));
        assert_eq!(Head::read(b"Q\xff\xff\xff\xff"), Err(BadLength(u32::MAX)));
        assert_eq!(Head::read(b"Q\0\0\0"), Ok(None));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_comes_is_read_or_not(bytes in proptest::collection::vec(any::<u8>(), 0..200), field in any::<u8>()) {
            drop(Head::read(&bytes));
            drop(columns(&bytes));
            prop_assert!(error_field(&bytes, field).is_none_or(|value| value.len() < bytes.len()));
            let mut rest = bytes.as_slice();
            while take_text(&mut rest).is_some() {}
            prop_assert!(rest.len() <= bytes.len());
        }
    }
}
