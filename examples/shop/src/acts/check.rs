//! A change that is refused before anything is built, and the same change mended.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, ensure};
use serde::Serialize;
use serde_json::Value;

use super::StageOfActs;
use super::telling::{BAD, GOOD};

pub const NUMBER: u32 = 9;

const REQUIREMENTS: &str = "flask==3.1.0\n";
const BASE: &str = "from flask import Flask, request

from accounts import require_staff
from bank import settle

app = Flask(__name__)


@app.post(\"/refunds\")
@require_staff
def refund():
    return settle(request.json[\"order\"], 1)
";
/// What the agent hands in: a package that nobody has heard of, no question who asks, and a handler that waits for ever.
const BAD_CHANGE: &str = "from flask import Flask, request
from bank import settle
from payment_retry_utils import with_backoff

app = Flask(__name__)


@app.post(\"/refunds\")
def refund():
    while True:
        with_backoff(settle, request.json[\"order\"], 1)
";
const MENDED: &str = "from flask import Flask, request

from accounts import require_staff
from bank import settle

app = Flask(__name__)
ATTEMPTS_MAX = 3


@app.post(\"/refunds\")
@require_staff
def refund():
    for attempt in range(ATTEMPTS_MAX):
        settled = settle(request.json[\"order\"], attempt)
        if settled:
            return settled
    return \"the bank does not answer\", 503
";
const MUST: &[&str] = &["removed-access-check", "unending-loop", "unknown-package"];

/// What became of it; the same names as in the lines of the other acts.
#[derive(Debug, Serialize)]
pub struct Checked {
    act: u32,
    version: Option<String>,
    outcome: &'static str,
    expected: &'static str,
    stopped_by: Option<&'static str>,
    seconds_to_safe: Option<f64>,
    failed_requests: u64,
    lost_requests: u64,
    evidence: Option<u64>,
    refused_by: Vec<String>,
    faults: Vec<String>,
}

impl Checked {
    #[must_use]
    pub fn as_it_must(&self) -> bool {
        self.faults.is_empty()
    }

    /// What stands below the table of the versions.
    #[must_use]
    pub fn in_a_line(&self) -> String {
        match self.faults.as_slice() {
            [] => format!(
                "act {NUMBER}: refused before anything was built, by {}; mended, it passes",
                self.refused_by.join(", ")
            ),
            faults => format!("act {NUMBER}: {}", faults.join("; ")),
        }
    }
}

impl StageOfActs<'_> {
    /// Plays it in a repository of its own.
    pub(super) fn before_it_runs(&self) -> anyhow::Result<Checked> {
        self.telling.head(&format!(
            "Act {NUMBER}: a change is looked at before anything runs"
        ));
        let folder = tempfile::Builder::new().prefix("safeguard-check-").tempdir()?;
        begin(folder.path())?;
        let mut checked = Checked {
            act: NUMBER,
            version: None,
            outcome: "refused",
            expected: "refused",
            stopped_by: Some("check"),
            seconds_to_safe: None,
            failed_requests: 0,
            lost_requests: 0,
            evidence: None,
            refused_by: Vec::new(),
            faults: Vec::new(),
        };
        self.telling.say("an agent hands in a change of the refunds");
        let report = self.look(folder.path(), BAD_CHANGE)?;
        for finding in report["findings"].as_array().into_iter().flatten() {
            if finding["blocks"] == true {
                let rule = finding["rule"].as_str().unwrap_or_default();
                let (line, message) = (
                    &finding["place"]["line"],
                    finding["message"].as_str().unwrap_or_default(),
                );
                self.telling.say(&format!(
                    "{BAD}refused{BAD:#}: {rule}: refunds.py:{line}: {message}"
                ));
                checked.refused_by.push(rule.to_owned());
            }
        }
        checked.refused_by.sort();
        checked.refused_by.dedup();
        for rule in MUST
            .iter()
            .filter(|rule| !checked.refused_by.iter().any(|by| by == *rule))
        {
            checked.faults.push(format!("`{rule}` did not refuse"));
        }
        self.telling.say("the same change, mended");
        let report = self.look(folder.path(), MENDED)?;
        match report["verdict"].as_str() {
            Some("pass") => self.telling.say(&format!("{GOOD}passes{GOOD:#}, as it must")),
            verdict => checked
                .faults
                .push(format!("the mended change is not passed: {verdict:?}")),
        }
        if !checked.faults.is_empty() {
            checked.outcome = "unfinished";
            let faults = checked.faults.join("; ");
            self.telling
                .say(&format!("{BAD}unfinished{BAD:#}, expected refused: {faults}"));
        }
        if self.options.json {
            println!("{}", serde_json::to_string(&checked)?);
        }
        Ok(checked)
    }

    fn look(&self, folder: &Path, text: &str) -> anyhow::Result<Value> {
        std::fs::write(folder.join("refunds.py"), text)?;
        self.telling.typed(&["check"]);
        let output = Command::new(&self.options.safeguard)
            .args(["check", "--json"])
            .current_dir(folder)
            .output()?;
        serde_json::from_slice(&output.stdout).with_context(|| {
            format!(
                "safeguard check: {}",
                String::from_utf8_lossy(&output.stderr).trim()
            )
        })
    }
}

/// The base, on `main`.
fn begin(folder: &Path) -> anyhow::Result<()> {
    std::fs::write(folder.join("requirements.txt"), REQUIREMENTS)?;
    std::fs::write(
        folder.join("accounts.py"),
        "def require_staff(handler):\n    return handler\n",
    )?;
    std::fs::write(
        folder.join("bank.py"),
        "def settle(order, attempt):\n    return None\n",
    )?;
    std::fs::write(folder.join("refunds.py"), BASE)?;
    let git = |words: &[&str]| -> anyhow::Result<()> {
        let who = [
            "-c",
            "user.name=Kim Doe",
            "-c",
            "user.email=kim@example.org",
            "-c",
            "commit.gpgsign=false",
        ];
        let done = Command::new("git")
            .arg("-C")
            .arg(folder)
            .args(who)
            .args(words)
            .output()?;
        ensure!(
            done.status.success(),
            "git: {}",
            String::from_utf8_lossy(&done.stderr).trim()
        );
        Ok(())
    };
    git(&["init", "--quiet", "--initial-branch", "main"])?;
    git(&["add", "--all"])?;
    git(&["commit", "--quiet", "--message", "Begin"])?;
    git(&["checkout", "--quiet", "-b", "refunds"])
}
