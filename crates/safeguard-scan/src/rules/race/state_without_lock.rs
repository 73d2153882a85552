//! Terraform changes what it keeps without the lock that keeps two runs apart.

use safeguard_api::evidence::Severity;

use crate::analysis::commands::{WITH_COMMANDS, commands};
use crate::analysis::hcl::{Block, blocks};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::comparison::{Both, Comparison, Taken};
use crate::rules::{Check, Reports};

pub static CHECK: Check = Check {
    id: "state-without-lock",
    failure: "X4",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-667"],
    languages: WITH_COMMANDS,
    run,
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    if source.is_test() {
        return;
    }
    for command in commands(source) {
        let writes = matches!(command.program(), "terraform" | "tofu" | "terragrunt")
            && command.has_any(&["apply", "destroy", "import", "state", "taint", "untaint"]);
        let only_reads = command.has("state") && command.has_any(&["list", "show", "pull"]);
        if writes && !only_reads && command.has_any(&["-lock=false", "--lock=false"]) {
            reports.add(
                command.node,
                "two runs at once both write the state: one of them is lost, and what it made is known to nobody",
            );
        }
    }
}

pub static COMPARISON: Comparison = Comparison {
    id: "state-without-lock",
    failure: "X4",
    cwe: &["CWE-667"],
    languages: &[Language::Hcl],
    run: compare,
    gone: None,
};

/// A backend that had a lock has none: `dynamodb_table` or `use_lockfile` is gone.
fn compare(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let before = backend(both.base).is_some_and(|backend| locks(&backend));
    if let Some(now) = backend(both.head).filter(|now| before && !locks(now)) {
        taken.push(Taken {
            node: now.node,
            severity: Severity::High,
            confidence: Confidence::High,
            message: "nothing locks the state any more: two runs at once both write it, and what one of them made is known to nobody"
                .to_owned(),
        });
    }
}

/// The backend in a bucket; others lock by themselves.
fn backend(source: &Source) -> Option<Block<'_>> {
    blocks(source)
        .into_iter()
        .filter(|block| block.name() == "terraform")
        .flat_map(|block| block.inner("backend"))
        .find(|backend| backend.label(0) == "s3")
}

fn locks(backend: &Block<'_>) -> bool {
    backend.attribute("dynamodb_table").is_some() || backend.text("use_lockfile") == "true"
}
