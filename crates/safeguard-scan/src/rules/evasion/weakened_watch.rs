//! What watches an installation, or who may change it, and watches less now: trails, detectors, firewalls, protected branches.

use std::collections::BTreeMap;

use safeguard_api::evidence::Severity;

use crate::analysis::hcl::{Block, blocks};
use crate::language::Language;
use crate::matching::Source;
use crate::rule::Confidence;
use crate::rules::comparison::{Both, Comparison, Taken};
use crate::tree::{Kind, NodeId, Role};

pub static COMPARISON: Comparison = Comparison {
    id: "weakened-watch",
    failure: "X3",
    cwe: &["CWE-693", "CWE-778"],
    languages: &[Language::Hcl],
    run,
    gone: None,
};

/// How a setting gets weaker.
#[derive(Debug, Clone, Copy)]
enum Weaker {
    Off,
    On,
    /// Less than before.
    Fewer,
    /// A list that is shorter.
    Shorter,
}

/// Kinds of resources by how they begin, what is set on them, and what is weaker.
const SETTINGS: &[(&str, &str, Weaker)] = &[
    ("aws_guardduty_detector", "enable", Weaker::Off),
    ("aws_cloudtrail", "enable_logging", Weaker::Off),
    ("aws_cloudtrail", "enable_log_file_validation", Weaker::Off),
    ("aws_cloudtrail", "is_multi_region_trail", Weaker::Off),
    (
        "aws_config_configuration_recorder_status",
        "is_enabled",
        Weaker::Off,
    ),
    (
        "aws_iam_account_password_policy",
        "minimum_password_length",
        Weaker::Fewer,
    ),
    ("aws_ecr_repository", "scan_on_push", Weaker::Off),
    (
        "aws_s3_bucket_public_access_block",
        "block_public_acls",
        Weaker::Off,
    ),
    (
        "aws_s3_bucket_public_access_block",
        "block_public_policy",
        Weaker::Off,
    ),
    (
        "aws_s3_bucket_public_access_block",
        "restrict_public_buckets",
        Weaker::Off,
    ),
    ("aws_kms_key", "enable_key_rotation", Weaker::Off),
    ("aws_lb", "drop_invalid_header_fields", Weaker::Off),
    ("aws_elasticache", "transit_encryption_enabled", Weaker::Off),
    ("aws_elasticache", "at_rest_encryption_enabled", Weaker::Off),
    ("aws_db_instance", "storage_encrypted", Weaker::Off),
    ("aws_rds_cluster", "storage_encrypted", Weaker::Off),
    ("aws_ebs_volume", "encrypted", Weaker::Off),
    ("aws_efs_file_system", "encrypted", Weaker::Off),
    (
        "aws_db_instance",
        "iam_database_authentication_enabled",
        Weaker::Off,
    ),
    (
        "azurerm_storage_account",
        "enable_https_traffic_only",
        Weaker::Off,
    ),
    (
        "azurerm_storage_account",
        "https_traffic_only_enabled",
        Weaker::Off,
    ),
    (
        "azurerm_storage_account",
        "allow_nested_items_to_be_public",
        Weaker::On,
    ),
    ("azurerm_", "public_network_access_enabled", Weaker::On),
    ("google_sql_database_instance", "require_ssl", Weaker::Off),
    ("google_container_cluster", "enable_shielded_nodes", Weaker::Off),
    (
        "google_storage_bucket",
        "uniform_bucket_level_access",
        Weaker::Off,
    ),
    ("github_branch_protection", "enforce_admins", Weaker::Off),
    (
        "github_branch_protection",
        "require_code_owner_reviews",
        Weaker::Off,
    ),
    (
        "github_branch_protection",
        "required_approving_review_count",
        Weaker::Fewer,
    ),
    ("github_branch_protection", "require_signed_commits", Weaker::Off),
    ("github_branch_protection", "dismiss_stale_reviews", Weaker::Off),
    ("github_branch_protection", "contexts", Weaker::Shorter),
    ("github_branch_protection", "allows_force_pushes", Weaker::On),
    ("github_branch_protection", "allows_deletions", Weaker::On),
    ("github_repository", "vulnerability_alerts", Weaker::Off),
];

