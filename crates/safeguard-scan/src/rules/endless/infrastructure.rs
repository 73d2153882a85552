//! Containers without a limit of memory, and workflows that start themselves.

use safeguard_api::evidence::Severity;

use crate::analysis::commands::commands;
use crate::analysis::yaml::{Workflow, Yaml};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::hole::container_without_walls::pod_specs;
use crate::rules::{Check, Reports};

pub static MEMORY: Check = Check {
    id: "no-memory-limit",
    failure: "X2",
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    cwe: &["CWE-770"],
    languages: &[Language::Yaml],
    run: memory,
};

pub static ITSELF: Check = Check {
    id: "workflow-starts-itself",
    failure: "X2",
    severity: Severity::Medium,
    confidence: Confidence::Medium,
    cwe: &["CWE-835"],
    languages: &[Language::Yaml],
    run: itself,
};

fn memory(source: &Source, _: &Project, reports: &mut Reports) {
    let yaml = Yaml::of(source);
    let limited = yaml
        .documents()
        .iter()
        .any(|document| matches!(yaml.text_at(*document, "kind"), "LimitRange" | "ResourceQuota"));
    if limited {
        return;
    }
    for document in yaml.documents() {
        let kind = yaml.text_at(document, "kind");
        if !matches!(
            kind,
            "Deployment" | "StatefulSet" | "DaemonSet" | "Job" | "CronJob" | "Pod" | "ReplicaSet"
        ) {
            continue;
        }
        for spec in pod_specs(yaml, document) {
            for container in yaml
                .get(spec, "containers")
                .map_or(Vec::new(), |list| yaml.items(list))
            {
                // What is only a part of a container is put upon another manifest.
                let whole = yaml.get(container, "image").is_some();
                let limit = yaml.at(container, &["resources", "limits", "memory"]);
                if whole && limit.is_none() {
                    let at = yaml.entry(container, "name").map_or(container, |(pair, _)| pair);
                    let name = yaml.text_at(container, "name");
                    reports.note(
                        at,
                        format!("`{name}` may take all the memory of its machine, and the pods beside it end with it"),
                    );
                }
            }
        }
    }
}

fn itself(source: &Source, _: &Project, reports: &mut Reports) {
    const COMMANDS_MAX: usize = 100;
    let Some(workflow) = Workflow::of(source) else {
        return;
    };
    let yaml = workflow.yaml;
    if !workflow.triggers.contains(&"push") {
        return;
    }
    let filter = yaml.get(workflow.root, "on").and_then(|on| yaml.get(on, "push"));
    let chosen = filter.is_some_and(|push| {
        ["paths", "paths-ignore", "tags", "branches-ignore"]
            .iter()
            .any(|key| yaml.get(push, key).is_some())
    });
    let text = source.tree.text().to_ascii_lowercase();
    let skips = ["[skip ci]", "[ci skip]", "[no ci]", "skip-checks", "***no_ci***"]
        .iter()
        .any(|mark| text.contains(mark));
    if chosen || skips {
        return;
    }
    let pushes: Vec<_> = commands(source)
        .into_iter()
        .filter(|command| command.program() == "git" && command.begins(&["push"]))
        .take(COMMANDS_MAX)
        .collect();
    for job in &workflow.jobs {
        let condition = yaml.text_at(job.map, "if");
        if condition.contains("actor") || condition.contains("author") || condition.contains("message") {
            continue;
        }
        // What is pushed with the workflow's own token starts nothing.
        let own_token = |text: &str| {
            text.contains("secrets.") && !text.contains("secrets.GITHUB_TOKEN")
                || text.contains("outputs.token")
        };
        let token = job.steps.iter().any(|step| {
            yaml.text_at(*step, "uses").starts_with("actions/checkout")
                && yaml.get(*step, "with").is_some_and(|with| {
                    own_token(yaml.text_at(with, "token")) || own_token(yaml.text_at(with, "ssh-key"))
                })
        });
        for command in &pushes {
            let within = job
                .steps
                .iter()
                .any(|step| source.tree.within(command.node, *step));
            let pushes = !command.has_any(&["--tags", "--delete"]);
            let by_address = own_token(source.tree.source(command.node));
            let elsewhere = command.plain().iter().any(|word| {
                word.contains("gh-pages") || word.starts_with("refs/tags") || word.contains("HEAD:")
            });
            if within && pushes && !elsewhere && (token || by_address) {
                reports.note(
                    command.node,
                    "this push starts the workflow again, which pushes again",
                );
            }
        }
    }
}
