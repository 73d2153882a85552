//! Bytes that should be UTF-8 text, and what they look like when they are not.

use crate::unreadable::{Place, Unreadable};

/// Beginnings of files that somebody may send by mistake.
const OTHER_FILES: &[(&[u8], &str, &str)] = &[
    (
        b"\x1f\x8b",
        "gzip",
        "send it unpacked: `gzip -dc report.gz > report`",
    ),
    (
        b"PK\x03\x04",
        "a zip archive",
        "send the report that is in it: `unzip -p archive.zip report`",
    ),
    (
        b"\x28\xb5\x2f\xfd",
        "zstd",
        "send it unpacked: `zstd -dc report.zst > report`",
    ),
    (
        b"BZh",
        "bzip2",
        "send it unpacked: `bzip2 -dc report.bz2 > report`",
    ),
    (
        b"\xfd7zXZ\x00",
        "xz",
        "send it unpacked: `xz -dc report.xz > report`",
    ),
    (
        b"%PDF-",
        "a PDF",
        "send the report that the tool writes for machines",
    ),
    (b"\xff\xfe", "UTF-16", UTF_16_HINT),
    (b"\xfe\xff", "UTF-16", UTF_16_HINT),
];
const UTF_16_HINT: &str = "convert it: `iconv -f UTF-16 -t UTF-8`";

/// The text without its byte order mark.
pub(super) fn text(bytes: &[u8]) -> Result<&str, Unreadable> {
    if let Some((_, name, hint)) = OTHER_FILES.iter().find(|(magic, _, _)| bytes.starts_with(magic)) {
        return Err(Unreadable::new(
            Place::Whole,
            format!("this looks like {name}, not text"),
            *hint,
        ));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    if let Some(at) = memchr::memchr(0, bytes) {
        let looks = match at {
            0 | 1 => "a NUL byte at its beginning: it looks like UTF-16 without a mark",
            _ => "a NUL byte: it looks like a binary file",
        };
        return Err(Unreadable::new(place(bytes, at), looks, UTF_16_HINT));
    }
    match std::str::from_utf8(bytes) {
        Ok("") => Err(Unreadable::new(
            Place::Whole,
            "it is empty",
            "look whether the tool ran",
        )),
        Ok(text) => Ok(text),
        Err(error) => {
            let at = error.valid_up_to();
            let what = match error.error_len() {
                Some(_) => format!("byte 0x{:02x} is not UTF-8: it looks like latin-1", bytes[at]),
                None => "it ends within a character".to_owned(),
            };
            Err(Unreadable::new(
                place(bytes, at),
                what,
                "convert it: `iconv -f latin1 -t UTF-8`",
            ))
        }
    }
}

/// Line and column of a byte.
pub(super) fn place(bytes: &[u8], at: usize) -> Place {
    let before = &bytes[..at.min(bytes.len())];
    let line_start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
    Place::Column {
        line: memchr::memchr_iter(b'\n', before).count() + 1,
        column: String::from_utf8_lossy(&before[line_start..]).chars().count() + 1,
    }
}
