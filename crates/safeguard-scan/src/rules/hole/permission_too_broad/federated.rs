//! A role that workloads of elsewhere take on, whoever they belong to: a trust in GitHub's tokens that names no repository.

use crate::analysis::hcl::{Block, blocks};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::hole::permission_too_broad;
use crate::rules::{Check, Reports};

pub static CHECK: Check = Check {
    languages: &[Language::Hcl],
    run,
    ..permission_too_broad::CHECK
};

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let of_github = source.tree.text().contains("token.actions.githubusercontent.com");
    for block in blocks(source) {
        if block.name() == "data" && block.label(0) == "aws_iam_policy_document" {
            for statement in block.inner("statement") {
                document(&statement, of_github, reports);
            }
        } else if let Some(policy) = block.attribute("assume_role_policy") {
            let text = source.tree.source(policy.value);
            let federated = text.contains("AssumeRoleWithWebIdentity")
                && text.contains("token.actions.githubusercontent.com");
            let names_nobody = !text.contains(":sub") && !text.contains("sub\"")
                || [r#""repo:*""#, r#":sub" = "*""#, r#":sub": "*""#]
                    .iter()
                    .any(|wide| text.contains(wide));
            if federated && names_nobody && text.contains("Allow") {
                reports.add(policy.node, TOLD);
            }
        }
    }
}

const TOLD: &str = "every repository of GitHub's can take on this role: no condition on `sub` names one";

fn document(statement: &Block<'_>, of_github: bool, reports: &mut Reports) {
    let takes_on = statement
        .texts("actions")
        .iter()
        .any(|action| action == "sts:AssumeRoleWithWebIdentity");
    let by_token = statement
        .inner("principals")
        .iter()
        .any(|principals| principals.text("type") == "Federated");
    if !takes_on || !by_token || statement.text("effect") == "Deny" {
        return;
    }
    let conditions: Vec<Block<'_>> = statement
        .inner("condition")
        .into_iter()
        .filter(|condition| condition.text("variable").ends_with(":sub"))
        .collect();
    // What is put together from variables may name one.
    let is_open = |value: &String| {
        let value = value.trim_start_matches("repo:");
        matches!(value, "*" | "*:*" | "*/*" | "*/*:*")
    };
    match conditions.as_slice() {
        [] if of_github => reports.add(statement.node, TOLD),
        all => {
            let open = all
                .iter()
                .find(|condition| condition.texts("values").iter().any(is_open));
            if let Some(condition) = open {
                reports.add(condition.node, TOLD);
            }
        }
    }
}
