//! What the texts of Java say.

/// The value of a text in quotes, written as it stands between them.
pub(super) fn escaped(inside: &str) -> String {
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
            'b' => value.push('\u{8}'),
            'f' => value.push('\u{c}'),
            's' => value.push(' '),
            // At the end of a line of a text block: the line goes on.
            '\n' => {}
            'u' => {
                let digits = after.trim_start_matches('u');
                length = after.len() - digits.len();
                let code = digits.get(..4).and_then(|hex| u32::from_str_radix(hex, 16).ok());
                if let Some(code) = code {
                    length += 4;
                    // Half of a pair, which no text of ours can hold.
                    value.push(char::from_u32(code).unwrap_or('\u{fffd}'));
                }
            }
            '0'..='7' => {
                let digits: String = after
                    .chars()
                    .take(3)
                    .take_while(|digit| ('0'..='7').contains(digit))
                    .collect();
                length = digits.len();
                let code = u32::from_str_radix(&digits, 8).ok().and_then(char::from_u32);
                value.extend(code);
            }
            other => value.push(other),
        }
        rest = &after[length..];
    }
    value.push_str(rest);
    value
}

/// The value of a text block, written as it stands between its quotes: without the indentation that all of its lines have.
pub(super) fn block(inside: &str) -> String {
    let body = inside
        .split_once('\n')
        .map_or(inside, |(_, body)| body)
        .replace('\r', "");
    let lines: Vec<&str> = body.split('\n').collect();
    let last = lines.len().saturating_sub(1);
    let indentation = lines
        .iter()
        .enumerate()
        .filter(|(at, line)| !line.trim().is_empty() || *at == last)
        .map(|(_, line)| line.len() - line.trim_start().len())
        .min()
        .unwrap_or(0);
    let stripped: Vec<&str> = lines
        .iter()
        .map(|line| line.get(indentation..).unwrap_or("").trim_end())
        .collect();
    escaped(&stripped.join("\n"))
}
