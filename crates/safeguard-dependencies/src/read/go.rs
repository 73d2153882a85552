//! `go.mod` and `go.sum`.

use std::ops::Range;

use super::ReadError;
use crate::package::{Dependency, Ecosystem, Listing, Source};

/// A line's words, with where the first stands and whether a comment says `indirect`.
struct Line<'t> {
    words: Vec<&'t str>,
    span: Range<usize>,
    indirect: bool,
}

fn lines(text: &str) -> impl Iterator<Item = Line<'_>> {
    let mut at = 0;
    text.split_inclusive('\n').filter_map(move |raw| {
        let begin = at;
        at += raw.len();
        let (code, comment) = raw
            .split_once(" //")
            .unwrap_or(if raw.trim_start().starts_with("//") {
                ("", raw)
            } else {
                (raw, "")
            });
        let words: Vec<&str> = code
            .split_whitespace()
            .map(|word| word.trim_matches(['"', '`']))
            .collect();
        words.first()?;
        let start = begin + (code.len() - code.trim_start().len());
        Some(Line {
            words,
            span: start..start + code.trim().len(),
            indirect: comment.trim_start().starts_with("indirect"),
        })
    })
}

pub(super) fn module(text: &str) -> Result<Listing, ReadError> {
    let mut listing = Listing::default();
    let mut replaced: Vec<(String, Option<String>, Dependency)> = Vec::new();
    let mut block = "";
    for line in lines(text) {
        let words = line.words.as_slice();
        let (verb, rest) = match words {
            [")"] => {
                block = "";
                continue;
            }
            [verb, "("] => {
                block = verb;
                continue;
            }
            rest if !block.is_empty() => (block, rest),
            [verb, rest @ ..] => (*verb, rest),
            [] => continue,
        };
        match (verb, rest) {
            ("module", [name]) => listing.own.push((*name).to_owned()),
            ("require", [name, version]) => {
                let mut found = Dependency::new(Ecosystem::Go, name, line.span);
                found.version = Some((*version).to_owned());
                found.direct = Some(!line.indirect);
                listing.dependencies.push(found);
            }
            ("replace", _) => {
                let Some(arrow) = rest.iter().position(|word| *word == "=>") else {
                    return Err(ReadError::Syntax("a `replace` has no `=>`".to_owned()));
                };
                let (from, to) = (&rest[..arrow], &rest[arrow + 1..]);
                let ([name, of @ ..], [by, version @ ..]) = (from, to) else {
                    return Err(ReadError::Syntax("a `replace` names no module".to_owned()));
                };
                let mut found = Dependency::new(Ecosystem::Go, by, line.span);
                found.version = version.first().map(|version| (*version).to_owned());
                if found.version.is_none() {
                    found = Dependency::new(Ecosystem::Go, name, found.span);
                    found.source = Source::Path((*by).to_owned());
                }
                let of = of.first().map(|version| (*version).to_owned());
                replaced.push(((*name).to_owned(), of, found));
            }
            ("require", _) => {
                return Err(ReadError::Syntax(
                    "a `require` is no module and version".to_owned(),
                ));
            }
            _ => {}
        }
    }
    for (name, version, by) in replaced {
        let mut direct = None;
        listing.dependencies.retain(|one| {
            let is_meant = one.name == name && (version.is_none() || one.version == version);
            if is_meant {
                direct = one.direct;
            }
            !is_meant
        });
        // What is not required may be replaced all the same, and comes in when something asks for it.
        listing.dependencies.push(Dependency { direct, ..by });
    }
    Ok(listing)
}

/// Sums speak of more versions than are taken; what is taken stands in `go.mod`.
pub(super) fn sums(text: &str) -> Result<Listing, ReadError> {
    let mut listing = Listing::default();
    for line in lines(text) {
        let [name, version, hash] = line.words.as_slice() else {
            return Err(ReadError::Syntax(
                "a line is not a module, a version and a hash".to_owned(),
            ));
        };
        if !hash.starts_with("h1:") {
            return Err(ReadError::Syntax(format!("the hash of `{name}` is not `h1:`")));
        }
        listing
            .names
            .push(format!("{name}@{}", version.trim_end_matches("/go.mod")));
        let module = format!("{name}@{version}");
        listing.sums.push((module, (*hash).to_owned(), line.span.clone()));
    }
    listing.names.sort();
    listing.names.dedup();
    Ok(listing)
}
