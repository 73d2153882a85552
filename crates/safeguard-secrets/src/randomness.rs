//! What was drawn by lot, and what only stands for it.

/// Shannon's entropy of the bytes, in bits for each.
pub fn entropy(text: &str) -> f64 {
    let mut counts = [0_u32; 256];
    for byte in text.bytes() {
        counts[usize::from(byte)] += 1;
    }
    let length = text.len() as f64;
    counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| f64::from(*count) / length)
        .map(|share| -share * share.log2())
        .sum()
}

/// Whether a text may have been drawn by lot: many different characters for its length, no rows such as `abcdef` and no parts that come again.
pub fn is_random(text: &str) -> bool {
    const SHARE_IN_ROWS_MAX: usize = 3;
    let bytes = text.as_bytes();
    if bytes.len() < 8 {
        return false;
    }
    // Half of what so many characters can have at most; digits of a base of 16 have 4 bits at most.
    let most = (bytes.len() as f64).log2().min(4.0);
    let in_rows = bytes
        .windows(2)
        .filter(|pair| {
            pair[1] == pair[0] || pair[1] == pair[0].wrapping_add(1) || pair[0] == pair[1].wrapping_add(1)
        })
        .count();
    entropy(text) >= most * 0.66 && in_rows * SHARE_IN_ROWS_MAX < bytes.len() && !repeats(bytes)
}

/// Whether the second half is the first one again: `abc123abc123`.
fn repeats(bytes: &[u8]) -> bool {
    (2..=bytes.len() / 2).any(|length| {
        bytes
            .chunks(length)
            .all(|part| bytes.starts_with(part) || part.is_empty())
    })
}

/// Texts in what stands for a secret that somebody is to fill in.
const PARTS: &[&str] = &[
    "...",
    "***",
    "<",
    "${",
    "$(",
    "{{",
    "%(",
    "_here",
    "-here",
    "xxxx",
    "abcdef",
    "123456789",
    "987654321",
    "changeit",
    "change_it",
    "changeme",
    "change_me",
    "change-me",
    "dummy",
    "example",
    "fake",
    "fixme",
    "foobar",
    "insert",
    "invalid",
    "lorem",
    "mock",
    "notreal",
    "not-real",
    "not_real",
    "placeholder",
    "redacted",
    "replace",
    "sample",
    "setme",
    "set-me",
    "set_me",
    "your",
    "removed",
    "secretsmanager",
    "vault:",
    "ssm:",
    "op://",
    "arn:aws",
    "env:",
    "env(",
    "env.",
    "getenv",
    "process.env",
    "os.environ",
    "deadbeef",
    "cafebabe",
    "todo",
    "n/a",
];

/// Whether a text stands for a secret: to be filled in, looked up elsewhere, left out or made up.
pub fn is_placeholder(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    PARTS.iter().any(|part| lower.contains(part))
        || lower.starts_with(['$', '%', '{', '[', '#', '@'])
        || lower.bytes().all(|byte| !byte.is_ascii_alphanumeric())
        || lower
            .as_bytes()
            .windows(5)
            .any(|five| five.iter().all(|byte| *byte == five[0]))
}

/// CRC-32 (ISO-HDLC), which issuers put at a token's end.
pub fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ if crc & 1 == 1 { 0xedb8_8320 } else { 0 };
        }
    }
    !crc
}

/// A number in the digits `0-9A-Za-z`, six of them.
pub fn base62(mut number: u32) -> String {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(number % 62) as usize];
        number /= 62;
    }
    digits.iter().map(|digit| char::from(*digit)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_standard() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        assert_eq!(base62(0), "000000");
        assert_eq!(base62(61 + 62), "00001z");
        assert_eq!(base62(u32::MAX), "4gfFC3");
    }

    #[test]
    fn what_was_drawn_by_lot_is_told_from_what_was_typed() {
        for text in [
            "9fK2xQ7vLm3RtZ8b",
            "5c1f0e9a7b3d4c28",
            "Zq8-uT_3vWn5xK1p",
            "c2VjcmV0LXZhbHVlLTE5",
        ] {
            assert!(is_random(text), "{text}");
        }
        for text in [
            "abcdefghijklmnop",
            "0000000000000000",
            "1234567890123456",
            "abababababababab",
            "aaaaaaaabbbbbbbb",
            "short",
        ] {
            assert!(!is_random(text), "{text}");
        }
    }

    #[test]
    fn what_stands_for_a_secret_is_known() {
        for text in [
            "<token>",
            "${TOKEN}",
            "xxxxxxxxxxxx",
            "your-api-key",
            "changeme",
            "$TOKEN",
            "************",
            "aaaaaaaaaa",
        ] {
            assert!(is_placeholder(text), "{text}");
        }
        assert!(!is_placeholder("9fK2xQ7vLm3RtZ8b"));
    }
}
