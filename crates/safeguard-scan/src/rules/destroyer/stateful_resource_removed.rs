//! A resource that keeps data is taken out of Terraform's configuration, or what kept it from being destroyed is.

use std::collections::BTreeMap;

use safeguard_api::evidence::Severity;

use super::cloud_destroys::terraform::keeps_data;
use crate::analysis::hcl::{Block, blocks};
use crate::analysis::place::is_test;
use crate::analysis::words::has_word;
use crate::language::Language;
use crate::matching::Source;
use crate::rule::Confidence;
use crate::rules::comparison::{Both, Comparison, Moved, Taken};
use crate::tree::NodeId;

pub static COMPARISON: Comparison = Comparison {
    id: "stateful-resource-removed",
    failure: "X1",
    cwe: &["CWE-1057"],
    languages: &[Language::Hcl],
    run,
    gone: Some(gone),
};

fn resources(source: &Source) -> BTreeMap<(&str, &str), Block<'_>> {
    blocks(source)
        .into_iter()
        .filter(|block| keeps_data(block.kind()))
        .map(|block| ((block.kind(), block.label(1)), block))
        .collect()
}

/// What is bought back by no plan: databases, buckets, disks, keys.
fn is_final(kind: &str) -> bool {
    ![
        "log_group",
        "ecr_repository",
        "redis_cache",
        "elasticache",
        "zone",
        "kinesis",
        "msk",
        "cognito",
        "secret",
        "opensearch",
        "elasticsearch",
    ]
    .iter()
    .any(|other| kind.contains(other))
}

fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let now = resources(both.head);
    let Some(first) = both.head.tree.children(crate::tree::NodeId::ROOT).next() else {
        return;
    };
    let kept = plans(both.head);
    for (key, (before, _)) in plans(both.base) {
        if let Some((after, node)) = kept
            .get(&key)
            .filter(|(after, _)| *after < DAYS_TO_NOTICE && *after < before)
        {
            taken.push(Taken {
                node: *node,
                severity: Severity::High,
                confidence: Confidence::High,
                message: format!("backups were kept for {before} days, and are kept for {after}: what nobody notices until then is gone"),
            });
        }
    }
    for ((kind, name), block) in resources(both.base) {
        match now.get(&(kind, name)) {
            Some(head) => weakened(&block, head, taken),
            None if !is_let_go(both.head, kind, name) => {
                taken.extend(lost(both.base, both.moved, kind, name, first))
            }
            None => {}
        }
    }
}

fn gone(base: &Source, moved: &Moved) -> Vec<Taken> {
    let all = resources(base).into_iter();
    all.filter_map(|((kind, name), block)| lost(base, moved, kind, name, block.node))
        .collect()
}

fn lost(base: &Source, moved: &Moved, kind: &str, name: &str, at: NodeId) -> Option<Taken> {
    let address = format!("{kind}.{name}");
    // It stands in another file, or a block says what becomes of it.
    if moved.mentions(&format!("{kind:?} {name:?}")) || moved.mentions(&format!("(Member {name:?} {kind})")) {
        return None;
    }
    let passing = is_test(&base.path)
        || base.path.split('/').chain([name]).any(|part| {
            has_word(
                part,
                &[
                    "dev", "test", "example", "examples", "sandbox", "preview", "demo", "tmp", "temp",
                    "staging", "modules",
                ],
            )
        });
    Some(Taken {
        node: at,
        severity: Severity::Critical,
        confidence: if is_final(kind) && !passing {
            Confidence::High
        } else {
            Confidence::Medium
        },
        message: format!(
            "`{address}` is gone from the configuration: the next `apply` destroys it with what it keeps"
        ),
    })
}

/// `removed { from = … }` and `moved { from = … }` say what becomes of it.
fn is_let_go(head: &Source, kind: &str, name: &str) -> bool {
    blocks(head)
        .iter()
        .filter(|block| matches!(block.name(), "moved" | "removed"))
        .any(|block| {
            let from = block
                .attribute("from")
                .map_or("", |set| head.tree.source(set.value));
            let from = from.split('[').next().unwrap_or(from);
            let destroys = block
                .inner("lifecycle")
                .iter()
                .any(|inner| inner.attribute("destroy").is_some_and(|set| set.is("true")));
            from == format!("{kind}.{name}") && !destroys
        })
}

