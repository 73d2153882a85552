//! `Cargo.toml` and `Cargo.lock`.

use std::collections::BTreeSet;

use super::ReadError;
use super::toml_text::{self, Table, Value};
use crate::package::{Dependency, Ecosystem, Listing, Source};

const USUAL: &[&str] = &[
    "registry+https://github.com/rust-lang/crates.io-index",
    "sparse+https://index.crates.io/",
    "registry+sparse+https://index.crates.io/",
];

pub(super) fn manifest(text: &str) -> Result<Listing, ReadError> {
    let root = toml_text::parse(text)?;
    let mut listing = Listing::default();
    if let Some(package) = toml_text::table(&root, "package") {
        listing
            .own
            .extend(toml_text::text(package, "name").map(str::to_owned));
    }
    kinds(&root, &mut listing);
    if let Some(workspace) = toml_text::table(&root, "workspace") {
        kinds(workspace, &mut listing);
    }
    for (_, target) in toml_text::table(&root, "target").into_iter().flatten() {
        if let Some(target) = target.get_ref().as_table() {
            kinds(target, &mut listing);
        }
    }
    for (_, patched) in toml_text::table(&root, "patch").into_iter().flatten() {
        wishes(patched.get_ref().as_table(), false, &mut listing);
    }
    Ok(listing)
}

fn kinds(table: &Table<'_>, listing: &mut Listing) {
    for (key, dev) in [
        ("dependencies", false),
        ("dev-dependencies", true),
        ("dev_dependencies", true),
        ("build-dependencies", false),
        ("build_dependencies", false),
    ] {
        wishes(toml_text::table(table, key), dev, listing);
    }
}

fn wishes(table: Option<&Table<'_>>, dev: bool, listing: &mut Listing) {
    for (name, asked) in table.into_iter().flatten() {
        if let Some(mut found) = wish(name.get_ref(), asked, name.span()) {
            found.dev = dev;
            listing.dependencies.push(found);
        }
    }
}

fn wish(name: &str, asked: &Value<'_>, span: std::ops::Range<usize>) -> Option<Dependency> {
    let mut found = Dependency::new(Ecosystem::Cargo, name, span);
    found.direct = Some(true);
    let version = match asked.get_ref().as_table() {
        Some(table) => {
            if toml_text::flag(table, "workspace") {
                return None;
            }
            let text = |key: &str| toml_text::text(table, key);
            if let Some(real) = text("package") {
                found.alias = Some(std::mem::replace(&mut found.name, real.to_owned()));
            }
            if let Some(git) = text("git") {
                found.source = Source::Git(git.to_owned());
            } else if let Some(path) = text("path") {
                found.source = Source::Path(path.to_owned());
            } else if let Some(registry) = text("registry").or_else(|| text("registry-index")) {
                found.source = Source::Registry(Some(registry.to_owned()));
            }
            text("version")
        }
        None => asked.get_ref().as_str(),
    };
    if let Some(version) = version {
        version.trim().clone_into(&mut found.requirement);
        let exact = found.requirement.strip_prefix('=').map(str::trim);
        found.version = exact
            .filter(|exact| semver::Version::parse(exact).is_ok())
            .map(str::to_owned);
    }
    Some(found)
}

pub(super) fn lock(text: &str) -> Result<Listing, ReadError> {
    let root = toml_text::parse(text)?;
    if let Some(version) = root
        .get("version")
        .and_then(|version| version.get_ref().as_integer())
        && !matches!(version.as_str(), "1" | "2" | "3" | "4")
    {
        return Err(ReadError::Version(version.as_str().to_owned()));
    }
    let mut listing = Listing::default();
    // As a package asks for another: by its name, and its version where there are several.
    let mut asked: BTreeSet<&str> = BTreeSet::new();
    let old_sums = toml_text::table(&root, "metadata");
    for package in toml_text::tables(&root, "package") {
        let (Some(name), Some(version)) = (
            toml_text::text(package, "name"),
            toml_text::text(package, "version"),
        ) else {
            return Err(ReadError::Syntax("a package has no name or version".to_owned()));
        };
        let Some(source) = toml_text::text(package, "source") else {
            listing.own.push(name.to_owned());
            asked.extend(
                toml_text::list(package, "dependencies")
                    .iter()
                    .filter_map(|one| one.get_ref().as_str()),
            );
            continue;
        };
        let mut found = Dependency::new(Ecosystem::Cargo, name, toml_text::span_of(package, "name"));
        found.version = Some(version.to_owned());
        found.source = match source.strip_prefix("git+") {
            Some(url) => Source::Git(url.to_owned()),
            None if USUAL.contains(&source) => Source::registry(),
            None => Source::Registry(Some(source.trim_start_matches("registry+").to_owned())),
        };
        let sum = toml_text::text(package, "checksum")
            .or_else(|| toml_text::text(old_sums?, &format!("checksum {name} {version} ({source})")));
        found.integrity.extend(sum.map(str::to_owned));
        listing.dependencies.push(found);
    }
    for found in &mut listing.dependencies {
        let version = found.version.as_deref().unwrap_or("");
        let precise = format!("{} {version}", found.name);
        let more_precise = format!("{precise} (");
        let direct = asked.contains(found.name.as_str())
            || asked.contains(precise.as_str())
            || asked
                .range(more_precise.as_str()..)
                .next()
                .is_some_and(|wish| wish.starts_with(&more_precise));
        found.direct = Some(direct);
    }
    Ok(listing)
}
