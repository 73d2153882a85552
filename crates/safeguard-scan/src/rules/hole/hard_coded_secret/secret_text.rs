//! Which texts may be secrets, and which only stand for one.

use crate::analysis::words::{is_password, words};

/// Whether letters and digits look drawn by lot: many different ones, no runs.
pub(super) fn is_random(text: &str) -> bool {
    let mut seen: Vec<char> = text.chars().collect();
    let length = seen.len();
    seen.sort_unstable();
    seen.dedup();
    let ascending = text
        .as_bytes()
        .windows(2)
        .filter(|pair| pair[1] == pair[0].wrapping_add(1))
        .count();
    seen.len() * 3 >= length.min(30) && ascending * 2 < length.max(1)
}

/// The user of `scheme://user:password@host`.
pub(super) fn password_in_address(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once("://")?;
    if text.contains(char::is_whitespace)
        || !scheme
            .chars()
            .all(|char| char.is_ascii_alphanumeric() || char == '+')
    {
        return None;
    }
    let authority = rest.split(['/', '?']).next()?;
    let (user, _host) = authority.rsplit_once('@')?;
    let (name, password) = user.split_once(':')?;
    let open = password.is_empty()
        || password.contains(['{', '<', '$', '%', '*', '['])
        || is_placeholder(password)
        || password.eq_ignore_ascii_case(name);
    (!open).then_some(if name.is_empty() { scheme } else { name })
}

pub(super) fn is_local_address(text: &str) -> bool {
    [
        "@localhost",
        "@127.0.0.1",
        "@db:",
        "@postgres:",
        "@redis:",
        "@mysql:",
        "@mongo:",
        "@host",
        "@rabbitmq",
        "@example",
        ".example",
        "@0.0.0.0",
        "@db/",
        "@postgres/",
    ]
    .iter()
    .any(|host| text.contains(host))
}

/// What stands for a secret that somebody is to fill in.
pub(in crate::rules::hole) fn is_placeholder(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    const PARTS: &[&str] = &[
        "your",
        "change",
        "example",
        "placeholder",
        "xxx",
        "todo",
        "dummy",
        "fake",
        "sample",
        "replace",
        "insert",
        "<",
        "${",
        "{{",
        "redacted",
        "***",
        "...",
        "not-a-real",
        "_here",
        "-here",
        "notreal",
        "mock",
        "fixme",
        "enter",
        "undefined",
        "none",
        "null",
        "env(",
        "vault:",
        "secretsmanager",
        "arn:",
        "%(",
    ];
    const WHOLE: &[&str] = &[
        "password",
        "passwd",
        "pass",
        "secret",
        "token",
        "test",
        "testing",
        "user",
        "guest",
        "pwd",
        "key",
        "foo",
        "bar",
        "baz",
        "abc",
        "string",
        "str",
        "empty",
        "unknown",
        "mypassword",
        "hidden",
        "apikey",
        "api_key",
    ];
    PARTS.iter().any(|part| lower.contains(part)) || WHOLE.contains(&lower.as_str())
}

/// Whether a text may well be a secret of this name: no sentence, no path, no name of something else.
pub(super) fn may_be_secret(name: &str, text: &str) -> bool {
    let length = text.chars().count();
    if !(4..=200).contains(&length)
        || text.contains(char::is_whitespace)
        || text.starts_with(['/', '.', '$', '#', '@', '{', '<', '%', ':', '-', '&', '?'])
        || text.contains("://")
        || text.ends_with([':', '=', '/', '{'])
        || !text.is_ascii()
        || text.contains(['\\', '(', ')', '[', '|', '"'])
        || is_placeholder(text)
    {
        return false;
    }
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let letters = text.bytes().filter(u8::is_ascii_alphabetic).count();
    let has_upper = text.bytes().any(|byte| byte.is_ascii_uppercase());
    let has_lower = text.bytes().any(|byte| byte.is_ascii_lowercase());
    let special = text
        .bytes()
        .filter(|byte| {
            matches!(
                byte,
                b'!' | b'@' | b'#' | b'$' | b'%' | b'^' | b'&' | b'*' | b'+' | b'?' | b'~'
            )
        })
        .count();
    // `X-API-Key`, `access_token`, `user.password`, `APIKEY`: names.
    let named = words(text)
        .iter()
        .all(|word| word.bytes().all(|byte| byte.is_ascii_lowercase()) && word.len() > 1)
        && special == 0;
    // `password_too_short_8`, `form.errors.password`
    let parts = words(text);
    if parts.len() > 2
        && special == 0
        && text.contains(['_', '-', '.'])
        && parts.iter().all(|word| {
            word.bytes().all(|byte| byte.is_ascii_lowercase())
                || word.bytes().all(|byte| byte.is_ascii_digit())
        })
    {
        return false;
    }
    // `allauth.account.forms.ChangePasswordForm`
    let dotted = text.split('.').count() > 2
        && text
            .split('.')
            .all(|part| part.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_'));
    if dotted {
        return false;
    }
    if is_password(name) {
        // `hunter2`, `Passw0rd!`, `SuperSecret`; a word alone is more often a name of something.
        return letters > 0 && (digits > 0 || special > 0) && !(named && digits == 0);
    }
    if named && digits == 0 {
        return false;
    }
    length >= 12 && letters > 0 && digits >= 2 && is_random(text) && (has_lower || has_upper)
}

pub(super) fn is_plain_key(text: &str) -> bool {
    !text.starts_with('/')
        && !text.contains("://")
        && text.len() >= 2
        && !text.ends_with(".pem")
        && !text.ends_with(".key")
        && !text.contains("_KEY")
        && !text.contains("_SECRET")
        && text != "secret_key"
        && text.is_ascii()
}
