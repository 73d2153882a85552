//! The kinds of secrets that are known by their form, each as its issuer describes it.

mod clouds;
mod forges;
mod hosts;
mod keys;
mod models;
mod services;

use std::ops::Range;

pub(crate) use hosts::is_word;

use crate::randomness::{base62, crc32, is_placeholder, is_random};

/// A kind of secrets.
pub(crate) struct Kind {
    /// Named as others name it, where they do.
    pub id: &'static str,
    pub about: &'static str,
    /// Any text with one has one of these, in small letters or capitals.
    pub keywords: &'static [&'static str],
    /// A regular expression for where a keyword stands. Its first group, if it has one, is the secret.
    pub form: &'static str,
    /// How many bytes before the keyword the form may begin; at the keyword itself, if none.
    pub back: usize,
    /// How many bytes behind the keyword the form may end.
    pub ahead: usize,
    /// Whether the keyword does not stand within a word.
    pub begins_word: bool,
    /// Whether what has the form is a secret.
    pub check: fn(&Candidate<'_>) -> Trust,
}

/// A text that has the form of a kind.
pub(crate) struct Candidate<'t> {
    pub text: &'t str,
    /// All that has the form.
    pub whole: Range<usize>,
    pub secret: Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trust {
    No,
    /// It may be one, or one that is meant to be read.
    Advice,
    Sure,
    /// Its check digits fit.
    Certain,
}

impl<'t> Candidate<'t> {
    pub fn secret(&self) -> &'t str {
        &self.text[self.secret.clone()]
    }

    /// The byte before, and the one behind.
    pub fn around(&self) -> (Option<u8>, Option<u8>) {
        let bytes = self.text.as_bytes();
        let before = self
            .whole
            .start
            .checked_sub(1)
            .and_then(|at| bytes.get(at).copied());
        (before, bytes.get(self.whole.end).copied())
    }

    /// Whether neither side goes on as a word does.
    pub fn stands_alone(&self) -> bool {
        let (before, after) = self.around();
        let goes_on =
            |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        // Where source is written in a string, `\n` may stand before it.
        let escaped =
            self.text[..self.whole.start].ends_with("\\n") || self.text[..self.whole.start].ends_with("\\t");
        (escaped || !before.is_some_and(|byte| byte.is_ascii_alphanumeric())) && !goes_on(after)
    }
}

/// Most tokens: a prefix of the issuer's and what was drawn by lot.
fn issued(candidate: &Candidate<'_>) -> Trust {
    let token = candidate.secret();
    if candidate.stands_alone() && is_random(body(token)) && !is_placeholder(token) {
        Trust::Sure
    } else {
        Trust::No
    }
}

/// What stands behind a name.
fn drawn(candidate: &Candidate<'_>) -> Trust {
    let secret = candidate.secret();
    let goes_on = candidate
        .around()
        .1
        .is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let both = secret.bytes().any(|byte| byte.is_ascii_digit())
        && secret.bytes().any(|byte| byte.is_ascii_alphabetic());
    if goes_on || !both || !is_random(body(secret)) || is_placeholder(secret) {
        return Trust::No;
    }
    Trust::Sure
}

/// Of a kind that is often meant to be read by all.
fn public_at_times(candidate: &Candidate<'_>) -> Trust {
    issued(candidate).min(Trust::Advice)
}

/// Thirty characters drawn by lot, and a sum of them in six.
fn with_sum(candidate: &Candidate<'_>) -> Trust {
    let token = candidate.secret();
    let body = body(token);
    let sum_fits = body.len() == 36 && body.is_ascii() && base62(crc32(&body.as_bytes()[..30])) == body[30..];
    match issued(candidate) {
        Trust::Sure if sum_fits => Trust::Certain,
        // Typed, or cut from another one.
        Trust::Sure => Trust::Advice,
        other => other,
    }
}

/// A token without its prefix: what lies behind the last `_` or `-` among its first letters.
fn body(token: &str) -> &str {
    const PREFIX_BYTES_MAX: usize = 16;
    let head: usize = token
        .bytes()
        .take(PREFIX_BYTES_MAX)
        .enumerate()
        .take_while(|(_, byte)| {
            !byte.is_ascii_digit() || token.starts_with("sq0") || token.starts_with("dt0")
        })
        .filter(|(_, byte)| matches!(byte, b'_' | b'-' | b'.'))
        .map(|(at, _)| at + 1)
        .last()
        .unwrap_or(0);
    &token[head..]
}

/// All kinds; of two that fit one place, the first is told.
pub(crate) fn all() -> impl Iterator<Item = &'static Kind> {
    [
        clouds::KINDS,
        forges::KINDS,
        models::KINDS,
        services::KINDS,
        keys::KINDS,
    ]
    .into_iter()
    .flatten()
}

/// The kinds' names, each with what it is.
pub fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    all().map(|kind| (kind.id, kind.about))
}

/// How long most tokens are at most.
const AHEAD_BYTES: usize = 320;

/// A kind that is known by how its tokens begin.
const fn token(
    id: &'static str,
    about: &'static str,
    keywords: &'static [&'static str],
    form: &'static str,
) -> Kind {
    Kind {
        id,
        about,
        keywords,
        form,
        back: 0,
        ahead: AHEAD_BYTES,
        begins_word: true,
        check: issued,
    }
}

/// A kind that is known by the name that it is given; the form has the secret in a group.
const fn named(
    id: &'static str,
    about: &'static str,
    keywords: &'static [&'static str],
    form: &'static str,
) -> Kind {
    Kind {
        begins_word: false,
        check: drawn,
        ..token(id, about, keywords, form)
    }
}
