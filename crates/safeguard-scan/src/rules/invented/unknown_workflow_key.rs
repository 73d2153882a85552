//! Keys of GitHub's workflows that there are not, each at its level.

use super::data::{self, Names};
use super::unknown_field;
use crate::analysis::yaml::{Workflow, Yaml};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId};

pub static CHECK: Check = Check {
    languages: &[Language::Yaml],
    run,
    ..unknown_field::CHECK
};

const WORKFLOW: Names = Names("name run-name description on true permissions env defaults concurrency jobs");
const TRIGGERS: Names = Names(
    "branch_protection_rule check_run check_suite create delete deployment deployment_status discussion \
     discussion_comment fork gollum image_version issue_comment issues label member merge_group milestone page_build \
     project project_card project_column public pull_request pull_request_comment pull_request_review \
     pull_request_review_comment pull_request_target push registry_package release repository_dispatch \
     schedule status watch workflow_call workflow_dispatch workflow_run",
);
const PUSH: Names = Names("branches branches-ignore tags tags-ignore paths paths-ignore");
const PULL: Names = Names("types branches branches-ignore tags tags-ignore paths paths-ignore");
const RUN: Names = Names("workflows types branches branches-ignore");
const CALL: Names = Names("inputs secrets outputs");
const JOB: Names = Names(
    "name permissions needs if runs-on environment concurrency outputs env defaults steps timeout-minutes strategy \
     continue-on-error container services uses with secrets snapshot",
);
const STEP: Names = Names(
    "id if name uses run working-directory shell with env continue-on-error timeout-minutes background wait \
     wait-all cancel parallel",
);
const STRATEGY: Names = Names("matrix fail-fast max-parallel");
const CONCURRENCY: Names = Names("group cancel-in-progress queue");
const PERMISSIONS: Names = Names(
    "actions artifact-metadata attestations checks code-quality contents deployments discussions id-token issues metadata \
     models packages pages pull-requests repository-projects security-events statuses vulnerability-alerts",
);

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    if !source.path.contains(".github/workflows/") || source.tree.text().contains("{%") {
        return;
    }
    let Some(workflow) = Workflow::of(source) else {
        return;
    };
    let mut file = File {
        yaml: workflow.yaml,
        reports,
    };
    file.keys(workflow.root, "a workflow", WORKFLOW);
    file.common(workflow.root);
    let on = ["on", "true"]
        .iter()
        .find_map(|key| workflow.yaml.get(workflow.root, key));
    if let Some(on) = on {
        file.triggers(on);
    }
    for job in &workflow.jobs {
        file.keys(job.map, "a job", JOB);
        file.common(job.map);
        if let Some(strategy) = workflow.yaml.get(job.map, "strategy") {
            file.keys(strategy, "`strategy`", STRATEGY);
        }
        for step in &job.steps {
            file.keys(*step, "a step", STEP);
        }
    }
}

struct File<'s, 'r> {
    yaml: Yaml<'s>,
    reports: &'r mut Reports,
}

impl File<'_, '_> {
    fn keys(&mut self, map: NodeId, shown: &str, known: Names) {
        for (name, pair, _) in self.yaml.pairs(map) {
            // What is merged in stands in its own place.
            let own = self.yaml.tree.parent(pair) == Some(self.yaml.resolve(map));
            let plain = !name.is_empty()
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
            if own && plain && !known.contains(name) {
                let hint = data::hint(name, known.iter());
                self.reports
                    .add(pair, format!("{shown} of GitHub's has no `{name}`{hint}"));
            }
        }
    }

    /// What a workflow and a job both may have.
    fn common(&mut self, map: NodeId) {
        if let Some(permissions) = self.yaml.get(map, "permissions") {
            self.keys(permissions, "`permissions`", PERMISSIONS);
        }
        if let Some(concurrency) = self.yaml.get(map, "concurrency") {
            self.keys(concurrency, "`concurrency`", CONCURRENCY);
        }
    }

    fn triggers(&mut self, on: NodeId) {
        let yaml = self.yaml;
        match yaml.tree.kind(on) {
            Kind::Object => self.keys(on, "`on`", TRIGGERS),
            Kind::List | Kind::Str => {
                for name in yaml.words(on) {
                    if !name.is_empty() && !name.contains('$') && !TRIGGERS.contains(name) {
                        let hint = data::hint(name, TRIGGERS.iter());
                        self.reports
                            .add(on, format!("`on` of GitHub's has no `{name}`{hint}"));
                    }
                }
            }
            _ => {}
        }
        for (name, _, filters) in yaml.pairs(on) {
            let known = match name {
                "push" => PUSH,
                "pull_request" | "pull_request_target" => PULL,
                "workflow_run" => RUN,
                "workflow_call" | "workflow_dispatch" => CALL,
                _ => continue,
            };
            self.keys(filters, &format!("`on.{name}`"), known);
        }
    }
}
