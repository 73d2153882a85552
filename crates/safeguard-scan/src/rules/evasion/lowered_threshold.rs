//! A number or a switch of a check that asks for less than before: coverage, severities, strictness, ignored rules.

mod passed_over;
mod switched;

use std::collections::BTreeMap;

use crate::analysis::commands::{Command, WITH_COMMANDS, commands};
use crate::analysis::entries::entries;
use crate::language::Language;
use crate::matching::Source;
use crate::rules::comparison::{Both, Comparison, Taken};
use crate::tree::{NodeId, Role, Tree};
use passed_over::{left_out, lists, looked_for};
use switched::switches;

pub static COMPARISON: Comparison = Comparison {
    id: "lowered-threshold",
    failure: "",
    cwe: &["CWE-693"],
    languages: &[
        Language::Rust,
        Language::Settings,
        Language::Shell,
        Language::Yaml,
        Language::Dockerfile,
        Language::JavaScript,
        Language::TypeScript,
    ],
    run,
    gone: None,
};

fn run(both: &Both<'_>, taken: &mut Vec<Taken>) {
    flags(both, taken);
    given_up(both, taken);
    lints(both, taken);
    if both.head.tree.language() == Language::Settings || is_settings_file(&both.head.path) {
        numbers(both, taken);
        switches(both, taken);
        lists(both, taken);
        looked_for(both, taken);
        left_out(both, taken);
    }
}

fn is_settings_file(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or(path);
    [
        "jest.config",
        "vitest.config",
        "vite.config",
        "eslint.config",
        ".eslintrc",
        "codecov",
        ".codecov",
        ".nycrc",
        "karma.conf",
        ".golangci",
        ".pre-commit-config",
    ]
    .iter()
    .any(|begin| file.starts_with(begin))
}

fn tell(taken: &mut Vec<Taken>, node: NodeId, sure: bool, message: String) {
    taken.push(Taken::high(node, sure, message));
}

/// `--cov-fail-under=80`, `--fail-under 80`, `--audit-level=high`, `--severity HIGH,CRITICAL`.
fn flags(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let language = both.head.tree.language();
    if language != Language::Settings && !WITH_COMMANDS.contains(&language) {
        return;
    }
    let values = |source: &Source| -> BTreeMap<String, (String, NodeId)> {
        let mut found = BTreeMap::new();
        for command in commands(source) {
            let args = command.args();
            for (at, arg) in args.iter().enumerate() {
                if !arg.starts_with("--") {
                    continue;
                }
                let (name, value) = match arg.split_once('=') {
                    Some((name, value)) => (name, value.to_owned()),
                    None => (arg.as_str(), args.get(at + 1).cloned().unwrap_or_default()),
                };
                if FLAGS.iter().any(|(flag, _)| *flag == name) {
                    found
                        .entry(format!("{} {name}", command.program()))
                        .or_insert((value, command.node));
                }
            }
        }
        found
    };
    let before = values(both.base);
    for (key, (now, node)) in values(both.head) {
        let Some((was, _)) = before.get(&key) else {
            continue;
        };
        let name = key.split(' ').nth(1).unwrap_or("");
        let kind = FLAGS
            .iter()
            .find(|(flag, _)| *flag == name)
            .map(|(_, kind)| *kind);
        let weaker = match kind {
            Some(Asks::Least) => number(&now).zip(number(was)).is_some_and(|(now, was)| now < was),
            Some(Asks::Most) => number(&now).zip(number(was)).is_some_and(|(now, was)| now > was),
            Some(Asks::Level) => level(&now).zip(level(was)).is_some_and(|(now, was)| now > was),
            Some(Asks::Code) => now == "0" && was != "0",
            None => false,
        };
        if weaker {
            tell(
                taken,
                node,
                true,
                format!("`{name}` was `{was}`, and is `{now}`: the check asks for less"),
            );
        }
    }
}

/// `semgrep --error` that became `semgrep`: what it finds stops nothing any more.
fn given_up(both: &Both<'_>, taken: &mut Vec<Taken>) {
    const STOPS: &[(&str, &str)] = &[
        ("semgrep", "--error"),
        ("trivy", "--exit-code"),
        ("grype", "--fail-on"),
        ("pytest", "--cov-fail-under"),
        ("coverage", "--fail-under"),
        ("mypy", "--strict"),
        ("eslint", "--max-warnings"),
        ("c8", "--check-coverage"),
        ("nyc", "--check-coverage"),
    ];
    let language = both.head.tree.language();
    if language != Language::Settings && !WITH_COMMANDS.contains(&language) {
        return;
    }
    let has = |args: &[String], flag: &str| {
        args.iter()
            .any(|arg| arg == flag || arg.starts_with(&format!("{flag}=")))
    };
    let (before, after) = (commands(both.base), commands(both.head));
    for (program, flag) in STOPS {
        let runs = |command: &&Command| command.program() == *program;
        let was = before
            .iter()
            .filter(runs)
            .any(|command| has(command.args(), flag));
        let mut now = after.iter().filter(runs).peekable();
        let at = now.peek().map(|command| command.node);
        // It may be asked for in a file of settings instead.
        let elsewhere =
            both.moved.mentions(flag.trim_start_matches('-')) || both.moved.mentions("fail_under");
        if let Some(at) = at.filter(|_| was && !elsewhere)
            && !now.any(|command| has(command.args(), flag))
        {
            tell(
                taken,
                at,
                true,
                format!("`{flag}` is gone from `{program}`: what it finds stops nothing any more"),
            );
        }
    }
}

