//! Python's lock files in TOML: `poetry.lock`, `uv.lock`, `pdm.lock`, `pylock.toml` (PEP 751).

use std::collections::BTreeSet;

use super::toml_text::{self, Table, Value};
use super::{ReadError, pyproject};
use crate::package::{Dependency, Ecosystem, Listing, Remembered, Source};

/// The packages of a lock file, each with its place: that of its name.
fn packages<'v, 't>(
    root: &'v Table<'t>,
    key: &'static str,
) -> impl Iterator<Item = Result<(&'v Table<'t>, Dependency), ReadError>> + use<'v, 't> {
    toml_text::tables(root, key).map(|table| {
        let name = toml_text::text(table, "name")
            .ok_or_else(|| ReadError::Syntax("a package has no name".to_owned()))?;
        let mut found = Dependency::new(Ecosystem::Pypi, name, toml_text::span_of(table, "name"));
        found.version = toml_text::text(table, "version").map(str::to_owned);
        Ok((table, found))
    })
}

fn hashes(files: &[Value<'_>]) -> Vec<String> {
    let tables = files.iter().filter_map(|file| file.get_ref().as_table());
    let mut hashes: Vec<String> = tables
        .filter_map(|file| toml_text::text(file, "hash").map(str::to_owned))
        .collect();
    hashes.sort();
    hashes
}

pub(super) fn poetry(text: &str) -> Result<Listing, ReadError> {
    let root = toml_text::parse(text)?;
    let mut listing = Listing::default();
    for package in packages(&root, "package") {
        let (table, mut found) = package?;
        found.integrity = hashes(toml_text::list(table, "files"));
        if let (true, Some(files)) = (
            found.integrity.is_empty(),
            toml_text::within(&root, &["metadata", "files"]),
        ) {
            let files = files
                .iter()
                .find(|(name, _)| Ecosystem::Pypi.normal(name.get_ref()) == found.name);
            found.integrity = files
                .and_then(|(_, list)| list.get_ref().as_array())
                .map(|list| hashes(list))
                .unwrap_or_default();
        }
        let groups = toml_text::list(table, "groups");
        let in_main = groups
            .iter()
            .any(|group| group.get_ref().as_str() == Some("main"));
        found.dev = toml_text::text(table, "category") == Some("dev") || !groups.is_empty() && !in_main;
        if let Some(source) = toml_text::table(table, "source") {
            let url = toml_text::text(source, "url").unwrap_or("").to_owned();
            found.source = match toml_text::text(source, "type").unwrap_or("") {
                "git" => Source::Git(url),
                "directory" | "file" => Source::Path(url),
                "url" => Source::Archive(url),
                _ => Source::Registry(Some(url)),
            };
        }
        listing.dependencies.push(found);
    }
    if toml_text::table(&root, "metadata").is_none() {
        return Err(ReadError::Syntax("it has no `[metadata]`".to_owned()));
    }
    Ok(listing)
}

pub(super) fn uv(text: &str) -> Result<Listing, ReadError> {
    let root = toml_text::parse(text)?;
    match root
        .get("version")
        .and_then(|version| version.get_ref().as_integer())
    {
        Some(version) if version.as_str() == "1" => {}
        other => {
            return Err(ReadError::Version(
                other.map_or("?", |version| version.as_str()).to_owned(),
            ));
        }
    }
    let mut listing = Listing::default();
    let mut asked: BTreeSet<String> = BTreeSet::new();
    let mut for_development: BTreeSet<String> = BTreeSet::new();
    for package in packages(&root, "package") {
        let (table, mut found) = package?;
        let source = toml_text::table(table, "source");
        let text = |key: &str| {
            source
                .and_then(|source| toml_text::text(source, key))
                .map(str::to_owned)
        };
        let own = text("virtual").or_else(|| text("editable"));
        if let Some(folder) = own {
            names(toml_text::list(table, "dependencies"), &mut asked);
            for (_, list) in toml_text::table(table, "optional-dependencies")
                .into_iter()
                .flatten()
            {
                names(list.get_ref().as_array().map_or(&[][..], |list| list), &mut asked);
            }
            for (_, list) in toml_text::table(table, "dev-dependencies").into_iter().flatten() {
                names(
                    list.get_ref().as_array().map_or(&[][..], |list| list),
                    &mut for_development,
                );
            }
            remembered(table, if folder == "." { "" } else { &folder }, &mut listing);
            listing.own.push(found.name);
            continue;
        }
        found.source = match (
            text("registry"),
            text("git"),
            text("url"),
            text("path").or_else(|| text("directory")),
        ) {
            (Some(url), ..) => Source::Registry(Some(url)),
            (_, Some(url), ..) => Source::Git(url),
            (_, _, Some(url), _) => Source::Archive(url),
            (.., Some(path)) => Source::Path(path),
            _ => Source::registry(),
        };
        let sdist = toml_text::table(table, "sdist");
        let files: Vec<&Table<'_>> = sdist
            .into_iter()
            .chain(toml_text::tables(table, "wheels"))
            .collect();
        found.integrity = files
            .iter()
            .filter_map(|file| toml_text::text(file, "hash").map(str::to_owned))
            .collect();
        found.integrity.sort();
        found.uploaded = first_upload(&files);
        listing.dependencies.push(found);
    }
    for found in &mut listing.dependencies {
        found.direct = Some(asked.contains(&found.name) || for_development.contains(&found.name));
        found.dev = for_development.contains(&found.name) && !asked.contains(&found.name);
    }
    Ok(listing)
}

fn names(list: &[Value<'_>], into: &mut BTreeSet<String>) {
    let tables = list.iter().filter_map(|one| one.get_ref().as_table());
    into.extend(
        tables
            .filter_map(|one| toml_text::text(one, "name"))
            .map(|name| Ecosystem::Pypi.normal(name)),
    );
}

/// What uv noted of the manifest.
fn remembered(package: &Table<'_>, folder: &str, listing: &mut Listing) {
    let Some(metadata) = toml_text::table(package, "metadata") else {
        return;
    };
    let mut lists = vec![toml_text::list(metadata, "requires-dist")];
    for (_, list) in toml_text::table(metadata, "requires-dev").into_iter().flatten() {
        lists.push(list.get_ref().as_array().map_or(&[], |list| list));
    }
    for wish in lists
        .into_iter()
        .flatten()
        .filter_map(|one| one.get_ref().as_table())
    {
        if let Some(name) = toml_text::text(wish, "name") {
            listing.remembered.push(Remembered {
                folder: folder.to_owned(),
                name: Ecosystem::Pypi.normal(name),
                requirement: String::new(),
            });
        }
    }
}

/// The first of the times that files were uploaded.
fn first_upload(files: &[&Table<'_>]) -> Option<i64> {
    let times = files
        .iter()
        .filter_map(|file| toml_text::date(file, "upload-time"));
    times.filter_map(|time| crate::registry::seconds(&time)).min()
}

pub(super) fn pdm(text: &str) -> Result<Listing, ReadError> {
    let root = toml_text::parse(text)?;
    if toml_text::table(&root, "metadata").is_none() {
        return Err(ReadError::Syntax("it has no `[metadata]`".to_owned()));
    }
    let mut listing = Listing::default();
    let mut seen = BTreeSet::new();
    for package in packages(&root, "package") {
        let (table, mut found) = package?;
        // The project with its extras is an entry beside the plain one.
        if !seen.insert((found.name.clone(), found.version.clone())) {
            continue;
        }
        found.integrity = hashes(toml_text::list(table, "files"));
        let plain = pyproject::table_wish(&found.name.clone(), &toml_value(table), found.span.clone());
        found.source = plain.source;
        let groups = toml_text::list(table, "groups");
        let is_default = |group: &Value<'_>| group.get_ref().as_str() == Some("default");
        found.dev = !groups.is_empty() && !groups.iter().any(is_default);
        listing.dependencies.push(found);
    }
    Ok(listing)
}

fn toml_value<'t>(table: &Table<'t>) -> Value<'t> {
    toml::Spanned::new(0..0, toml::de::DeValue::Table(table.clone()))
}

pub(super) fn pylock(text: &str) -> Result<Listing, ReadError> {
    let root = toml_text::parse(text)?;
    match toml_text::text(&root, "lock-version") {
        Some(version) if version.starts_with("1.") => {}
        other => return Err(ReadError::Version(other.unwrap_or("?").to_owned())),
    }
    let mut listing = Listing::default();
    for package in packages(&root, "packages") {
        let (table, mut found) = package?;
        let inner = |key: &str| toml_text::table(table, key);
        let address = |table: &Table<'_>| {
            let text = toml_text::text(table, "url").or_else(|| toml_text::text(table, "path"));
            text.unwrap_or("").to_owned()
        };
        if let Some(vcs) = inner("vcs") {
            found.source = Source::Git(address(vcs));
        } else if let Some(folder) = inner("directory") {
            found.source = Source::Path(address(folder));
        } else if let Some(archive) = inner("archive") {
            found.source = Source::Archive(address(archive));
        } else {
            found.source = Source::Registry(toml_text::text(table, "index").map(str::to_owned));
        }
        let files: Vec<&Table<'_>> = inner("sdist")
            .into_iter()
            .chain(inner("archive"))
            .chain(toml_text::tables(table, "wheels"))
            .collect();
        for hashes in files.iter().filter_map(|file| toml_text::table(file, "hashes")) {
            for (kind, hash) in hashes {
                found.integrity.extend(
                    hash.get_ref()
                        .as_str()
                        .map(|hash| format!("{}:{hash}", kind.get_ref())),
                );
            }
        }
        found.integrity.sort();
        found.uploaded = first_upload(&files);
        listing.dependencies.push(found);
    }
    Ok(listing)
}
