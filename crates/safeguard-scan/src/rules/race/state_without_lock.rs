//! Terraform changes what it keeps without the lock that keeps two runs apart.

use safeguard_api::evidence::Severity;

use crate::analysis::commands::{WITH_COMMANDS, commands};
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
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
