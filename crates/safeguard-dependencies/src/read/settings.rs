//! Settings of package managers: which registries they ask, and how long they let a version rest.

use std::ops::Range;

use super::indented::{entries, unquoted};
use super::toml_text::{self, Table};
use super::{ReadError, indented};
use crate::cooling::{Cooling, span_of_time};
use crate::package::{Ecosystem, Listing, Registry};

/// The `key = value` lines of a file, with where a value stands; a value may go on in indented lines.
fn pairs(text: &str) -> Vec<(String, &str, Range<usize>)> {
    let mut found: Vec<(String, &str, Range<usize>)> = Vec::new();
    let mut at = 0;
    for raw in text.split_inclusive('\n') {
        let begin = at;
        at += raw.len();
        let line = raw.trim_end();
        let body = line.trim();
        if body.is_empty() || body.starts_with(['#', ';', '[']) {
            continue;
        }
        let start_of = |value: &str| begin + raw.rfind(value).unwrap_or(0);
        if line.starts_with([' ', '\t'])
            && !body.contains('=')
            && let Some((key, ..)) = found.last()
        {
            let start = start_of(body);
            found.push((key.clone(), body, start..start + body.len()));
        } else if let Some((key, value)) = body.split_once('=') {
            let value = value.trim();
            let start = start_of(value);
            found.push((key.trim().to_owned(), value, start..start + value.len()));
        }
    }
    found
}

pub(super) fn npmrc(text: &str) -> Result<Listing, ReadError> {
    let mut listing = Listing::default();
    let mut days = None;
    let mut excepted = Vec::new();
    for (key, value, span) in pairs(text) {
        let scope = key
            .strip_suffix(":registry")
            .filter(|scope| scope.starts_with('@'));
        if key == "registry" || scope.is_some() {
            listing.registries.push(Registry {
                ecosystem: Ecosystem::Npm,
                url: unquoted(value).to_owned(),
                extra: false,
                scope: scope.map(str::to_owned),
                span,
            });
        } else if key == "min-release-age" {
            days = value.parse::<u64>().ok();
        } else if key == "minimum-release-age" {
            // pnpm reads the file too, and counts in minutes.
            let minutes = value.parse::<u64>().ok();
            listing
                .cooling
                .extend(minutes.map(|minutes| cooling(Ecosystem::Npm, minutes.saturating_mul(60), &[])));
        } else if matches!(
            key.as_str(),
            "minimum-release-age-exclude[]" | "min-release-age-exclude[]"
        ) {
            excepted.push(unquoted(value).to_owned());
        }
    }
    listing
        .cooling
        .extend(days.map(|days| cooling(Ecosystem::Npm, days.saturating_mul(86_400), &[])));
    for one in &mut listing.cooling {
        one.excepted.clone_from(&excepted);
    }
    Ok(listing)
}

fn cooling(ecosystem: Ecosystem, seconds: u64, excepted: &[&str]) -> Cooling {
    Cooling {
        ecosystem: Some(ecosystem),
        seconds: i64::try_from(seconds).unwrap_or(i64::MAX),
        until: None,
        excepted: excepted.iter().map(|name| (*name).to_owned()).collect(),
    }
}

pub(super) fn pip(text: &str) -> Result<Listing, ReadError> {
    let mut listing = Listing::default();
    for (key, value, span) in pairs(text) {
        let extra = match key.as_str() {
            "index-url" | "index_url" => false,
            "extra-index-url" | "extra_index_url" | "find-links" | "find_links" => true,
            _ => continue,
        };
        for url in value.split_whitespace() {
            let start = span.start + value.find(url).unwrap_or(0);
            listing.registries.push(Registry {
                ecosystem: Ecosystem::Pypi,
                url: url.to_owned(),
                extra,
                scope: None,
                span: start..start + url.len(),
            });
        }
    }
    Ok(listing)
}

