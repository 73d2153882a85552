//! A deployment that the next push ends while it changes what is there.

use safeguard_api::evidence::Severity;

use crate::analysis::commands::{Command, commands};
use crate::analysis::yaml::{Workflow, Yaml};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::NodeId;

pub static CHECK: Check = Check {
    id: "cut-off-halfway",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-662"],
    languages: &[Language::Yaml],
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let Some(workflow) = Workflow::of(source).filter(|workflow| {
        workflow.triggers.iter().any(|on| {
            matches!(
                *on,
                "push" | "workflow_dispatch" | "release" | "schedule" | "workflow_run"
            )
        })
    }) else {
        return;
    };
    let yaml = workflow.yaml;
    let all = commands(source);
    let everywhere = cancels(yaml, workflow.root);
    for job in &workflow.jobs {
        let own = cancels(yaml, job.map);
        let Some(setting) = own.or(everywhere.filter(|_| yaml.get(job.map, "concurrency").is_none())) else {
            continue;
        };
        // What runs for a proposed change alone changes nothing that lasts.
        if yaml.text_at(job.map, "if").contains("pull_request") {
            continue;
        }
        let changing = all.iter().find(|command| {
            changes(command)
                && job
                    .steps
                    .iter()
                    .any(|step| source.tree.within(command.node, *step))
        });
        if let Some(command) = changing {
            reports.add(
                setting,
                format!("the next push ends this run while `{}` is at work: half of it is done, and its lock may stay", command.shown()),
            );
        }
    }
}

/// The entry `cancel-in-progress: true` of a workflow or a job, unless its group is of one change alone.
fn cancels(yaml: Yaml<'_>, of: NodeId) -> Option<NodeId> {
    let concurrency = yaml.get(of, "concurrency")?;
    let group = yaml.text_at(concurrency, "group");
    if ["sha", "run_id", "pull_request", "head_ref"]
        .iter()
        .any(|part| group.contains(part))
    {
        return None;
    }
    let (entry, value) = yaml.entry(concurrency, "cancel-in-progress")?;
    (yaml.text(value) == "true").then_some(entry)
}

/// Whether a command changes step by step what stays when it is ended.
fn changes(command: &Command) -> bool {
    let has = |words: &[&str]| command.has_any(words);
    match command.program() {
        "terraform" | "tofu" | "terragrunt" => has(&["apply", "destroy"]),
        "pulumi" => has(&["up", "destroy"]),
        "cdk" => has(&["deploy"]),
        "alembic" => has(&["upgrade", "downgrade"]),
        "flyway" | "liquibase" | "dbmate" | "goose" => has(&["migrate", "update", "up"]),
        "sqlx" => has(&["migrate"]) && has(&["run"]),
        "npx" | "pnpm" | "yarn" | "prisma" => {
            has(&["prisma", "migrate"]) && has(&["migrate"]) && has(&["deploy"])
        }
        "python" | "python3" | "poetry" | "uv" => has(&["manage.py"]) && has(&["migrate"]),
        _ => false,
    }
}
