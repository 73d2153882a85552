//! Regular expressions as Go reads them (RE2), for the engine here: both take time in proportion to the text, and differ in some signs.

use regex::{Regex, RegexBuilder};

const EXPRESSION_BYTES_MAX: usize = 64 << 10;
const COMPILED_BYTES_MAX: usize = 16 << 20;

pub(super) fn compile(text: &str) -> Result<Regex, String> {
    if text.len() > EXPRESSION_BYTES_MAX {
        return Err(format!(
            "a regular expression has {} bytes (limit {EXPRESSION_BYTES_MAX})",
            text.len()
        ));
    }
    RegexBuilder::new(&translated(text))
        .size_limit(COMPILED_BYTES_MAX)
        .build()
        .map_err(|error| {
            let reason = error.to_string();
            let last = reason
                .lines()
                .last()
                .unwrap_or("")
                .trim_start_matches("error: ")
                .to_owned();
            format!("the regular expression `{text}` is not understood: {last}")
        })
}

/// In Go, `\d`, `\w`, `\s` and `\b` are about ASCII, a brace that repeats nothing is a brace, and `[`, `&` and `~` in a class are themselves.
fn translated(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut in_class = false;
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        let after = &rest[char.len_utf8()..];
        rest = match char {
            '\\' => escape(after, in_class, &mut out),
            '[' if !in_class => {
                in_class = true;
                out.push('[');
                // A bracket that closes nothing is in the class.
                let negated = after.strip_prefix('^');
                out.push_str(if negated.is_some() { "^" } else { "" });
                let after = negated.unwrap_or(after);
                match after.strip_prefix(']') {
                    Some(after) => {
                        out.push_str(r"\]");
                        after
                    }
                    None => after,
                }
            }
            '[' if after.starts_with(':') && after.contains(":]") => {
                let end = after.find(":]").map_or(0, |at| at + 2);
                out.push('[');
                out.push_str(&after[..end]);
                &after[end..]
            }
            '[' | '&' | '~' if in_class => {
                out.push('\\');
                out.push(char);
                after
            }
            ']' if in_class => {
                in_class = false;
                out.push(']');
                after
            }
            '{' if !in_class && !is_repetition(after) => {
                out.push_str(r"\{");
                after
            }
            other => {
                out.push(other);
                after
            }
        };
    }
    out
}

/// `{3}`, `{3,}`, `{3,5}` behind the brace.
fn is_repetition(after: &str) -> bool {
    let Some((inner, _)) = after.split_once('}') else {
        return false;
    };
    let (least, most) = inner.split_once(',').unwrap_or((inner, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    !least.is_empty() && digits(least) && digits(most)
}

/// What stands behind a backslash; the rest of the text.
fn escape<'t>(after: &'t str, in_class: bool, out: &mut String) -> &'t str {
    let Some(char) = after.chars().next() else {
        out.push('\\');
        return after;
    };
    let rest = &after[char.len_utf8()..];
    let set = match char {
        'd' | 'D' => "0-9",
        'w' | 'W' => "0-9A-Za-z_",
        's' | 'S' => r"\t\n\f\r ",
        'b' | 'B' if !in_class => {
            out.push_str(&format!(r"(?-u:\{char})"));
            return rest;
        }
        'Q' if !in_class => {
            let (plain, rest) = rest.split_once(r"\E").unwrap_or((rest, ""));
            out.push_str(&regex::escape(plain));
            return rest;
        }
        '<' | '>' => {
            out.push(char);
            return rest;
        }
        other => {
            out.push('\\');
            out.push(other);
            return rest;
        }
    };
    match (char.is_ascii_uppercase(), in_class) {
        (false, true) => out.push_str(set),
        (false, false) => out.push_str(&format!("[{set}]")),
        (true, _) => out.push_str(&format!("[^{set}]")),
    }
    rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_mean_what_they_mean_in_go() {
        for (expression, fits, does_not) in [
            (r"[^[]x", "ax", "[x"),
            (r"a[&&]b", "a&b", "ab"),
            (r"\w+\b", "a_1", "é"),
            (r"[\w-]{3}", "a-b", "a b"),
            (r"[\W]", "-", "a"),
            (r"\{\{x{{", "{{x{{", "x"),
            (r"${x}", "", "{"),
            (r"\Qa.b\E+", "a.b", "axb"),
            (r"\<b\>", "<b>", "b"),
            (r"[]a]+", "]a", "b"),
            (r"(?i)key[[:space:]]{0,2}=", "KEY  =", "KEY   ="),
            (r"x{2,}", "xx", "x"),
        ] {
            if fits.is_empty() {
                continue;
            }
            let regex = compile(expression).unwrap_or_else(|error| panic!("{expression}: {error}"));
            assert!(regex.is_match(fits), "{expression}: {fits}");
            assert!(!regex.is_match(does_not), "{expression}: {does_not}");
        }
        for expression in [r"(?=x)", r"(a", r"\1", r"(?:x{1000}){1000}"] {
            assert!(compile(expression).is_err(), "{expression}");
        }
    }
}
