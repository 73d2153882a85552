//! `pom.xml`.

use std::collections::BTreeMap;
use std::ops::Range;

use quick_xml::events::Event;
use quick_xml::reader::Reader;

use super::ReadError;
use crate::package::{Dependency, Ecosystem, Listing, Registry};

const DEPTH_MAX: usize = 100;
const NAME_BYTES_MAX: usize = 256;
/// Properties may stand for others.
const EXPANSIONS_MAX: usize = 8;

/// What one `<dependency>`, `<plugin>` or `<parent>` says.
#[derive(Default)]
struct Coordinates {
    group: String,
    artifact: String,
    version: String,
    scope: String,
    span: Range<usize>,
}

pub(super) fn pom(text: &str) -> Result<Listing, ReadError> {
    let mut reader = Reader::from_str(text);
    reader.config_mut().expand_empty_elements = true;
    let mut path: Vec<String> = Vec::new();
    let mut properties: BTreeMap<String, String> = BTreeMap::new();
    let mut all: Vec<Coordinates> = Vec::new();
    let mut listing = Listing::default();
    let mut content = String::new();
    loop {
        let begin = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        let event = reader
            .read_event()
            .map_err(|error| ReadError::Syntax(error.to_string()))?;
        let end = usize::try_from(reader.buffer_position()).unwrap_or(usize::MAX);
        match event {
            Event::Start(element) => {
                let name = element.local_name().into_inner().to_owned();
                if path.len() == DEPTH_MAX || name.len() > NAME_BYTES_MAX {
                    return Err(ReadError::Syntax(format!(
                        "elements are nested deeper than {DEPTH_MAX}"
                    )));
                }
                path.push(name);
                content.clear();
                if is_coordinates(&path) {
                    all.push(Coordinates {
                        span: begin..end,
                        ..Coordinates::default()
                    });
                }
            }
            Event::Text(text) => content.push_str(&text.into_inner()),
            Event::CData(text) => content.push_str(&text.into_inner()),
            Event::End(_) => {
                element_ends(
                    &path,
                    content.trim(),
                    begin,
                    &mut properties,
                    &mut all,
                    &mut listing,
                );
                path.pop();
                content.clear();
            }
            Event::DocType(_) => {
                return Err(ReadError::Syntax("it has a document type of its own".to_owned()));
            }
            Event::GeneralRef(_) => content.push('\u{fffd}'),
            Event::Eof if !path.is_empty() => {
                return Err(ReadError::Syntax("it ends within an element".to_owned()));
            }
            Event::Eof => break,
            Event::Empty(_) | Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
        }
    }
    let own = |key: &str| properties.get(key).cloned().unwrap_or_default();
    listing.own.push(format!(
        "{}:{}",
        own("project.groupId"),
        own("project.artifactId")
    ));
    let own_version = properties.get("project.version").cloned();
    for one in all {
        let (group, artifact) = (
            expand(&one.group, &properties),
            expand(&one.artifact, &properties),
        );
        if group.is_empty() || artifact.is_empty() || group.contains("${") || artifact.contains("${") {
            continue;
        }
        let mut found = Dependency::new(Ecosystem::Maven, &format!("{group}:{artifact}"), one.span);
        found.requirement = expand(&one.version, &properties);
        let is_plain =
            !found.requirement.is_empty() && !found.requirement.contains(['$', '[', '(', ',', '\u{fffd}']);
        found.version = is_plain.then(|| found.requirement.clone());
        found.direct = Some(true);
        found.dev = one.scope == "test";
        // Parts of one project name each other by the project's version.
        if one.version == "${project.version}" && own_version.is_some() {
            listing.own.push(found.name);
            continue;
        }
        listing.dependencies.push(found);
    }
    Ok(listing)
}

fn is_coordinates(path: &[String]) -> bool {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    matches!(
        path.as_slice(),
        ["project", "parent"]
            | [.., "dependencies", "dependency"]
            | [.., "plugins", "plugin"]
            | [.., "extensions", "extension"]
    )
}

fn element_ends(
    path: &[String],
    content: &str,
    at: usize,
    properties: &mut BTreeMap<String, String>,
    all: &mut [Coordinates],
    listing: &mut Listing,
) {
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    match names.as_slice() {
        ["project", "properties", name] => {
            properties.insert((*name).to_owned(), content.to_owned());
        }
        ["project", name @ ("groupId" | "version" | "artifactId")] => {
            properties.insert(format!("project.{name}"), content.to_owned());
        }
        [
            ..,
            "repositories" | "pluginRepositories",
            "repository" | "pluginRepository",
            "url",
        ] => {
            listing.registries.push(Registry {
                ecosystem: Ecosystem::Maven,
                url: content.to_owned(),
                extra: true,
                scope: None,
                span: at.saturating_sub(content.len())..at,
            });
        }
        [.., "dependency" | "plugin" | "extension" | "parent", field] => {
            let Some(one) = all.last_mut() else { return };
            if !is_coordinates(&path[..path.len() - 1]) {
                return;
            }
            // What a project does not say of itself it has from its parent.
            if matches!(names.as_slice(), ["project", "parent", "version" | "groupId"]) {
                properties
                    .entry(format!("project.{field}"))
                    .or_insert_with(|| content.to_owned());
            }
            match *field {
                "groupId" => content.clone_into(&mut one.group),
                "artifactId" => {
                    content.clone_into(&mut one.artifact);
                    // The name is what a reader looks for.
                    one.span = at.saturating_sub(content.len())..at;
                }
                "version" => content.clone_into(&mut one.version),
                "scope" => content.clone_into(&mut one.scope),
                _ => {}
            }
        }
        _ => {}
    }
    // A plugin without a group is Maven's own.
    if let ([.., "plugins", "plugin"], Some(one)) = (names.as_slice(), all.last_mut())
        && one.group.is_empty()
    {
        "org.apache.maven.plugins".clone_into(&mut one.group);
    }
}

/// `${name}` of the project's own properties; what is not known stays.
fn expand(text: &str, properties: &BTreeMap<String, String>) -> String {
    let mut text = text.to_owned();
    for _ in 0..EXPANSIONS_MAX {
        let Some(begin) = text.find("${") else { break };
        let Some(end) = text[begin..].find('}').map(|end| begin + end) else {
            break;
        };
        let Some(value) = properties.get(&text[begin + 2..end]) else {
            break;
        };
        text.replace_range(begin..=end, value);
        if text.len() > NAME_BYTES_MAX {
            break;
        }
    }
    text
}
