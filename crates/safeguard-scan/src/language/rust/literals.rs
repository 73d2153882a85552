//! What the texts of Rust say.

/// The value of a text literal as it is written, quotes included, and whether it is one of bytes.
pub(super) fn value(written: &str) -> (String, bool) {
    let bytes = written.starts_with('b');
    let plain = written.trim_start_matches(['b', 'c']);
    if let Some(raw) = plain.strip_prefix('r') {
        let inside = raw.trim_matches('#');
        let inside = inside.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        return (inside.unwrap_or("").to_owned(), bytes);
    }
    let inside = plain.get(1..plain.len().saturating_sub(1)).unwrap_or("");
    (escaped(inside), bytes)
}

fn escaped(inside: &str) -> String {
    let mut value = String::with_capacity(inside.len());
    let mut rest = inside;
    while let Some(at) = rest.find('\\') {
        value.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let Some(first) = after.chars().next() else {
            break;
        };
        let mut length = first.len_utf8();
        match first {
            'n' => value.push('\n'),
            't' => value.push('\t'),
            'r' => value.push('\r'),
            '0' => value.push('\0'),
            // The line goes on, without the indentation of the next.
            '\n' | '\r' => length = after.len() - after.trim_start().len(),
            'x' => {
                let code = after.get(1..3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
                if let Some(code) = code {
                    value.push(char::from(code));
                    length += 2;
                }
            }
            'u' => {
                let hex = after.get(2..).and_then(|rest| rest.split_once('}'));
                if let Some((hex, _)) = hex.filter(|_| after.starts_with("u{")) {
                    let code = u32::from_str_radix(&hex.replace('_', ""), 16).ok();
                    value.extend(code.and_then(char::from_u32));
                    length += hex.len() + 2;
                }
            }
            other => value.push(other),
        }
        rest = &after[length..];
    }
    value.push_str(rest);
    value
}
