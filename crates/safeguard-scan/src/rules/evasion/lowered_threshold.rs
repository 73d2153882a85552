//! A number or a switch of a check that asks for less than before: coverage, severities, strictness, ignored rules.

use std::collections::{BTreeMap, BTreeSet};

use safeguard_api::evidence::Severity;

use crate::analysis::commands::commands;
use crate::analysis::entries::entries;
use crate::language::Language;
use crate::matching::Source;
use crate::rule::Confidence;
use crate::rules::comparison::{Both, Comparison, Taken};
use crate::tree::{Kind, NodeId, Role, Tree};

pub static COMPARISON: Comparison = Comparison {
    id: "lowered-threshold",
    failure: "",
    cwe: &["CWE-693"],
    languages: &[
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
    if both.head.tree.language() == Language::Settings || is_settings_file(&both.head.path) {
        numbers(both, taken);
        switches(both, taken);
        lists(both, taken);
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
    taken.push(Taken {
        node,
        severity: Severity::High,
        confidence: if sure {
            Confidence::High
        } else {
            Confidence::Medium
        },
        message,
    });
}

/// `--cov-fail-under=80`, `--fail-under 80`, `--audit-level=high`, `--severity HIGH,CRITICAL`.
fn flags(both: &Both<'_>, taken: &mut Vec<Taken>) {
    if !crate::analysis::commands::WITH_COMMANDS.contains(&both.head.tree.language()) {
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
                && both.head.path.contains("nycrc");
        let is_most = matches!(last, "max-complexity" | "max_complexity" | "max-warnings");
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
                if let Some(at) = both.head.tree.children(NodeId::ROOT).next() {
                    tell(
                        taken,
                        at,
                        false,
                        format!("`{last}` ({before}) is gone: nothing is asked for"),
                    );
                }
            }
            None => {}
        }
    }
}

/// Strictness that is turned off.
fn switches(both: &Both<'_>, taken: &mut Vec<Taken>) {
    const STRICT: &[&str] = &[
        "strict",
        "noimplicitany",
        "strictnullchecks",
        "strictfunctiontypes",
        "noimplicitreturns",
        "nouncheckedindexedaccess",
        "disallow_untyped_defs",
        "disallow_any_generics",
        "check_untyped_defs",
        "warn_return_any",
        "warn_unused_ignores",
        "no_implicit_optional",
        "strict_equality",
        "warn_unreachable",
    ];
    const LOOSE: &[&str] = &[
        "ignore_errors",
        "ignore_missing_imports",
        "skiplibcheck",
        "allow_untyped_defs",
    ];
    let before = by_path(both.base);
    for (path, (now, node)) in by_path(both.head) {
        let lower = path.to_ascii_lowercase();
        let last = lower.rsplit('/').next().unwrap_or("");
        let is = both.head.tree.name(now).to_ascii_lowercase();
        let was = before
            .get(&path)
            .map(|(was, _)| both.base.tree.name(*was).to_ascii_lowercase());
        let off = STRICT.contains(&last) && is == "false" && was.as_deref() == Some("true");
        let loose = LOOSE.contains(&last)
            && is == "true"
            && was.as_deref() != Some("true")
            && last != "skiplibcheck"
            && last != "ignore_missing_imports";
        if off || loose {
            tell(
                taken,
                node,
                last == "strict" || last == "ignore_errors",
                format!("`{last}` is `{is}` now: what it found is found no more"),
            );
        }
        // A linter's rule that was an error.
        let in_rules = lower.contains("rules/");
        let weak = |text: &str| matches!(text, "off" | "0");
        let strong = |text: &str| matches!(text, "error" | "2" | "warn" | "1");
        if in_rules && weak(&is) && was.as_deref().is_some_and(strong) {
            let security = last.contains("eval")
                || last.contains("security")
                || last.contains("danger")
                || last.contains("unsafe");
            tell(taken, node, security, format!("the rule `{last}` is off now"));
        }
    }
}