pub(super) fn uv(text: &str) -> Result<Listing, ReadError> {
    let root = toml_text::parse(text)?;
    let mut listing = Listing::default();
    uv_table(&root, &mut listing);
    if let Some(pip) = toml_text::table(&root, "pip") {
        uv_table(pip, &mut listing);
    }
    Ok(listing)
}

/// The settings of uv, in its own file or in `pyproject.toml`.
pub(super) fn uv_table(table: &Table<'_>, listing: &mut Listing) {
    let registry = |url: &str, extra, scope, span| Registry {
        ecosystem: Ecosystem::Pypi,
        url: url.to_owned(),
        extra,
        scope,
        span,
    };
    for index in toml_text::tables(table, "index") {
        let Some(url) = toml_text::text(index, "url") else {
            continue;
        };
        let name = toml_text::text(index, "name").unwrap_or("").to_owned();
        let scope = toml_text::flag(index, "explicit").then_some(name);
        let extra = !toml_text::flag(index, "default") && scope.is_none();
        let span = toml_text::span_of(index, "url");
        listing.registries.push(registry(url, extra, scope, span));
    }
    if let Some(url) = toml_text::text(table, "index-url") {
        listing
            .registries
            .push(registry(url, false, None, toml_text::span_of(table, "index-url")));
    }
    for key in ["extra-index-url", "find-links"] {
        for one in toml_text::list(table, key) {
            if let Some(url) = one.get_ref().as_str() {
                listing
                    .registries
                    .push(registry(url, true, None, toml_text::span(one)));
            }
        }
    }
    let Some(newer) = toml_text::date(table, "exclude-newer") else {
        return;
    };
    // Packages with a limit of their own are out of the common one.
    let own = toml_text::table(table, "exclude-newer-package")
        .into_iter()
        .flatten();
    let excepted = own
        .map(|(name, _)| Ecosystem::Pypi.normal(name.get_ref()))
        .collect();
    let (seconds, until) = match span_of_time(&newer) {
        Some(seconds) => (seconds, None),
        None => match crate::registry::seconds(&newer) {
            Some(until) => (0, Some(until)),
            None => {
                listing
                    .unread
                    .push(format!("`exclude-newer = \"{newer}\"` is no time"));
                return;
            }
        },
    };
    listing.cooling.push(Cooling {
        ecosystem: Some(Ecosystem::Pypi),
        seconds,
        until,
        excepted,
    });
}

pub(super) fn pnpm_workspace(text: &str) -> Result<Listing, ReadError> {
    let all = entries(text)?;
    let mut listing = Listing::default();
    let minutes = value(&all, "minimumReleaseAge").and_then(|minutes| minutes.parse::<u64>().ok());
    let excepted = elements(&all, &["minimumReleaseAgeExclude"]);
    listing.cooling.extend(minutes.map(|minutes| Cooling {
        excepted,
        ..cooling(Ecosystem::Npm, minutes.saturating_mul(60), &[])
    }));
    Ok(listing)
}

pub(super) fn yarnrc(text: &str) -> Result<Listing, ReadError> {
    let all = entries(text)?;
    let mut listing = Listing::default();
    if let Some(gate) = value(&all, "npmMinimalAgeGate") {
        // A bare number counts minutes.
        let seconds = gate
            .parse::<i64>()
            .map(|minutes| minutes.saturating_mul(60))
            .ok()
            .or_else(|| span_of_time(gate));
        match seconds {
            Some(seconds) => listing.cooling.push(Cooling {
                ecosystem: Some(Ecosystem::Npm),
                seconds,
                until: None,
                excepted: elements(&all, &["npmPreapprovedPackages"]),
            }),
            None => listing
                .unread
                .push(format!("`npmMinimalAgeGate: {gate}` is no time")),
        }
    }
    for entry in &all {
        let scope = match entry.path.as_slice() {
            ["npmRegistryServer"] => None,
            ["npmScopes", scope, "npmRegistryServer"] => Some(format!("@{scope}")),
            _ => continue,
        };
        listing.registries.push(Registry {
            ecosystem: Ecosystem::Npm,
            url: entry.value.to_owned(),
            extra: false,
            scope,
            span: entry.span.clone(),
        });
    }
    Ok(listing)
}

