//! `young-dependency`.

use safeguard_api::evidence::Severity;

use super::{Rule, age};
use crate::change::{Added, Change, Facts};
use crate::cooling::{self, PACKAGE_SECONDS_MIN};
use crate::finding::Finding;

pub(super) static RULE: Rule = Rule {
    id: "young-dependency",
    failure: "X3",
    cwe: &["CWE-1357"],
    page: include_str!("young_dependency.md"),
    check,
};

fn check(change: &Change, facts: &Facts, findings: &mut Vec<Finding>) {
    for added in change.added() {
        let Added {
            file,
            dependency,
            is_new,
            ..
        } = added;
        if !dependency.source.is_registry() || change.had_version(dependency) && !is_new {
            continue;
        }
        let known = facts.known(dependency);
        let name = &dependency.name;
        let mut tell = |message: String, certain: bool| {
            findings.push(Finding {
                rule: RULE.id,
                path: file.path.clone(),
                span: dependency.span.clone(),
                message,
                severity: Severity::High,
                certain,
                about: Some((dependency.ecosystem, name.clone())),
            });
        };
        let first = known.and_then(|known| known.first);
        if let Some(first) = first.filter(|first| is_new && facts.now - first < PACKAGE_SECONDS_MIN) {
            let days = PACKAGE_SECONDS_MIN / 86_400;
            tell(
                format!(
                    "`{name}` is {} old: its first version came out after the names that people know were taken (limit {days} days)",
                    age(facts.now - first)
                ),
                true,
            );
            continue;
        }
        let Some(version) = &dependency.version else {
            continue;
        };
        let release = known.and_then(|known| known.version(dependency.ecosystem, version));
        let published = dependency
            .uploaded
            .or(release.and_then(|release| release.published));
        let Some(published) = published else { continue };
        let rest = cooling::rest(&change.cooling, dependency.ecosystem, name);
        let too_new = cooling::is_too_new(&change.cooling, dependency.ecosystem, name, published);
        if facts.now - published >= rest.seconds && !too_new {
            continue;
        }
        let mends = mends(change, facts, &added, version);
        let whose = if rest.of_project || too_new {
            ", by the project's own settings"
        } else {
            ""
        };
        let limit = if too_new {
            "the settings take nothing that is newer than their date".to_owned()
        } else {
            format!("limit {}{whose}", age(rest.seconds))
        };
        let mut message = format!(
            "`{name}` {version} is {} old ({limit})",
            age(facts.now - published)
        );
        if mends {
            message.push_str("; it mends a vulnerability of the version before");
        } else if rest.excepted {
            message.push_str("; the project's settings let this package in at once");
        }
        tell(message, !mends && !rest.excepted);
    }
}

/// Whether the version before is vulnerable and this one is not: then waiting has its danger too.
fn mends(change: &Change, facts: &Facts, added: &Added<'_>, version: &str) -> bool {
    let dependency = added.dependency;
    let key = (dependency.ecosystem, dependency.name.clone());
    let advisories = facts.advisories.get(&key).map_or(&[][..], Vec::as_slice);
    let is_affected = |version: &str| {
        advisories
            .iter()
            .any(|advisory| advisory.affects(dependency.ecosystem, version) == Some(true))
    };
    change.versions_before(dependency).any(is_affected) && !is_affected(version)
}