/// `#![forbid(unsafe_code)]` that is gone from a crate.
fn lints(both: &Both<'_>, taken: &mut Vec<Taken>) {
    const MARKS: &[&str] = &["#![forbid(unsafe_code)]", "#![deny(unsafe_code)]"];
    if both.head.tree.language() != Language::Rust {
        return;
    }
    let text = both.head.tree.text();
    let gone = MARKS.iter().find(|mark| both.base.tree.text().contains(**mark));
    let still = text.contains("unsafe_code") || both.moved.mentions("unsafe_code");
    if let (Some(gone), Some(at)) = (
        gone,
        both.head.tree.children(NodeId::ROOT).next().filter(|_| !still),
    ) {
        tell(
            taken,
            at,
            true,
            format!("`{gone}` is gone: nothing keeps unsafe code out of this crate any more"),
        );
    }
}

#[derive(Clone, Copy)]
enum Asks {
    Least,
    Most,
    /// The lowest of several severities that counts.
    Level,
    Code,
}

const FLAGS: &[(&str, Asks)] = &[
    ("--cov-fail-under", Asks::Least),
    ("--fail-under", Asks::Least),
    ("--fail-under-line", Asks::Least),
    ("--fail-under-lines", Asks::Least),
    ("--minimum-coverage", Asks::Least),
    ("--check-coverage", Asks::Least),
    ("--lines", Asks::Least),
    ("--branches", Asks::Least),
    ("--functions", Asks::Least),
    ("--max-warnings", Asks::Most),
    ("--audit-level", Asks::Level),
    ("--severity", Asks::Level),
    ("--severity-threshold", Asks::Level),
    ("--severity-level", Asks::Level),
    ("--fail-on", Asks::Level),
    ("--failure-threshold", Asks::Level),
    ("--exit-code", Asks::Code),
];

fn number(text: &str) -> Option<f64> {
    text.trim_end_matches('%').parse().ok()
}

fn level(text: &str) -> Option<u8> {
    let of = |word: &str| match word.trim().to_ascii_lowercase().as_str() {
        "info" | "note" | "negligible" | "unknown" | "style" => Some(0),
        "low" => Some(1),
        "medium" | "moderate" | "warning" => Some(2),
        "high" | "error" => Some(3),
        "critical" => Some(4),
        "none" => Some(5),
        _ => None,
    };
    text.split(',').map(of).min().flatten()
}

/// Every number of a file with the keys that lead to it.
fn by_path(source: &Source) -> BTreeMap<String, (NodeId, NodeId)> {
    let tree = &source.tree;
    entries(source)
        .into_iter()
        .map(|entry| (path(tree, entry.node), (entry.value, entry.node)))
        .collect()
}

fn path(tree: &Tree, node: NodeId) -> String {
    let around: Vec<NodeId> = std::iter::once(node).chain(tree.ancestors(node)).collect();
    let keys = around
        .into_iter()
        .rev()
        .filter_map(|id| tree.child(id, Role::Key))
        .map(|key| tree.name(key).to_owned());
    keys.collect::<Vec<_>>().join("/")
}

fn numbers(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let before = by_path(both.base);
    let after = by_path(both.head);
    let value = |source: &Source, node: NodeId| {
        number(source.tree.name(node)).or_else(|| number(source.tree.source(node)))
    };
    for (path, (was, _)) in &before {
        let lower = path.to_ascii_lowercase();
        let last = lower.rsplit('/').next().unwrap_or("");
        let is_least = matches!(last, "fail_under" | "fail-under" | "cov-fail-under")
            || ["threshold", "coverage", "c8", "nyc"]
                .iter()
                .any(|word| lower.contains(word))
                && matches!(
                    last,
                    "lines" | "branches" | "functions" | "statements" | "target" | "line_coverage"
                )
            || matches!(last, "lines" | "branches" | "functions" | "statements")
                && both.head.path.contains("nycrc")
            // JaCoCo, in Maven.
            || last == "minimum" && lower.contains("limit");
        let is_most = matches!(last, "max-complexity" | "max_complexity" | "max-warnings")
            || last == "threshold" && both.head.path.contains("codecov")
            || last == "failbuildoncvss";
        let Some(before) = value(both.base, *was).filter(|_| is_least || is_most) else {
            continue;
        };
        match after.get(path) {
            Some((now, node)) => {
                let Some(after) = value(both.head, *now) else {
                    continue;
                };
                if is_least && after < before || is_most && after > before {
                    tell(
                        taken,
                        *node,
                        is_least,
                        format!("`{last}` was {before}, and is {after}: the check asks for less"),
                    );
                }
            }
            None if is_least => {
                // It may stand under another key: a tool calls it otherwise since its last version.
                let again = |other: &String| other.to_ascii_lowercase().rsplit('/').next() == Some(last);
                if after.keys().any(again) {
                    continue;
                }
                // A file of a test runner's own is where its thresholds stand; others may hand them over on the command line.
                let is_sure = lower.contains("threshold")
                    && !both.moved.mentions_elsewhere(&both.head.path, last)
                    && !both.moved.mentions("hreshold");
                if let Some(at) = both.head.tree.children(NodeId::ROOT).next() {
                    tell(
                        taken,
                        at,
                        is_sure,
                        format!("`{last}` ({before}) is gone: nothing is asked for"),
                    );
                }
            }
            None => {}
        }
    }
}
