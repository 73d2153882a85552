//! Arguments that a resource of Terraform does not have, for those whose arguments are few and settled.

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
                reports.add(
                    node,
                    format!(
                        "`{}` has no argument `{name}`{}",
                        block.kind(),
                        data::hint(name, known.iter())
                    ),
                );
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
