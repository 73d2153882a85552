//! Arguments that a resource of Terraform does not have.

use std::collections::BTreeSet;

use safeguard_api::evidence::Severity;

use super::data::{self, TERRAFORM};
use crate::analysis::hcl::{Block, blocks};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, Role};

pub static CHECK: Check = Check {
    id: "unknown-resource-argument",
    failure: "X6",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &[],
    languages: &[Language::Hcl],
    run,
};

/// What every resource may have.
const OF_ALL: &[&str] = &[
    "count",
    "for_each",
    "provider",
    "depends_on",
    "lifecycle",
    "provisioner",
    "connection",
    "timeouts",
    "dynamic",
    "region",
    "tags",
    "tags_all",
    "id",
];

/// Those whose arguments are few, and have been the same for years.
const SETTLED: &[&str] = &[
    "aws_cloudwatch_log_group",
    "aws_iam_policy",
    "aws_iam_role",
    "aws_iam_role_policy",
    "aws_iam_role_policy_attachment",
    "aws_kms_alias",
    "aws_s3_bucket",
    "aws_s3_bucket_policy",
    "aws_s3_bucket_public_access_block",
    "aws_s3_bucket_versioning",
    "aws_security_group",
    "aws_sqs_queue",
    "aws_sqs_queue_policy",
    "aws_sqs_queue_redrive_policy",
];

/// Whether two names have the same words but for some: `memory` and `memory_size`, `backup_retention_days` and `backup_retention_period`.
fn is_meant(name: &str, other: &str) -> bool {
    let (words, others): (BTreeSet<&str>, BTreeSet<&str>) =
        (name.split('_').collect(), other.split('_').collect());
    words.is_subset(&others) || others.is_subset(&words) || words.intersection(&others).count() > 1
}

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    if source.is_test() {
        return;
    }
    for block in blocks(source) {
        let Some(known) = TERRAFORM.get(block.kind()).filter(|_| !block.kind().is_empty()) else {
            continue;
        };
        let mut told = BTreeSet::new();
        let set = block.attributes().map(|(name, set)| (name, set.node));
        for (name, node) in set.chain(inner(&block)) {
            if !known.contains(name) && !OF_ALL.contains(&name) && told.insert(name) {
                let near = known.iter().find(|other| is_meant(name, other));
                let hint = match data::hint(name, known.iter()) {
                    hint if !hint.is_empty() => hint,
                    _ => near.map_or(String::new(), |near| format!("; there is `{near}`")),
                };
                // A later release of the provider may have more; what is called much as one that there is, is that one.
                let tell = if SETTLED.contains(&block.kind()) || !hint.is_empty() {
                    Reports::add
                } else {
                    Reports::note
                };
                let told = format!("`{}` has no argument `{name}`{hint}", block.kind());
                tell(reports, node, told);
            }
        }
    }
}

/// The blocks in a resource, by name.
fn inner<'s>(block: &Block<'s>) -> Vec<(&'s str, crate::tree::NodeId)> {
    let tree = &block.source.tree;
    let body = tree.child(block.node, Role::Body);
    body.into_iter()
        .flat_map(|body| tree.children(body))
        .filter(|node| tree.kind(*node) == Kind::Section)
        .map(|node| (tree.name(node), node))
        .collect()
}
