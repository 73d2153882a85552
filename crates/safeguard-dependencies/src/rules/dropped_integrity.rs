//! `dropped-integrity`.

use std::collections::{BTreeMap, BTreeSet};

use safeguard_api::evidence::Severity;

use super::Rule;
use crate::change::{Change, Facts, File};
use crate::finding::Finding;
use crate::package::{Dependency, Listing};
use crate::read::Role;

pub(super) static RULE: Rule = Rule {
    id: "dropped-integrity",
    failure: "X3",
    cwe: &["CWE-353"],
    page: include_str!("dropped_integrity.md"),
    check,
};

fn check(change: &Change, _: &Facts, findings: &mut Vec<Finding>) {
    for file in change.files.iter().filter(|file| file.changed) {
        let (Some(base), Some(head)) = (&file.base, &file.head) else {
            continue;
        };
        packages(file, base, head, findings);
        sums(file, base, head, findings);
    }
}

fn packages(file: &File, base: &Listing, head: &Listing, findings: &mut Vec<Finding>) {
    // A tool that writes no hashes at all is another matter than one that is gone.
    let keeps_some = head.dependencies.iter().any(|one| !one.integrity.is_empty());
    let identity = |one: &Dependency| {
        (
            one.ecosystem,
            one.name.clone(),
            one.version.clone(),
            one.source.clone(),
        )
    };
    let before: BTreeMap<_, &Dependency> = base.dependencies.iter().map(|one| (identity(one), one)).collect();
    for found in &head.dependencies {
        let Some(was) = before.get(&identity(found)) else {
            continue;
        };
        if was.integrity.is_empty() || found.version.is_none() {
            continue;
        }
        let version = found.version.as_deref().unwrap_or("");
        let (message, certain) = if found.integrity.is_empty() {
            let message = format!(
                "`{}` {version} had a hash that its content must fit, and has none",
                found.name
            );
            (message, keeps_some && file.format.role() == Role::Lock)
        } else if differs(&was.integrity, &found.integrity) {
            let message = format!(
                "`{}` {version} is the same version with another hash: what it installs is not what it was",
                found.name
            );
            (message, true)
        } else {
            continue;
        };
        findings.push(Finding {
            rule: RULE.id,
            path: file.path.clone(),
            span: found.span.clone(),
            message,
            severity: Severity::High,
            certain,
            about: Some((found.ecosystem, found.name.clone())),
        });
    }
}

fn sums(file: &File, base: &Listing, head: &Listing, findings: &mut Vec<Finding>) {
    let before: BTreeMap<&str, &str> = base
        .sums
        .iter()
        .map(|(module, hash, _)| (module.as_str(), hash.as_str()))
        .collect();
    for (module, hash, span) in &head.sums {
        if before.get(module.as_str()).is_some_and(|was| was != hash) {
            findings.push(Finding {
                rule: RULE.id,
                path: file.path.clone(),
                span: span.clone(),
                message: format!(
                    "`{module}` is the same version with another hash: what it installs is not what it was"
                ),
                severity: Severity::High,
                certain: true,
                about: None,
            });
        }
    }
}

/// Whether both have hashes of a kind and none of them is the same: files may be added to a version, and kinds of hashes may change.
fn differs(was: &[String], now: &[String]) -> bool {
    let words = |list: &[String]| -> BTreeSet<String> {
        list.iter()
            .flat_map(|hash| hash.split_whitespace())
            .map(str::to_owned)
            .collect()
    };
    let (was, now) = (words(was), words(now));
    let kinds =
        |hashes: &BTreeSet<String>| -> BTreeSet<String> { hashes.iter().map(|hash| kind(hash)).collect() };
    let comparable = !kinds(&was).is_disjoint(&kinds(&now));
    comparable && was.is_disjoint(&now)
}

/// `sha512-…`, `sha256:…`, yarn's `10c0/…`, and bare hashes by their length.
fn kind(hash: &str) -> String {
    match hash.find(['-', ':', '=', '/']) {
        Some(at) if at < 8 => hash[..at].to_owned(),
        _ => hash.len().to_string(),
    }
}
