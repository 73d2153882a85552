//! `pnpm-lock.yaml`, versions 5 to 9.

use std::collections::BTreeSet;

use super::indented::{Entry, entries, in_braces};
use super::{ReadError, npm};
use crate::package::{Dependency, Ecosystem, Listing, Remembered, Source};

const FIELDS: &[&str] = &["dependencies", "devDependencies", "optionalDependencies"];

pub(super) fn lock(text: &str) -> Result<Listing, ReadError> {
    let all = entries(text)?;
    let version = all.iter().find(|entry| entry.path == ["lockfileVersion"]);
    let version = version.map_or("", |entry| entry.value);
    let major: u32 = version
        .split('.')
        .next()
        .and_then(|major| major.parse().ok())
        .unwrap_or(0);
    if !(5..=9).contains(&major) {
        return Err(ReadError::Version(if version.is_empty() {
            "?".to_owned()
        } else {
            version.to_owned()
        }));
    }
    let mut listing = Listing::default();
    let mut asked: BTreeSet<String> = BTreeSet::new();
    let mut development: BTreeSet<String> = BTreeSet::new();
    for entry in &all {
        wish(entry, &mut listing, &mut asked, &mut development);
    }
    let mut current: Option<Dependency> = None;
    for entry in &all {
        if entry.path.first() != Some(&"packages") {
            continue;
        }
        match (entry.path.as_slice(), &mut current) {
            ([_, key], _) => {
                listing.dependencies.extend(current.take());
                current = Some(package(key, major, entry, &asked)?);
            }
            ([_, _, field, rest @ ..], Some(found)) => about(found, field, rest, entry.value),
            _ => {}
        }
    }
    listing.dependencies.extend(current);
    for found in &mut listing.dependencies {
        found.dev |= development.contains(&found.name);
    }
    Ok(listing)
}

/// What a project asks for: its name, where it is asked, and as what.
fn wish(
    entry: &Entry<'_>,
    listing: &mut Listing,
    asked: &mut BTreeSet<String>,
    development: &mut BTreeSet<String>,
) {
    let (folder, rest): (&str, &[&str]) = match entry.path.as_slice() {
        ["importers", folder, rest @ ..] => (folder, rest),
        rest => (".", rest),
    };
    let folder = if folder == "." { "" } else { folder };
    let mut remember = |name: &str, requirement: &str| {
        listing.remembered.push(Remembered {
            folder: folder.to_owned(),
            name: name.to_owned(),
            requirement: requirement.to_owned(),
        });
    };
    match rest {
        ["specifiers", name] => remember(name, entry.value),
        [field, name, "specifier"] if FIELDS.contains(field) => remember(name, entry.value),
        [field, name, "version"] | [field, name] if FIELDS.contains(field) && !entry.value.is_empty() => {
            // An alias has the real name before its version.
            let real = match npm::split_version(
                entry
                    .value
                    .trim_start_matches('/')
                    .split('(')
                    .next()
                    .unwrap_or(""),
            ) {
                (real, version) if !version.is_empty() && npm::exact(version).is_some() => real,
                _ => name,
            };
            asked.insert(real.to_owned());
            if *field == "devDependencies" {
                development.insert(real.to_owned());
            }
        }
        _ => {}
    }
}

/// `/name/1.0.0_peer@2` of version 5, `/name@1.0.0(peer@2)` of 6, `name@1.0.0` of 9.
fn package(
    key: &str,
    major: u32,
    entry: &Entry<'_>,
    asked: &BTreeSet<String>,
) -> Result<Dependency, ReadError> {
    let refuse = || ReadError::Syntax(format!("`{key}` names no package and version"));
    let plain = key.trim_start_matches('/').split('(').next().unwrap_or("");
    let (name, version) = if major == 5 && key.starts_with('/') {
        let (name, version) = plain.rsplit_once('/').ok_or_else(refuse)?;
        (name, version.split('_').next().unwrap_or(version))
    } else {
        npm::split_version(plain)
    };
    // Before version 9, what has no slash in front does not come from the registry.
    let from_elsewhere = npm::exact(version).is_none();
    let mut found = Dependency::new(Ecosystem::Npm, name, entry.span.clone());
    if from_elsewhere {
        let (name, from) = match npm::source_of(version) {
            Some(source) => (name, source),
            None => (key, npm::source_of(key).unwrap_or_else(|| elsewhere(key))),
        };
        found = Dependency::new(Ecosystem::Npm, name, entry.span.clone());
        found.source = from;
    } else {
        found.version = npm::exact(version);
    }
    found.direct = Some(asked.contains(&found.name));
    Ok(found)
}

/// `github.com/user/repository/0123abcd`, `registry.example.org/…`.
fn elsewhere(key: &str) -> Source {
    if key.starts_with("github.com/") || key.starts_with("gitlab.com/") || key.starts_with("bitbucket.org/") {
        Source::Git(format!("https://{key}"))
    } else {
        Source::Archive(key.to_owned())
    }
}

fn about(found: &mut Dependency, field: &str, rest: &[&str], value: &str) {
    let resolution = |key: &'static str| -> Option<&str> {
        match rest {
            [] => in_braces(value, key),
            [name] if *name == key => Some(value),
            _ => None,
        }
    };
    match field {
        "resolution" => {
            found.integrity.extend(resolution("integrity").map(str::to_owned));
            if let (Some(url), true) = (resolution("tarball"), found.source.is_registry()) {
                found.source = npm::source_of_archive(url, &found.name);
            }
            if let Some(repository) = resolution("repo") {
                found.source = Source::Git(repository.to_owned());
            }
        }
        "requiresBuild" => found.install_script |= value == "true",
        "dev" => found.dev |= value == "true",
        // The real name and version of what does not come from the registry.
        "name" if !found.source.is_registry() => value.clone_into(&mut found.name),
        "version" if found.version.is_none() => found.version = npm::exact(value),
        _ => {}
    }
}
