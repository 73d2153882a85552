//! What a project is made of, as CycloneDX 1.6: the same files give the same bytes.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::package::{Dependency, Ecosystem, Listing};
use crate::purl::purl;
use crate::read::Role;

/// What one file says.
#[derive(Debug, Clone, Copy)]
pub struct Part<'p> {
    pub path: &'p str,
    pub role: Role,
    pub listing: &'p Listing,
}

/// A bill of everything that the files lock, and of what manifests pin where no lock file of the kind lies beside or above them.
pub fn cyclonedx(name: &str, parts: &[Part<'_>], tool_version: &str) -> Value {
    let mut components: BTreeMap<String, (Value, bool, Vec<String>)> = BTreeMap::new();
    for part in parts {
        let is_locked = |dependency: &Dependency| {
            parts.iter().any(|other| {
                let of_kind = other
                    .listing
                    .dependencies
                    .iter()
                    .any(|one| one.ecosystem == dependency.ecosystem);
                other.role == Role::Lock
                    && of_kind
                    && crate::change::is_within(folder(part.path), folder(other.path))
            })
        };
        for dependency in &part.listing.dependencies {
            let counts = match part.role {
                Role::Lock => true,
                Role::Manifest => dependency.version.is_some() && !is_locked(dependency),
                Role::Settings => false,
            };
            if !counts || part.listing.own.contains(&dependency.name) {
                continue;
            }
            let reference = purl(dependency);
            let (_, dev, places) = components
                .entry(reference.clone())
                .or_insert_with(|| (component(&reference, dependency), true, Vec::new()));
            *dev &= dependency.dev;
            if !places.iter().any(|place| place == part.path) {
                places.push(part.path.to_owned());
            }
        }
    }
    let components: Vec<Value> = components
        .into_values()
        .map(|(mut component, dev, mut places)| {
            component["scope"] = json!(if dev { "excluded" } else { "required" });
            places.sort();
            let found = places.iter().map(|place| json!({ "location": place }));
            component["evidence"] = json!({ "occurrences": found.collect::<Vec<_>>() });
            component
        })
        .collect();
    json!({
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "tools": { "components": [{ "type": "application", "name": "safeguard", "version": tool_version }] },
            "component": { "type": "application", "bom-ref": "project", "name": name },
        },
        "components": components,
    })
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

fn component(reference: &str, dependency: &Dependency) -> Value {
    let (group, name) = group_and_name(dependency);
    let mut component = json!({
        "type": "library",
        "bom-ref": reference,
        "name": name,
        "purl": reference,
    });
    if let Some(group) = group {
        component["group"] = json!(group);
    }
    if let Some(version) = &dependency.version {
        component["version"] = json!(version);
    }
    // Of several files of a version (Python's wheels), no hash is the version's.
    if let [one] = dependency.integrity.as_slice()
        && let Some((algorithm, content)) = hash(dependency.ecosystem, one)
    {
        component["hashes"] = json!([{ "alg": algorithm, "content": content }]);
    }
    component
}

fn group_and_name(dependency: &Dependency) -> (Option<&str>, &str) {
    let name = dependency.name.as_str();
    let split = match dependency.ecosystem {
        Ecosystem::Maven => name.split_once(':'),
        Ecosystem::Npm if name.starts_with('@') => name.split_once('/'),
        Ecosystem::Packagist => name.split_once('/'),
        Ecosystem::Go => name.rsplit_once('/'),
        Ecosystem::Cargo | Ecosystem::Npm | Ecosystem::Pypi | Ecosystem::RubyGems => None,
    };
    match split {
        Some((group, name)) => (Some(group), name),
        None => (None, name),
    }
}

/// `sha512-BASE64`, `sha256:HEX`, and a crate's bare SHA-256; what is a tool's own sum is none of the package's file.
fn hash(ecosystem: Ecosystem, text: &str) -> Option<(&'static str, String)> {
    let name = |kind: &str| match kind {
        "sha1" => Some(("SHA-1", 40)),
        "sha256" => Some(("SHA-256", 64)),
        "sha384" => Some(("SHA-384", 96)),
        "sha512" => Some(("SHA-512", 128)),
        _ => None,
    };
    let is_hex =
        |text: &str, length: usize| text.len() == length && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if ecosystem == Ecosystem::Cargo {
        return is_hex(text, 64).then(|| ("SHA-256", text.to_lowercase()));
    }
    let at = text.find([':', '=', '-'])?;
    let (kind, sum) = (&text[..at], &text[at + 1..]);
    let (algorithm, length) = name(kind)?;
    if !text[at..].starts_with('-') {
        return is_hex(sum, length).then(|| (algorithm, sum.to_lowercase()));
    }
    let bytes = STANDARD.decode(sum).ok()?;
    (bytes.len() * 2 == length).then(|| (algorithm, hex::encode(bytes)))
}
