//! What is set to a name such as `API_KEY` or `password`, in files that are not read as code.

use std::ops::Range;

use crate::kinds::{Trust, is_word};
use crate::randomness::{entropy, is_placeholder, is_random};

/// What names of secrets have in them.
pub(crate) const NAMES: &[&str] = &[
    "access_key",
    "access-key",
    "accesskey",
    "account_key",
    "accountkey",
    "api-key",
    "api.key",
    "api_key",
    "apikey",
    "auth_key",
    "authkey",
    "credential",
    "encryption_key",
    "encryptionkey",
    "master_key",
    "masterkey",
    "passphrase",
    "passwd",
    "password",
    "private_key",
    "privatekey",
    "pwd",
    "secret",
    "signing_key",
    "signingkey",
    "token",
];

/// How far behind its name a value begins.
const VALUE_BYTES_WITHIN: usize = 64;
const VALUE_BYTES_MAX: usize = 256;

/// What is set to the name that stands at `hit`.
pub(crate) struct Assigned {
    pub span: Range<usize>,
    pub trust: Trust,
    pub is_password: bool,
}

/// `name = value`, `"name": "value"`, `<name>value</name>`, `name="…" value="…"`, and how else files say it.
pub(crate) fn assigned(text: &str, hit: Range<usize>, in_settings: bool) -> Option<Assigned> {
    let bytes = text.as_bytes();
    let keyword = text[hit.clone()].to_ascii_lowercase();
    let is_password = matches!(keyword.as_str(), "password" | "passwd" | "pwd" | "passphrase");
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let begin = hit.start
        - bytes[..hit.start]
            .iter()
            .rev()
            .take(64)
            .take_while(|byte| is_name(byte))
            .count();
    let end = hit.end
        + bytes[hit.end..]
            .iter()
            .take(64)
            .take_while(|byte| is_name(byte))
            .count();
    if !names_a_secret(&text[hit.end..end]) || !names_its_own(&text[begin..hit.start]) {
        return None;
    }
    let (span, quoted) = value(text, end)?;
    let found = &text[span.clone()];
    if !quoted && !in_settings || !may_be_secret(found) {
        return None;
    }
    let name = text[begin..end].to_ascii_lowercase();
    if is_word(found) || is_placeholder(found) || found.eq_ignore_ascii_case(&name) {
        return None;
    }
    let strong = is_drawn(found) || is_password && is_strong(found);
    if !(strong || is_password && has_two_classes(found) && in_settings) {
        return None;
    }
    let local = [
        "test", "example", "sample", "dummy", "demo", "mock", "fake", "public", "csrf", "xsrf", "local",
        "dev_", "dev.", "dev-",
    ]
    .iter()
    .any(|word| name.contains(word));
    let trust = if strong && in_settings && !local {
        Trust::Sure
    } else {
        Trust::Advice
    };
    Some(Assigned {
        span,
        trust,
        is_password,
    })
}

/// What may follow in the name of a secret: `_BASE64`, `_PROD`, `1`; not `_url`, `_length`, `_name`.
fn names_a_secret(tail: &str) -> bool {
    const TAILS: &[&str] = &[
        "",
        "_base64",
        "_b64",
        "_prod",
        "_production",
        "_live",
        "_staging",
        "_value",
        "_key",
        "-key",
        "key",
        "_key_base",
        "_token",
        "-token",
        "token",
        "s",
        "_secret",
        "_access_key",
        "-access-key",
        "accesskey",
        "_v1",
        "_v2",
        "_primary",
        "_secondary",
        "_string",
        "_raw",
        ".key",
        ".value",
    ];
    let lower = tail.to_ascii_lowercase();
    let plain = lower
        .trim_end_matches(|char: char| char.is_ascii_digit())
        .trim_end_matches(['_', '-']);
    TAILS.contains(&lower.as_str()) || TAILS.contains(&plain)
}

