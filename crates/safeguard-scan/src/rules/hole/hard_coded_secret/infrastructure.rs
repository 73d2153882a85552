//! Secrets in scripts and settings of infrastructure.

use safeguard_api::evidence::Severity;

use super::issued::issued;
use super::secret_text::{is_local_address, may_be_secret, password_in_address};
use crate::analysis::commands::WITH_COMMANDS;
use crate::analysis::entries::{Entry, entries, is_secret_variable};
use crate::analysis::place::is_local;
use crate::analysis::words::{has_word, is_password, words};
use crate::language::Language;
use crate::matching::Source;
use crate::project::Project;
use crate::rule::Confidence;
use crate::rules::{Check, Reports};
use crate::tree::{Kind, NodeId, Role};

pub static CHECK: Check = Check {
    id: "hard-coded-secret",
    failure: "X3",
    severity: Severity::High,
    confidence: Confidence::High,
    cwe: &["CWE-798", "CWE-259", "CWE-321"],
    languages: WITH_COMMANDS,
    run,
};

const MESSAGE: &str = "whoever reads the file knows it, and so does everybody who ever has its history";

fn run(source: &Source, _: &Project, reports: &mut Reports) {
    let tree = &source.tree;
    let mut told: Vec<NodeId> = Vec::new();
    for text in source.of_kind(Kind::Str) {
        let written = tree.name(*text);
        if written.len() > 16 && issued(written).is_some() && !inside_script(source, *text) {
            let what = issued(written).unwrap_or_default();
            reports.add(*text, format!("{what} is written here: {MESSAGE}"));
            told.push(*text);
        }
    }
    for entry in entries(source) {
        if !told.contains(&entry.value) && !told.contains(&entry.node) {
            set(source, &entry, reports);
        }
    }
}

/// A text whose script was read: what is in it is looked at there.
fn inside_script(source: &Source, text: NodeId) -> bool {
    let tree = &source.tree;
    tree.parent(text).is_some_and(|parent| {
        tree.child(parent, Role::Body).is_some() && matches!(tree.kind(parent), Kind::Pair | Kind::Assign)
    })
}

fn set(source: &Source, entry: &Entry<'_>, reports: &mut Reports) {
    let tree = &source.tree;
    let Some(text) = entry.text(source) else { return };
    if let Some(user) = password_in_address(text) {
        let message = format!("an address with the password of `{user}` is written here: {MESSAGE}");
        let passing = is_local_address(text) || is_passing(source, entry.node) || is_compose(source);
        return match passing {
            true => {}
            false => reports.note(entry.node, message),
        };
    }
    let name = entry.name;
    // What only lets reports be sent is known to everybody who reads the repository.
    if source
        .path
        .rsplit('/')
        .next()
        .is_some_and(|file| file.contains("codecov"))
    {
        return;
    }
    if !is_secret_variable(name) || !may_be_secret(name, text) || !is_value(name, text) {
        return;
    }
    let message = format!("`{name}` is a secret in the file: {MESSAGE}");
    let in_schema = tree.ancestors(entry.node).any(|around| {
        let key = tree.child(around, Role::Key).map_or("", |key| tree.name(key));
        matches!(
            key,
            "properties"
                | "example"
                | "examples"
                | "inputs"
                | "outputs"
                | "schemas"
                | "parameters"
                | "definitions"
                | "args"
                | "with"
        )
    });
    if in_schema || is_passing(source, entry.node) {
        return;
    }
    // A database of a test or of a developer has a password that everybody may know.
    let weak = text.len() < 12
        || words(text)
            .iter()
            .all(|word| word.len() > 2 && word.chars().all(char::is_alphabetic))
        || is_compose(source);
    match weak && tree.language() != Language::Hcl {
        true => reports.note(entry.node, message),
        false => reports.add(entry.node, message),
    }
}

/// Whether a text may be the secret itself, and not the name of one, a path, an expression.
fn is_value(name: &str, text: &str) -> bool {
    const KEEPS: &[&str] = &[
        "name", "file", "path", "ref", "arn", "id", "url", "uri", "field", "key_name", "type", "version",
        "mode", "policy", "length", "dir", "mount", "manager", "store", "rotation", "expiry", "ttl",
        "header", "env", "var", "prefix", "provider", "class",
    ];
    !has_word(name, KEEPS)
        && !text.contains(['$', '<', '{', '*', ' ', '(', '\n'])
        && !text.starts_with(['/', '.', '!'])
        && !text.starts_with("arn:")
        && !text.starts_with("http")
        && !text.contains("secretsmanager")
        && text.len() >= 6
        && !matches!(
            text.to_ascii_lowercase().as_str(),
            "true" | "false" | "none" | "null" | "inherit" | "required" | "optional" | "default"
        )
        && (is_password(name) || text.chars().any(|letter| letter.is_ascii_digit()))
        && words(text) != words(name)
}

fn is_compose(source: &Source) -> bool {
    let file = source.path.rsplit('/').next().unwrap_or("");
    file.contains("compose")
}

/// Where the machine is one of a test, a pipeline or a developer.
fn is_passing(source: &Source, node: NodeId) -> bool {
    let tree = &source.tree;
    const WORDS: &[&str] = &[
        "test",
        "tests",
        "testing",
        "example",
        "examples",
        "demo",
        "dev",
        "development",
        "local",
        "ci",
        "e2e",
        "sample",
        "mock",
        "sandbox",
        "devcontainer",
        "integration",
        "fixture",
        "fixtures",
        "benchmark",
        "docs",
        "locale",
        "locales",
        "i18n",
        "lang",
        "translations",
    ];
    let in_pipeline = source.path.contains(".github/")
        || source.path.contains("gitlab-ci")
        || source.path.contains(".circleci")
        || source.path.contains("azure-pipelines")
        || source.path.contains(".travis");
    source.is_test()
        || is_local(&source.path)
        || source.path.split('/').any(|part| has_word(part, WORDS))
        || in_pipeline
        || tree.ancestors(node).any(|around| {
            let name = match tree.kind(around) {
                Kind::Pair => tree.child(around, Role::Key).map_or("", |key| tree.name(key)),
                Kind::Function | Kind::Section => tree.name(around),
                _ => "",
            };
            has_word(name, WORDS)
        })
}
