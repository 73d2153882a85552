//! Mutants under the tests of a repository.

use std::path::Path;
use std::process::Output;

use serde_json::Value;
use tempfile::TempDir;

use super::{git, json, repository, text, tools, verify, write};

const BASE: &str = "def price(quantity, unit=100):\n    return quantity * unit\n";

const HEAD: &str = "\
def price(quantity, unit=100):
    if quantity <= 0:
        raise ValueError(\"quantity must be at least 1\")
    total = quantity * unit
    if quantity >= 10:
        total = total - total // 10
    return total


def remember(order, audit):
    audit.record(\"priced\", order)
    return order


def never(a):
    return a + 1
";

const TESTS: &str = "\
import pytest

from shop.price import price, remember


class Audit:
    def record(self, *what):
        pass


def test_price():
    assert price(2) == 200
    assert price(20) == 1800


def test_idle():
    price(3)


def test_none():
    with pytest.raises(ValueError):
        price(-1)


def test_remember():
    remember({}, Audit())
";

/// A test that is a script: quicker than a framework, where the framework is not what is tested.
const SCRIPT: &str = "\
import os
from shop.price import price

log = os.environ.get('RUNS_LOG')
if log:
    open(log, 'a').write('run\\n')
assert price(2) == 200
assert price(10) == 900
";

fn shop(tests: &[(&str, &str)]) -> TempDir {
    let mut head = vec![("shop/price.py", HEAD)];
    head.extend(tests);
    repository(&[("shop/__init__.py", ""), ("shop/price.py", BASE)], &head)
}

/// What survives: `line operator`.
fn survivors(report: &Value) -> Vec<String> {
    let all = report["mutants"]["all"].as_array().expect("mutants");
    all.iter()
        .filter(|mutant| mutant["outcome"] == "survived")
        .map(|mutant| {
            format!(
                "{} {}",
                mutant["line"],
                mutant["operator"].as_str().expect("an operator")
            )
        })
        .collect()
}

fn with_script(folder: &Path, words: &[&str]) -> Output {
    let mut all = vec!["mutants", "--test", "python3 check.py"];
    all.extend(words);
    verify(folder, &all)
}

#[test]
fn what_no_test_notices_is_named_and_the_files_stay_as_they_are() {
    let folder = shop(&[("tests/test_price.py", TESTS)]);
    let before = git(folder.path(), &["status", "--porcelain", "--ignored"]);
    let command = format!("{}/bin/python -m pytest -q", tools().display());
    let output = verify(
        folder.path(),
        &["mutants", "--json", "--jobs", "2", "--test", &command],
    );
    let report = json(&output);
    assert_eq!(
        survivors(&report),
        [
            "2 boundary",
            "5 boundary",
            "11 removed-call",
            "12 return-value",
            "16 arithmetic",
            "16 number"
        ],
        "{report:#}"
    );
    assert_eq!(report["mutants"]["not_run"][0]["function"], "never");
    let messages: Vec<&str> = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .map(|finding| finding["message"].as_str().expect("a message"))
        .collect();
    assert_eq!(
        messages,
        [
            "the test `tests.test_price.test_idle` runs `price`, and no assertion of it fails with any of 11 mutants: it asserts nothing about what changed",
            "no test notices: `quantity` equal to `0` would not count any more",
            "no test notices: `quantity` equal to `10` would not count any more",
            "tests run `remember` and assert nothing about it: it can be broken in 2 ways, and every test passes",
            "no test notices: `audit.record(\"priced\", order)` would not be called",
            "no test notices: `None` would be returned instead of `order`",
            "no test runs `never`: it can fail at once, and every test passes",
        ]
    );
    assert_eq!(
        (output.status.code(), &report["verdict"]),
        (Some(0), &"pass".into())
    );
    assert_eq!(
        git(folder.path(), &["status", "--porcelain", "--ignored"]),
        before
    );
}

#[test]
fn what_was_tried_is_not_tried_again_until_something_changes() {
    let folder = shop(&[("check.py", SCRIPT)]);
    let log = folder.path().join(".git/runs");
    let run = |log: &Path| {
        let command = format!("env RUNS_LOG={} python3 check.py", log.display());
        let output = verify(folder.path(), &["mutants", "--json", "--test", &command]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        let runs = std::fs::read_to_string(log).unwrap_or_default().lines().count();
        (survivors(&json(&output)), runs)
    };
    let (first, runs) = run(&log);
    assert!(runs > 10, "{runs}");
    assert_eq!(run(&log), (first.clone(), runs), "nothing is run again");
    write(
        folder.path(),
        &[("check.py", &format!("{SCRIPT}assert price(1) == 100\n"))],
    );
    let (second, more) = run(&log);
    assert_eq!(first, second);
    assert!(more > runs + 10, "other tests may notice other mutants");
}

#[test]
fn tests_that_fail_as_they_are_decide_nothing() {
    let folder = shop(&[(
        "check.py",
        "from shop.price import price\nassert price(2) == 201, 'sums are off'\n",
    )]);
    let output = with_script(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        text(&output).contains("without any mutant, `python3 check.py` ended with"),
        "{}",
        text(&output)
    );
    assert!(text(&output).contains("sums are off"), "{}", text(&output));
    // What fails by its traces of the runs before says nothing either.
    let folder = shop(&[(
        "check.py",
        "import os, sys\nfrom shop.price import price\nopen('runs', 'a').write('.')\nsys.exit(os.path.getsize('runs') > 3)\n",
    )]);
    let output = with_script(folder.path(), &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("after the mutants, "), "{}", text(&output));
}

#[test]
fn too_many_survivors_refuse_unless_somebody_answers_for_them() {
    let folder = shop(&[("check.py", SCRIPT)]);
    let only = ["--max-per-function", "3", "--refuse-survivors"];
    let with = |percent: &str, more: &[&str]| {
        let words: Vec<&str> = only
            .into_iter()
            .chain([percent])
            .chain(more.iter().copied())
            .collect();
        with_script(folder.path(), &words)
    };
    let output = with("10", &[]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let shown = text(&output);
    assert!(
        shown.contains("  -     if quantity <= 0:\n  +     if False:\n"),
        "{shown}"
    );
    assert!(shown.contains("survive (limit 10 %)"), "{shown}");
    assert_eq!(with("100", &[]).status.code(), Some(0));
    let sarif = json(&with("10", &["--format", "sarif"]));
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    assert!(
        results
            .iter()
            .all(|result| result["ruleId"] == "untested-change" && result["level"] == "error")
    );
    let junit = text(&with("10", &["--format", "junit"]));
    assert!(junit.contains("<failure type=\"untested-change\""), "{junit}");
    // The functions that nobody tests are let pass by name.
    let allowed = "# safeguard: allow[untested-change] run by hand (owner: kim, until: 2999-01-01)\n";
    let guard = HEAD.replace(
        "    if quantity <= 0:",
        &format!("    {allowed}    if quantity <= 0:"),
    );
    let all = guard
        .replace("def remember", &format!("{allowed}def remember"))
        .replace("def never", &format!("{allowed}def never"));
    write(folder.path(), &[("shop/price.py", &all)]);
    let output = with("10", &[]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(
        text(&output).contains("let pass until 2999-01-01 by kim"),
        "{}",
        text(&output)
    );
}

#[test]
fn what_is_not_tried_in_time_is_not_decided_and_goes_on() {
    let folder = shop(&[("check.py", &format!("import time\n{SCRIPT}time.sleep(1)\n"))]);
    let run = |budget: &str| {
        let output = with_script(folder.path(), &["--json", "--budget", budget]);
        let report = json(&output);
        let untried = report["mutants"]["untried"].as_u64().unwrap_or(0);
        (output.status.code(), report["verdict"].clone(), untried, report)
    };
    // The tests alone take longer.
    let (code, _, _, report) = run("500ms");
    assert_eq!(code, Some(2), "{report:#}");
    let (code, verdict, untried, report) = run("10m");
    assert_eq!(
        (code, verdict, untried),
        (Some(0), "pass".into(), 0),
        "{report:#}"
    );
}

#[test]
fn what_is_staged_or_in_a_range_is_what_is_broken() {
    let folder = shop(&[("check.py", SCRIPT)]);
    git(folder.path(), &["add", "-A"]);
    write(folder.path(), &[("check.py", "raise SystemExit(1)\n")]);
    let staged = with_script(folder.path(), &["--json", "--staged", "--max", "2"]);
    assert_eq!(staged.status.code(), Some(0), "{}", text(&staged));
    git(folder.path(), &["commit", "-q", "-m", "change"]);
    let range = with_script(
        folder.path(),
        &["--json", "--range", "main..change", "--max", "2"],
    );
    assert_eq!(range.status.code(), Some(0), "{}", text(&range));
    assert_eq!(json(&range)["mutants"]["all"], json(&staged)["mutants"]["all"]);
    let working_tree = with_script(folder.path(), &["--json", "--max", "2"]);
    assert_eq!(working_tree.status.code(), Some(2));
}

const COUNT: &str = "\
export function count(rows) {
  let at = 0;
  let open = 0;
  while (at < rows.length) {
    if (rows[at]?.open) open += 1;
    at += 1;
  }
  return open;
}
";

const COUNT_TEST: &str = "\
import { test } from 'node:test';
import assert from 'node:assert';
import { marker } from 'marker';
import { count } from '../src/count.js';

test('counts', () => {
  assert.equal(marker, 'installed');
  assert.equal(count([{ open: true }, { open: false }]), 1);
});
";

#[test]
fn node_runs_with_its_packages_and_what_does_not_end_is_noticed() {
    let folder = repository(
        &[
            (".gitignore", "node_modules/\n"),
            ("package.json", "{\"name\": \"rows\", \"type\": \"module\"}\n"),
            ("test/count.test.js", COUNT_TEST),
            (
                "node_modules/marker/package.json",
                "{\"name\": \"marker\", \"type\": \"module\", \"exports\": \"./index.js\"}\n",
            ),
            (
                "node_modules/marker/index.js",
                "export const marker = 'installed';\n",
            ),
        ],
        &[("src/count.js", COUNT)],
    );
    // A mutant that does not end takes the whole of its time: the second one is left out.
    let output = verify(
        folder.path(),
        &[
            "mutants",
            "--json",
            "--jobs",
            "2",
            "--max",
            "10",
            "--test",
            "node --test",
        ],
    );
    let report = json(&output);
    assert_eq!(output.status.code(), Some(0), "{report:#}");
    assert_eq!(report["mutants"]["timed_out"], 1, "{report:#}");
    assert_eq!(
        survivors(&report),
        ["4 boundary", "5 optional-access"],
        "{report:#}"
    );
    let is_one = |entry: std::io::Result<std::fs::DirEntry>| {
        let command = std::fs::read(entry.expect("a process").path().join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).into_owned();
        command.contains("safeguard-verify-") && command.contains("count.test")
    };
    assert!(
        !std::fs::read_dir("/proc").expect("processes").any(is_one),
        "a test outlived its run"
    );
}
