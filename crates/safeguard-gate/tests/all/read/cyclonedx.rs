//! CycloneDX of cyclonedx-py and pip-audit, and documents with vulnerabilities.

use insta::assert_snapshot;
use safeguard_api::evidence::Format;
use serde_json::{Value, json};

use super::{facts, report, spec};

fn cyclonedx(with: &Value) -> String {
    let mut document = json!({
        "bomFormat": "CycloneDX", "specVersion": "1.6",
        "metadata": { "timestamp": "2026-11-28T10:00:00Z", "tools": { "components": [{ "name": "scan", "version": "2" }] } },
        "components": [{ "bom-ref": "a", "name": "left", "version": "1", "purl": "pkg:npm/left@1", "components": [{ "bom-ref": "b", "name": "pad" }] }],
    });
    for (key, value) in with.as_object().unwrap() {
        document[key] = value.clone();
    }
    facts(&spec(Format::Cyclonedx), document.to_string())
}

#[test]
fn a_list_of_components_was_not_scanned() {
    assert_snapshot!(facts(&spec(Format::Cyclonedx), report("requirements.cdx.json")), @r"
    tool cyclonedx-py 7.5.0
    at 2026-11-28T22:04:20.553Z
    2 components, scanned false
    ");
}

/// With nothing found, pip-audit writes a document with nothing in it: it can not be told from a scan that broke.
#[test]
fn pip_audit_that_found_nothing() {
    assert_snapshot!(facts(&spec(Format::Cyclonedx), report("pip-audit.cdx.json")), @r"
    at 2026-11-28T22:04:23.640Z
    0 components, scanned false
    inconclusive: `metadata.tools` names no tool
    ");
}

#[test]
fn vulnerabilities_with_ratings_and_analysis() {
    assert_snapshot!(facts(&spec(Format::Cyclonedx), report("vulnerabilities.cdx.json")), @r"
    tool grype 0.84.0
    at 2026-11-28T10:00:00.000Z
    2 components, scanned true
    high[CVE-2020-36518] in jackson-databind@2.9.9
    critical[CVE-2019-16942] excused in jackson-databind@2.9.9
    critical[CVE-2021-44228] in pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1
    ");
}

#[test]
fn severity_is_the_worst_rating_and_high_if_there_is_none() {
    let rated = |ratings: Value| {
        let text = cyclonedx(
            &json!({ "vulnerabilities": [{ "id": "CVE-1", "ratings": ratings, "affects": [{ "ref": "b" }] }] }),
        );
        text.lines().last().unwrap().to_owned()
    };
    assert_snapshot!(rated(json!([])), @"high[CVE-1] in pad");
    assert_snapshot!(rated(json!([{ "severity": "low" }, { "severity": "critical" }])), @"critical[CVE-1] in pad");
    assert_snapshot!(rated(json!([{ "score": 5.0, "method": "CVSSv31" }])), @"medium[CVE-1] in pad");
    assert_snapshot!(rated(json!([{ "score": 9.9, "method": "OWASP", "severity": "unknown" }])), @"high[CVE-1] in pad");
    assert_snapshot!(rated(json!([{ "severity": "none" }])), @"note[CVE-1] in pad");
}

#[test]
fn tools_of_older_versions_are_a_list() {
    assert_snapshot!(cyclonedx(&json!({ "specVersion": "1.4", "metadata": { "tools": [{ "vendor": "v", "name": "old" }] }, "vulnerabilities": [] })), @r"
    tool old -
    2 components, scanned true
    ");
}

#[test]
fn what_can_not_be_read_is_refused() {
    assert_snapshot!(cyclonedx(&json!({ "specVersion": "1.3" })), @r"
    `specVersion`: version `1.3` (1.4 to 1.7 are read)
    hint: let the tool write 1.6
    ");
    assert_snapshot!(cyclonedx(&json!({ "bomFormat": "SPDX" })), @r"
    `bomFormat`: `SPDX` is not `CycloneDX`
    hint: check the format that you named
    ");
    assert_snapshot!(facts(&spec(Format::Cyclonedx), "<bom xmlns='http://cyclonedx.org/schema/bom/1.6'/>"), @r"
    line 1, column 1: expected value
    hint: it must be JSON, as the tool writes it
    ");
    let mut nested = json!({});
    for _ in 0..20 {
        nested = json!({ "components": [nested] });
    }
    assert_snapshot!(cyclonedx(&json!({ "components": [nested] })), @r"
    `components`: components within each other to a depth of more than 16
    hint: no tool writes such a document
    ");
}
