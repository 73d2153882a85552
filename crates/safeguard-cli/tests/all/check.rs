//! `safeguard check` in a repository, as a person or a pipeline runs it.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

const BASE: &str = "from flask import request

from app import app, login_required


@app.post(\"/ping\")
@login_required
def ping():
    return \"ok\"
";

const BAD: &str = "import os

from flask import request

from app import app, login_required


@app.post(\"/ping\")
def ping():
    host = request.form[\"host\"]
    os.system(\"ping -c 1 \" + host)
    return \"ok\"
";

const MENDED: &str = "import subprocess

from flask import request

from app import app, login_required


@app.post(\"/ping\")
@login_required
def ping():
    host = request.form[\"host\"]
    if host not in (\"one\", \"two\"):
        return \"no such host\", 400
    subprocess.run([\"ping\", \"-c\", \"1\", host], check=True, timeout=10)
    return \"ok\"
";

pub fn git(folder: &Path, words: &[&str]) {
    let done = Command::new("git")
        .arg("-C")
        .arg(folder)
        .args([
            "-c",
            "user.name=Kim",
            "-c",
            "user.email=kim@example.org",
            "-c",
            "commit.gpgsign=false",
        ])
        .args(words)
        .output()
        .expect("git");
    assert!(
        done.status.success(),
        "git {words:?}: {}",
        String::from_utf8_lossy(&done.stderr)
    );
}

/// A repository with the base on `main`, on a branch that has not changed anything yet.
pub fn repository() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    git(folder.path(), &["init", "-q", "-b", "main"]);
    std::fs::write(folder.path().join("ping.py"), BASE).expect("a file");
    std::fs::write(
        folder.path().join("app.py"),
        "app = make()\nlogin_required = made()\n",
    )
    .expect("a file");
    git(folder.path(), &["add", "-A"]);
    git(folder.path(), &["commit", "-q", "-m", "base"]);
    git(folder.path(), &["checkout", "-q", "-b", "change"]);
    folder
}

pub fn check(folder: &Path, words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_safeguard"))
        .arg("check")
        .args(words)
        .current_dir(folder)
        .output()
        .expect("safeguard")
}

pub fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// Rules of what refuses.
pub fn refused_by(report: &Value) -> Vec<&str> {
    let findings = report["findings"].as_array().expect("findings");
    let mut rules: Vec<&str> = findings
        .iter()
        .filter(|finding| finding["blocks"] == true)
        .map(|finding| finding["rule"].as_str().expect("a rule"))
        .collect();
    rules.sort_unstable();
    rules
}

#[test]
fn a_change_is_refused_for_what_it_brings_and_passes_when_it_is_mended() {
    let folder = repository();
    let output = check(folder.path(), &["--json"]);
    assert_eq!(
        (output.status.code(), json(&output)["files"].as_u64()),
        (Some(0), Some(0))
    );

    std::fs::write(folder.path().join("ping.py"), BAD).expect("a file");
    let output = check(folder.path(), &["--json"]);
    let report = json(&output);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(report["verdict"], "fail");
    assert_eq!(refused_by(&report), ["command-injection", "removed-access-check"]);

    // The same, staged, committed, and between two commits.
    git(folder.path(), &["add", "-A"]);
    assert_eq!(
        refused_by(&json(&check(folder.path(), &["--json", "--staged"]))).len(),
        2
    );
    git(folder.path(), &["commit", "-q", "-m", "ping"]);
    assert_eq!(refused_by(&json(&check(folder.path(), &["--json"]))).len(), 2);
    assert_eq!(
        refused_by(&json(&check(
            folder.path(),
            &["--json", "--range", "main..change"]
        )))
        .len(),
        2
    );
    // What was there before is not brought by what follows.
    std::fs::write(folder.path().join("ping.py"), format!("{BAD}\n\nLIMIT = 3\n")).expect("a file");
    let output = check(folder.path(), &["--json", "--base", "change"]);
    assert_eq!(
        (output.status.code(), refused_by(&json(&output)).len()),
        (Some(0), 0)
    );

    std::fs::write(folder.path().join("ping.py"), MENDED).expect("a file");
    let output = check(folder.path(), &["--json"]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

#[test]
fn what_can_not_be_read_is_named_and_nothing_is_decided() {
    let folder = repository();
    std::fs::write(folder.path().join("ping.py"), "def ping(:\n").expect("a file");
    std::fs::write(folder.path().join("bytes.py"), b"name = '\xff'\n").expect("a file");
    let output = check(folder.path(), &["--json"]);
    let report = json(&output);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(report["verdict"], "inconclusive");
    let unread: Vec<&str> = report["unread"]
        .as_array()
        .expect("unread")
        .iter()
        .filter_map(|one| one["path"].as_str())
        .collect();
    assert_eq!(unread, ["bytes.py", "ping.py"]);
    let output = check(folder.path(), &["--format", "sarif"]);
    let sarif: Value = serde_json::from_slice(&output.stdout).expect("SARIF");
    assert_eq!(sarif["runs"][0]["invocations"][0]["executionSuccessful"], false);
}

#[test]
fn the_report_is_written_in_the_formats_of_others() {
    let folder = repository();
    std::fs::write(folder.path().join("ping.py"), BAD).expect("a file");
    let text = |format: &str| {
        let output = check(folder.path(), &["--format", format]);
        assert_eq!(output.status.code(), Some(1), "{format}");
        String::from_utf8(output.stdout).expect("text")
    };
    let sarif: Value = serde_json::from_str(&text("sarif")).expect("SARIF");
    let results = sarif["runs"][0]["results"].as_array().expect("results");
    let injection = results
        .iter()
        .find(|result| result["ruleId"] == "command-injection")
        .expect("the injection");
    assert_eq!(injection["level"], "error");
    assert_eq!(injection["baselineState"], "new");
    assert_eq!(
        injection["locations"][0]["physicalLocation"]["region"]["startLine"],
        11
    );
    assert!(
        injection["codeFlows"][0]["threadFlows"][0]["locations"]
            .as_array()
            .is_some_and(|steps| steps.len() >= 2)
    );
    let gitlab: Value = serde_json::from_str(&text("gitlab")).expect("GitLab's");
    assert_eq!(gitlab[0]["severity"], "blocker");
    let rdjson: Value = serde_json::from_str(&text("rdjson")).expect("reviewdog's");
    assert_eq!(rdjson["diagnostics"][0]["severity"], "ERROR");
    assert!(text("github").contains("::error file=ping.py,line=11,endLine=11,title=command-injection::"));
    let junit = text("junit");
    assert!(junit.contains("<failure type=\"command-injection\""), "{junit}");
    assert!(text("text").contains("refused: 2 findings"));
}

#[test]
fn a_hook_looks_at_what_is_staged() {
    let folder = repository();
    let output = check(folder.path(), &["--install-hook"]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    std::fs::write(folder.path().join("ping.py"), BAD).expect("a file");
    git(folder.path(), &["add", "-A"]);
    let binary = Path::new(env!("CARGO_BIN_EXE_safeguard"))
        .parent()
        .expect("a folder");
    let path = format!("{}:{}", binary.display(), std::env::var("PATH").expect("a path"));
    let committed = Command::new("git")
        .arg("-C")
        .arg(folder.path())
        .args([
            "-c",
            "user.name=Kim",
            "-c",
            "user.email=kim@example.org",
            "commit",
            "-q",
            "-m",
            "ping",
        ])
        .env("PATH", path)
        .output()
        .expect("git");
    assert!(!committed.status.success());
    // Somebody else's hook is left alone.
    std::fs::write(folder.path().join(".git/hooks/pre-commit"), "#!/bin/sh\n").expect("a hook");
    assert_eq!(check(folder.path(), &["--install-hook"]).status.code(), Some(1));
}

#[test]
fn rules_of_ones_own_are_tried_and_used() {
    let folder = repository();
    let rules = folder.path().join("rules");
    std::fs::create_dir(&rules).expect("a folder");
    let rule = "rules:
  - id: no-print
    languages: [python]
    severity: ERROR
    message: \"`$X` is printed\"
    pattern: print($X)
    x-safeguard: { confidence: high }
";
    std::fs::write(rules.join("print.yaml"), rule).expect("a rule");
    let cases = "# ruleid: no-print
print(1)
# ok: no-print
log(1)
";
    std::fs::write(rules.join("print.py"), cases).expect("cases");
    let test = |words: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_safeguard"))
            .args(words)
            .current_dir(folder.path())
            .output()
            .expect("safeguard")
    };
    let output = test(&["rules", "test", "rules"]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    std::fs::write(rules.join("print.py"), "# ok: no-print\nprint(1)\n").expect("cases");
    assert_eq!(test(&["rules", "test", "rules"]).status.code(), Some(1));
    std::fs::write(folder.path().join("ping.py"), format!("{BASE}\nprint(ping)\n")).expect("a file");
    let output = check(folder.path(), &["--json", "--rules", "rules", "ping.py"]);
    assert_eq!(refused_by(&json(&output)), ["no-print"]);
    // What is not supported is refused by its name.
    std::fs::write(
        rules.join("print.yaml"),
        rule.replace("pattern:", "pattern-where-python:"),
    )
    .expect("a rule");
    let output = test(&["check", "--rules", "rules"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("pattern-where-python"));
}