/// Those that are there to watch: without them nobody looks.
const WATCHES: &[&str] = &[
    "aws_guardduty_detector",
    "aws_cloudtrail",
    "aws_config_configuration_recorder",
    "aws_securityhub_account",
    "aws_inspector2_enabler",
    "aws_macie2_account",
    "aws_flow_log",
    "aws_wafv2_web_acl_association",
    "aws_s3_bucket_public_access_block",
    "aws_s3_bucket_logging",
    "github_branch_protection",
    "google_logging_project_sink",
    "azurerm_monitor_diagnostic_setting",
    "azurerm_network_watcher_flow_log",
];

fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let before = resources(both.base);
    let after = resources(both.head);
    let mut tell = |node: NodeId, message: String| {
        taken.push(Taken {
            node,
            severity: Severity::High,
            confidence: Confidence::High,
            message,
        });
    };
    for ((kind, name), was) in &before {
        let Some(now) = after.get(&(*kind, *name)) else {
            let is_watch = WATCHES.contains(kind);
            let like = after.keys().any(|(other, _)| other == kind)
                && !before.keys().any(|(other, old)| other == kind && old != name);
            let at = both.head.tree.children(NodeId::ROOT).next();
            if let Some(at) = at.filter(|_| is_watch && !like && !both.moved.mentions(kind)) {
                tell(
                    at,
                    format!("`{kind}.{name}` is gone: nobody looks there any more"),
                );
            }
            continue;
        };
        let (old, new) = (set(*was), set(*now));
        for (of, setting, weaker) in SETTINGS.iter().filter(|(of, _, _)| kind.starts_with(of)) {
            let Some((_, before)) = old.get(setting) else {
                continue;
            };
            let Some((node, after)) = new.get(setting) else {
                continue;
            };
            let numbers = || {
                Some((
                    first(before)?.parse::<u64>().ok()?,
                    first(after)?.parse::<u64>().ok()?,
                ))
            };
            let is = |texts: &[String], wanted: &str| first(texts) == Some(wanted);
            let is_weaker = match weaker {
                Weaker::Off => is(before, "true") && is(after, "false"),
                Weaker::On => is(before, "false") && is(after, "true"),
                Weaker::Fewer => numbers().is_some_and(|(before, after)| after < before),
                Weaker::Shorter => {
                    after.len() < before.len() && after.iter().all(|text| before.contains(text))
                }
            };
            if is_weaker {
                tell(
                    *node,
                    format!(
                        "`{setting}` of `{of}` was `{}`, and is `{}`: it guards less than before",
                        before.join(", "),
                        after.join(", ")
                    ),
                );
            }
        }
        let blocked = |block: &Block<'_>| {
            let actions = block.deep("action").into_iter();
            actions.filter(|action| !action.inner("block").is_empty()).count()
        };
        let counted = |block: &Block<'_>| {
            let actions = block
                .deep("action")
                .into_iter()
                .chain(block.deep("override_action"));
            actions.filter(|action| !action.inner("count").is_empty()).count()
        };
        if kind.contains("waf") && blocked(now) < blocked(was) && counted(now) > counted(was) {
            tell(
                now.node,
                format!("a rule of `{kind}.{name}` blocked, and only counts now: what it kept out comes in"),
            );
        }
    }
}

fn first(texts: &[String]) -> Option<&str> {
    texts.first().map(String::as_str)
}

fn resources(source: &Source) -> BTreeMap<(&str, &str), Block<'_>> {
    blocks(source)
        .into_iter()
        .filter(|block| !block.kind().is_empty())
        .map(|block| ((block.kind(), block.label(1)), block))
        .collect()
}

/// Everything that is set on a resource or in a block of it, by its name alone.
fn set(block: Block<'_>) -> BTreeMap<&str, (NodeId, Vec<String>)> {
    let tree = &block.source.tree;
    let mut found = BTreeMap::new();
    for id in tree
        .subtree(block.node)
        .filter(|id| tree.kind(*id) == Kind::Assign)
    {
        let (Some(target), Some(value)) = (tree.child(id, Role::Target), tree.child(id, Role::Value)) else {
            continue;
        };
        let texts = match tree.kind(value) {
            Kind::List => tree
                .children(value)
                .map(|item| tree.name(item).to_owned())
                .collect(),
            _ => vec![tree.name(value).to_owned()],
        };
        found.entry(tree.name(target)).or_insert((id, texts));
    }
    found
}
