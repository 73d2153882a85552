//! `unknown-dependency`.

use safeguard_api::evidence::Severity;

use super::Rule;
use crate::change::{Change, Facts};
use crate::finding::Finding;
use crate::registry::Answer;

pub(super) static RULE: Rule = Rule {
    id: "unknown-dependency",
    failure: "X6",
    cwe: &["CWE-1357"],
    page: include_str!("unknown_dependency.md"),
    check,
};

fn check(change: &Change, facts: &Facts, findings: &mut Vec<Finding>) {
    for added in change.added() {
        let dependency = added.dependency;
        if !dependency.source.is_registry() || !change.is_direct(dependency) {
            continue;
        }
        let name = &dependency.name;
        let (message, severity) = match facts.answer(dependency) {
            Some(Answer::Absent) => (
                format!(
                    "`{name}` does not exist: {} has no such package",
                    dependency.ecosystem
                ),
                Severity::Critical,
            ),
            Some(Answer::Known(known)) if known.held => (
                format!(
                    "`{name}` was taken away by {} since it was malicious",
                    dependency.ecosystem
                ),
                Severity::Critical,
            ),
            Some(Answer::Known(known)) => {
                let Some(version) = dependency
                    .version
                    .as_deref()
                    .filter(|_| !known.versions.is_empty())
                else {
                    continue;
                };
                match known.version(dependency.ecosystem, version) {
                    Some(release) if release.yanked => (
                        format!("`{name}` {version} was withdrawn by who published it"),
                        Severity::Medium,
                    ),
                    Some(_) => continue,
                    None => (
                        format!(
                            "`{name}` has no version {version}: {} does not list it",
                            dependency.ecosystem
                        ),
                        Severity::High,
                    ),
                }
            }
            Some(Answer::Unreachable(_) | Answer::NotAsked) | None => continue,
        };
        findings.push(Finding {
            rule: RULE.id,
            path: added.file.path.clone(),
            span: dependency.span.clone(),
            message,
            severity,
            certain: true,
            about: Some((dependency.ecosystem, name.clone())),
        });
    }
}
