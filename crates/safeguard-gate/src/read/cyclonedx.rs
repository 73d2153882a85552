//! CycloneDX 1.4 to 1.7 in JSON: components, and vulnerabilities if somebody looked for them.

use std::collections::BTreeMap;

use safeguard_api::evidence::{Components, Facts, Severity, Tool, Vulnerability};
use serde::Deserialize;

use super::json::{Kept, Short};
use super::{NAME_BYTES_MAX, Read, json};
use crate::unreadable::{Place, Unreadable, shown};

const VERSIONS: [&str; 4] = ["1.4", "1.5", "1.6", "1.7"];
const COMPONENTS_MAX: usize = 100_000;
const VULNERABILITIES_MAX: usize = 20_000;
const AFFECTS_MAX: usize = 50;
const RATINGS_MAX: usize = 50;
const TOOLS_MAX: usize = 50;
const REFERENCE_BYTES_MAX: usize = 300;
/// Components lie within components.
const DEPTH_MAX: usize = 16;

type Name = Short<NAME_BYTES_MAX>;
type Reference = Short<REFERENCE_BYTES_MAX>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    bom_format: Name,
    spec_version: Name,
    metadata: Option<Metadata>,
    #[serde(default)]
    components: Kept<Component, COMPONENTS_MAX>,
    vulnerabilities: Option<Kept<Entry, VULNERABILITIES_MAX>>,
}

#[derive(Deserialize)]
struct Metadata {
    timestamp: Option<Name>,
    tools: Option<Tools>,
    component: Option<Component>,
}

/// A list until 1.4, an object from 1.5 on; both are allowed.
#[derive(Deserialize)]
#[serde(untagged)]
enum Tools {
    List(Kept<ToolEntry, TOOLS_MAX>),
    Object {
        #[serde(default)]
        components: Kept<ToolEntry, TOOLS_MAX>,
        #[serde(default)]
        services: Kept<ToolEntry, TOOLS_MAX>,
    },
}

