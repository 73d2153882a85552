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

/// The groups that every cluster has, with all versions of them that there have ever been.
const GROUPS: &[(&str, &[&str])] = &[
    ("", &["v1"]),
    ("apps", &["v1", "v1beta1", "v1beta2"]),
    ("autoscaling", &["v1", "v2", "v2beta1", "v2beta2"]),
    ("batch", &["v1", "v1beta1", "v2alpha1"]),
    ("extensions", &["v1beta1"]),
    ("policy", &["v1", "v1beta1", "v1alpha1"]),
    ("networking.k8s.io", &["v1", "v1beta1", "v1alpha1"]),
    ("rbac.authorization.k8s.io", &["v1", "v1beta1", "v1alpha1"]),
    ("storage.k8s.io", &["v1", "v1beta1", "v1alpha1"]),
    ("scheduling.k8s.io", &["v1", "v1beta1", "v1alpha1", "v1alpha2"]),
    ("apiextensions.k8s.io", &["v1", "v1beta1"]),
];

/// The kinds of those groups, with the groups that have them.
const KINDS: &[(&str, &[&str])] = &[
    ("Deployment", &["apps", "extensions"]),
    ("DaemonSet", &["apps", "extensions"]),
    ("ReplicaSet", &["apps", "extensions"]),
    ("StatefulSet", &["apps"]),
    ("HorizontalPodAutoscaler", &["autoscaling", "extensions"]),
    ("CronJob", &["batch"]),
    ("Job", &["batch", "extensions"]),
    ("PodDisruptionBudget", &["policy"]),
    ("PodSecurityPolicy", &["policy", "extensions"]),
    ("Ingress", &["networking.k8s.io", "extensions"]),
    ("IngressClass", &["networking.k8s.io"]),
    ("NetworkPolicy", &["networking.k8s.io", "extensions"]),
    ("Role", &["rbac.authorization.k8s.io"]),
    ("RoleBinding", &["rbac.authorization.k8s.io"]),
    ("ClusterRole", &["rbac.authorization.k8s.io"]),
    ("ClusterRoleBinding", &["rbac.authorization.k8s.io"]),
    ("StorageClass", &["storage.k8s.io"]),
    ("PriorityClass", &["scheduling.k8s.io"]),
    ("CustomResourceDefinition", &["apiextensions.k8s.io"]),
    ("ConfigMap", &[""]),
    ("LimitRange", &[""]),
    ("Namespace", &[""]),
    ("PersistentVolume", &[""]),
    ("PersistentVolumeClaim", &[""]),
    ("Pod", &[""]),
    ("ResourceQuota", &[""]),
    ("Secret", &[""]),
    ("Service", &[""]),
    ("ServiceAccount", &[""]),
];

/// `apiVersion: apps/v2`, `apiVersion: v1` of a Deployment. A group of one word, without a dot, can be nobody's own.
fn version(yaml: Yaml<'_>, document: NodeId, reports: &mut Reports) {
    let Some((pair, value)) = yaml.entry(document, "apiVersion") else {
        return;
    };
    let (written, kind) = (yaml.text(value), yaml.text_at(document, "kind"));
    let Some((_, groups)) = KINDS.iter().find(|(name, _)| *name == kind) else {
        return;
    };
    let (group, version) = written.split_once('/').unwrap_or(("", written));
    let plain = |part: &str| {
        part.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'.')
    };
    let is_own = group.contains('.') && GROUPS.iter().all(|(name, _)| *name != group);
    if version.is_empty()
        || is_own
        || !plain(group)
        || !plain(version)
        || yaml.get(document, "metadata").is_none()
    {
        return;
    }
    let exists = groups.contains(&group)
        && GROUPS
            .iter()
            .any(|(name, versions)| *name == group && versions.contains(&version));
    if !exists {
        let known = groups.first().map_or("", |group| group);
        let newest = GROUPS
            .iter()
            .find(|(name, _)| *name == known)
            .and_then(|(_, versions)| {
                versions
                    .iter()
                    .rfind(|version| !version.contains("alpha") && !version.contains("beta"))
            })
            .unwrap_or(&"v1");
        let right = match known {
            "" => (*newest).to_owned(),
            _ => format!("{known}/{newest}"),
        };
        reports.add(
            pair,
            format!("there is no {kind} in `{written}`; it is in `{right}`"),
        );
    }
}

fn whole(yaml: Yaml<'_>, document: NodeId, reports: &mut Reports) {
    if !yaml.tree.source(document).contains("{{") {
        version(yaml, document, reports);
    }
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
