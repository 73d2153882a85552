//! `install-script`.

use safeguard_api::evidence::Severity;

use super::Rule;
use crate::change::{Change, Facts};
use crate::finding::Finding;
use crate::package::Ecosystem;
use crate::popular::is_popular;

pub(super) static RULE: Rule = Rule {
    id: "install-script",
    failure: "X3",
    cwe: &["CWE-506"],
    page: include_str!("install_script.md"),
    check,
};

const YOUNG_SECONDS: i64 = 90 * 86_400;

fn check(change: &Change, facts: &Facts, findings: &mut Vec<Finding>) {
    for added in change.added() {
        let dependency = added.dependency;
        let known = facts.known(dependency);
        let version = dependency.version.as_deref().unwrap_or("");
        let release = known.and_then(|known| known.version(dependency.ecosystem, version));
        let has_script = dependency.install_script || release.is_some_and(|release| release.install_script);
        if !added.is_new || !has_script || is_popular(dependency.ecosystem, &dependency.name) {
            continue;
        }
        let is_young = known
            .and_then(|known| known.first)
            .is_some_and(|first| facts.now - first < YOUNG_SECONDS);
        let since = if is_young {
            ", and is less than three months old"
        } else {
            ""
        };
        findings.push(Finding {
            rule: RULE.id,
            path: added.file.path.clone(),
            span: dependency.span.clone(),
            message: format!(
                "`{}` runs a script of its own when it is installed{since}",
                dependency.name
            ),
            severity: Severity::High,
            certain: is_young,
            about: Some((dependency.ecosystem, dependency.name.clone())),
        });
    }
    for file in change.files.iter().filter(|file| file.changed) {
        let before = file.base.as_ref().map_or(&[][..], |base| base.scripts.as_slice());
        for (name, script, span) in file.head.iter().flat_map(|head| &head.scripts) {
            let was_there = before
                .iter()
                .any(|(other, text, _)| other == name && text == script);
            if was_there || !fetches_and_runs(script) {
                continue;
            }
            findings.push(Finding {
                rule: RULE.id,
                path: file.path.clone(),
                span: span.clone(),
                message: format!("`{name}` fetches code and runs it on every machine that installs this"),
                severity: Severity::High,
                certain: true,
                about: Some((Ecosystem::Npm, format!("script {name}"))),
            });
        }
    }
}

/// `curl … | sh`, and what is decoded or fetched and given to an interpreter.
fn fetches_and_runs(script: &str) -> bool {
    let fetches = ["curl ", "wget ", "http://", "https://", "base64"];
    let runs = ["sh", "bash", "node", "python", "python3", "zsh"];
    let fetched = fetches.iter().any(|word| script.contains(word));
    let piped = script.split('|').skip(1).any(|part| {
        let word = part
            .split_whitespace()
            .find(|word| !word.starts_with('-') && *word != "sudo");
        word.is_some_and(|word| runs.contains(&word))
    });
    let evaluated = ["eval ", "eval(", "$(curl", "$(wget", "`curl", "`wget"]
        .iter()
        .any(|word| script.contains(word));
    fetched && (piped || evaluated)
}
