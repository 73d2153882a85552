//! `composer.json` and `composer.lock`.

use jsonc_parser::ast::Value;

use super::{ReadError, json};
use crate::package::{Dependency, Ecosystem, Listing, Registry, Source};

/// What is no package: PHP, its extensions and libraries.
fn is_platform(name: &str) -> bool {
    !name.contains('/')
}

pub(super) fn manifest(text: &str) -> Result<Listing, ReadError> {
    let value = json::parse(text, false)?;
    let root = json::object(&value)?;
    let mut listing = Listing::default();
    listing
        .own
        .extend(json::text(root, "name").map(str::to_lowercase));
    for (field, dev) in [("require", false), ("require-dev", true)] {
        for property in json::entries(root, field) {
            if is_platform(property.name.as_str()) {
                continue;
            }
            let mut found = Dependency::new(
                Ecosystem::Packagist,
                property.name.as_str(),
                json::key_span(property),
            );
            found.requirement = json::string(&property.value).unwrap_or("").to_owned();
            found.direct = Some(true);
            found.dev = dev;
            listing.dependencies.push(found);
        }
    }
    let repositories = json::get(root, "repositories");
    let list = repositories
        .and_then(Value::as_array)
        .into_iter()
        .flat_map(|list| &list.elements);
    let named = repositories
        .and_then(Value::as_object)
        .into_iter()
        .flat_map(|object| &object.properties);
    for repository in list.chain(named.map(|property| &property.value)) {
        let Some(object) = repository.as_object() else {
            continue;
        };
        if let (Some("composer"), Some(url)) = (json::text(object, "type"), json::property(object, "url")) {
            listing.registries.push(Registry {
                ecosystem: Ecosystem::Packagist,
                url: json::string(&url.value).unwrap_or("").to_owned(),
                extra: true,
                scope: None,
                span: json::span(&url.value),
            });
        }
    }
    Ok(listing)
}

pub(super) fn lock(text: &str) -> Result<Listing, ReadError> {
    let value = json::parse(text, false)?;
    let root = json::object(&value)?;
    if json::get(root, "packages").and_then(Value::as_array).is_none() {
        return Err(ReadError::Syntax("it has no `packages`".to_owned()));
    }
    let mut listing = Listing::default();
    for (field, dev) in [("packages", false), ("packages-dev", true)] {
        let list = json::get(root, field).and_then(Value::as_array);
        for package in list.into_iter().flat_map(|list| &list.elements) {
            let Some(object) = package.as_object() else {
                continue;
            };
            let Some(name) = json::property(object, "name") else {
                return Err(ReadError::Syntax("a package has no name".to_owned()));
            };
            let text = json::string(&name.value).unwrap_or("");
            let mut found = Dependency::new(Ecosystem::Packagist, text, json::span(&name.value));
            found.version =
                json::text(object, "version").map(|version| version.trim_start_matches('v').to_owned());
            found.dev = dev;
            let dist = json::get(object, "dist").and_then(Value::as_object);
            let source = json::get(object, "source").and_then(Value::as_object);
            let sum = dist
                .and_then(|dist| json::text(dist, "shasum"))
                .filter(|sum| !sum.is_empty());
            found.integrity.extend(sum.map(str::to_owned));
            if dist.and_then(|dist| json::text(dist, "type")) == Some("path") {
                found.source = Source::Path(
                    dist.and_then(|dist| json::text(dist, "url"))
                        .unwrap_or("")
                        .to_owned(),
                );
            } else if let (None, Some(url)) = (dist, source.and_then(|source| json::text(source, "url"))) {
                found.source = Source::Git(url.to_owned());
            }
            listing.dependencies.push(found);
        }
    }
    Ok(listing)
}
