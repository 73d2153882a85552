//! The findings in the formats of others: SARIF 2.1.0 (OASIS), and evidence for the gate data-integrity.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::Context;
use safeguard_api::Digest;
use safeguard_api::evidence::{MigrationRehearsal, PLAIN_REPORT_API, Severity};
use serde_json::{Value, json};

use super::Looked;
use crate::failure::Failure;

const TOOL: &str = "safeguard-guard-lint";

pub fn write(file: &Path, report: &Value) -> Result<(), Failure> {
    let text = serde_json::to_vec_pretty(report).context("cannot write JSON")?;
    Ok(std::fs::write(file, text).with_context(|| format!("cannot write `{}`", file.display()))?)
}

pub fn sarif(all: &[Looked]) -> Value {
    let findings = || all.iter().flat_map(|looked| &looked.findings);
    let rules: BTreeSet<&str> = findings().map(|finding| finding.rule.as_str()).collect();
    let rules: Vec<Value> = rules.iter().map(|rule| json!({ "id": rule })).collect();
    let results = all.iter().flat_map(|looked| {
        looked.findings.iter().map(|finding| {
            // The place is no part of it: what moves within a file stays the same finding.
            let fingerprint =
                Digest::of(format!("{}\n{}\n{}", looked.path, finding.rule, finding.message).as_bytes());
            json!({
                "ruleId": finding.rule,
                "level": level(finding.severity),
                "message": { "text": match &finding.hint {
                    Some(hint) => format!("{} Hint: {hint}", finding.message),
                    None => finding.message.clone(),
                } },
                "locations": [{ "physicalLocation": {
                    "artifactLocation": { "uri": looked.path },
                    "region": { "startLine": finding.line, "startColumn": finding.column },
                } }],
                "partialFingerprints": { "safeguard/v1": fingerprint },
                "properties": { "security-severity": score(finding.severity) },
            })
        })
    });
    let results: Vec<Value> = results.collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": TOOL, "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "invocations": [{ "executionSuccessful": true }],
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
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

pub fn evidence(all: &[Looked]) -> Value {
    let rehearsed = all.iter().filter_map(|looked| {
        let rehearsal = looked.rehearsal.as_ref()?;
        Some(MigrationRehearsal {
            name: looked.path.clone(),
            rows_before: rehearsal.rows_before,
            rows_after: rehearsal.rows_after,
            rows_removed_intended: looked.rows_removed_intended,
            reversed: rehearsal.differs_after_down.as_ref().is_some_and(Vec::is_empty),
        })
    });
    let migrations: Vec<MigrationRehearsal> = rehearsed.collect();
    json!({
        "api": PLAIN_REPORT_API,
        "tool": { "name": TOOL, "version": env!("CARGO_PKG_VERSION") },
        "facts": { "kind": "invariants", "checks": [], "migrations": migrations },
    })
}
