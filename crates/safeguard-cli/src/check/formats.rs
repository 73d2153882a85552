//! A report in the formats of others.

use std::collections::BTreeSet;

use anyhow::Context;
use safeguard_api::evidence::Severity;
use safeguard_scan::change::{Judged, Verdict};
use safeguard_scan::finding::{Finding, Place};
use serde_json::{Value, json};

use super::{Checked, Format, review, sarif, shown};
use crate::failure::Failure;

pub fn render(format: Format, checked: &Checked, all_advice: bool) -> Result<String, Failure> {
    let found: BTreeSet<&str> = checked
        .report
        .findings
        .iter()
        .map(|judged| judged.finding.rule.as_str())
        .collect();
    let pages = super::pages_of(|rule| found.contains(rule))?;
    let value = match format {
        Format::Text => return Ok(shown::text(checked, &pages, all_advice)),
        Format::Junit => return Ok(junit(checked)),
        Format::Github => return Ok(github(checked)),
        Format::GithubReview => review::github(checked, &pages),
        Format::Json => json(checked),
        Format::Sarif => sarif::sarif(checked, &pages),
        Format::Gitlab => gitlab(checked),
        Format::Rdjson => rdjson(checked),
    };
    let mut text = serde_json::to_string_pretty(&value).context("cannot write JSON")?;
    text.push('\n');
    Ok(text)
}

/// What a reader acts on: what the change brings, the worst first where a host takes only some.
pub fn introduced(checked: &Checked) -> Vec<&Judged> {
    let mut all: Vec<&Judged> = checked
        .report
        .findings
        .iter()
        .filter(|judged| judged.introduced && judged.suppressed.is_none())
        .collect();
    all.sort_by_key(|judged| {
        std::cmp::Reverse((
            judged.blocks(),
            judged.finding.severity,
            judged.finding.confidence,
        ))
    });
    all
}

fn json(checked: &Checked) -> Value {
    let verdict = match checked.report.verdict() {
        Verdict::Clean => "pass",
        Verdict::Refused => "fail",
        Verdict::Undecided => "inconclusive",
    };
    let findings = checked.report.findings.iter().map(|judged| {
        let finding = &judged.finding;
        json!({
            "rule": finding.rule,
            "failure": finding.failure,
            "severity": finding.severity.as_str(),
            "confidence": finding.confidence.as_str(),
            "cwe": finding.cwe,
            "message": finding.message,
            "path": finding.path,
            "place": place(&finding.place),
            "trace": finding.trace.iter().map(|step| json!({ "message": step.message, "place": place(&step.place) })).collect::<Vec<_>>(),
            "identity": finding.identity,
            "introduced": judged.introduced,
            "blocks": judged.blocks(),
            "suppressed": judged.suppressed.as_ref().map(|by| json!({
                "owner": by.owner,
                "reason": by.reason,
                "until": by.last_day(),
                "approved_by": by.approved.as_ref().map(|approved| &approved.person),
            })),
            "asked": judged.asked.as_ref().map(|asked| json!({
                "owner": asked.suppression.owner,
                "reason": asked.suppression.reason,
                "until": asked.suppression.last_day(),
                "why": asked.why,
            })),
        })
    });
    json!({
        "api": "safeguard.check/1",
        "verdict": verdict,
        "compared": checked.selection.about,
        "files": checked.report.files,
        "findings": findings.collect::<Vec<_>>(),
        "unread": checked.report.unread.iter().map(|unread| json!({ "path": unread.path, "why": unread.why })).collect::<Vec<_>>(),
        "left_out": checked.left_out,
        "binary": checked.binary,
    })
}

fn place(place: &Place) -> Value {
    json!({
        "line": place.line,
        "column": place.column,
        "end_line": place.end_line,
        "end_column": place.end_column,
    })
}

