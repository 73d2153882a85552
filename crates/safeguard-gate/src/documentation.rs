//! The documentation of each change as a rule: intent, risk, recovery and coverage are there, or the release does not move.

use safeguard_api::documentation::{Documentation, DocumentationPart, Topic};
use safeguard_api::evidence::Format;
use safeguard_api::gate::{Gate, Verdict};
use safeguard_api::{Change, DocumentKind};

use crate::case::{Case, ChangeCase};
use crate::coverage::patch_coverage;
use crate::gates::add_command;
use crate::paths::is_migration;

/// What the rule asks, why, and what to do; its cases are the rule's tests.
pub const DOCUMENTATION_PAGE: &str = include_str!("documentation.md");

/// Says whether the documentation of the release's changes is complete.
#[must_use]
pub fn documentation(case: &Case<'_>) -> Documentation {
    if !case.policy.gates.documentation.required {
        return Documentation {
            verdict: Verdict::Pass,
            reason: "the policy requires none".to_owned(),
            parts: Vec::new(),
        };
    }
    let of_changes = case
        .changes
        .iter()
        .flat_map(|change| [intent(change), risk(change), recovery(change)]);
    let mut parts: Vec<DocumentationPart> = of_changes.collect();
    if !case.changes.is_empty() {
        parts.push(coverage(case));
    }
    let (verdict, reason) = match parts.iter().find(|part| !part.complete) {
        Some(lacking) => (
            Verdict::Inconclusive,
            format!("{} is missing; {}", named(lacking), lacking.why),
        ),
        None => (
            Verdict::Pass,
            "intent, risk, recovery and coverage of each change are there".to_owned(),
        ),
    };
    Documentation {
        verdict,
        reason,
        parts,
    }
}

/// Whether a person has to write how to go back, since a rollback of the release does not take back what was done to
/// stored data.
#[must_use]
pub fn writes_recovery<'a>(mut paths: impl Iterator<Item = &'a str>) -> bool {
    paths.any(is_migration)
}

fn named(part: &DocumentationPart) -> String {
    match &part.change {
        Some(change) => format!("`{}` of {change}", part.topic),
        None => format!("`{}`", part.topic),
    }
}

fn intent(change: &ChangeCase<'_>) -> DocumentationPart {
    let there = has(change, DocumentKind::Intent);
    let why = if there {
        "attached".to_owned()
    } else {
        attach(change.change, "intent FILE")
    };
    part(change, Topic::Intent, there, why)
}

fn risk(change: &ChangeCase<'_>) -> DocumentationPart {
    let there = change.diff.is_some() && change.history.is_some();
    let why = if there {
        "computed from its diff and history".to_owned()
    } else {
        MEASURE.to_owned()
    };
    part(change, Topic::Risk, there, why)
}

fn recovery(change: &ChangeCase<'_>) -> DocumentationPart {
    let (there, why) = match change.diff {
        _ if has(change, DocumentKind::Recovery) => (true, "attached".to_owned()),
        None => (false, MEASURE.to_owned()),
        Some(diff) if writes_recovery(diff.files.iter().map(|file| file.path.as_str())) => (
            false,
            format!(
                "a rollback does not take its migration back: {}",
                attach(change.change, "recovery FILE")
            ),
        ),
        Some(_) => (
            true,
            "it touches no stored data: a rollback takes it back".to_owned(),
        ),
    };
    part(change, Topic::Recovery, there, why)
}

fn coverage(case: &Case<'_>) -> DocumentationPart {
    let (complete, why) = match patch_coverage(case) {
        Some(patch) if patch.executable == 0 => {
            (true, "it adds no line that a test could execute".to_owned())
        }
        Some(patch) => (
            true,
            format!(
                "tests execute {} of {} added lines",
                patch.executed, patch.executable
            ),
        ),
        None => (
            false,
            format!(
                "say which of the changed lines tests execute: {}",
                add_command(case, Gate::StaticAnalysis, Format::Lcov)
            ),
        ),
    };
    DocumentationPart {
        topic: Topic::Coverage,
        change: None,
        complete,
        why,
    }
}

fn part(change: &ChangeCase<'_>, topic: Topic, complete: bool, why: String) -> DocumentationPart {
    DocumentationPart {
        topic,
        change: Some(change.change.id.clone()),
        complete,
        why,
    }
}

pub(crate) fn has(change: &ChangeCase<'_>, kind: DocumentKind) -> bool {
    change
        .documents
        .iter()
        .any(|document| document.kind == kind && document.bytes > 0)
}

fn attach(change: &Change, words: &str) -> String {
    format!("`safeguard change attach {} {words}`", change.id)
}

const MEASURE: &str = "its diff and its history say it: record it with `safeguard change add` in its repository, which measures both";
