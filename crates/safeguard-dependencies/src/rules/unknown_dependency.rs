//! `unknown-dependency`.

use safeguard_api::evidence::Severity;

use super::Rule;
use crate::change::{Change, Facts};
use crate::finding::Finding;
use crate::package::{Dependency, Ecosystem};
use crate::registry::{self, Answer};

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
        let said = match facts.answer(dependency) {
            Some(Answer::Absent) => Some(absent(dependency)),
            Some(Answer::Known(known)) => unfit(dependency, known),
            Some(Answer::Unreachable(_) | Answer::NotAsked) | None => None,
        };
        findings.extend(said.map(|(message, severity)| Finding {
            rule: RULE.id,
            path: added.file.path.clone(),
            span: dependency.span.clone(),
            message,
            severity,
            certain: true,
            about: Some((dependency.ecosystem, dependency.name.clone())),
        }));
    }
}

/// Modules of Go and artifacts of Maven of one's own are known to settings of the machine that are not read here.
fn absent(dependency: &Dependency) -> (String, Severity) {
    let Dependency { name, ecosystem, .. } = dependency;
    match ecosystem {
        Ecosystem::Go | Ecosystem::Maven => (
            format!("`{name}` is not in the public {ecosystem} registry: it is private, or does not exist"),
            Severity::Medium,
        ),
        _ => (
            format!("`{name}` does not exist: {ecosystem} has no such package"),
            Severity::Critical,
        ),
    }
}

fn unfit(dependency: &Dependency, known: &registry::Facts) -> Option<(String, Severity)> {
    let Dependency { name, ecosystem, .. } = dependency;
    if known.held {
        let message = format!("`{name}` was taken away by {ecosystem} since it was malicious");
        return Some((message, Severity::Critical));
    }
    if known.versions.is_empty() {
        let message =
            format!("`{name}` has nothing that could be installed: {ecosystem} lists no version of it");
        return Some((message, Severity::High));
    }
    let version = dependency.version.as_deref()?;
    match known.version(*ecosystem, version) {
        Some(release) if release.yanked => {
            let message = format!("`{name}` {version} was withdrawn by who published it");
            Some((message, Severity::Medium))
        }
        Some(_) => None,
        // A proxy lists no versions that were made of a commit.
        None if *ecosystem == Ecosystem::Go => None,
        None => {
            let message = format!("`{name}` has no version {version}: {ecosystem} does not list it");
            Some((message, Severity::High))
        }
    }
}
