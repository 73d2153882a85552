//! A report as SARIF 2.1.0 (OASIS), within what GitHub takes.

use std::collections::BTreeMap;

use safeguard_api::evidence::Severity;
use safeguard_scan::change::{Judged, Verdict};
use safeguard_scan::finding::Place;
use safeguard_scan::rules::Page;
use serde_json::{Value, json};

use super::Checked;

/// GitHub takes 25,000 results of a run.
const RESULTS_MAX: usize = 25_000;

pub fn sarif(checked: &Checked, pages: &[Page]) -> Value {
    let mut all: Vec<&Judged> = checked.report.findings.iter().collect();
    // What is kept of too many is the worst.
    all.sort_by_key(|judged| {
        std::cmp::Reverse((judged.blocks(), judged.introduced, judged.finding.severity))
    });
    let dropped = all.len().saturating_sub(RESULTS_MAX);
    all.truncate(RESULTS_MAX);
    let mut used: BTreeMap<&str, &Judged> = BTreeMap::new();
    for judged in &all {
        used.entry(judged.finding.rule.as_str()).or_insert(judged);
    }
    let rules = used
        .iter()
        .map(|(id, judged)| rule(id, judged, pages.iter().find(|page| page.id == *id)));
    let mut notifications: Vec<Value> = checked
        .report
        .unread
        .iter()
        .map(|unread| {
            json!({
                "level": "error",
                "message": { "text": format!("not looked at: {}", unread.why) },
                "locations": [{ "physicalLocation": { "artifactLocation": { "uri": uri(&unread.path) } } }],
            })
        })
        .collect();
    if dropped > 0 {
        notifications.push(json!({ "level": "error", "message": { "text": format!("{dropped} more results (limit {RESULTS_MAX})") } }));
    }
    let finished =
        checked.report.verdict() != Verdict::Undecided && checked.report.unread.is_empty() && dropped == 0;
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "safeguard-check",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.collect::<Vec<_>>(),
            } },
            "invocations": [{ "executionSuccessful": finished, "toolExecutionNotifications": notifications }],
            "columnKind": "unicodeCodePoints",
            "results": all.iter().map(|judged| result(judged)).collect::<Vec<_>>(),
        }],
    })
}

fn rule(id: &str, judged: &Judged, page: Option<&Page>) -> Value {
    let finding = &judged.finding;
    let mut tags: Vec<String> = finding
        .cwe
        .iter()
        .map(|cwe| format!("external/cwe/{}", cwe.to_lowercase()))
        .collect();
    if !finding.failure.is_empty() {
        tags.push(finding.failure.clone());
    }
    let mut rule = json!({
        "id": id,
        "defaultConfiguration": { "level": level(finding.severity) },
        "properties": {
            "precision": precision(judged),
            "security-severity": score(finding.severity),
            "tags": tags,
        },
    });
    if let Some(page) = page {
        rule["shortDescription"] = json!({ "text": page.about });
        rule["fullDescription"] = json!({ "text": page.why });
        rule["help"] = json!({ "text": page.instead, "markdown": format!("{}\n\n**What to do instead.** {}", page.why, page.instead) });
    }
    rule
}

fn result(judged: &Judged) -> Value {
    let finding = &judged.finding;
    let mut result = json!({
        "ruleId": finding.rule,
        // What does not refuse is no error, whatever its severity would be if it were certain.
        "level": if judged.finding.blocks() { level(finding.severity) } else { "note" },
        "message": { "text": finding.message },
        "locations": [{ "physicalLocation": physical(&finding.path, &finding.place) }],
        "partialFingerprints": { "safeguard/v1": finding.identity },
        "baselineState": if judged.introduced { "new" } else { "unchanged" },
        "properties": {
            "confidence": finding.confidence.as_str(),
            "security-severity": if judged.finding.blocks() { score(finding.severity) } else { score(finding.severity.min(Severity::Low)) },
        },
    });
    let asked = judged.asked.as_ref().map(|asked| &asked.suppression);
    if let Some(by) = judged.suppressed.as_ref().or(asked) {
        let mut properties = json!({
            "safeguard/reason": by.reason,
            "safeguard/owner": by.owner,
            "safeguard/until": by.last_day(),
        });
        if let Some(approved) = &by.approved {
            properties["safeguard/approval"] = json!(approved.line);
        }
        result["suppressions"] = json!([{
            "kind": "inSource",
            "status": if asked.is_some() { "underReview" } else { "accepted" },
            "justification": format!("{} ({}, until {})", by.reason, by.owner, by.last_day()),
            "properties": properties,
        }]);
    }
    if !finding.trace.is_empty() {
        let steps = finding
            .trace
            .iter()
            .map(|step| (step.message.as_str(), &step.place));
        let steps = steps.chain([(finding.message.as_str(), &finding.place)]);
        let locations: Vec<Value> = steps
            .map(|(message, place)| {
                json!({ "location": { "message": { "text": message }, "physicalLocation": physical(&finding.path, place) } })
            })
            .collect();
        result["codeFlows"] = json!([{ "threadFlows": [{ "locations": locations }] }]);
    }
    result
}

fn physical(path: &str, place: &Place) -> Value {
    json!({
        "artifactLocation": { "uri": uri(path) },
        "region": {
            "startLine": place.line,
            "startColumn": place.column,
            "endLine": place.end_line,
            "endColumn": place.end_column,
        },
    })
}

/// A path as a relative reference (RFC 3986).
fn uri(path: &str) -> String {
    let mut uri = String::new();
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' | b'@' | b'+' => {
                uri.push(char::from(byte))
            }
            other => uri.push_str(&format!("%{other:02X}")),
        }
    }
    uri
}

fn precision(judged: &Judged) -> &'static str {
    match judged.finding.confidence {
        safeguard_scan::rule::Confidence::High => "high",
        safeguard_scan::rule::Confidence::Medium => "medium",
        safeguard_scan::rule::Confidence::Low => "low",
    }
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Note => "note",
    }
}

/// On the scale of CVSS, by which code hosts sort.
fn score(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.0",
        Severity::Low => "2.0",
        Severity::Note => "0.0",
    }
}
