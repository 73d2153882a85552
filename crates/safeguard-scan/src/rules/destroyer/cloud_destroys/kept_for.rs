//! Rules by which stores of Google and Azure delete by themselves what came some days ago.

use super::terraform::{CHECK, is_passing, is_wanted};
use crate::analysis::hcl::{Block, blocks};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rules::{Check, Reports};

pub static EXPIRES: Check = Check {
    languages: &[Language::Hcl],
    run,
    ..CHECK
};

/// What is kept for years is kept by a rule of its own.
const DAYS_MIN: u32 = 365;

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    for block in blocks(source) {
        if is_passing(&block) {
            continue;
        }
        let found = match block.kind() {
            "google_storage_bucket" => google(&block),
            "azurerm_storage_management_policy" => azure(&block),
            _ => continue,
        };
        let account = block
            .attribute("storage_account_id")
            .map_or("", |set| source.tree.source(set.value));
        let wanted = is_wanted(block.label(1)) || is_wanted(&block.text("name")) || is_wanted(account);
        for (days, node) in found {
            let told = format!("all that is in it is deleted {days} days after it came");
            match wanted && days < DAYS_MIN {
                true => reports.add(node, told),
                false => reports.note(node, told),
            }
        }
    }
}

type Expiry = (u32, crate::tree::NodeId);

/// `lifecycle_rule { action { type = "Delete" } condition { age = 60 } }`
fn google(block: &Block<'_>) -> Vec<Expiry> {
    block
        .inner("lifecycle_rule")
        .into_iter()
        .filter(|rule| {
            rule.inner("action")
                .iter()
                .any(|action| action.text("type") == "Delete")
        })
        .filter_map(|rule| {
            let condition = rule.inner("condition").into_iter().next()?;
            // Of old versions, or of a part alone.
            let only_age = condition
                .attributes()
                .all(|(name, set)| name == "age" || name == "with_state" && set.is("LIVE"));
            let age = condition.attribute("age").filter(|_| only_age)?;
            Some((age.text().parse().ok()?, age.node))
        })
        .collect()
}

/// `base_blob { delete_after_days_since_modification_greater_than = 30 }`
fn azure(block: &Block<'_>) -> Vec<Expiry> {
    block
        .inner("rule")
        .into_iter()
        .filter(|rule| {
            rule.text("enabled") != "false"
                && !rule.inner("filters").iter().any(|filters| {
                    filters.attribute("prefix_match").is_some()
                        || !filters.inner("match_blob_index_tag").is_empty()
                })
        })
        .flat_map(|rule| rule.deep("base_blob"))
        .flat_map(|blob| {
            blob.attributes()
                .filter(|(name, _)| name.starts_with("delete_after_days_since"))
                .filter_map(|(_, set)| Some((set.text().parse().ok()?, set.node)))
                .collect::<Vec<_>>()
        })
        .collect()
}
