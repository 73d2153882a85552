//! `gradle.lockfile`, and `build.gradle` where it names its dependencies literally.

use super::ReadError;
use crate::package::{Dependency, Ecosystem, Listing, Registry};

pub(super) fn lock(text: &str) -> Result<Listing, ReadError> {
    let mut listing = Listing::default();
    let mut at = 0;
    for raw in text.split_inclusive('\n') {
        let begin = at;
        at += raw.len();
        let line = raw.trim();
        if line.is_empty() || line.starts_with('#') || line.starts_with("empty=") {
            continue;
        }
        let coordinates = line.split_once('=').map_or(line, |(coordinates, _)| coordinates);
        let [group, name, version] = coordinates.split(':').collect::<Vec<_>>()[..] else {
            return Err(ReadError::Syntax(format!(
                "`{line}` is no group, name and version"
            )));
        };
        let configurations = line
            .split_once('=')
            .map_or("", |(_, configurations)| configurations);
        let mut found = Dependency::new(
            Ecosystem::Maven,
            &format!("{group}:{name}"),
            begin..begin + coordinates.len(),
        );
        found.version = Some(version.to_owned());
        found.dev =
            !configurations.is_empty() && configurations.split(',').all(|one| one.starts_with("test"));
        listing.dependencies.push(found);
    }
    Ok(listing)
}

/// The words that ask for a dependency.
const WORDS: &[&str] = &[
    "annotationProcessor",
    "api",
    "classpath",
    "compile",
    "compileOnly",
    "debugImplementation",
    "implementation",
    "kapt",
    "ksp",
    "platform",
    "releaseImplementation",
    "runtime",
    "runtimeOnly",
    "testCompile",
    "testImplementation",
    "testRuntimeOnly",
    "androidTestImplementation",
];

pub(super) fn build(text: &str) -> Result<Listing, ReadError> {
    let mut listing = Listing::default();
    let mut at = 0;
    for raw in text.split_inclusive('\n') {
        let begin = at;
        at += raw.len();
        let line = raw.trim_start();
        if line.starts_with("//") || line.starts_with('*') {
            continue;
        }
        let word: &str = line
            .split(|char: char| !char.is_ascii_alphanumeric())
            .next()
            .unwrap_or("");
        let asks = WORDS.contains(&word);
        for (start, literal) in literals(raw) {
            let span = begin + start..begin + start + literal.len();
            if let (true, Some(mut found)) = (asks, coordinates(literal, span.clone())) {
                found.dev = word.starts_with("test") || word.starts_with("androidTest");
                listing.dependencies.push(found);
            } else if literal.starts_with("http") && (raw.contains("url") || raw.contains("maven(")) {
                listing.registries.push(Registry {
                    ecosystem: Ecosystem::Maven,
                    url: literal.to_owned(),
                    extra: true,
                    scope: None,
                    span,
                });
            }
        }
    }
    Ok(listing)
}

/// The texts in quotes of a line, with where they begin.
fn literals(line: &str) -> Vec<(usize, &str)> {
    let mut found = Vec::new();
    let mut open: Option<(usize, char)> = None;
    for (at, char) in line.char_indices() {
        match open {
            Some((start, quote)) if char == quote => {
                found.push((start, &line[start..at]));
                open = None;
            }
            Some(_) => {}
            None if matches!(char, '"' | '\'') => open = Some((at + 1, char)),
            None => {}
        }
    }
    found
}

fn coordinates(literal: &str, span: std::ops::Range<usize>) -> Option<Dependency> {
    if literal.contains(['$', ' ', '/']) {
        return None;
    }
    let parts: Vec<&str> = literal.split('@').next()?.split(':').collect();
    let (group, name, version) = match parts.as_slice() {
        [group, name] => (group, name, None),
        [group, name, version] | [group, name, version, _] => (group, name, Some(*version)),
        _ => return None,
    };
    if group.is_empty() || name.is_empty() {
        return None;
    }
    let mut found = Dependency::new(Ecosystem::Maven, &format!("{group}:{name}"), span);
    found.direct = Some(true);
    found.requirement = version.unwrap_or("").to_owned();
    found.version = version
        .filter(|version| {
            !version.is_empty() && !version.contains(['+', '[', '(', ',']) && !version.starts_with("latest")
        })
        .map(str::to_owned);
    Some(found)
}
