//! The lock files of yarn and pnpm: keys that are indented, in the part of YAML that these tools write, and in yarn's own form before it.
//!
//! A general reader of YAML would expand what these files never have (anchors, tags), and would not tell where a key stands.

use std::ops::Range;

use super::ReadError;

const DEPTH_MAX: usize = 32;

/// A line with the keys that it lies under; the last is its own.
#[derive(Debug)]
pub(super) struct Entry<'t> {
    pub path: Vec<&'t str>,
    /// Without its quotes; empty where lines below belong to the key.
    pub value: &'t str,
    /// Where the key stands.
    pub span: Range<usize>,
}

/// Every line that has a key; a list's element has the key `-`.
pub(super) fn entries(text: &str) -> Result<Vec<Entry<'_>>, ReadError> {
    let mut found: Vec<Entry<'_>> = Vec::new();
    let mut open: Vec<(usize, &str)> = Vec::new();
    // The indentation of a key whose text goes on below it, and is no list of keys.
    let mut folded: Option<usize> = None;
    let mut asked: Option<(usize, &str, Range<usize>)> = None;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let begin = at;
        at += line.len();
        let body = line.trim_end();
        let content = body.trim_start_matches(' ');
        let indent = body.len() - content.len();
        if content.is_empty() || content.starts_with('#') || content == "---" {
            continue;
        }
        if content.starts_with('\t') {
            return Err(ReadError::Syntax("a line is indented with a tab".to_owned()));
        }
        if folded.is_some_and(|of| indent > of) {
            continue;
        }
        folded = None;
        let start = begin + indent;
        let (indent, key, value, span) = if let Some(long) = content.strip_prefix("? ") {
            let key = unquoted(long);
            asked = Some((indent, key, start + 2..start + content.len()));
            continue;
        } else if let (Some((of, key, span)), Some(value)) = (asked.take(), content.strip_prefix(':')) {
            (of, key, value.trim(), span)
        } else if content == "-" || content.starts_with("- ") {
            // Elements belong to the key above, which may be indented as they are.
            (indent + 1, "-", content[1..].trim(), start..start + content.len())
        } else {
            match split(content) {
                Some((key, value)) => (indent, unquoted(key), value, start..start + key.len()),
                // The rest of a text that was begun on the line before.
                None if found.last().is_some_and(|last| !last.value.is_empty()) => continue,
                None => {
                    let line = text[..begin].matches('\n').count() + 1;
                    return Err(ReadError::Syntax(format!("line {line} has no key")));
                }
            }
        };
        while open.last().is_some_and(|(outer, _)| *outer >= indent) {
            open.pop();
        }
        if open.len() == DEPTH_MAX {
            return Err(ReadError::Syntax(format!(
                "keys are nested deeper than {DEPTH_MAX}"
            )));
        }
        open.push((indent, key));
        if matches!(value, "|" | ">" | "|-" | ">-" | "|+" | ">+") {
            folded = Some(indent);
        }
        found.push(Entry {
            path: open.iter().map(|(_, key)| *key).collect(),
            value: unquoted(value),
            span,
        });
    }
    Ok(found)
}

/// Key and value: `key: value`, `key:`, and yarn's `key "value"`.
fn split(content: &str) -> Option<(&str, &str)> {
    let mut quote = None;
    let mut previous = ' ';
    let mut space = None;
    for (at, char) in content.char_indices() {
        match quote {
            Some(open) if char == open && previous != '\\' => quote = None,
            Some(_) => {}
            None if matches!(char, '"' | '\'') && (at == 0 || previous == ' ') => quote = Some(char),
            None if char == ':' && matches!(content[at + 1..].chars().next(), None | Some(' ')) => {
                return Some((&content[..at], content[at + 1..].trim()));
            }
            None if char == ' ' && space.is_none() => space = Some(at),
            None => {}
        }
        previous = char;
    }
    let at = space?;
    Some((&content[..at], content[at..].trim()))
}

pub(super) fn unquoted(text: &str) -> &str {
    let text = text.trim();
    ['"', '\'']
        .into_iter()
        .find_map(|quote| text.strip_prefix(quote)?.strip_suffix(quote))
        .unwrap_or(text)
}

/// A value of `{key: value, key: value}`.
pub(super) fn in_braces<'t>(value: &'t str, key: &str) -> Option<&'t str> {
    let inner = value.strip_prefix('{')?.strip_suffix('}')?;
    inner.split(',').find_map(|pair| {
        let (name, value) = pair.split_once(':')?;
        (unquoted(name) == key).then(|| unquoted(value))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<String> {
        let all = entries(text).expect("it is read");
        all.iter()
            .map(|entry| format!("{} = {}", entry.path.join(" / "), entry.value))
            .collect()
    }

    #[test]
    fn keys_lists_and_long_texts_are_told_apart() {
        let text = "a:\n  'b@1: c':\n    d: {e: f, 'g': \"h\"}\n    old: >-\n      some: text\n  list:\n  - x\n  - y\n? \"long\"\n: version: 2\nk \"v w\"\n";
        assert_eq!(
            shown(text),
            [
                "a = ",
                "a / b@1: c = ",
                "a / b@1: c / d = {e: f, 'g': \"h\"}",
                "a / b@1: c / old = >-",
                "a / list = ",
                "a / list / - = x",
                "a / list / - = y",
                "long = version: 2",
                "k = v w",
            ]
        );
        assert_eq!(in_braces("{e: f, 'g': \"h\"}", "g"), Some("h"));
    }

    #[test]
    fn what_is_nested_without_end_is_refused() {
        let text: String = (0..100)
            .map(|depth| format!("{}k:\n", " ".repeat(depth)))
            .collect();
        assert!(entries(&text).is_err());
    }
}
