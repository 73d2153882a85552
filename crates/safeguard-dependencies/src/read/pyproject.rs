//! `pyproject.toml` (PEP 621, PEP 735, and the tables of Poetry, PDM and uv) and `setup.cfg`.

use std::ops::Range;

use super::requirements::{exact, requirement};
use super::toml_text::{self, Table, Value};
use super::{ReadError, settings};
use crate::package::{Dependency, Ecosystem, Listing, Registry, Source};

pub(super) fn pyproject(text: &str) -> Result<Listing, ReadError> {
    let root = toml_text::parse(text)?;
    let mut listing = Listing::default();
    if let Some(build) = toml_text::table(&root, "build-system") {
        requirements(toml_text::list(build, "requires"), true, &mut listing);
        for one in &mut listing.dependencies {
            one.outside_lock = true;
        }
    }
    if let Some(project) = toml_text::table(&root, "project") {
        listing
            .own
            .extend(toml_text::text(project, "name").map(|name| Ecosystem::Pypi.normal(name)));
        requirements(toml_text::list(project, "dependencies"), false, &mut listing);
        for (_, list) in toml_text::table(project, "optional-dependencies")
            .into_iter()
            .flatten()
        {
            requirements(array(list), false, &mut listing);
        }
    }
    for (_, list) in toml_text::table(&root, "dependency-groups").into_iter().flatten() {
        requirements(array(list), true, &mut listing);
    }
    if let Some(poetry) = toml_text::within(&root, &["tool", "poetry"]) {
        listing
            .own
            .extend(toml_text::text(poetry, "name").map(|name| Ecosystem::Pypi.normal(name)));
        self::poetry(poetry, &mut listing);
    }
    if let Some(pdm) = toml_text::within(&root, &["tool", "pdm"]) {
        for (_, list) in toml_text::table(pdm, "dev-dependencies").into_iter().flatten() {
            requirements(array(list), true, &mut listing);
        }
        sources(pdm, "source", &mut listing);
    }
    if let Some(uv) = toml_text::within(&root, &["tool", "uv"]) {
        requirements(toml_text::list(uv, "dev-dependencies"), true, &mut listing);
        settings::uv_table(uv, &mut listing);
        for (name, source) in toml_text::table(uv, "sources").into_iter().flatten() {
            uv_source(name.get_ref(), source, &mut listing);
        }
    }
    Ok(listing)
}

fn array<'v, 't>(value: &'v Value<'t>) -> &'v [Value<'t>] {
    value.get_ref().as_array().map_or(&[], |list| list)
}