/// Whose lists say what is not checked.
const CHECKS: &[&str] = &[
    "ruff", "mypy", "coverage", "pytest", "bandit", "pylint", "flake8", "eslint", "jest", "pyright", "nyc",
    "lint", "biome", "report", "run/",
];

/// `addopts = "--ignore=tests/test_pay.py"`: tests that no run comes to any more.
fn left_out(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let options = |source: &Source| -> BTreeMap<String, NodeId> {
        let tree = &source.tree;
        let mut found = BTreeMap::new();
        for entry in entries(source)
            .into_iter()
            .filter(|entry| entry.name == "addopts")
        {
            let parts = tree.subtree(entry.value).map(|part| tree.name(part));
            let text = parts.collect::<Vec<_>>().join(" ");
            let words: Vec<&str> = text.split_whitespace().collect();
            for (at, word) in words.iter().enumerate() {
                let leaves_out = word.starts_with("--deselect") || word.starts_with("--ignore");
                let what = match word.split_once('=') {
                    Some((_, what)) => what,
                    None => words.get(at + 1).copied().unwrap_or(""),
                };
                if leaves_out && what.contains("test") {
                    found.insert(what.to_owned(), entry.node);
                }
            }
        }
        found
    };
    let before = options(both.base);
    for (what, node) in options(both.head) {
        if !before.contains_key(&what) && what.contains(".py") {
            let message = format!("`{what}` is left out of every run of the tests now");
            tell(taken, node, true, message);
            return;
        }
    }
}

/// Lists of what is passed over that have grown.
fn lists(both: &Both<'_>, taken: &mut Vec<Taken>) {
    const PASSES: &[&str] = &[
        "ignore",
        "extend-ignore",
        "disable",
        "skips",
        "exclude",
        "omit",
        "extend-exclude",
        "coveragepathignorepatterns",
        "testpathignorepatterns",
        "deselect",
        "norecursedirs",
        "ignores",
    ];
    let before = by_path(both.base);
    let words = |source: &Source, node: NodeId| -> BTreeSet<String> {
        let tree = &source.tree;
        match tree.kind(node) {
            Kind::List => tree
                .children(node)
                .map(|item| tree.name(item).to_owned())
                .collect(),
            _ => tree
                .name(node)
                .split([',', '\n', ' '])
                .map(str::trim)
                .filter(|word| !word.is_empty())
                .map(str::to_owned)
                .collect(),
        }
    };
    for (path, (now, node)) in by_path(both.head) {
        let lower = path.to_ascii_lowercase();
        let last = lower.rsplit('/').next().unwrap_or("");
        // What is left out of a package is left out of no check.
        let of_check =
            both.head.path.ends_with(".flake8") || CHECKS.iter().any(|check| lower.contains(check));
        let Some((was, _)) = before.get(&path).filter(|_| PASSES.contains(&last) && of_check) else {
            continue;
        };
        let is = words(both.head, now);
        let was = words(both.base, *was);
        let more: Vec<&String> = is.difference(&was).collect();
        let Some(first) = more.first() else { continue };
        // Who asks for a family of rules for the first time leaves some of them out.
        let chosen: BTreeSet<String> = before
            .iter()
            .filter(|(path, _)| path.ends_with("select") || path.ends_with("tests"))
            .flat_map(|(_, (list, _))| words(both.base, *list))
            .collect();
        let security = |name: &&&String| {
            let name = name.as_str();
            let number = name.trim_start_matches(['S', 'B']);
            let asked = chosen
                .iter()
                .any(|begin| begin == "ALL" || name.starts_with(begin.as_str()))
                || name.starts_with('B') && lower.contains("bandit");
            (name.starts_with('S') || name.starts_with('B') && lower.contains("bandit"))
                && number.len() >= 3
                && number.bytes().all(|byte| byte.is_ascii_digit())
                && asked
        };
        match more.iter().find(security) {
            Some(name) => {
                let message = format!("`{name}` is passed over now: a rule against weaknesses");
                tell(taken, node, true, message);
            }
            None => tell(
                taken,
                node,
                false,
                format!("`{first}` is passed over now by `{last}`"),
            ),
        }
    }
}
