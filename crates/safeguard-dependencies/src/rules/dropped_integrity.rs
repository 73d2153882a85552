//! `dropped-integrity`.

use std::collections::BTreeSet;

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
    for newer in &head.dependencies {
        let is_same = |one: &&Dependency| {
            one.key() == newer.key() && one.version == newer.version && one.source == newer.source
        };
        let Some(was) = base.dependencies.iter().find(is_same) else {
            continue;
        };
        if was.integrity.is_empty() || newer.version.is_none() {
            continue;
        }
        let version = newer.version.as_deref().unwrap_or("");
        let (message, certain) = if newer.integrity.is_empty() {
            let message = format!(
                "`{}` {version} had a hash that its content must fit, and has none",
                newer.name
            );
            (message, keeps_some && file.format.role() == Role::Lock)
        } else if differs(&was.integrity, &newer.integrity) {
            let message = format!(
                "`{}` {version} is the same version with another hash: what it installs is not what it was",
                newer.name
            );
            (message, true)
        } else {
            continue;
        };
        findings.push(Finding {
            rule: RULE.id,
            path: file.path.clone(),
            span: newer.span.clone(),
            message,
            severity: Severity::High,
            certain,
            about: Some((newer.ecosystem, newer.name.clone())),
        });
    }
}

fn sums(file: &File, base: &Listing, head: &Listing, findings: &mut Vec<Finding>) {
    for (module, hash, span) in &head.sums {
        let was = base.sums.iter().find(|(other, ..)| other == module);
        if was.is_some_and(|(_, other, _)| other != hash) {
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
