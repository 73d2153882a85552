//! `yarn.lock`, as yarn 1 writes it and as yarn 2 and later do.

use std::collections::BTreeSet;

use super::indented::{Entry, entries, unquoted};
use super::{ReadError, npm};
use crate::package::{Dependency, Ecosystem, Listing, Remembered, Source};

pub(super) fn lock(text: &str) -> Result<Listing, ReadError> {
    let all = entries(text)?;
    let is_new = all.iter().any(|entry| entry.path == ["__metadata"]);
    if !is_new && !text.contains("yarn lockfile v1") {
        return Err(ReadError::Syntax(
            "it says neither `yarn lockfile v1` nor `__metadata`".to_owned(),
        ));
    }
    let mut listing = Listing::default();
    let mut asked: BTreeSet<String> = BTreeSet::new();
    let mut rest = all.as_slice();
    while let Some((head, after)) = rest.split_first() {
        let count = after.iter().take_while(|entry| entry.path.len() > 1).count();
        let (fields, next) = after.split_at(count);
        rest = next;
        let key = head.path.first().copied().unwrap_or("");
        if key == "__metadata" {
            continue;
        }
        let value = |name: &str| {
            let field = fields
                .iter()
                .find(|entry| entry.path.len() == 2 && entry.path[1] == name);
            field.map(|entry| entry.value)
        };
        let ids: Vec<&str> = key.split(',').map(unquoted).collect();
        let id = ids.first().copied().unwrap_or("");
        let Some(version) = value("version") else {
            return Err(ReadError::Syntax(format!("`{id}` has no version")));
        };
        if is_new {
            new(
                id,
                version,
                value("resolution").unwrap_or(id),
                value("checksum"),
                head,
                fields,
                &mut listing,
                &mut asked,
            );
            continue;
        }
        let mut found = Dependency::new(Ecosystem::Npm, real_name(id), head.span.clone());
        found.version = Some(version.to_owned());
        match value("resolved") {
            Some(url) => {
                found.source = npm::source_of_archive(url.split('#').next().unwrap_or(url), &found.name)
            }
            None => found.source = npm::source_of(npm::split_version(id).1).unwrap_or_else(Source::registry),
        }
        // Before `integrity`, yarn wrote a hash behind the address.
        let behind = || {
            value("resolved")
                .and_then(|url| url.split_once('#'))
                .map(|(_, hash)| hash)
        };
        found
            .integrity
            .extend(value("integrity").or_else(behind).map(str::to_owned));
        for id in ids {
            let (name, range) = npm::split_version(id);
            listing.names.push(format!("{name}@{range}"));
        }
        listing.dependencies.push(found);
    }
    if is_new {
        for dependency in &mut listing.dependencies {
            dependency.direct = Some(asked.contains(&dependency.name));
        }
    }
    Ok(listing)
}

/// `alias@npm:real@^1` is `real`.
fn real_name(id: &str) -> &str {
    let (name, range) = npm::split_version(id);
    match range.strip_prefix("npm:") {
        Some(other) if other.get(1..).is_some_and(|rest| rest.contains('@')) => npm::split_version(other).0,
        Some(_) | None => name,
    }
}

#[expect(clippy::too_many_arguments, reason = "the fields of one entry")]
fn new(
    id: &str,
    version: &str,
    resolution: &str,
    checksum: Option<&str>,
    head: &Entry<'_>,
    fields: &[Entry<'_>],
    listing: &mut Listing,
    asked: &mut BTreeSet<String>,
) {
    let (name, from) = npm::split_version(resolution);
    if let Some(folder) = from.strip_prefix("workspace:") {
        listing.own.push(name.to_owned());
        for entry in fields {
            let [_, "dependencies", wish] = entry.path.as_slice() else {
                continue;
            };
            let real = match entry.value.strip_prefix("npm:") {
                Some(other) if other.get(1..).is_some_and(|rest| rest.contains('@')) => {
                    npm::split_version(other).0
                }
                Some(_) | None => wish,
            };
            asked.insert(real.to_owned());
            listing.remembered.push(Remembered {
                folder: if folder == "." {
                    String::new()
                } else {
                    folder.to_owned()
                },
                name: (*wish).to_owned(),
                requirement: entry.value.strip_prefix("npm:").unwrap_or(entry.value).to_owned(),
            });
        }
        return;
    }
    // A patch lies over the package that it names; the package has an entry of its own.
    if from.starts_with("patch:") || id.contains("@patch:") {
        return;
    }
    let mut found = Dependency::new(Ecosystem::Npm, name, head.span.clone());
    found.version = Some(version.to_owned());
    if !from.starts_with("npm:") {
        found.source = npm::source_of(from).unwrap_or_else(|| Source::Archive(from.to_owned()));
    } else if let Some((_, url)) = from.split_once("::__archiveUrl=") {
        found.source = Source::Archive(url.replace("%3A", ":").replace("%2F", "/"));
    }
    found.integrity.extend(checksum.map(str::to_owned));
    listing.dependencies.push(found);
}
