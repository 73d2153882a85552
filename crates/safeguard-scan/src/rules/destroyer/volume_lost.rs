//! A database that kept its files on a volume keeps them in the container now, or on a volume that goes with it.

use std::collections::BTreeMap;

use safeguard_api::evidence::Severity;

use crate::analysis::place::{is_local, is_test};
use crate::analysis::words::has_word;
use crate::analysis::yaml::Yaml;
use crate::language::Language;
use crate::matching::Source;
use crate::rule::Confidence;
use crate::rules::comparison::{Both, Comparison, Taken};
use crate::rules::hole::container_without_walls::{containers, pod_specs};
use crate::tree::NodeId;

pub static COMPARISON: Comparison = Comparison {
    id: "volume-lost",
    failure: "X1",
    cwe: &["CWE-1057"],
    languages: &[Language::Yaml],
    run,
    gone: None,
};

/// Where what keeps data is, by parts of the names of images.
const KEEPS: &[&str] = &[
    "postgres",
    "postgis",
    "timescale",
    "mysql",
    "mariadb",
    "percona",
    "mongo",
    "couchdb",
    "cassandra",
    "elasticsearch",
    "opensearch",
    "influxdb",
    "clickhouse",
    "minio",
    "neo4j",
    "cockroach",
    "etcd",
    "vault",
    "rabbitmq",
    "kafka",
    "gitea",
    "gitlab",
    "nextcloud",
    "sonarqube",
];

/// Where the files of a container are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kept {
    /// On a volume, by its name or its claim.
    Lasting,
    /// In what goes with the container.
    Passing,
    /// Nothing is mounted.
    Nowhere,
}

fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let path = &both.head.path;
    let passing = is_test(path)
        || is_local(path)
        || path.split('/').any(|part| {
            has_word(
                part,
                &[
                    "dev", "test", "local", "override", "ci", "demo", "example", "examples",
                ],
            )
        });
    let confidence = match passing {
        true => Confidence::Medium,
        false => Confidence::High,
    };
    let before = kept(both.base);
    for (name, (now, node)) in kept(both.head) {
        if before.get(&name).is_some_and(|(was, _)| *was == Kept::Lasting) && now != Kept::Lasting {
            let where_to = match now {
                Kept::Passing => "keeps its files in what goes with the container",
                Kept::Lasting | Kept::Nowhere => "keeps its files in the container",
            };
            taken.push(Taken {
                node,
                severity: Severity::Critical,
                confidence,
                message: format!(
                    "`{name}` kept its files on a volume, and {where_to} now: the next start begins empty"
                ),
            });
        }
    }
    let before = reclaimed(both.base);
    for (name, (now, node)) in reclaimed(both.head) {
        if before.get(&name).is_some_and(|(was, _)| was == "Retain") && now == "Delete" {
            taken.push(Taken {
                node,
                severity: Severity::Critical,
                confidence,
                message: format!(
                    "volumes of `{name}` stayed when their claim went, and are deleted with it now"
                ),
            });
        }
    }
}

/// What becomes of volumes, by the class or the volume.
fn reclaimed(source: &Source) -> BTreeMap<String, (String, NodeId)> {
    let yaml = Yaml::of(source);
    let mut found = BTreeMap::new();
    for document in yaml.documents() {
        let entry = match yaml.text_at(document, "kind") {
            "StorageClass" => yaml.entry(document, "reclaimPolicy"),
            "PersistentVolume" => yaml
                .get(document, "spec")
                .and_then(|spec| yaml.entry(spec, "persistentVolumeReclaimPolicy")),
            _ => None,
        };
        if let Some((pair, value)) = entry {
            let name = yaml
                .get(document, "metadata")
                .map_or("", |metadata| yaml.text_at(metadata, "name"));
            found.insert(name.to_owned(), (yaml.text(value).to_owned(), pair));
        }
    }
    found
}

