//! A comment that makes a scanner, a type checker or a coverage report look away.

use std::collections::BTreeMap;

use safeguard_api::evidence::Severity;

use crate::language::Language;
use crate::matching::canonical;
use crate::rule::Confidence;
use crate::rules::comparison::{Both, Comparison, Taken};
use crate::tree::{Kind, NodeId, Role, Tree};

pub static COMPARISON: Comparison = Comparison {
    id: "silenced-scanner",
    failure: "",
    cwe: &[],
    languages: EVERY,
    run,
    gone: None,
};

const EVERY: &[Language] = &[
    Language::Dockerfile,
    Language::Go,
    Language::Hcl,
    Language::Java,
    Language::JavaScript,
    Language::Python,
    Language::Rust,
    Language::Shell,
    Language::TypeScript,
    Language::Tsx,
    Language::Yaml,
];

/// `noqa` with a code of flake8-bandit's: an S and digits, where SIM and SLF are of style.
const BANDIT: &str = "noqa: s";

/// What silences a scanner for weaknesses.
const SECURITY: &[&str] = &[
    "nosec",
    "nosemgrep",
    "#nosec",
    "nolint:gosec",
    "lgtm[",
    "codeql[",
    "snyk-ignore",
    "gitleaks:allow",
    BANDIT,
    "checkov:skip",
    "tfsec:ignore",
    "trivy:ignore",
    "kics-scan ignore",
    "kics-scan disable",
    "zizmor: ignore",
    "terrascan:skip",
];

/// What silences others.
const OTHERS: &[&str] = &[
    "noqa",
    "type: ignore",
    "pyright: ignore",
    "pylint: disable",
    "pylint:disable",
    "eslint-disable",
    "@ts-ignore",
    "@ts-nocheck",
    "@ts-expect-error",
    "nolint",
    "lint:ignore",
    "pragma: no cover",
    "istanbul ignore",
    "c8 ignore",
    "v8 ignore",
    "biome-ignore",
    "deno-lint-ignore",
    "noinspection",
    "nosonar",
    "hadolint ignore",
    "shellcheck disable",
    "yamllint disable",
    "tflint-ignore",
];

fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    attributes(both, taken);
    let mut before: BTreeMap<&str, usize> = BTreeMap::new();
    for (kind, _, _) in silencing(&both.base.tree) {
        *before.entry(kind).or_default() += 1;
    }
    for (kind, comment, at) in silencing(&both.head.tree) {
        if let Some(left) = before.get_mut(kind).filter(|left| **left > 0) {
            *left -= 1;
            continue;
        }
        let is_security = SECURITY.contains(&kind);
        taken.push(Taken {
            node: at,
            severity: if is_security {
                Severity::High
            } else {
                Severity::Low
            },
            confidence: if is_security && !says_why(comment) {
                Confidence::High
            } else {
                Confidence::Medium
            },
            message: format!("`{}` is new: a scanner is told to look away here", comment.trim()),
        });
    }
}

/// Rust's `#[allow(…)]` and Java's `@SuppressWarnings(…)`, which say it without a comment.
fn attributes(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let silencing = |tree: &Tree| -> Vec<(String, NodeId)> {
        let is_silencing = |decorator: &NodeId| {
            let value = tree.child(*decorator, Role::Value);
            let name = value.and_then(|value| tree.child(value, Role::Callee));
            name.is_some_and(|name| match tree.language() {
                Language::Rust => tree.name(name) == "allow",
                Language::Java => matches!(tree.name(name), "SuppressWarnings" | "SuppressFBWarnings"),
                _ => false,
            })
        };
        tree.all()
            .filter(|id| tree.kind(*id) == Kind::Decorator && is_silencing(id))
            .map(|id| (canonical(tree, id), id))
            .collect()
    };
    let mut before: BTreeMap<String, usize> = BTreeMap::new();
    for (text, _) in silencing(&both.base.tree) {
        *before.entry(text).or_default() += 1;
    }
    for (text, at) in silencing(&both.head.tree) {
        if let Some(left) = before.get_mut(&text).filter(|left| **left > 0) {
            *left -= 1;
            continue;
        }
        taken.push(Taken {
            node: at,
            severity: Severity::Low,
            confidence: Confidence::Medium,
            message: format!(
                "`{}` is new: the compiler is told to look away here",
                both.head.tree.source(at)
            ),
        });
    }
}

/// The comments that silence something: by what, their text, and the node that they stand at.
fn silencing(tree: &Tree) -> Vec<(&'static str, &str, NodeId)> {
    let mut found = Vec::new();
    for span in tree.comments() {
        let Some(comment) = tree.text().get(span.clone()) else {
            continue;
        };
        let lower = comment.to_ascii_lowercase();
        let silences = |kind: &&&str| match **kind {
            BANDIT => names_bandit(&lower),
            kind => lower.contains(kind),
        };
        if let Some(kind) = SECURITY.iter().chain(OTHERS).find(silences) {
            // What begins on the comment's line, or right behind it, or before it where it is the last.
            let line = tree.text()[..span.start].rfind('\n').map_or(0, |at| at + 1);
            let mut before = None;
            let mut at = None;
            for id in tree.all().skip(1) {
                let begin = tree.span(id).start;
                if begin < span.start {
                    before = Some(id);
                } else if span.end <= begin {
                    at = Some(id);
                    break;
                }
            }
            let same_line = before.filter(|id| tree.span(*id).start >= line);
            if let Some(at) = same_line.or(at).or(before) {
                found.push((*kind, comment, at));
            }
        }
    }
    found
}

fn names_bandit(comment: &str) -> bool {
    comment.split("noqa:").skip(1).any(|codes| {
        codes
            .split(|char: char| char == ',' || char.is_whitespace())
            .filter_map(|code| code.strip_prefix('s'))
            .any(|digits| digits.starts_with(|char: char| char.is_ascii_digit()))
    })
}

/// Whether a comment has a reason beside the word: at least three more words.
fn says_why(comment: &str) -> bool {
    comment
        .split_whitespace()
        .filter(|word| word.chars().all(char::is_alphabetic) && word.len() > 1)
        .count()
        >= 3
}