/// Names that hold no secret in spite of what is in them: `next_token`, `page-token`, `max_tokens`.
fn names_its_own(head: &str) -> bool {
    const HEADS: &[&str] = &[
        "next",
        "page",
        "pagination",
        "continuation",
        "cancel",
        "cancellation",
        "max",
        "min",
        "num",
        "pad",
        "eos",
        "bos",
        "unk",
        "sep",
        "cls",
        "mask",
        "special",
        "stop",
        "start",
        "end",
        "total",
        "prompt",
        "completion",
        "sync",
        "cursor",
        "public",
        "csrf",
        "xsrf",
        "syntax",
        "lex",
        "hash",
        "no",
        "forgot",
        "reset",
        "confirm",
        "old",
        "new",
        "current",
        "show",
        "hide",
        "design",
        "color",
        "image",
        "begin",
        "bad",
        "wrong",
        "invalid",
        "integrity",
        "checksum",
        "idempotency",
        "resume",
        "enter",
        "require",
        "use",
    ];
    let last = head
        .trim_end_matches(['_', '-', '.'])
        .rsplit(['_', '-', '.'])
        .next()
        .unwrap_or("");
    // `nextToken`: what stands before begins with a capital or is the whole.
    let word = last
        .rfind(|char: char| char.is_ascii_uppercase())
        .map_or(last, |at| if at + 1 < last.len() { &last[at..] } else { last });
    !HEADS.contains(&word.to_ascii_lowercase().as_str())
}

/// Where the value begins and ends, and whether it stands in quotes.
fn value(text: &str, from: usize) -> Option<(Range<usize>, bool)> {
    let mut end = (from + VALUE_BYTES_WITHIN).min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let line = text[from..end].split('\n').next()?;
    let mut at = 0;
    let skip = |at: &mut usize, what: fn(char) -> bool| {
        let rest = line.get(*at..).unwrap_or("");
        *at += rest.len() - rest.trim_start_matches(what).len();
    };
    // The name's own quote or bracket, then what sets it.
    skip(&mut at, |char| {
        matches!(char, '"' | '\'' | '`' | ']' | ')' | ' ' | '\t' | '\\')
    });
    let rest = line.get(at..)?;
    let sign = [
        "value=", "value =", "Value=", ":=", "=>", "->", "?=", "||", "??", "=", ":", ",", ">",
    ]
    .iter()
    .find(|sign| rest.starts_with(**sign));
    match sign {
        Some(sign) => at += sign.len(),
        // `ENV API_KEY value`, `set TOKEN value`
        None if at > 0 && line.starts_with([' ', '\t']) && before_is_setting(text, from) => {}
        None => return None,
    }
    let rest = line.get(at..)?;
    // `: &str = "…"`, `: string = "…"`
    if sign == Some(&":")
        && let Some(equals) = rest.find('=')
        && rest[..equals]
            .trim()
            .trim_start_matches('&')
            .trim_start_matches("'static ")
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b' ')
        && !rest[..equals].trim().is_empty()
    {
        at += equals + 1;
    }
    skip(&mut at, |char| matches!(char, ' ' | '\t' | '(' | '\\'));
    let begin = from + at;
    let mut end = (begin + VALUE_BYTES_MAX + 2).min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let rest = text.get(begin..end)?;
    let quote = rest.chars().next()?;
    if matches!(quote, '"' | '\'' | '`') {
        let inner = &rest[1..];
        let length = inner.find([quote, '\n'])?;
        let length = if inner[..length].ends_with('\\') {
            length - 1
        } else {
            length
        };
        let ok = length <= VALUE_BYTES_MAX && !inner[length..].starts_with('\n');
        return ok.then_some((begin + 1..begin + 1 + length, true));
    }
    let length = rest
        .find(|char: char| {
            char.is_whitespace()
                || matches!(
                    char,
                    ',' | ';' | ')' | '}' | ']' | '<' | '"' | '\'' | '`' | '&' | '|'
                )
        })
        .unwrap_or(rest.len());
    (length <= VALUE_BYTES_MAX).then_some((begin..begin + length, false))
}

/// Whether the line begins with what sets a variable.
fn before_is_setting(text: &str, at: usize) -> bool {
    let line = text[..at].rsplit('\n').next().unwrap_or("").trim_start();
    ["ENV ", "ARG ", "set ", "setx ", "export ", "--"]
        .iter()
        .any(|word| line.starts_with(word))
}

