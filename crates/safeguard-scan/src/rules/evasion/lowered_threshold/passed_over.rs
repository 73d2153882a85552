//! Lists of what a check passes over, or looks for, that let more through than before.

use std::collections::{BTreeMap, BTreeSet};

use super::{by_path, tell};
use crate::analysis::entries::entries;
use crate::matching::Source;
use crate::rules::comparison::{Both, Taken};
use crate::tree::{Kind, NodeId};

/// Whose lists say what is not checked.
const CHECKS: &[&str] = &[
    "ruff", "mypy", "coverage", "pytest", "bandit", "pylint", "flake8", "eslint", "jest", "pyright", "nyc",
    "lint", "biome", "report", "run/", "sonar",
];

/// `addopts = "--ignore=tests/test_pay.py"`: tests that no run comes to any more.
pub(super) fn left_out(both: &Both<'_>, taken: &mut Vec<Taken>) {
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
    let least = |source: &Source| -> Option<(f64, NodeId)> {
        let tree = &source.tree;
        entries(source)
            .into_iter()
            .filter(|entry| entry.name == "addopts")
            .find_map(|entry| {
                let text = tree.source(entry.value);
                let (_, behind) = text.split_once("--cov-fail-under")?;
                let digits = behind.trim_start_matches(['=', ' ', '"', ',', '\'']);
                let end = digits
                    .find(|char: char| !char.is_ascii_digit() && char != '.')
                    .unwrap_or(digits.len());
                Some((digits[..end].parse().ok()?, entry.node))
            })
    };
    if let (Some((was, _)), Some((now, node))) = (least(both.base), least(both.head))
        && now < was
    {
        tell(
            taken,
            node,
            true,
            format!("`--cov-fail-under` was {was}, and is {now}: the check asks for less"),
        );
    }
    let before = options(both.base);
    for (what, node) in options(both.head) {
        if !before.contains_key(&what) && what.contains(".py") {
            let message = format!("`{what}` is left out of every run of the tests now");
            tell(taken, node, true, message);
            return;
        }
    }
}

/// Families of rules, and linters, that look for weaknesses.
const OF_SECURITY: &[&str] = &[
    "S",
    "ALL",
    "gosec",
    "bodyclose",
    "sqlclosecheck",
    "bandit",
    "security",
];

/// Lists of what is looked for that have lost some of it: `select = ["E", "S"]` of ruff, `enable: [gosec]` of golangci.
pub(super) fn looked_for(both: &Both<'_>, taken: &mut Vec<Taken>) {
    let lists = |source: &Source| -> BTreeMap<String, (BTreeSet<String>, NodeId)> {
        let tree = &source.tree;
        let all = by_path(source).into_iter().filter(|(path, (value, _))| {
            let last = path.rsplit('/').next().unwrap_or("");
            tree.kind(*value) == Kind::List
                && (matches!(last, "select" | "extend-select")
                    && (path.contains("lint") || path.contains("ruff") || path.len() < 16)
                    || last == "enable" && source.path.contains("golangci")
                    || last == "tests" && path.contains("bandit"))
        });
        all.map(|(path, (value, node))| {
            let items = tree.children(value).map(|item| tree.name(item).to_owned());
            (path, (items.collect(), node))
        })
        .collect()
    };
    let after = lists(both.head);
    for (path, (was, _)) in lists(both.base) {
        let Some((now, node)) = after.get(&path) else {
            continue;
        };
        // Some of a family, or all of them, may be asked for instead.
        let still = |name: &str| {
            now.iter().any(|other| {
                other == "ALL"
                    || other == name
                    || name.starts_with(other.as_str())
                    || other.starts_with(name) && name.len() < 3
            }) || after.values().any(|(list, _)| list.contains(name))
        };
        let lost: Vec<&String> = was.iter().filter(|name| !still(name)).collect();
        let Some(first) = lost.first() else { continue };
        let security = lost.iter().find(|name| {
            let letters = name.trim_end_matches(|last: char| last.is_ascii_digit());
            OF_SECURITY.contains(&name.as_str()) || letters == "S"
        });
        let name = security.unwrap_or(first);
        tell(
            taken,
            *node,
            security.is_some(),
            format!("`{name}` is looked for no more"),
        );
    }
}

/// Lists of what is passed over that have grown.
pub(super) fn lists(both: &Both<'_>, taken: &mut Vec<Taken>) {
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
        "sonar.exclusions",
        "sonar.coverage.exclusions",
        "sonar.test.exclusions",
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
        let of_check = [".flake8", "audit.toml", "deny.toml", "osv-scanner.toml"]
            .iter()
            .any(|file| both.head.path.ends_with(file))
            || CHECKS.iter().any(|check| lower.contains(check));
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
