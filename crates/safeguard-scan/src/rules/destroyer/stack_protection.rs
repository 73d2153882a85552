//! CloudFormation and Velero: what kept data when a stack was changed, or kept a copy of it, is gone.

use safeguard_api::evidence::Severity;

use crate::analysis::place::{is_local, is_test};
use crate::analysis::words::has_word;
use crate::analysis::yaml::Yaml;
use crate::language::Language;
use crate::matching::Source;
use crate::rule::Confidence;
use crate::rules::comparison::{Both, Comparison, Taken};
use crate::tree::NodeId;

pub static COMPARISON: Comparison = Comparison {
    id: "stateful-resource-removed",
    failure: "X1",
    cwe: &["CWE-1057"],
    languages: &[Language::Yaml],
    run,
    gone: None,
};

/// Types of resources that keep data, by what stands behind `AWS::`.
const KEEPS: &[&str] = &[
    "RDS::DBInstance",
    "RDS::DBCluster",
    "DynamoDB::Table",
    "DynamoDB::GlobalTable",
    "S3::Bucket",
    "EFS::FileSystem",
    "EC2::Volume",
    "DocDB::DBCluster",
    "Neptune::DBCluster",
    "Redshift::Cluster",
    "KMS::Key",
    "Backup::BackupVault",
    "Cognito::UserPool",
    "OpenSearchService::Domain",
    "Timestream::Table",
];

fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let path = &both.head.path;
    let passing = is_test(path)
        || is_local(path)
        || path.split('/').any(|part| {
            has_word(
                part,
                &[
                    "dev", "test", "sandbox", "preview", "demo", "example", "examples", "staging",
                ],
            )
        });
    let confidence = match passing {
        true => Confidence::Medium,
        false => Confidence::High,
    };
    let mut tell = |node: NodeId, message: String| {
        taken.push(Taken {
            node,
            severity: Severity::High,
            confidence,
            message,
        });
    };
    let (was, is) = (Yaml::of(both.base), Yaml::of(both.head));
    let now = resources(both.head);
    for (name, before) in resources(both.base) {
        let keeps = |yaml: Yaml<'_>, map: NodeId| {
            matches!(
                yaml.text_at(map, "DeletionPolicy"),
                "Retain" | "Snapshot" | "RetainExceptOnCreate"
            )
        };
        match now.iter().find(|(other, _)| *other == name) {
            Some((_, after)) if keeps(was, before) && !keeps(is, *after) => {
                let at = is
                    .entry(*after, "DeletionPolicy")
                    .map_or(*after, |(pair, _)| pair);
                tell(
                    at,
                    format!(
                        "`{name}` was kept when the stack lets go of it, and is deleted now, with what it holds"
                    ),
                );
            }
            None if !keeps(was, before) && !now.is_empty() && !both.moved.mentions(name) => {
                let at = now.first().map_or(NodeId::ROOT, |(_, map)| *map);
                tell(
                    at,
                    format!(
                        "`{name}` is gone from the template: the next update deletes it with what it holds"
                    ),
                );
            }
            Some(_) | None => {}
        }
    }
    let kept_before = persistent(both.base);
    for (path, is_on, pair) in persistent(both.head) {
        let was_on = kept_before.iter().any(|(other, on, _)| *other == path && *on);
        let of_cache = ["redis", "cache", "memcached", "valkey"]
            .iter()
            .any(|word| path.to_ascii_lowercase().contains(word));
        if was_on && !is_on && !of_cache {
            tell(
                pair,
                format!("`{path}` was on: what is kept there goes with the next start of its pod"),
            );
        }
    }
    for (before, after) in schedules(both.base).into_iter().zip(schedules(both.head)) {
        let paused = |yaml: Yaml<'_>, spec| yaml.text_at(spec, "paused") == "true";
        if paused(is, after) && !paused(was, before) {
            let at = is.entry(after, "paused").map_or(after, |(pair, _)| pair);
            tell(at, "no backup is made any more".to_owned());
        }
        let hours = |yaml: Yaml<'_>, spec| {
            let template = yaml.get(spec, "template")?;
            let (pair, value) = yaml.entry(template, "ttl")?;
            Some((yaml.text(value).split('h').next()?.parse::<u32>().ok()?, pair))
        };
        if let (Some((before, _)), Some((after, at))) = (hours(was, before), hours(is, after))
            && after < WEEK_HOURS
            && after < before
        {
            tell(
                at,
                format!(
                    "a backup was kept for {before} hours, and is kept for {after}: what nobody notices until then is gone"
                ),
            );
        }
    }
}

const WEEK_HOURS: u32 = 7 * 24;

/// The resources of a template that keep data, by their names.
fn resources(source: &Source) -> Vec<(&str, NodeId)> {
    let yaml = Yaml::of(source);
    let of_document = |document: NodeId| {
        let resources = yaml.get(document, "Resources");
        resources.map_or(Vec::new(), |resources| yaml.pairs(resources))
    };
    yaml.documents()
        .into_iter()
        .flat_map(of_document)
        .filter(|(_, _, map)| {
            yaml.text_at(*map, "Type")
                .strip_prefix("AWS::")
                .is_some_and(|kind| KEEPS.contains(&kind))
        })
        .map(|(name, _, map)| (name, map))
        .collect()
}

/// The specifications of Velero's schedules.
fn schedules(source: &Source) -> Vec<NodeId> {
    let yaml = Yaml::of(source);
    yaml.documents()
        .into_iter()
        .filter(|document| {
            yaml.text_at(*document, "kind") == "Schedule"
                && yaml.text_at(*document, "apiVersion").starts_with("velero.io")
        })
        .filter_map(|document| yaml.get(document, "spec"))
        .collect()
}

/// How deep values lie within each other.
const DEPTH_MAX: usize = 8;

/// Charts of Helm: `persistence.enabled`, by its path.
fn persistent(source: &Source) -> Vec<(String, bool, NodeId)> {
    let yaml = Yaml::of(source);
    let mut found = Vec::new();
    for document in yaml.documents() {
        switches(yaml, document, "", 0, &mut found);
    }
    found
}

fn switches(yaml: Yaml<'_>, map: NodeId, path: &str, depth: usize, found: &mut Vec<(String, bool, NodeId)>) {
    if depth > DEPTH_MAX {
        return;
    }
    for (key, pair, value) in yaml.pairs(map) {
        let own = match path.is_empty() {
            true => key.to_owned(),
            false => format!("{path}.{key}"),
        };
        if own.ends_with("persistence.enabled") {
            found.push((own, yaml.text(value) == "true", pair));
        } else {
            switches(yaml, value, &own, depth + 1, found);
        }
    }
}