fn keeps(image: &str) -> bool {
    let name = image
        .split(['@', ':'])
        .next()
        .unwrap_or(image)
        .rsplit('/')
        .next()
        .unwrap_or("");
    // What only reads from one: `postgres-exporter`, `mongo-express`.
    let beside = [
        "exporter", "backup", "express", "proxy", "operator", "client", "admin", "ui",
    ];
    KEEPS.iter().any(|part| name.contains(part)) && !beside.iter().any(|part| name.contains(part))
}

/// The containers that keep data, of compose files and of Kubernetes.
fn kept(source: &Source) -> BTreeMap<String, (Kept, NodeId)> {
    let yaml = Yaml::of(source);
    let mut found = BTreeMap::new();
    for document in yaml.documents() {
        for (name, pair, service) in yaml
            .get(document, "services")
            .map_or(Vec::new(), |services| yaml.pairs(services))
        {
            if keeps(yaml.text_at(service, "image")) {
                found.insert(name.to_owned(), (of_service(yaml, service), pair));
            }
        }
        let name = yaml
            .get(document, "metadata")
            .map_or("", |metadata| yaml.text_at(metadata, "name"));
        for spec in pod_specs(yaml, document) {
            for container in containers(yaml, spec)
                .into_iter()
                .filter(|container| keeps(yaml.text_at(*container, "image")))
            {
                let at = yaml.entry(container, "image").map_or(container, |(pair, _)| pair);
                let key = format!("{name}/{}", yaml.text_at(container, "name"));
                found.insert(key, (of_pod(yaml, document, spec, container), at));
            }
        }
    }
    found
}

fn of_service(yaml: Yaml<'_>, service: NodeId) -> Kept {
    let volumes = yaml
        .get(service, "volumes")
        .map_or(Vec::new(), |volumes| yaml.items(volumes));
    let lasting = volumes.iter().any(|volume| match yaml.text(*volume) {
        "" => matches!(yaml.text_at(*volume, "type"), "volume" | "bind"),
        text => text
            .split_once(':')
            .is_some_and(|(_, target)| !is_settings(target)),
    });
    match (lasting, yaml.get(service, "tmpfs").is_some()) {
        (true, _) => Kept::Lasting,
        (false, true) => Kept::Passing,
        (false, false) => Kept::Nowhere,
    }
}

/// What is mounted to be read: settings, and scripts that run at the first start.
fn is_settings(target: &str) -> bool {
    let target = target.split(':').next().unwrap_or(target);
    target.starts_with("/etc/")
        || target.contains("initdb")
        || target.ends_with(".conf")
        || target.ends_with(".cnf")
        || target.ends_with(".sql")
        || target.ends_with(".sh")
}

fn of_pod(yaml: Yaml<'_>, document: NodeId, spec: NodeId, container: NodeId) -> Kept {
    let mounts = yaml
        .get(container, "volumeMounts")
        .map_or(Vec::new(), |mounts| yaml.items(mounts));
    let names: Vec<&str> = mounts
        .into_iter()
        .filter(|mount| !is_settings(yaml.text_at(*mount, "mountPath")))
        .map(|mount| yaml.text_at(mount, "name"))
        .collect();
    let templates = yaml
        .at(document, &["spec", "volumeClaimTemplates"])
        .map_or(Vec::new(), |templates| yaml.items(templates));
    let claimed = templates.into_iter().any(|template| {
        yaml.get(template, "metadata")
            .is_some_and(|metadata| names.contains(&yaml.text_at(metadata, "name")))
    });
    let volumes = yaml
        .get(spec, "volumes")
        .map_or(Vec::new(), |volumes| yaml.items(volumes));
    let own = || {
        volumes
            .iter()
            .filter(|volume| names.contains(&yaml.text_at(**volume, "name")))
    };
    let lasting = own().any(|volume| {
        ["persistentVolumeClaim", "hostPath", "csi", "nfs", "ephemeral"]
            .iter()
            .any(|kind| yaml.get(*volume, kind).is_some())
    });
    let empty = own().any(|volume| yaml.get(*volume, "emptyDir").is_some());
    match (claimed || lasting, empty) {
        (true, _) => Kept::Lasting,
        (false, true) => Kept::Passing,
        (false, false) => Kept::Nowhere,
    }
}
