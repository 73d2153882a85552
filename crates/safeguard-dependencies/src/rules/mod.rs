//! The rules. Each has a page: what it finds, why, what to do instead, and its cases, which are its tests.

mod changed_registry;
mod dependency_source;
mod dropped_integrity;
mod install_script;
mod lock_mismatch;
mod lookalike_dependency;
mod page;
mod unknown_dependency;
mod vulnerable_dependency;
mod young_dependency;

use std::collections::BTreeSet;

use crate::change::{Change, Facts};
use crate::finding::Finding;
use crate::read::{Format, Role};

pub use page::{Block, Case, Page};

#[derive(Debug)]
pub struct Rule {
    pub id: &'static str,
    /// The pattern of failure, `X1` to `X6`.
    pub failure: &'static str,
    pub cwe: &'static [&'static str],
    pub page: &'static str,
    check: fn(&Change, &Facts, &mut Vec<Finding>),
}

pub static RULES: &[&Rule] = &[
    &changed_registry::RULE,
    &dependency_source::RULE,
    &dropped_integrity::RULE,
    &install_script::RULE,
    &lock_mismatch::RULE,
    &lookalike_dependency::RULE,
    &unknown_dependency::RULE,
    &vulnerable_dependency::RULE,
    &young_dependency::RULE,
];

pub fn pages() -> Result<Vec<Page>, String> {
    RULES.iter().map(|rule| Page::read(rule.page)).collect()
}

/// What all rules find. The same of one package in several files is told once, where a person wrote it.
pub fn judge(change: &Change, facts: &Facts) -> Vec<Finding> {
    let mut all = Vec::new();
    for rule in RULES {
        (rule.check)(change, facts, &mut all);
    }
    let is_lock = |finding: &Finding| Format::of(&finding.path).map(Format::role) != Some(Role::Manifest);
    all.sort_by(|left, right| {
        let key = |finding: &Finding| {
            (
                is_lock(finding),
                finding.path.clone(),
                finding.span.start,
                finding.rule,
            )
        };
        key(left).cmp(&key(right))
    });
    let mut told = BTreeSet::new();
    all.retain(|finding| match &finding.about {
        Some(about) => told.insert((finding.rule, about.clone(), finding.message.clone())),
        None => true,
    });
    all.sort_by(|left, right| {
        let key = |finding: &Finding| (finding.path.clone(), finding.span.start, finding.rule);
        key(left).cmp(&key(right))
    });
    all
}

/// Days or hours, for people.
fn age(seconds: i64) -> String {
    const HOUR: i64 = 3600;
    const DAY: i64 = 24 * HOUR;
    let (count, word) = if seconds >= 2 * DAY {
        (seconds / DAY, "day")
    } else {
        (seconds.max(0) / HOUR, "hour")
    };
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}
