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

/// Two branches that have merged each other began from two places, and git compares with neither by itself.
#[test]
fn branches_that_merged_each_other_are_compared() {
    let folder = repository();
    let root = folder.path();
    let add = |name: &str| {
        std::fs::write(root.join(name), format!("name = \"{name}\"\n")).expect("a file");
        git(root, &["add", "-A"]);
        git(root, &["commit", "-q", "-m", name]);
    };
    add("ours.py");
    git(root, &["checkout", "-q", "main"]);
    add("theirs.py");
    git(root, &["branch", "theirs"]);
    git(root, &["merge", "-q", "--no-edit", "change"]);
    git(root, &["checkout", "-q", "change"]);
    git(root, &["merge", "-q", "--no-edit", "theirs"]);
    std::fs::write(root.join("ping.py"), BAD).expect("a file");
    let output = check(root, &["--json"]);
    assert_eq!(
        refused_by(&json(&output)),
        ["command-injection", "removed-access-check"]
    );
    assert_eq!(output.status.code(), Some(1));

    // Without any place in common there is nothing to compare with.
    git(root, &["checkout", "-q", "--orphan", "alone"]);
    git(root, &["commit", "-q", "-m", "alone"]);
    let output = check(root, &[]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("no commit in common"), "{told}");
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
fn scripts_are_known_by_their_first_line_and_templates_are_left_out() {
    let folder = repository();
    let write = |name: &str, text: &[u8]| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folders");
        std::fs::write(path, text).expect("a file");
    };
    write("bin/deploy", b"#!/bin/sh\nDIR=$1\nrm -rf \"$DIR\"/*\n");
    write("bin/program", b"\x7fELF\xff\xfe");
    write("NOTES", b"rm -rf /\n");
    write(
        "chart/templates/api.yaml",
        b"{{- if .Values.on }}\nkind: Pod\n{{- end }}\n",
    );
    let output = check(folder.path(), &["--json"]);
    let report = json(&output);
    assert_eq!(
        (output.status.code(), refused_by(&report)),
        (Some(1), vec!["shell-removal"])
    );
    // In those that are no scripts, secrets are looked for.
    assert_eq!(
        (&report["files"], report["binary"].as_array().map(Vec::len)),
        (&3.into(), Some(0))
    );
    write("ci.yml", b"a: [1\nb: 2\n");
    assert_eq!(check(folder.path(), &["--json", "ci.yml"]).status.code(), Some(2));
}

#[test]
fn what_a_removed_file_guarded_is_missed() {
    let folder = repository();
    let workflow = folder.path().join(".github/workflows/ci.yml");
    std::fs::create_dir_all(workflow.parent().expect("a folder")).expect("folders");
    let text = "on: push\njobs:\n  test:\n    runs-on: ubuntu-latest\n    steps:\n      - run: pytest\n";
    std::fs::write(&workflow, text).expect("a file");
    git(folder.path(), &["add", "-A"]);
    git(folder.path(), &["commit", "-q", "-m", "ci"]);
    std::fs::remove_file(&workflow).expect("the file");
    let output = check(folder.path(), &["--json", "--base", "HEAD"]);
    assert_eq!(
        (output.status.code(), refused_by(&json(&output))),
        (Some(1), vec!["weakened-pipeline"])
    );
    for format in ["text", "sarif", "junit", "gitlab", "github", "rdjson"] {
        let output = check(folder.path(), &["--base", "HEAD", "--format", format]);
        assert_eq!(output.status.code(), Some(1), "{format}");
    }
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
    let review: Value = serde_json::from_str(&text("github-review")).expect("GitHub's review");
    assert_eq!(review["event"], "REQUEST_CHANGES");
    let comments = review["comments"].as_array().expect("comments");
    let on = comments
        .iter()
        .find(|comment| comment["line"] == 11)
        .expect("a comment on the line");
    assert_eq!(
        (on["path"].as_str(), on["side"].as_str()),
        (Some("ping.py"), Some("RIGHT"))
    );
    assert!(on["body"].as_str().is_some_and(
        |body| body.starts_with("**command-injection** (refused): ") && body.contains("**Instead.**")
    ));
    let junit = text("junit");
    assert!(junit.contains("<failure type=\"command-injection\""), "{junit}");
    assert!(text("text").contains("refused: 2 findings"));
}