/// `cooldown` of Dependabot's updates, for each kind of package.
pub(super) fn dependabot(text: &str) -> Result<Listing, ReadError> {
    let all = entries(text)?;
    let mut listing = Listing::default();
    let mut current: Option<Ecosystem> = None;
    for entry in &all {
        let Some(last) = entry.path.last() else { continue };
        // An update begins with its kind: `- package-ecosystem: npm`.
        let named = match *last {
            "package-ecosystem" => Some(entry.value),
            "-" => entry.value.strip_prefix("package-ecosystem:").map(unquoted),
            _ => None,
        };
        if let Some(name) = named {
            current = ecosystem_of_dependabot(name);
        }
        let in_cooldown = entry.path.iter().rev().nth(1) == Some(&"cooldown");
        let days = || entry.value.parse::<u64>().ok();
        if let (true, "default-days", Some(ecosystem), Some(days)) = (in_cooldown, *last, current, days()) {
            listing
                .cooling
                .push(cooling(ecosystem, days.saturating_mul(86_400), &[]));
        }
        let under_exclude = entry
            .path
            .iter()
            .rev()
            .skip(1)
            .take(2)
            .eq(["exclude", "cooldown"].iter());
        if let (true, "-", Some(cooling)) = (under_exclude, *last, listing.cooling.last_mut()) {
            cooling.excepted.push(unquoted(entry.value).to_owned());
        }
    }
    Ok(listing)
}

fn ecosystem_of_dependabot(name: &str) -> Option<Ecosystem> {
    Some(match name {
        "npm" | "bun" => Ecosystem::Npm,
        "pip" | "uv" => Ecosystem::Pypi,
        "cargo" => Ecosystem::Cargo,
        "gomod" => Ecosystem::Go,
        "maven" | "gradle" => Ecosystem::Maven,
        "bundler" => Ecosystem::RubyGems,
        "composer" => Ecosystem::Packagist,
        _ => return None,
    })
}

fn value<'t>(all: &[indented::Entry<'t>], key: &str) -> Option<&'t str> {
    all.iter()
        .find(|entry| entry.path == [key])
        .map(|entry| entry.value)
}

/// The elements of a list under keys: below them, or in brackets behind them.
fn elements(all: &[indented::Entry<'_>], keys: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in all {
        if entry.path == keys {
            let inner = entry
                .value
                .strip_prefix('[')
                .and_then(|inner| inner.strip_suffix(']'));
            let inner = inner.into_iter().flat_map(|inner| inner.split(','));
            found.extend(
                inner
                    .map(unquoted)
                    .filter(|one| !one.is_empty())
                    .map(str::to_owned),
            );
        }
        if let Some((&"-", outer)) = entry.path.split_last()
            && outer == keys
        {
            found.push(unquoted(entry.value).to_owned());
        }
    }
    found
}

pub(super) fn cargo(text: &str) -> Result<Listing, ReadError> {
    let root = toml_text::parse(text)?;
    let mut listing = Listing::default();
    for (_, source) in toml_text::table(&root, "source").into_iter().flatten() {
        let Some(source) = source.get_ref().as_table() else {
            continue;
        };
        if let Some(url) = toml_text::text(source, "registry") {
            listing.registries.push(Registry {
                ecosystem: Ecosystem::Cargo,
                url: url.to_owned(),
                extra: false,
                scope: None,
                span: toml_text::span_of(source, "registry"),
            });
        }
    }
    for (name, registry) in toml_text::table(&root, "registries").into_iter().flatten() {
        let Some(registry) = registry.get_ref().as_table() else {
            continue;
        };
        if let Some(url) = toml_text::text(registry, "index") {
            listing.registries.push(Registry {
                ecosystem: Ecosystem::Cargo,
                url: url.to_owned(),
                extra: false,
                scope: Some(name.get_ref().to_string()),
                span: toml_text::span_of(registry, "index"),
            });
        }
    }
    Ok(listing)
}
