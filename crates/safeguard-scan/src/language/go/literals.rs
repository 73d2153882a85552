//! What Go's string literals mean, and what a package is called by the path it is imported by.

use std::borrow::Cow;

/// A raw string's value: as written, but for carriage returns, which Go leaves out.
pub(super) fn raw(inside: &str) -> Cow<'_, str> {
    if inside.contains('\r') {
        Cow::Owned(inside.replace('\r', ""))
    } else {
        Cow::Borrowed(inside)
    }
}

/// An interpreted string's value. Bytes that are no UTF-8 become U+FFFD; an escape that Go does not know stays as written.
pub(super) fn interpreted(inside: &str) -> Cow<'_, str> {
    if !inside.contains('\\') {
        return Cow::Borrowed(inside);
    }
    let mut value = Vec::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(at) = rest.find('\\') {
        value.extend_from_slice(&rest.as_bytes()[..at]);
        rest = &rest[at..];
        let length = escape(rest, &mut value);
        rest = &rest[length..];
    }
    value.extend_from_slice(rest.as_bytes());
    Cow::Owned(String::from_utf8_lossy(&value).into_owned())
}

/// Decodes the escape that `text` begins with and returns its length.
fn escape(text: &str, value: &mut Vec<u8>) -> usize {
    let byte = match text.as_bytes().get(1) {
        Some(b'a') => 0x07,
        Some(b'b') => 0x08,
        Some(b'f') => 0x0c,
        Some(b'n') => b'\n',
        Some(b'r') => b'\r',
        Some(b't') => b'\t',
        Some(b'v') => 0x0b,
        Some(b'\\') => b'\\',
        Some(b'"') => b'"',
        Some(b'\'') => b'\'',
        Some(b'x') => return number(text, 2..4, 16, value),
        Some(b'u') => return number(text, 2..6, 16, value),
        Some(b'U') => return number(text, 2..10, 16, value),
        Some(b'0'..=b'7') => return number(text, 1..4, 8, value),
        Some(_) | None => return keep(value),
    };
    value.push(byte);
    2
}

fn number(text: &str, digits: std::ops::Range<usize>, radix: u32, value: &mut Vec<u8>) -> usize {
    let end = digits.end;
    // Two hexadecimal or three octal digits are a byte, more are a character.
    let is_byte = end <= 4;
    let Some(number) = text
        .get(digits)
        .and_then(|digits| u32::from_str_radix(digits, radix).ok())
    else {
        return keep(value);
    };
    if is_byte {
        value.push(number as u8);
    } else {
        let character = char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER);
        value.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    }
    end
}

fn keep(value: &mut Vec<u8>) -> usize {
    value.push(b'\\');
    1
}

/// What a package is most likely called, by its path: the last part that is not a version, without `go-` before and without what is no name after it
/// (`gopkg.in/yaml.v3` is `yaml`, `github.com/redis/go-redis/v9` is `redis`).
pub(super) fn package_of(path: &str) -> &str {
    let mut parts = path.rsplit('/');
    let mut last = parts.next().unwrap_or("");
    if is_version(last)
        && let Some(before) = parts.next()
    {
        last = before;
    }
    let name = last.strip_prefix("go-").unwrap_or(last);
    let end = name.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
    &name[..end.unwrap_or(name.len())]
}

fn is_version(part: &str) -> bool {
    part.strip_prefix('v')
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}