#[test]
fn what_another_scanner_found_is_judged_by_what_the_change_brings() {
    let folder = repository();
    let file = folder.path().join("other.py");
    std::fs::write(&file, "def old(a):\n    return eval(a)\n").expect("a file");
    git(folder.path(), &["add", "-A"]);
    git(folder.path(), &["commit", "--quiet", "-m", "other"]);
    std::fs::write(
        &file,
        "def old(a):\n    return eval(a)\n\n\ndef new(b):\n    return b % 2\n",
    )
    .expect("a file");
    let result = |line: usize, rule: &str| {
        serde_json::json!({ "ruleId": rule, "level": "error", "message": { "text": "so it is" }, "properties": { "security-severity": "8.0" },
            "locations": [{ "physicalLocation": { "artifactLocation": { "uri": "other.py" }, "region": { "startLine": line } } }] })
    };
    let report = |results: Vec<Value>, ended: bool| {
        serde_json::json!({ "version": "2.1.0", "runs": [{ "tool": { "driver": { "name": "seer" } },
            "invocations": [{ "executionSuccessful": ended }], "results": results }] })
        .to_string()
    };
    let sarif = folder.path().join("seer.sarif");
    let judged = |text: String| {
        std::fs::write(&sarif, text).expect("a report");
        let output = check(
            folder.path(),
            &["--base", "HEAD", "--sarif", "seer.sarif", "--format", "json"],
        );
        let value: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        (output.status.code(), value)
    };
    let (code, value) = judged(report(vec![result(2, "no-eval")], true));
    assert_eq!(code, Some(0), "it was there before: {value}");
    let (code, value) = judged(report(vec![result(2, "no-eval"), result(6, "no-modulo")], true));
    assert_eq!(code, Some(1), "{value}");
    let blocking: Vec<&Value> = value["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .filter(|one| one["blocks"] == true)
        .collect();
    assert_eq!(blocking.len(), 1);
    assert_eq!(
        (&blocking[0]["rule"], &blocking[0]["place"]["line"]),
        (&"no-modulo".into(), &6.into())
    );
    let (code, value) = judged(report(vec![], false));
    assert_eq!(code, Some(2), "a scanner that failed says nothing: {value}");
    let allowed = "def old(a):\n    return eval(a)\n\n\ndef new(b):\n    # safeguard: allow[no-modulo] b is even (owner: kim, until: 2999-01-01)\n    return b % 2\n";
    std::fs::write(&file, allowed).expect("a file");
    let (code, value) = judged(report(vec![result(7, "no-modulo")], true));
    assert_eq!(code, Some(0), "somebody answers for it: {value}");
    // Other scanners read what is of no language here, and say things of no file.
    std::fs::write(folder.path().join("notes.txt"), "call 555\n").expect("a file");
    let mut in_notes = result(1, "no-numbers");
    in_notes["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] = "notes.txt".into();
    let (code, value) = judged(report(vec![in_notes], true));
    assert_eq!(code, Some(1), "{value}");
    let mut nowhere = result(1, "no-licence");
    nowhere["locations"] = serde_json::json!([]);
    let (code, value) = judged(report(vec![nowhere], true));
    assert_eq!(code, Some(2), "nobody can tell who brought it: {value}");
    assert_eq!(value["unread"][0]["path"], "seer.sarif", "{value}");
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

#[test]
fn a_package_that_is_not_there_refuses_once_in_however_many_files() {
    let folder = repository();
    std::fs::write(folder.path().join("requirements.txt"), "Flask==3.1.0\n").expect("a file");
    git(folder.path(), &["add", "-A"]);
    git(folder.path(), &["commit", "-q", "-m", "what it needs"]);
    for name in ["docs/shown.py", "one.py", "two.py", "three.py"] {
        let file = folder.path().join(name);
        std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
        std::fs::write(file, "import flask_quota_keeper\n\nflask_quota_keeper.start()\n").expect("a file");
    }
    let output = check(
        folder.path(),
        &["--base", "HEAD", "--offline", "--format", "json"],
    );
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let told = |blocks: bool| {
        let all = report["findings"].as_array().expect("findings").iter();
        all.filter(|one| one["rule"] == "unknown-package" && one["blocks"] == blocks)
            .count()
    };
    assert_eq!(
        (output.status.code(), told(true), told(false)),
        (Some(1), 1, 3),
        "{report}"
    );
}
