//! `Gemfile.lock`.

use std::collections::BTreeSet;

use super::ReadError;
use crate::package::{Dependency, Ecosystem, Listing, Source};

const USUAL: &str = "https://rubygems.org/";

pub(super) fn lock(text: &str) -> Result<Listing, ReadError> {
    let mut listing = Listing::default();
    let mut section = "";
    let mut remote = String::new();
    let mut asked: BTreeSet<String> = BTreeSet::new();
    let mut sums: Vec<(String, String)> = Vec::new();
    let mut at = 0;
    for raw in text.split_inclusive('\n') {
        let begin = at;
        at += raw.len();
        let line = raw.trim_end();
        let body = line.trim_start();
        let indent = line.len() - body.len();
        if body.is_empty() {
            continue;
        }
        if body.starts_with("<<<<<<<") || body.starts_with(">>>>>>>") {
            return Err(ReadError::Syntax(
                "it has a conflict that was not resolved".to_owned(),
            ));
        }
        if indent == 0 {
            section = body;
            remote.clear();
            continue;
        }
        match (section, indent) {
            ("GEM" | "GIT" | "PATH", 2) => {
                if let Some(url) = body.strip_prefix("remote:") {
                    url.trim().clone_into(&mut remote);
                }
            }
            ("GEM" | "GIT" | "PATH", 4) => {
                let Some((name, version)) = named(body) else {
                    return Err(ReadError::Syntax(format!("`{body}` is no gem and version")));
                };
                let span = begin + indent..begin + indent + body.len();
                let mut found = Dependency::new(Ecosystem::RubyGems, name, span);
                found.version = Some(without_platform(version).to_owned());
                found.source = match section {
                    "GIT" => Source::Git(remote.clone()),
                    "PATH" => Source::Path(remote.clone()),
                    _ if remote == USUAL || remote.is_empty() => Source::registry(),
                    _ => Source::Registry(Some(remote.clone())),
                };
                // One gem may be there for several platforms.
                let again = listing.dependencies.last().is_some_and(|last: &Dependency| {
                    last.name == found.name && last.version == found.version
                });
                if !again {
                    listing.dependencies.push(found);
                }
            }
            ("DEPENDENCIES", 2) => {
                let name = body.split([' ', '!']).next().unwrap_or(body);
                asked.insert(name.to_owned());
            }
            ("CHECKSUMS", 2) => {
                if let (Some((name, _)), Some((_, sum))) = (named(body), body.rsplit_once(' ')) {
                    sums.push((name.to_owned(), sum.to_owned()));
                }
            }
            _ => {}
        }
    }
    for found in &mut listing.dependencies {
        found.direct = Some(asked.contains(&found.name));
        let own = sums
            .iter()
            .filter(|(name, sum)| *name == found.name && sum.starts_with("sha"));
        found.integrity = own.map(|(_, sum)| sum.clone()).collect();
    }
    Ok(listing)
}

/// `name (1.2.3)`.
fn named(body: &str) -> Option<(&str, &str)> {
    let (name, rest) = body.split_once(" (")?;
    Some((name, rest.split(')').next()?))
}

/// `1.16.0-x86_64-linux` is 1.16.0.
fn without_platform(version: &str) -> &str {
    version.split('-').next().unwrap_or(version)
}