/// How long it takes until somebody notices what is wrong.
const DAYS_TO_NOTICE: u32 = 7;

/// Whether what is written is a variable of the file whose default is off: `var.protect`, `!var.passing`.
fn off_by_default(source: &Source, written: &str) -> bool {
    let plain = written.trim();
    let (name, off) = match plain.strip_prefix('!') {
        Some(rest) => (rest.trim().strip_prefix("var."), "true"),
        None => (plain.strip_prefix("var."), "false"),
    };
    name.is_some_and(|name| {
        blocks(source)
            .iter()
            .any(|block| block.name() == "variable" && block.label(0) == name && block.text("default") == off)
    })
}

/// Plans of backups: for how many days each of their rules keeps what it has copied.
fn plans(source: &Source) -> BTreeMap<(String, String), (u32, NodeId)> {
    let plans = blocks(source)
        .into_iter()
        .filter(|block| block.kind() == "aws_backup_plan");
    plans
        .flat_map(|plan| {
            let name = plan.label(1).to_owned();
            plan.inner("rule").into_iter().filter_map(move |rule| {
                let days = rule
                    .inner("lifecycle")
                    .iter()
                    .find_map(|inner| inner.attribute("delete_after"))?;
                Some((
                    (name.clone(), rule.text("rule_name")),
                    (days.text().parse().ok()?, days.node),
                ))
            })
        })
        .collect()
}

/// Protection that was there, and is not.
fn weakened(was: &Block<'_>, now: &Block<'_>, taken: &mut Vec<Taken>) {
    let mut tell = |node: NodeId, sure: bool, message: String| {
        taken.push(Taken::high(node, sure, message));
    };
    let prevents = |block: &Block<'_>| {
        block.inner("lifecycle").iter().any(|inner| {
            inner
                .attribute("prevent_destroy")
                .is_some_and(|set| set.is("true"))
        })
    };
    let says = |block: &Block<'_>| {
        block
            .inner("lifecycle")
            .iter()
            .any(|inner| inner.attribute("prevent_destroy").is_some())
    };
    let address = format!("{}.{}", now.kind(), now.label(1));
    if prevents(was) && !says(now) {
        tell(
            now.node,
            is_final(now.kind()),
            format!("`prevent_destroy` of `{address}` is gone"),
        );
    }
    for name in [
        "deletion_protection",
        "deletion_protection_enabled",
        "point_in_time_recovery_enabled",
    ] {
        if was.attribute(name).is_some_and(|set| set.is("true")) && now.attribute(name).is_none() {
            // Google's default is on.
            tell(
                now.node,
                now.kind().starts_with("aws_"),
                format!("`{name}` of `{address}` is gone"),
            );
        }
    }
    let mut told_of_variable = Vec::new();
    for name in ["deletion_protection", "deletion_protection_enabled"] {
        if was.attribute(name).is_some_and(|set| set.is("true"))
            && let Some(set) = now.attribute(name)
            && off_by_default(now.source, now.source.tree.source(set.value))
        {
            told_of_variable.push((set.node, name));
        }
    }
    for (node, name) in told_of_variable {
        tell(
            node,
            is_final(now.kind()),
            format!("`{name}` of `{address}` was on, and is off unless somebody sets a variable"),
        );
    }
    for name in [
        "backup_retention_period",
        "retention_in_days",
        "backup_retention_days",
        "soft_delete_retention_days",
        "deletion_window_in_days",
    ] {
        let number = |block: &Block<'_>| {
            block
                .attribute(name)
                .and_then(|set| set.text().parse::<u32>().ok())
        };
        if let (Some(before), Some(after), Some(set)) = (number(was), number(now), now.attribute(name))
            && after < before
            && after > 0
        {
            // From weeks to days: what nobody notices at once is gone.
            tell(
                set.node,
                after < DAYS_TO_NOTICE && before >= 2 * DAYS_TO_NOTICE && name.starts_with("backup"),
                format!("`{name}` of `{address}` was {before}, and is {after}"),
            );
        }
    }
    let count = |block: &Block<'_>| block.attribute("count").map(|set| set.text());
    if count(now).as_deref() == Some("0") && count(was).as_deref() != Some("0") {
        tell(
            now.node,
            is_final(now.kind()),
            format!("`count = 0`: the next `apply` destroys `{address}` with what it keeps"),
        );
    }
}
