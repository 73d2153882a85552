//! Fields that a kind of Kubernetes does not have where they stand.

use std::collections::HashMap;
use std::sync::LazyLock;

use safeguard_api::evidence::Severity;

use super::data;
use crate::analysis::yaml::Yaml;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId};

pub static CHECK: Check = Check {
    id: "unknown-field",
    failure: "X6",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &[],
    languages: &[Language::Yaml],
    run,
};

/// What kinds and their parts have: each field with the name of the part that it holds, empty where it is not looked into.
type Parts = HashMap<&'static str, HashMap<&'static str, &'static str>>;

static PARTS: LazyLock<Parts> = LazyLock::new(|| {
    let text = include_str!("data/kubernetes_fields.txt");
    let lines = text
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .filter_map(|line| {
            let (part, fields) = line.split_once(' ')?;
            let fields = fields
                .split(' ')
                .map(|field| field.split_once(':').unwrap_or((field, "")));
            Some((part, fields.collect()))
        })
        .collect()
});

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let yaml = Yaml::of(source);
    for document in yaml.documents() {
        let kind = yaml.text_at(document, "kind");
        if kind == "List" {
            let items = yaml.get(document, "items");
            for item in items.map_or(Vec::new(), |items| yaml.items(items)) {
                whole(yaml, item, reports);
            }
        } else {
            whole(yaml, document, reports);
        }
    }
}

fn whole(yaml: Yaml<'_>, document: NodeId, reports: &mut Reports) {
    let key = format!(
        "{}/{}",
        yaml.text_at(document, "apiVersion"),
        yaml.text_at(document, "kind")
    );
    let Some((part, _)) = PARTS.get_key_value(key.as_str()) else {
        return;
    };
    // What a template fills in may be anything, and a patch has words of its own.
    let written = yaml.tree.source(document);
    if written.contains("{{") || written.contains("$patch") || written.contains("$setElementOrder") {
        return;
    }
    let shown = yaml.text_at(document, "kind");
    fields(yaml, document, part, shown, shown, reports);
}

fn fields(yaml: Yaml<'_>, map: NodeId, part: &str, place: &str, kind: &str, reports: &mut Reports) {
    let Some(known) = PARTS.get(part) else {
        return;
    };
    for (name, pair, value) in yaml.pairs(map) {
        let Some(inner) = known.get(name) else {
            // Of a mapping that is merged in, an alias may say what its own place has.
            let own = yaml.tree.parent(pair) == Some(yaml.resolve(map));
            let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if own && plain {
                reports.add(
                    pair,
                    format!(
                        "`{place}` of a {kind} has no field `{name}`{}",
                        data::hint(name, known.keys().copied())
                    ),
                );
            }
            continue;
        };
        if inner.is_empty() {
            continue;
        }
        match yaml.tree.kind(value) {
            Kind::List => {
                for item in yaml.items(value) {
                    fields(yaml, item, inner, name, kind, reports);
                }
            }
            _ => fields(yaml, value, inner, name, kind, reports),
        }
    }
}