/// GitLab's code quality report.
fn gitlab(checked: &Checked) -> Value {
    let issues = introduced(checked).into_iter().map(|judged| {
        let finding = &judged.finding;
        json!({
            "description": finding.message,
            "check_name": finding.rule,
            "fingerprint": finding.identity,
            "severity": match finding.severity {
                Severity::Critical => "blocker",
                Severity::High => "critical",
                Severity::Medium => "major",
                Severity::Low => "minor",
                Severity::Note => "info",
            },
            "location": { "path": finding.path, "lines": { "begin": finding.place.line, "end": finding.place.end_line } },
        })
    });
    Value::Array(issues.collect())
}

/// Reviewdog's diagnostics.
fn rdjson(checked: &Checked) -> Value {
    let diagnostics = introduced(checked).into_iter().map(|judged| {
        let finding = &judged.finding;
        json!({
            "message": finding.message,
            "location": { "path": finding.path, "range": {
                "start": { "line": finding.place.line, "column": finding.place.column },
                "end": { "line": finding.place.end_line, "column": finding.place.end_column },
            } },
            "severity": if judged.blocks() { "ERROR" } else { "WARNING" },
            "code": { "value": finding.rule },
        })
    });
    json!({ "source": { "name": "safeguard" }, "diagnostics": diagnostics.collect::<Vec<_>>() })
}

/// Workflow commands, of which GitHub shows ten a level and step.
fn github(checked: &Checked) -> String {
    const SHOWN_MAX: usize = 10;
    let escaped = |text: &str| text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A");
    let property = |text: &str| escaped(text).replace(':', "%3A").replace(',', "%2C");
    let mut text = String::new();
    for blocks in [true, false] {
        let level = if blocks { "error" } else { "warning" };
        let all = introduced(checked)
            .into_iter()
            .filter(|judged| judged.blocks() == blocks);
        for Judged { finding, .. } in all.take(SHOWN_MAX) {
            text.push_str(&format!(
                "::{level} file={},line={},endLine={},title={}::{}\n",
                property(&finding.path),
                finding.place.line,
                finding.place.end_line,
                property(&finding.rule),
                escaped(&finding.message)
            ));
        }
    }
    for unread in &checked.report.unread {
        text.push_str(&format!(
            "::error file={}::not looked at: {}\n",
            property(&unread.path),
            escaped(&unread.why)
        ));
    }
    text
}

/// A test case a file that was looked at and had something, and one for the whole.
fn junit(checked: &Checked) -> String {
    let escaped = |text: &str| -> String {
        text.chars()
            .map(|char| match char {
                '&' => "&amp;".to_owned(),
                '<' => "&lt;".to_owned(),
                '>' => "&gt;".to_owned(),
                '"' => "&quot;".to_owned(),
                control if control.is_control() => " ".to_owned(),
                other => other.to_string(),
            })
            .collect()
    };
    let blocking: Vec<&Finding> = introduced(checked)
        .into_iter()
        .filter(|judged| judged.blocks())
        .map(|judged| &judged.finding)
        .collect();
    let errors = checked.report.unread.len();
    let tests = checked.report.files + errors;
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"safeguard check\" tests=\"{}\" failures=\"{}\" errors=\"{errors}\">\n",
        tests.max(1),
        blocking.len(),
    );
    text.push_str("    <testcase classname=\"safeguard\" name=\"check\"/>\n");
    for finding in blocking {
        text.push_str(&format!(
            "    <testcase classname=\"{0}\" name=\"{0}:{1} {2}\">\n      <failure type=\"{2}\" message=\"{3}\"/>\n    </testcase>\n",
            escaped(&finding.path),
            finding.place.line,
            escaped(&finding.rule),
            escaped(&finding.message)
        ));
    }
    for unread in &checked.report.unread {
        text.push_str(&format!(
            "    <testcase classname=\"{0}\" name=\"{0}\">\n      <error message=\"{1}\"/>\n    </testcase>\n",
            escaped(&unread.path),
            escaped(&unread.why)
        ));
    }
    text.push_str("  </testsuite>\n</testsuites>\n");
    text
}
