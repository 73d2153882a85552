//! Comments that would let critical findings pass, and who may let them, in a repository without a server.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use crate::check::{check, git, json, refused_by};

const FILE: &str = "safeguard-approvals.jsonl";
const COMMENT: &str = "# safeguard: allow[command-injection] the gateway lets names of our own machines through (owner: kim, until: 2999-01-31)";

fn code(comment: &str) -> String {
    format!(
        "import os

from flask import request

from app import app, login_required


@app.post(\"/ping\")
@login_required
def ping():
    host = request.form[\"host\"]
    {comment}
    os.system(\"ping -c 1 \" + host)
    return \"ok\"
"
    )
}

/// Kim's branch, and the keys of three people; the policy before it names Kim and Lee.
struct Place {
    folder: TempDir,
    keys: TempDir,
}

impl Place {
    fn new() -> Place {
        let place = Place {
            folder: tempfile::tempdir().expect("a folder"),
            keys: tempfile::tempdir().expect("a folder"),
        };
        for name in ["kim", "lee", "max"] {
            let made = Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-C", name, "-f"])
                .arg(place.key(name))
                .status()
                .expect("ssh-keygen");
            assert!(made.success());
        }
        git(place.path(), &["init", "-q", "-b", "main"]);
        git(place.path(), &["config", "user.name", "Kim Doe"]);
        git(place.path(), &["config", "user.email", "kim@example.org"]);
        place.write("app.py", "app = make()\nlogin_required = made()\n");
        place.write(
            "safeguard.toml",
            &place.policy(&[("Kim Doe", "kim"), ("Lee Roe", "lee")]),
        );
        place.commit("base");
        git(place.path(), &["checkout", "-q", "-b", "change"]);
        place.write("ping.py", &code(COMMENT));
        place.commit("ping");
        place
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn key(&self, name: &str) -> PathBuf {
        self.keys.path().join(name)
    }

    fn policy(&self, people: &[(&str, &str)]) -> String {
        let mut text = String::new();
        for (person, name) in people {
            let key = std::fs::read_to_string(self.key(name).with_extension("pub")).expect("a key");
            text.push_str(&format!(
                "[[approvers]]\nperson = \"{person}\"\nemails = [\"{name}@example.org\"]\nkeys = [\"{}\"]\n",
                key.trim()
            ));
        }
        text
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path().join(name), text).expect("a file");
    }

    fn commit(&self, message: &str) {
        git(self.path(), &["add", "-A"]);
        git(self.path(), &["commit", "-q", "-m", message]);
    }

    /// The beginning of what asks for an approval, as the report has it.
    fn asked(&self) -> String {
        let report = json(&check(self.path(), &["--json"]));
        let findings = report["findings"].as_array().expect("findings").clone();
        let asks = findings
            .iter()
            .find(|one| !one["asked"].is_null())
            .expect("one asks");
        asks["identity"].as_str().expect("an identity")[..12].to_owned()
    }

    fn approve(&self, by: &str, more: &[&str]) -> Output {
        let key = self.key(by).display().to_string();
        let finding = self.asked();
        let words = ["suppression", "approve", &finding, "--yes", "--key", &key];
        Command::new(env!("CARGO_BIN_EXE_safeguard"))
            .args(words.iter().chain(more))
            .current_dir(self.path())
            .output()
            .expect("safeguard")
    }

    /// What `check` ends with, what refuses, and what stands against the comments.
    fn judged(&self, words: &[&str]) -> (Option<i32>, usize, Vec<String>) {
        let mut all = vec!["--json"];
        all.extend(words);
        let output = check(self.path(), &all);
        let report = json(&output);
        let whys = report["findings"].as_array().expect("findings").iter();
        let whys = whys.filter_map(|one| one["asked"]["why"].as_str().map(str::to_owned));
        (output.status.code(), refused_by(&report).len(), whys.collect())
    }

    fn refused_for(&self, words: &[&str], why: &str) {
        let (code, refused, whys) = self.judged(words);
        assert_eq!((code, refused), (Some(1), 1), "{whys:?}");
        assert!(
            whys.iter().any(|one| one.contains(why)),
            "{whys:?}, wanted: {why}"
        );
    }

    fn passes(&self, words: &[&str]) {
        let judged = self.judged(words);
        assert_eq!(judged, (Some(0), 0, Vec::new()));
    }
}

#[test]
fn somebody_else_approves_the_comment_of_a_critical_finding() {
    let place = Place::new();
    place.refused_for(&[], "nobody has signed it");
    let text = String::from_utf8(check(place.path(), &[]).stdout).expect("text");
    let next = format!("safeguard suppression approve {}", place.asked());
    assert!(text.contains(&next), "{text}");

    // Not the author, and nobody whom the policy does not name.
    assert!(place.approve("kim", &[]).status.success());
    place.refused_for(&[], "Kim Doe signed it, who has a hand in the change");
    std::fs::remove_file(place.path().join(FILE)).expect("the file");
    assert!(place.approve("max", &[]).status.success());
    place.refused_for(&[], "belongs to no approver");

    let approved = place.approve("lee", &[]);
    assert!(
        approved.status.success(),
        "{}",
        String::from_utf8_lossy(&approved.stderr)
    );
    let report = json(&check(place.path(), &["--json"]));
    let let_pass = report["findings"].as_array().expect("findings").iter();
    let by: Vec<&Value> = let_pass
        .map(|one| &one["suppressed"]["approved_by"])
        .filter(|by| !by.is_null())
        .collect();
    assert_eq!(by, ["Lee Roe"]);
    place.passes(&[]);
    // Lee brings the file; that is no hand in the change.
    git(place.path(), &["config", "user.name", "Lee Roe"]);
    git(place.path(), &["config", "user.email", "lee@example.org"]);
    git(place.path(), &["add", FILE]);
    git(
        place.path(),
        &[
            "commit",
            "-q",
            "--author",
            "Lee Roe <lee@example.org>",
            "-m",
            "approved",
        ],
    );
    place.passes(&[]);
    place.passes(&["--range", "main..change"]);
    // But what Lee changes besides is Lee's.
    place.write("more.py", "LIMIT = 3\n");
    place.refused_for(&[], "Lee Roe signed it, who has a hand in the change");
}

#[test]
fn an_approval_is_of_one_finding_and_of_each_word_of_the_comment() {
    let place = Place::new();
    assert!(place.approve("lee", &[]).status.success());
    place.commit("approved");
    let good = code(COMMENT);
    // Code may move, within its file and to another.
    let moved = good.replace("@app.post", "LIMIT = 3\n\n\n@app.post");
    place.write("ping.py", &moved);
    place.passes(&[]);
    std::fs::rename(place.path().join("ping.py"), place.path().join("pong.py")).expect("a move");
    place.passes(&[]);
    std::fs::rename(place.path().join("pong.py"), place.path().join("ping.py")).expect("a move");

    for (word, other) in [
        ("own machines", "machines"),
        ("owner: kim", "owner: lee"),
        ("2999-01-31", "2999-02-01"),
    ] {
        place.write("ping.py", &good.replace(word, other));
        place.refused_for(&[], "nobody has signed it");
    }
    // After its day it asks for nothing.
    place.write("ping.py", &good.replace("2999", "2020"));
    assert_eq!(place.judged(&[]), (Some(1), 1, Vec::new()));
    // Another command, and the same once more elsewhere.
    place.write("ping.py", &good.replace("ping -c 1 ", "ping -c 2 "));
    place.refused_for(&[], "nobody has signed it");
    place.write("ping.py", &good);
    place.write(
        "pong.py",
        &good.replace("ping()", "pong()").replace("\"/ping\"", "\"/pong\""),
    );
    place.refused_for(&[], "nobody has signed it");
}

#[test]
fn who_approves_is_said_before_the_change_or_by_whoever_checks() {
    let place = Place::new();
    let policy = place.policy(&[("Lee Roe", "lee"), ("Max Coe", "max")]);
    // The change names somebody, which counts for the next one.
    place.write("safeguard.toml", &policy);
    place.commit("a policy");
    assert!(place.approve("max", &[]).status.success());
    place.refused_for(&[], "belongs to no approver");
    let outside = place.keys.path().join("policy.toml");
    std::fs::write(&outside, policy).expect("a file");
    let outside = outside.display().to_string();
    place.passes(&["--approvers", &outside]);
    // The same by a file that no commit has.
    let kept = place.keys.path().join("kept.jsonl");
    std::fs::rename(place.path().join(FILE), &kept).expect("a move");
    place.refused_for(&["--approvers", &outside], "nobody has signed it");
    let kept = kept.display().to_string();
    place.passes(&["--approvers", &outside, "--approvals", &kept]);

    // Nobody is named at all.
    git(place.path(), &["checkout", "-q", "main"]);
    git(place.path(), &["rm", "-q", "safeguard.toml"]);
    git(place.path(), &["commit", "-q", "-m", "no policy"]);
    git(place.path(), &["checkout", "-q", "-b", "another"]);
    place.write("ping.py", &code(COMMENT));
    place.refused_for(
        &["--approvals", &kept],
        "there is no safeguard.toml as it was before the change",
    );
    place.write(FILE, "{}\n");
    let report = json(&check(place.path(), &["--json"]));
    assert_eq!(report["unread"][0]["path"], FILE, "{report}");
}

#[test]
fn the_report_for_the_gates_has_the_comment_and_what_was_signed() {
    let place = Place::new();
    let suppression = || {
        let output = check(place.path(), &["--format", "sarif"]);
        let report: Value = serde_json::from_slice(&output.stdout).expect("SARIF");
        let results = report["runs"][0]["results"].as_array().expect("results").clone();
        let one = results
            .iter()
            .find(|one| one["ruleId"] == "command-injection")
            .expect("the injection");
        one["suppressions"][0].clone()
    };
    assert_eq!(suppression()["status"], "underReview");
    assert!(place.approve("lee", &[]).status.success());
    let approved = suppression();
    assert_eq!(approved["status"], "accepted");
    let file = std::fs::read_to_string(place.path().join(FILE)).expect("the file");
    assert_eq!(approved["properties"]["safeguard/approval"], file.trim_end());
    let listed = Command::new(env!("CARGO_BIN_EXE_safeguard"))
        .args(["suppression", "list"])
        .current_dir(place.path())
        .output()
        .expect("safeguard");
    assert!(String::from_utf8_lossy(&listed.stdout).contains("approved by Lee Roe"));
}
