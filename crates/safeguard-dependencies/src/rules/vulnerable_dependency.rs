//! `vulnerable-dependency`.

use safeguard_api::evidence::Severity;

use super::Rule;
use crate::change::{Added, Change, Facts};
use crate::finding::Finding;
use crate::osv::{Advisory, Level};
use crate::package::Dependency;
use crate::version;

pub(super) static RULE: Rule = Rule {
    id: "vulnerable-dependency",
    failure: "X3",
    cwe: &["CWE-1395"],
    page: include_str!("vulnerable_dependency.md"),
    check,
};

const NAMED_MAX: usize = 3;

fn check(change: &Change, facts: &Facts, findings: &mut Vec<Finding>) {
    for added in change.added() {
        let dependency = added.dependency;
        let Some(version) = &dependency.version else {
            continue;
        };
        if !dependency.source.is_registry() || change.had_version(dependency) {
            continue;
        }
        let key = (dependency.ecosystem, dependency.name.clone());
        let advisories = facts.advisories.get(&key).map_or(&[][..], Vec::as_slice);
        let affects = |advisory: &&Advisory, version: &str| {
            advisory.affects(dependency.ecosystem, version) == Some(true)
        };
        let hit: Vec<&Advisory> = advisories
            .iter()
            .filter(|advisory| affects(advisory, version))
            .collect();
        let unclear = advisories
            .iter()
            .find(|advisory| advisory.affects(dependency.ecosystem, version).is_none());
        if let (true, Some(advisory)) = (hit.is_empty(), unclear) {
            findings.push(Finding {
                rule: RULE.id,
                path: added.file.path.clone(),
                span: dependency.span.clone(),
                message: format!(
                    "whether `{}` {version} is vulnerable can not be told: {}",
                    dependency.name,
                    named(advisory)
                ),
                severity: severity(advisory),
                certain: false,
                about: Some(key),
            });
            continue;
        }
        if hit.is_empty() {
            continue;
        }
        // What the version before had too, the change does not bring.
        let before: Vec<&str> = change.versions_before(dependency).collect();
        let was_there = |advisory: &&Advisory| before.iter().any(|version| affects(advisory, version));
        let brought: Vec<&Advisory> = hit
            .iter()
            .copied()
            .filter(|advisory| !was_there(advisory))
            .collect();
        let (told, certain) = if brought.is_empty() {
            (hit, false)
        } else {
            (brought, true)
        };
        findings.push(Finding {
            rule: RULE.id,
            path: added.file.path.clone(),
            span: dependency.span.clone(),
            message: message(&added, version, &told, certain),
            severity: told
                .iter()
                .map(|advisory| severity(advisory))
                .max()
                .unwrap_or(Severity::Medium),
            certain,
            about: Some(key),
        });
    }
}

fn severity(advisory: &Advisory) -> Severity {
    match advisory.level {
        Level::Malware => Severity::Critical,
        Level::Known(severity) => severity,
        Level::Unknown => Severity::Medium,
    }
}

fn message(added: &Added<'_>, version: &str, advisories: &[&Advisory], brought: bool) -> String {
    let dependency = added.dependency;
    let mut worst: Vec<&&Advisory> = advisories.iter().collect();
    worst.sort_by_key(|advisory| std::cmp::Reverse(severity(advisory)));
    let named: Vec<String> = worst
        .iter()
        .take(NAMED_MAX)
        .map(|advisory| named(advisory))
        .collect();
    let mut text = if worst.iter().any(|advisory| advisory.level == Level::Malware) {
        format!(
            "`{}` {version} is malicious: {}",
            dependency.name,
            named.join(", ")
        )
    } else {
        format!(
            "`{}` {version} is vulnerable: {}",
            dependency.name,
            named.join(", ")
        )
    };
    if worst.len() > NAMED_MAX {
        text.push_str(&format!(" and {} more", worst.len() - NAMED_MAX));
    }
    if let Some(summary) = worst
        .first()
        .map(|advisory| advisory.summary.as_str())
        .filter(|summary| !summary.is_empty())
    {
        text.push_str(&format!(" ({summary})"));
    }
    match fixed_in(dependency, version, advisories) {
        Some(fixed) => text.push_str(&format!("; mended in {fixed}")),
        None => text.push_str("; no version mends it"),
    }
    let was = added.before.and_then(|before| before.version.as_deref());
    let is_lower =
        |was: &str| version::compare(dependency.ecosystem, version, was) == Some(std::cmp::Ordering::Less);
    match was {
        Some(was) if brought && is_lower(was) => {
            text.push_str(&format!("; {was}, which was there, is not affected"))
        }
        Some(was) if !brought => text.push_str(&format!("; so was {was}")),
        _ => {}
    }
    text
}

fn named(advisory: &Advisory) -> String {
    match advisory.aliases.iter().find(|alias| alias.starts_with("CVE-")) {
        Some(alias) => format!("{} ({alias})", advisory.id),
        None => advisory.id.clone(),
    }
}

/// The lowest version that all of them are mended in.
fn fixed_in(dependency: &Dependency, version: &str, advisories: &[&Advisory]) -> Option<String> {
    let mut fixed = version.to_owned();
    // Each round mends at least one, so that there are no more rounds than advisories.
    for _ in 0..=advisories.len() {
        let open = advisories
            .iter()
            .find(|advisory| advisory.affects(dependency.ecosystem, &fixed) == Some(true));
        match open {
            Some(advisory) => fixed = advisory.fixed_in(dependency.ecosystem, &fixed)?,
            None => return Some(fixed),
        }
    }
    None
}
