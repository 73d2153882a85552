//! `bun.lock`.

use std::collections::BTreeSet;

use jsonc_parser::ast::Value;

use super::{ReadError, json, npm};
use crate::package::{Dependency, Ecosystem, Listing, Remembered, Source};

pub(super) fn lock(text: &str) -> Result<Listing, ReadError> {
    let value = json::parse(text, true)?;
    let root = json::object(&value)?;
    match json::number(root, "lockfileVersion") {
        Some(0..=2) => {}
        other => {
            return Err(ReadError::Version(
                other.map_or("?".to_owned(), |version| version.to_string()),
            ));
        }
    }
    let mut listing = Listing::default();
    let mut asked: BTreeSet<&str> = BTreeSet::new();
    for workspace in json::entries(root, "workspaces") {
        let Some(object) = workspace.value.as_object() else {
            continue;
        };
        listing.own.extend(json::text(object, "name").map(str::to_owned));
        for field in [
            "dependencies",
            "devDependencies",
            "optionalDependencies",
            "peerDependencies",
        ] {
            for wish in json::entries(object, field) {
                asked.insert(wish.name.as_str());
                listing.remembered.push(Remembered {
                    folder: workspace.name.as_str().to_owned(),
                    name: wish.name.as_str().to_owned(),
                    requirement: json::string(&wish.value).unwrap_or("").trim().to_owned(),
                });
            }
        }
    }
    for property in json::entries(root, "packages") {
        let key = property.name.as_str();
        let fields: Vec<Option<&str>> = property
            .value
            .as_array()
            .map(|array| array.elements.iter().map(json::string).collect())
            .unwrap_or_default();
        let Some(Some(id)) = fields.first() else {
            return Err(ReadError::Syntax(format!(
                "`{key}` does not begin with a name and a version"
            )));
        };
        let (name, version) = npm::split_version(id);
        if version.starts_with("workspace:") {
            continue;
        }
        let mut found = Dependency::new(Ecosystem::Npm, name, json::key_span(property));
        found.version = npm::exact(version);
        found.direct = Some(asked.contains(key));
        match (&found.version, fields.get(1)) {
            (Some(_), Some(Some(url))) if !url.is_empty() => {
                found.source = Source::Registry(Some((*url).to_owned()))
            }
            (Some(_), _) => {}
            (None, _) => found.source = npm::source_of(version).unwrap_or_else(Source::registry),
        }
        let hash = property.value.as_array().and_then(|array| array.elements.last());
        let hash = hash
            .and_then(Value::as_string_lit)
            .map(|text| text.value.to_string());
        found.integrity.extend(hash.filter(|hash| hash.contains('-')));
        listing.dependencies.push(found);
    }
    Ok(listing)
}
