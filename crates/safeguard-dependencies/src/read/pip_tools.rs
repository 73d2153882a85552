//! Pipenv's `Pipfile` and `Pipfile.lock`.

use jsonc_parser::ast::Value;

use super::requirements::exact;
use super::{ReadError, json, pyproject, toml_text};
use crate::package::{Dependency, Ecosystem, Listing, Source};

pub(super) fn pipfile(text: &str) -> Result<Listing, ReadError> {
    let root = toml_text::parse(text)?;
    let mut listing = Listing::default();
    for (key, dev) in [("packages", false), ("dev-packages", true)] {
        for (name, asked) in toml_text::table(&root, key).into_iter().flatten() {
            let mut found = pyproject::table_wish(name.get_ref(), asked, name.span());
            found.dev = dev;
            listing.dependencies.push(found);
        }
    }
    pyproject::sources(&root, "source", &mut listing);
    // Pipenv asks every source for every package that names none.
    for registry in listing.registries.iter_mut().skip(1) {
        registry.extra = true;
    }
    Ok(listing)
}

pub(super) fn pipfile_lock(text: &str) -> Result<Listing, ReadError> {
    let value = json::parse(text, false)?;
    let root = json::object(&value)?;
    if json::get(root, "_meta").and_then(Value::as_object).is_none() {
        return Err(ReadError::Syntax("it has no `_meta`".to_owned()));
    }
    let mut listing = Listing::default();
    for (key, dev) in [("default", false), ("develop", true)] {
        for property in json::entries(root, key) {
            let Some(object) = property.value.as_object() else {
                continue;
            };
            let mut found =
                Dependency::new(Ecosystem::Pypi, property.name.as_str(), json::key_span(property));
            found.dev = dev;
            found.version = json::text(object, "version").and_then(exact);
            let text = |key: &str| json::text(object, key).map(str::to_owned);
            if let Some(source) = text("git")
                .map(Source::Git)
                .or_else(|| text("path").map(Source::Path))
                .or_else(|| text("file").map(Source::Archive))
            {
                found.source = source;
            }
            let hashes = json::get(object, "hashes").and_then(Value::as_array);
            let hashes = hashes.into_iter().flat_map(|list| &list.elements);
            found.integrity = hashes.filter_map(json::string).map(str::to_owned).collect();
            found.integrity.sort();
            listing.dependencies.push(found);
        }
    }
    Ok(listing)
}
