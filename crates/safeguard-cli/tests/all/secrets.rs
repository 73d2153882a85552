//! Secrets in what a branch changes, and in its commits.

use std::path::Path;

use crate::check::{check, git, json, refused_by, repository};

/// Made up; in two parts, so that whoever guards pushes does not take it for real.
fn token() -> String {
    format!("{}{}", "glpat-", "Zq7xK2mVw9RtB4nLs8Yd")
}

fn commit_of(folder: &Path) -> String {
    let told = std::process::Command::new("git")
        .arg("-C")
        .arg(folder)
        .args(["rev-parse", "--short=10", "HEAD"])
        .output()
        .expect("git");
    String::from_utf8_lossy(&told.stdout).trim().to_owned()
}

#[test]
fn a_secret_in_any_file_refuses_and_is_not_shown() {
    let folder = repository();
    std::fs::write(
        folder.path().join("deploy.env"),
        format!("HOST=acme.io\nDEPLOY={}\n", token()),
    )
    .expect("a file");
    std::fs::write(folder.path().join("logo.png"), b"\x89PNG\0\0").expect("a file");
    let output = check(folder.path(), &["--json"]);
    let report = json(&output);
    assert_eq!(
        (output.status.code(), refused_by(&report)),
        (Some(1), vec!["secret"])
    );
    assert_eq!(
        (
            report["findings"][0]["path"].as_str(),
            report["findings"][0]["place"]["line"].as_u64()
        ),
        (Some("deploy.env"), Some(2))
    );
    assert_eq!(report["binary"], serde_json::json!(["logo.png"]));
    for format in ["text", "json", "sarif", "junit", "gitlab", "github", "rdjson"] {
        let output = check(folder.path(), &["--format", format]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("glpa"), "{format}: {text}");
        assert!(
            !text.contains(&token()[..12]) && !text.contains(&token()[12..]),
            "{format}: {text}"
        );
    }
    // It was there before: what follows does not bring it.
    git(folder.path(), &["add", "-A"]);
    git(folder.path(), &["commit", "-q", "-m", "deploy"]);
    std::fs::write(folder.path().join("moved.env"), format!("DEPLOY={}\n", token())).expect("a file");
    std::fs::remove_file(folder.path().join("deploy.env")).expect("a file");
    let report = json(&check(folder.path(), &["--json", "--base", "change"]));
    assert_eq!(refused_by(&report), [""; 0], "{report}");
}

#[test]
fn what_was_added_and_removed_again_is_in_the_history() {
    let folder = repository();
    std::fs::write(folder.path().join("deploy.env"), format!("DEPLOY={}\n", token())).expect("a file");
    git(folder.path(), &["add", "-A"]);
    git(folder.path(), &["commit", "-q", "-m", "deploy"]);
    let commit = commit_of(folder.path());
    git(folder.path(), &["rm", "-q", "deploy.env"]);
    git(folder.path(), &["commit", "-q", "-m", "take it away"]);
    let output = check(folder.path(), &["--json"]);
    let report = json(&output);
    assert_eq!(
        (output.status.code(), refused_by(&report)),
        (Some(1), vec!["secret"]),
        "{report}"
    );
    let message = report["findings"][0]["message"].as_str().expect("a message");
    assert!(message.contains(&format!("commit {commit}")), "{message}");
    let text = String::from_utf8_lossy(&check(folder.path(), &[]).stdout).into_owned();
    assert!(
        text.contains("deploy.env:1") && !text.contains(&token()),
        "{text}"
    );
    let range = check(folder.path(), &["--json", "--range", "main..change"]);
    assert_eq!(refused_by(&json(&range)), ["secret"]);
    let elsewhere = check(folder.path(), &["--json", "src"]);
    assert_eq!(
        refused_by(&json(&elsewhere)),
        [""; 0],
        "only what was asked for is looked at"
    );
}

#[test]
fn one_place_is_told_once() {
    let folder = repository();
    std::fs::write(
        folder.path().join("client.py"),
        format!("TOKEN = \"{}\"\n", token()),
    )
    .expect("a file");
    let report = json(&check(folder.path(), &["--json"]));
    assert_eq!(refused_by(&report).len(), 1, "{report}");
}

#[test]
fn somebody_answers_for_one_in_any_file() {
    let folder = repository();
    let line = format!(
        "# safeguard: allow[secret] revoked, kept for a test of the parser (owner: kim, until: 2999-01-31)\ndeploy: {}\n",
        token()
    );
    std::fs::write(folder.path().join("deploy.conf"), &line).expect("a file");
    assert_eq!(check(folder.path(), &[]).status.code(), Some(0));
    std::fs::write(folder.path().join("deploy.conf"), line.replace("2999", "2001")).expect("a file");
    assert_eq!(check(folder.path(), &[]).status.code(), Some(1));
}

#[test]
fn rules_of_the_repository_count_as_they_were_before_the_change() {
    let folder = repository();
    let config = "[extend]\nuseDefault = true\n[allowlist]\npaths = ['''deploy''']\n[[rules]]\nid = \"acme\"\nregex = '''acme-[0-9]{6}'''\n";
    std::fs::write(folder.path().join(".gitleaks.toml"), config).expect("a file");
    std::fs::write(folder.path().join("deploy.env"), format!("DEPLOY={}\n", token())).expect("a file");
    std::fs::write(folder.path().join("acme.txt"), "acme-482911\n").expect("a file");
    // The change itself lets nothing pass.
    assert_eq!(refused_by(&json(&check(folder.path(), &["--json"]))), ["secret"]);
    assert_eq!(
        refused_by(&json(&check(
            folder.path(),
            &["--json", "--secrets", ".gitleaks.toml"]
        ))),
        ["secret"]
    );
    git(folder.path(), &["checkout", "-q", "main"]);
    git(folder.path(), &["add", ".gitleaks.toml"]);
    git(folder.path(), &["commit", "-q", "-m", "rules"]);
    let report = json(&check(folder.path(), &["--json"]));
    assert_eq!(report["findings"][0]["path"], "acme.txt", "{report}");
    std::fs::write(
        folder.path().join("own.toml"),
        "[[rules]]\nid = \"a\"\nregex = '''(?=x)'''\n",
    )
    .expect("a file");
    let output = check(folder.path(), &["--secrets", "own.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("look-around"));
}
