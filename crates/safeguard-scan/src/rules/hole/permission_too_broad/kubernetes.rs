//! Roles of Kubernetes that may do everything, and who has them.

use safeguard_api::evidence::Severity;

use crate::analysis::words::has_word;
use crate::analysis::yaml::Yaml;
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::NodeId;

pub static CHECK: Check = Check {
    id: "permission-too-broad",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-732", "CWE-250"],
    languages: &[Language::Yaml],
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let yaml = Yaml::of(source);
    for document in yaml.documents() {
        match yaml.text_at(document, "kind") {
            "ClusterRole" | "Role" => role(yaml, document, reports),
            "ClusterRoleBinding" | "RoleBinding" => binding(yaml, document, reports),
            _ => {}
        }
    }
}

fn role(yaml: Yaml<'_>, document: NodeId, reports: &mut Reports) {
    for rule in yaml
        .get(document, "rules")
        .map_or(Vec::new(), |rules| yaml.items(rules))
    {
        let star = |key: &str| {
            yaml.get(rule, key)
                .is_some_and(|value| yaml.words(value).contains(&"*"))
        };
        let everywhere = yaml.is(document, "kind", "ClusterRole");
        if star("verbs") && star("resources") && star("apiGroups") {
            let message = "whoever has this role may do everything in the cluster";
            let file = yaml.source.path.rsplit('/').next().unwrap_or("");
            let passing = has_word(
                file,
                &["e2e", "test", "conformance", "dev", "local", "kind", "demo"],
            );
            match everywhere {
                true if passing => reports.note(rule, message),
                true => reports.add(rule, message),
                false => reports.note(rule, "whoever has this role may do everything in the namespace"),
            }
        } else if everywhere
            && yaml
                .get(rule, "resources")
                .is_some_and(|value| yaml.words(value).contains(&"secrets"))
            && (star("verbs")
                || yaml
                    .get(rule, "verbs")
                    .is_some_and(|value| yaml.words(value).contains(&"list")))
        {
            reports.note(rule, "whoever has this role reads the secrets of every namespace");
        }
    }
}

fn binding(yaml: Yaml<'_>, document: NodeId, reports: &mut Reports) {
    let role = yaml
        .get(document, "roleRef")
        .map_or("", |role| yaml.text_at(role, "name"));
    for subject in yaml
        .get(document, "subjects")
        .map_or(Vec::new(), |subjects| yaml.items(subjects))
    {
        let name = yaml.text_at(subject, "name");
        let everybody = matches!(
            name,
            "system:anonymous" | "system:unauthenticated" | "system:authenticated" | "system:serviceaccounts"
        );
        let default = name == "default" && yaml.is(subject, "kind", "ServiceAccount");
        let all = matches!(role, "cluster-admin" | "admin" | "edit");
        if everybody
            && !matches!(
                role,
                "system:discovery"
                    | "system:public-info-viewer"
                    | "system:basic-user"
                    | "system:service-account-issuer-discovery"
            )
        {
            match all || name != "system:authenticated" {
                true => reports.add(subject, format!("`{name}` is everybody: they have `{role}`")),
                false => reports.note(
                    subject,
                    format!("`{name}` is everybody with an account: they have `{role}`"),
                ),
            }
        } else if default && role == "cluster-admin" {
            reports.add(
                subject,
                "every pod without an account of its own may do everything in the cluster",
            );
        } else if role == "cluster-admin" && yaml.is(subject, "kind", "ServiceAccount") {
            reports.note(
                subject,
                format!("who gets into a pod of `{name}` may do everything in the cluster"),
            );
        }
    }
}
