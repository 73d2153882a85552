//! `package.json`, `package-lock.json` (versions 1 to 3) and `npm-shrinkwrap.json`.

use jsonc_parser::ast::{Object, ObjectProp, Value};

use super::{ReadError, json};
use crate::package::{Dependency, Ecosystem, Listing, Remembered, Source};

/// Scripts that npm runs when somebody else installs the package.
pub(super) const INSTALL_SCRIPTS: &[&str] = &["preinstall", "install", "postinstall"];
/// Where a manifest asks for packages, and whether for development alone.
const ASKED: &[(&str, bool)] = &[
    ("dependencies", false),
    ("devDependencies", true),
    ("optionalDependencies", false),
    ("peerDependencies", false),
];
const DEPTH_MAX: usize = 64;

pub(super) fn manifest(text: &str) -> Result<Listing, ReadError> {
    let value = json::parse(text, false)?;
    let root = json::object(&value)?;
    let mut listing = Listing::default();
    listing.own.extend(json::text(root, "name").map(str::to_owned));
    listing.overrides = ["overrides", "resolutions", "pnpm"]
        .iter()
        .any(|key| json::get(root, key).is_some());
    for (field, dev) in ASKED {
        for property in json::entries(root, field) {
            let Some(asked) = json::string(&property.value) else {
                continue;
            };
            if let Some(mut wanted) = wanted(property.name.as_str(), asked, json::key_span(property)) {
                wanted.dev = *dev;
                wanted.direct = Some(true);
                wanted.outside_lock = *field == "peerDependencies";
                listing.dependencies.push(wanted);
            }
        }
    }
    for property in json::entries(root, "scripts") {
        let name = property.name.as_str();
        if let (true, Some(script)) = (INSTALL_SCRIPTS.contains(&name), json::string(&property.value)) {
            let script = (name.to_owned(), script.to_owned(), json::span(property));
            listing.scripts.push(script);
        }
    }
    Ok(listing)
}

/// What a manifest asks for: `"^1"`, `"npm:other@^1"`, `"github:a/b"`, `"file:../x"`; nothing where it is the project's own part.
pub(super) fn wanted(name: &str, asked: &str, span: std::ops::Range<usize>) -> Option<Dependency> {
    let asked = asked.trim();
    let mut wanted = Dependency::new(Ecosystem::Npm, name, span);
    wanted.requirement = asked.to_owned();
    if asked.starts_with("workspace:") || asked.starts_with("catalog:") {
        return None;
    }
    if let Some(other) = asked.strip_prefix("npm:") {
        let (name, range) = split_version(other);
        if !name.is_empty() {
            wanted.alias = Some(std::mem::replace(&mut wanted.name, name.to_owned()));
        }
        wanted.version = exact(range);
        return Some(wanted);
    }
    wanted.source = source_of(asked).unwrap_or_else(Source::registry);
    if wanted.source.is_registry() {
        wanted.version = exact(asked);
    }
    Some(wanted)
}

/// `@scope/name@1.2` is the name and what follows it.
pub(super) fn split_version(text: &str) -> (&str, &str) {
    match text.get(1..).and_then(|rest| rest.find('@')) {
        Some(at) => (&text[..=at], &text[at + 2..]),
        None => (text, ""),
    }
}

/// The version, where a range is one version.
pub(super) fn exact(range: &str) -> Option<String> {
    let version = range.trim().trim_start_matches('=').trim_start_matches('v');
    semver::Version::parse(version).ok().map(|_| version.to_owned())
}

/// Where something comes from that is not named by a range.
pub(super) fn source_of(asked: &str) -> Option<Source> {
    const HOSTS: &[&str] = &["github:", "gitlab:", "bitbucket:", "gist:"];
    if let Some(path) = ["file:", "link:", "portal:"]
        .iter()
        .find_map(|kind| asked.strip_prefix(kind))
    {
        return Some(Source::Path(path.to_owned()));
    }
    if asked.starts_with("git+")
        || asked.starts_with("git:")
        || asked.starts_with("git@")
        || asked.starts_with("ssh:")
    {
        return Some(Source::Git(asked.to_owned()));
    }
    if HOSTS.iter().any(|host| asked.starts_with(host)) {
        return Some(Source::Git(asked.to_owned()));
    }
    if asked.starts_with("http:") || asked.starts_with("https:") {
        let repository = asked.split(['#', '?']).next().unwrap_or("").ends_with(".git");
        return Some(if repository {
            Source::Git(asked.to_owned())
        } else {
            Source::Archive(asked.to_owned())
        });
    }
    if asked.starts_with(['.', '/', '~']) && !asked.starts_with("~0") && asked.contains('/') {
        return Some(Source::Path(asked.to_owned()));
    }
    // `user/repository#branch`.
    let name = asked.split('#').next().unwrap_or("");
    let short =
        name.matches('/').count() == 1 && !name.contains([' ', ':', '|', '@']) && !name.contains("||");
    short.then(|| Source::Git(asked.to_owned()))
}