/// No sentence, no path, no call, no name of something else.
fn may_be_secret(value: &str) -> bool {
    const BYTES_MIN: usize = 6;
    value.len() >= BYTES_MIN
        && value.is_ascii()
        && !value.contains(char::is_whitespace)
        && !value.contains("://")
        && !value.contains(['(', '[', '{', '\\', '"', '\'', '`', '<', '>'])
        && !value.starts_with(['/', '.', '-', '~', ':', ',', '&', '?', '!', '*'])
        && !value.ends_with([':', '/', '.'])
        && !value.starts_with("sha256")
        && !value.starts_with("sha512")
        && !value.starts_with("$2")
        && !value.starts_with("pbkdf2")
        && !value.starts_with("pk_")
        && !value.starts_with("ssh-")
        && !value.ends_with(".json")
        && !value.ends_with(".pem")
        && !value.ends_with(".key")
        && !value.ends_with(".txt")
}

/// Drawn by lot, as keys are: long, letters and digits, no names and no numbers of versions.
fn is_drawn(value: &str) -> bool {
    const BYTES_MIN: usize = 16;
    let digits = value.bytes().filter(u8::is_ascii_digit).count();
    let letters = value.bytes().filter(u8::is_ascii_alphabetic).count();
    let is_hex = value.bytes().all(|byte| byte.is_ascii_hexdigit());
    let bits = if is_hex { 2.9 } else { 3.5 };
    let special = value.len() - digits - letters;
    value.len() >= BYTES_MIN
        && digits >= 2
        && letters >= 2
        && special * 5 <= value.len()
        && entropy(value) >= bits
        && is_random(value)
        && !is_made_of_words(value)
        && !is_uuid(value)
}

/// A number that is given to things of all sorts.
fn is_uuid(value: &str) -> bool {
    let parts: Vec<&str> = value.split('-').collect();
    parts.len() == 5 && parts.iter().map(|part| part.len()).eq([8, 4, 4, 4, 12])
}

/// `my-service-v2-config`, `MinimumPasswordLength12`: runs of letters as long as words, most of the text.
fn is_made_of_words(value: &str) -> bool {
    const WORD_BYTES_MIN: usize = 4;
    let mut in_words = 0;
    let mut run = 0;
    let mut vowels = 0;
    let mut close = |run: &mut usize, vowels: &mut usize| {
        if *run >= WORD_BYTES_MIN && *vowels * 5 >= *run {
            in_words += *run;
        }
        (*run, *vowels) = (0, 0);
    };
    let mut before = b' ';
    for byte in value.bytes() {
        let goes_on = byte.is_ascii_lowercase() || byte.is_ascii_uppercase() && before.is_ascii_uppercase();
        if !goes_on {
            close(&mut run, &mut vowels);
        }
        if byte.is_ascii_alphabetic() {
            run += 1;
            vowels += usize::from(matches!(
                byte.to_ascii_lowercase(),
                b'a' | b'e' | b'i' | b'o' | b'u'
            ));
        }
        before = byte;
    }
    close(&mut run, &mut vowels);
    in_words * 2 >= value.len()
}

fn has_two_classes(value: &str) -> bool {
    value.bytes().any(|byte| byte.is_ascii_alphabetic())
        && value
            .bytes()
            .any(|byte| !byte.is_ascii_alphabetic() && !matches!(byte, b'_' | b'-' | b'.'))
}

/// A password that nobody would take for a name.
fn is_strong(password: &str) -> bool {
    let sign = |byte: u8| byte.is_ascii_punctuation() && !matches!(byte, b'_' | b'-' | b'.');
    let kinds: [fn(&u8) -> bool; 3] = [u8::is_ascii_lowercase, u8::is_ascii_uppercase, u8::is_ascii_digit];
    let count = kinds
        .iter()
        .filter(|is| password.as_bytes().iter().any(*is))
        .count();
    password.len() >= 10
        && count + usize::from(password.bytes().any(sign)) >= 3
        && !is_weak(password)
        && !is_made_of_words(password)
}

/// A password that says little of being one: a word, or one with a number.
pub(crate) fn is_weak(password: &str) -> bool {
    let classes = [
        password.bytes().any(|byte| byte.is_ascii_lowercase()),
        password.bytes().any(|byte| byte.is_ascii_uppercase()),
        password.bytes().any(|byte| byte.is_ascii_digit()),
        password.bytes().any(|byte| byte.is_ascii_punctuation()),
    ];
    let count = classes.iter().filter(|class| **class).count();
    password.len() < 8
        || count < 2
        || count == 2 && password.len() < 12 && is_made_of_words(password)
        || entropy(password) < 2.5
}