fn requirements(list: &[Value<'_>], dev: bool, listing: &mut Listing) {
    for one in list {
        // A group may include another: `{include-group = "test"}`.
        let Some(text) = one.get_ref().as_str() else {
            continue;
        };
        match requirement(text, toml_text::span(one)) {
            Some(mut found) => {
                found.direct = Some(true);
                found.dev = dev;
                listing.dependencies.push(found);
            }
            None => listing.unread.push(format!("`{text}` is no requirement")),
        }
    }
}

fn poetry(poetry: &Table<'_>, listing: &mut Listing) {
    let mut groups = vec![
        (toml_text::table(poetry, "dependencies"), false),
        (toml_text::table(poetry, "dev-dependencies"), true),
    ];
    for (_, group) in toml_text::table(poetry, "group").into_iter().flatten() {
        let group = group.get_ref().as_table();
        groups.push((
            group.and_then(|group| toml_text::table(group, "dependencies")),
            true,
        ));
    }
    for (table, dev) in groups {
        for (name, asked) in table.into_iter().flatten() {
            if name.get_ref() == "python" {
                continue;
            }
            // Of one package, one wish for each platform may stand.
            let wishes = match asked.get_ref().as_array() {
                Some(list) => list.iter().collect(),
                None => vec![asked],
            };
            for wish in wishes {
                let mut found = table_wish(name.get_ref(), wish, name.span());
                found.dev = dev;
                listing.dependencies.push(found);
            }
        }
    }
    sources(poetry, "source", listing);
}

/// `"^1.2"`, or a table with `version`, `git`, `url`, `path`.
pub(super) fn table_wish(name: &str, asked: &Value<'_>, span: Range<usize>) -> Dependency {
    let mut found = Dependency::new(Ecosystem::Pypi, name, span);
    found.direct = Some(true);
    let version = match asked.get_ref().as_table() {
        Some(table) => {
            if let Some(source) = source_in(table) {
                found.source = source;
            }
            toml_text::text(table, "version")
        }
        None => asked.get_ref().as_str(),
    };
    if let Some(version) = version.filter(|version| *version != "*") {
        found.requirement = version.split_whitespace().collect();
        found.version = exact(&found.requirement);
    }
    found
}

fn source_in(table: &Table<'_>) -> Option<Source> {
    let text = |key| toml_text::text(table, key).map(str::to_owned);
    text("git")
        .map(Source::Git)
        .or_else(|| text("url").map(Source::Archive))
        .or_else(|| text("path").or_else(|| text("file")).map(Source::Path))
}

/// `[[source]]` of Poetry, PDM and Pipenv.
pub(super) fn sources(table: &Table<'_>, key: &str, listing: &mut Listing) {
    for source in toml_text::tables(table, key) {
        let Some(url) = toml_text::text(source, "url") else {
            continue;
        };
        let priority = toml_text::text(source, "priority").unwrap_or("");
        let name = toml_text::text(source, "name").map(str::to_owned);
        listing.registries.push(Registry {
            ecosystem: Ecosystem::Pypi,
            url: url.to_owned(),
            extra: priority == "supplemental" || toml_text::flag(source, "secondary"),
            // An explicit source is asked for the packages that name it alone.
            scope: name.filter(|_| priority == "explicit"),
            span: toml_text::span_of(source, "url"),
        });
    }
}

/// `[tool.uv.sources]`: where packages come from instead of the registry.
fn uv_source(name: &str, source: &Value<'_>, listing: &mut Listing) {
    let name = Ecosystem::Pypi.normal(name);
    let tables: Vec<&Table<'_>> = match source.get_ref().as_array() {
        Some(list) => list.iter().filter_map(|one| one.get_ref().as_table()).collect(),
        None => source.get_ref().as_table().into_iter().collect(),
    };
    for table in tables {
        let from = if toml_text::flag(table, "workspace") {
            Some(Source::Path("the workspace".to_owned()))
        } else {
            source_in(table)
        };
        let Some(from) = from else { continue };
        let mut wishes = listing
            .dependencies
            .iter_mut()
            .filter(|one| one.name == name)
            .peekable();
        if wishes.peek().is_none() {
            let mut found = Dependency::new(Ecosystem::Pypi, &name, toml_text::span(source));
            found.source = from;
            listing.dependencies.push(found);
            continue;
        }
        for wish in wishes {
            wish.source = from.clone();
        }
    }
}

pub(super) fn setup_cfg(text: &str) -> Result<Listing, ReadError> {
    let mut listing = Listing::default();
    let (mut section, mut key) = (String::new(), String::new());
    let mut at = 0;
    for raw in text.split_inclusive('\n') {
        let begin = at;
        at += raw.len();
        let line = raw.trim_end();
        let body = line.trim_start();
        if body.is_empty() || body.starts_with(['#', ';']) {
            continue;
        }
        let value = if line.starts_with([' ', '\t']) {
            body
        } else if let Some(name) = body.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            name.clone_into(&mut section);
            continue;
        } else if let Some((name, value)) = body.split_once('=') {
            name.trim().clone_into(&mut key);
            value.trim()
        } else {
            continue;
        };
        if section == "metadata" && key == "name" && !value.is_empty() {
            listing.own.push(Ecosystem::Pypi.normal(value));
        }
        let asks = match section.as_str() {
            "options" => matches!(
                key.as_str(),
                "install_requires" | "setup_requires" | "tests_require"
            ),
            other => other == "options.extras_require",
        };
        let is_reference = value.starts_with("file:") || value.is_empty();
        if !asks || is_reference {
            continue;
        }
        let value = value.split(" #").next().unwrap_or(value).trim();
        let start = begin + (line.len() - body.len()) + body.rfind(value).unwrap_or(0);
        match requirement(value, start..start + value.len()) {
            Some(mut found) => {
                found.direct = Some(true);
                found.dev = key != "install_requires";
                listing.dependencies.push(found);
            }
            None => listing.unread.push(format!("`{value}` is no requirement")),
        }
    }
    Ok(listing)
}