#[derive(Deserialize)]
struct ToolEntry {
    name: Option<Name>,
    version: Option<Name>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Component {
    bom_ref: Option<Reference>,
    name: Option<Name>,
    version: Option<Name>,
    purl: Option<Reference>,
    #[serde(default)]
    components: Kept<Component, COMPONENTS_MAX>,
}

#[derive(Deserialize)]
struct Entry {
    id: Option<Name>,
    #[serde(default)]
    ratings: Kept<Rating, RATINGS_MAX>,
    #[serde(default)]
    affects: Kept<Affected, AFFECTS_MAX>,
    analysis: Option<Analysis>,
}

#[derive(Deserialize)]
struct Rating {
    score: Option<f64>,
    severity: Option<Name>,
    method: Option<Name>,
}

#[derive(Deserialize)]
struct Affected {
    r#ref: Reference,
}

#[derive(Deserialize)]
struct Analysis {
    state: Option<Name>,
}

pub(super) fn read(text: &str) -> Result<Read, Unreadable> {
    let document: Document = json::parse(text)?;
    let refuse = |key: &str, what: String, hint| Err(Unreadable::new(Place::Key(key.to_owned()), what, hint));
    if document.bom_format.0 != "CycloneDX" {
        let what = format!("`{}` is not `CycloneDX`", shown(&document.bom_format.0, 40));
        return refuse("bomFormat", what, "check the format that you named");
    }
    if !VERSIONS.contains(&document.spec_version.0.as_str()) {
        let what = format!(
            "version `{}` (1.4 to 1.7 are read)",
            shown(&document.spec_version.0, 40)
        );
        return refuse("specVersion", what, "let the tool write 1.6");
    }
    let mut names = BTreeMap::new();
    let count = walk(&document.components.items, 0, &mut names)?;
    if let Some(component) = document
        .metadata
        .as_ref()
        .and_then(|metadata| metadata.component.as_ref())
    {
        walk(std::slice::from_ref(component), 0, &mut names)?;
    }
    let dropped = document.components.dropped;
    let entries = document.vulnerabilities.as_ref();
    let mut vulnerabilities: Vec<Vulnerability> = entries
        .map(|entries| {
            entries
                .items
                .iter()
                .map(|entry| vulnerability(entry, &names))
                .collect()
        })
        .unwrap_or_default();
    vulnerabilities.sort();
    vulnerabilities.dedup();
    let tools = document.metadata.as_ref().map(tools).unwrap_or_default();
    let mut read = Read::new(Facts::Components(Components {
        components: count + dropped,
        scanned: document.vulnerabilities.is_some(),
        vulnerabilities,
        tools: tools.clone(),
    }));
    if tools.is_empty() {
        read.inconclusive
            .push("`metadata.tools` names no tool".to_owned());
    }
    if let Some(dropped) = entries
        .map(|entries| entries.dropped)
        .filter(|dropped| *dropped > 0)
    {
        read.inconclusive.push(format!(
            "{dropped} vulnerabilities more than the {VULNERABILITIES_MAX} that are read"
        ));
    }
    read.tool = tools.into_iter().next();
    let timestamp = document
        .metadata
        .as_ref()
        .and_then(|metadata| metadata.timestamp.as_ref());
    read.produced_at = timestamp.and_then(|timestamp| timestamp.0.parse().ok());
    Ok(read)
}

fn tools(metadata: &Metadata) -> Vec<Tool> {
    let entries: Vec<&ToolEntry> = match &metadata.tools {
        None => Vec::new(),
        Some(Tools::List(list)) => list.items.iter().collect(),
        Some(Tools::Object { components, services }) => {
            components.items.iter().chain(&services.items).collect()
        }
    };
    let mut tools: Vec<Tool> = entries
        .into_iter()
        .filter_map(|entry| {
            let name = entry.name.as_ref().filter(|name| !name.0.trim().is_empty())?;
            Some(Tool {
                name: name.0.clone(),
                version: entry.version.as_ref().map(|version| version.0.clone()),
            })
        })
        .collect();
    tools.sort();
    tools.dedup();
    tools
}

/// Counts components, and notes how people call what a reference names.
fn walk(
    components: &[Component],
    depth: usize,
    names: &mut BTreeMap<String, String>,
) -> Result<u64, Unreadable> {
    if depth > DEPTH_MAX {
        let what = format!("components within each other to a depth of more than {DEPTH_MAX}");
        return Err(Unreadable::new(
            Place::Key("components".to_owned()),
            what,
            "no tool writes such a document",
        ));
    }
    let mut count = 0u64;
    for component in components {
        count += 1 + walk(&component.components.items, depth + 1, names)?;
        let Some(reference) = &component.bom_ref else {
            continue;
        };
        let name = component.name.as_ref().map_or("", |name| &name.0);
        let called = match (&component.purl, &component.version) {
            (Some(purl), _) => purl.0.clone(),
            (None, Some(version)) => format!("{name}@{}", version.0),
            (None, None) => name.to_owned(),
        };
        names.insert(reference.0.clone(), called);
    }
    Ok(count)
}

fn vulnerability(entry: &Entry, names: &BTreeMap<String, String>) -> Vulnerability {
    let called = |affected: &Affected| names.get(&affected.r#ref.0).unwrap_or(&affected.r#ref.0).clone();
    let mut affects: Vec<String> = entry.affects.items.iter().map(called).collect();
    affects.sort();
    affects.dedup();
    let state = entry
        .analysis
        .as_ref()
        .and_then(|analysis| analysis.state.as_ref());
    let ratings = entry.ratings.items.iter();
    Vulnerability {
        // One that nobody has rated may be anything.
        severity: ratings.filter_map(severity).max().unwrap_or(Severity::High),
        id: entry
            .id
            .as_ref()
            .map_or_else(|| "without an id".to_owned(), |id| id.0.clone()),
        affects,
        excused: state.is_some_and(|state| {
            matches!(
                state.0.as_str(),
                "not_affected" | "false_positive" | "resolved" | "resolved_with_pedigree"
            )
        }),
    }
}

fn severity(rating: &Rating) -> Option<Severity> {
    let word = rating
        .severity
        .as_ref()
        .map_or("", |severity| severity.0.as_str());
    let by_word = match word {
        "critical" => Some(Severity::Critical),
        "high" => Some(Severity::High),
        "medium" => Some(Severity::Medium),
        "low" => Some(Severity::Low),
        "info" | "none" => Some(Severity::Note),
        _ => None,
    };
    // Scores of other methods have other bounds.
    let is_cvss = rating
        .method
        .as_ref()
        .is_none_or(|method| method.0.starts_with("CVSS"));
    let by_score = rating
        .score
        .filter(|_| is_cvss)
        .map(super::sarif::severity_of_score);
    by_word.or(by_score)
}
