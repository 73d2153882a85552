//! Changed functions of both versions, called.

use serde_json::Value;

use super::{git, json, repository, text, tools, verify};

const BASE: &str = "\
from dataclasses import dataclass


@dataclass
class Line:
    cents: int
    paid: bool = False


def price(quantity: int, unit: int = 100) -> int:
    return quantity * unit


def open_sum(lines: list[Line]) -> int:
    return sum(line.cents for line in lines)


def slug(title: str) -> str:
    return title.lower()


def same(n: int) -> int:
    return n + n


def log_total(n: int, log) -> int:
    return n
";

const HEAD: &str = "\
import os
from dataclasses import dataclass


@dataclass
class Line:
    cents: int
    paid: bool = False


def price(quantity: int, unit: int = 100) -> int:
    if quantity < 0:
        raise ValueError(\"quantity\")
    total = quantity * unit
    if quantity >= 1000:
        total -= 1
    return total


def open_sum(lines: list[Line]) -> int:
    lines.reverse()
    return sum(line.cents for line in lines if not line.paid)


def slug(title: str) -> str:
    while title == \"0\":
        pass
    return title.lower()


def same(n: int) -> int:
    return 2 * n


def log_total(n: int, log) -> int:
    return n + 0


def started(n: int) -> int:
    return n
";

/// What differs, as `function way`.
fn ways(report: &Value) -> Vec<String> {
    let functions = report["differences"]["functions"].as_array().expect("functions");
    let mut found = Vec::new();
    for function in functions {
        let name = function["function"].as_str().expect("a name");
        let differences = function["differences"].as_array().expect("differences");
        found.extend(
            differences
                .iter()
                .map(|one| format!("{name} {}", one["way"].as_str().expect("a way"))),
        );
        if differences.is_empty() {
            found.push(format!("{name} same"));
        }
    }
    found
}

fn messages(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().expect("findings");
    findings
        .iter()
        .map(|one| one["message"].as_str().expect("a message"))
        .collect()
}

#[test]
fn python_functions_are_compared_by_hypothesis_and_without_it() {
    let folder = repository(
        &[("shop/__init__.py", ""), ("shop/price.py", BASE)],
        &[("shop/price.py", HEAD)],
    );
    git(
        folder.path(),
        &["commit", "-q", "-am", "price: refuse what is below zero"],
    );
    let python = tools().join("bin/python").display().to_string();
    for (python, by) in [(python.as_str(), Some("Hypothesis")), ("python3", None)] {
        let words = [
            "differences",
            "--json",
            "--longest",
            "60s",
            "--calls",
            "100",
            "--python",
            python,
        ];
        let output = verify(folder.path(), &words);
        let report = json(&output);
        assert_eq!(output.status.code(), Some(0), "{report:#}");
        assert_eq!(
            report["differences"]["intent"],
            "price: refuse what is below zero"
        );
        if let Some(by) = by {
            assert_eq!(report["differences"]["functions"][0]["arguments_by"], by);
        }
        assert_eq!(
            ways(&report),
            [
                "price now-fails",
                "price returns-otherwise",
                "open_sum returns-otherwise",
                "slug now-fails",
                "same same"
            ],
            "{report:#}"
        );
        let messages = messages(&report);
        assert_eq!(messages[0], "price(-1, 0): 0 → fails: ValueError: quantity");
        assert!(messages[1].starts_with("price(1000, "), "{messages:?}");
        assert_eq!(messages[3], "slug('0'): '0' → fails: no end within 1 s");
        // The same arguments again.
        if by.is_none() {
            assert_eq!(json(&verify(folder.path(), &words)), report);
        }
        let why = &report["differences"]["not_called"][0];
        assert_eq!(
            (&why["function"], &why["why"]),
            (
                &"log_total".into(),
                &"has no type that is understood for `log`".into()
            )
        );
    }
    assert_eq!(git(folder.path(), &["status", "--porcelain", "--ignored"]), "");
}

#[test]
fn what_reads_or_writes_anything_else_is_not_called() {
    let base = "\
import random
import subprocess
from shop.db import rows

COUNT = 0


def roll(n: int) -> int:
    return random.randint(1, n)


def count(n: int) -> int:
    global COUNT
    COUNT += n
    return COUNT


def stored(n: int) -> int:
    return rows(n)


def kept(n: int) -> int:
    with open('/tmp/kept', 'w') as file:
        file.write(str(n))
    return n


def through(n: int) -> int:
    return kept(n)


async def later(n: int) -> int:
    return n
";
    let head = base.replace("n: int)", "n: int, m: int = 1)");
    let folder = repository(
        &[("shop/__init__.py", ""), ("shop/odd.py", base)],
        &[("shop/odd.py", &head)],
    );
    let report = json(&verify(folder.path(), &["differences", "--json"]));
    assert_eq!(ways(&report), Vec::<String>::new());
    let why: Vec<String> = report["differences"]["not_called"]
        .as_array()
        .expect("functions")
        .iter()
        .map(|one| {
            format!(
                "{} {}",
                one["function"].as_str().unwrap(),
                one["why"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        why,
        [
            "roll calls `random.randint`",
            "count writes `global COUNT`",
            "stored uses `shop.db.rows`, which is not known to compute only",
            "kept uses `open`",
            "through uses `open`",
            "later is asynchronous",
        ]
    );
}

const JS_BASE: &str = "\
/**
 * @param {number} quantity
 * @param {number} [unit]
 */
export function price(quantity, unit = 100) {
  return quantity * unit;
}

export const title = (name = 'none') => name.trim();

export function raw(value) {
  return value;
}
";

#[test]
fn node_functions_are_compared_by_documented_types_and_defaults() {
    let head = JS_BASE
        .replace(
            "  return quantity * unit;",
            "  if (quantity < 0) throw new RangeError('quantity');\n  return quantity * unit;",
        )
        .replace("name.trim()", "name.trimEnd()")
        .replace("return value;", "return value + 1;");
    let folder = repository(
        &[
            ("package.json", "{\"type\": \"module\"}\n"),
            ("src/price.js", JS_BASE),
        ],
        &[("src/price.js", &head)],
    );
    let output = verify(folder.path(), &["differences"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let shown = text(&output);
    for line in [
        "src/price.js:5 price (",
        "  price(-1): -100 → fails: RangeError: quantity\n",
        "  title(\" a \"): 'a' → ' a'\n",
        "not called: src/price.js `raw` has no type that is understood for `value`\n",
    ] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
    let sarif = json(&verify(folder.path(), &["differences", "--format", "sarif"]));
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    assert!(
        results
            .iter()
            .all(|one| one["ruleId"] == "changed-result" && one["level"] == "note"),
        "{sarif:#}"
    );
}

#[test]
fn what_can_not_be_loaded_is_not_decided() {
    let folder = repository(
        &[
            ("shop/__init__.py", ""),
            (
                "shop/a.py",
                "import nowhere_to_be_found\n\n\ndef f(n: int) -> int:\n    return n\n",
            ),
        ],
        &[(
            "shop/a.py",
            "import nowhere_to_be_found\n\n\ndef f(n: int) -> int:\n    return n + 1\n",
        )],
    );
    let output = verify(folder.path(), &["differences"]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(
        text(&output).contains("No module named 'nowhere_to_be_found'"),
        "{}",
        text(&output)
    );
}