/// Where an archive lies: in a registry it is `…/NAME/-/NAME-1.2.3.tgz`.
pub(super) fn source_of_archive(url: &str, name: &str) -> Source {
    if url.starts_with("http:") || url.starts_with("https:") {
        let encoded = name.replace('/', "%2f");
        for name in [name, encoded.as_str()] {
            if let Some(at) = url.find(&format!("/{name}/-/")) {
                return Source::Registry(Some(url[..=at].to_owned()));
            }
        }
        // What GitHub's and others' registries write.
        if let Some(at) = url.find("/download/") {
            return Source::Registry(Some(url[..=at].to_owned()));
        }
        if url.contains("/-/") {
            // The archive of another package than the one that is named.
            return Source::Archive(url.to_owned());
        }
    }
    source_of(url).unwrap_or_else(|| Source::Archive(url.to_owned()))
}

pub(super) fn lock(text: &str) -> Result<Listing, ReadError> {
    let value = json::parse(text, false)?;
    let root = json::object(&value)?;
    let version = json::number(root, "lockfileVersion").unwrap_or(1);
    let mut listing = Listing::default();
    match version {
        1 => {
            for property in json::entries(root, "dependencies") {
                old(property, &mut listing, 0)?;
            }
        }
        2 | 3 => packages(root, &mut listing)?,
        other => return Err(ReadError::Version(other.to_string())),
    }
    Ok(listing)
}

/// A package of version 1, with those that lie within it.
fn old(property: &ObjectProp<'_>, listing: &mut Listing, depth: usize) -> Result<(), ReadError> {
    if depth == DEPTH_MAX {
        return Err(ReadError::Syntax(format!(
            "packages lie in each other deeper than {DEPTH_MAX}"
        )));
    }
    let Some(object) = property.value.as_object() else {
        return Err(ReadError::Syntax(format!(
            "`{}` is no object",
            property.name.as_str()
        )));
    };
    let name = property.name.as_str();
    let mut found = Dependency::new(Ecosystem::Npm, name, json::key_span(property));
    let version = json::text(object, "version").unwrap_or("");
    if let Some(other) = version.strip_prefix("npm:") {
        let (name, version) = split_version(other);
        found.name = name.to_owned();
        found.version = exact(version);
    } else {
        found.version = exact(version);
        if found.version.is_none() {
            found.source = source_of(version).unwrap_or_else(Source::registry);
        }
    }
    complete(&mut found, object);
    listing.dependencies.push(found);
    for inner in json::entries(object, "dependencies") {
        old(inner, listing, depth + 1)?;
    }
    Ok(())
}

fn complete(found: &mut Dependency, object: &Object<'_>) {
    if let (true, Some(url)) = (found.source.is_registry(), json::text(object, "resolved")) {
        found.source = source_of_archive(url, &found.name);
    }
    found
        .integrity
        .extend(json::text(object, "integrity").map(str::to_owned));
    found.dev = json::flag(object, "dev") || json::flag(object, "devOptional");
    found.install_script = json::flag(object, "hasInstallScript");
}

/// Versions 2 and 3: one list, by the folder that a package is put in.
fn packages(root: &Object<'_>, listing: &mut Listing) -> Result<(), ReadError> {
    const FOLDER: &str = "node_modules/";
    if json::get(root, "packages").and_then(Value::as_object).is_none() {
        return Err(ReadError::Syntax("it has no `packages`".to_owned()));
    }
    let mut asked = std::collections::BTreeSet::new();
    for property in json::entries(root, "packages") {
        let folder = property.name.as_str();
        let Some(object) = property.value.as_object() else {
            return Err(ReadError::Syntax(format!("`{folder}` is no object")));
        };
        if folder.contains(FOLDER) {
            continue;
        }
        // The project, or a part of it.
        listing.own.extend(json::text(object, "name").map(str::to_owned));
        for (field, _) in ASKED {
            for wish in json::entries(object, field) {
                asked.insert(wish.name.as_str().to_owned());
                listing.remembered.push(Remembered {
                    folder: folder.to_owned(),
                    name: wish.name.as_str().to_owned(),
                    requirement: json::string(&wish.value).unwrap_or("").trim().to_owned(),
                });
            }
        }
    }
    for property in json::entries(root, "packages") {
        let folder = property.name.as_str();
        let (Some(at), Some(object)) = (folder.rfind(FOLDER), property.value.as_object()) else {
            continue;
        };
        // A link leads to a part of the project, which has an entry of its own.
        if json::flag(object, "link") {
            continue;
        }
        let installed_as = &folder[at + FOLDER.len()..];
        let name = json::text(object, "name").unwrap_or(installed_as);
        let mut found = Dependency::new(Ecosystem::Npm, name, json::key_span(property));
        found.version = json::text(object, "version").map(str::to_owned);
        complete(&mut found, object);
        found.direct = Some(at == 0 && asked.contains(installed_as));
        listing.dependencies.push(found);
    }
    Ok(())
}
