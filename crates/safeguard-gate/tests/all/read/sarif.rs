//! SARIF of ruff, bandit and ESLint, and every trap of the format.

use insta::assert_snapshot;
use safeguard_api::evidence::Format;
use serde_json::{Value, json};

use super::{facts, report, spec};

fn sarif(log: &Value) -> String {
    facts(&spec(Format::Sarif), log.to_string())
}

/// One run with one result, to which `with` is merged.
fn one(with: Value) -> String {
    let mut result = json!({
        "ruleId": "R1",
        "message": { "text": "bad" },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": "src/a.py" }, "region": { "startLine": 7 }
        } }],
    });
    merge(&mut result, with);
    run(json!({ "results": [result] }))
}

fn run(with: Value) -> String {
    let mut run = json!({ "tool": { "driver": { "name": "scan", "version": "1.0" } } });
    merge(&mut run, with);
    sarif(&json!({ "version": "2.1.0", "runs": [run] }))
}

fn merge(into: &mut Value, with: Value) {
    match (into, with) {
        (Value::Object(into), Value::Object(with)) => {
            for (key, value) in with {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, with) => *into = with,
    }
}

#[test]
fn ruff() {
    assert_snapshot!(facts(&spec(Format::Sarif), report("ruff.sarif")), @r"
    tool ruff 0.17.6
    high[S101] /home/ci/shop/tests/test_prices.py:7 Unsaid: Use of `assert` detected
    high[S101] /home/ci/shop/tests/test_prices.py:11 Unsaid: Use of `assert` detected
    high[S101] /home/ci/shop/tests/test_prices.py:15 Unsaid: Use of `assert` detected
    high[S602] /home/ci/shop/shop/prices.py:11 Unsaid: `subprocess` call with `shell=True` identified, security issue
    ");
}

#[test]
fn bandit() {
    assert_snapshot!(facts(&spec(Format::Sarif), report("bandit.sarif")), @r"
    tool Bandit -
    at 2026-11-28T22:03:09.000Z
    low[B404] shop/prices.py:1 Unsaid: Consider possible security implications associated with the subprocess module.
    high[B602] shop/prices.py:11 Unsaid: subprocess call with shell=True identified, security issue.
    ");
}

#[test]
fn eslint_with_a_silenced_finding() {
    assert_snapshot!(facts(&spec(Format::Sarif), report("eslint.sarif")), @r"
    tool ESLint 8.57.1
    high[eqeqeq] /home/ci/js/src/bad.mjs:2 Unsaid: Expected '===' and instead saw '=='.
    high[no-eval] /home/ci/js/src/bad.mjs:1 Unsaid: eval can be harmful.
    high[no-eval] /home/ci/js/src/bad.mjs:2 Silenced: eval can be harmful.
    ");
}

#[test]
fn severity_comes_from_score_level_and_rule_in_this_order() {
    let rule = json!({ "tool": { "driver": { "rules": [{
        "id": "R1", "defaultConfiguration": { "level": "error" }, "properties": { "tags": ["external/cwe/cwe-78"] }
    }] } } });
    let severity = |result: Value, rule: Value| {
        let mut of = json!({ "results": [{ "ruleId": "R1", "message": { "text": "bad" } }] });
        merge(&mut of["results"][0], result);
        merge(&mut of, rule);
        run(of).lines().nth(1).unwrap().to_owned()
    };
    assert_snapshot!(severity(json!({}), json!({})), @"medium[R1] ?:? Unsaid: bad");
    assert_snapshot!(severity(json!({}), rule.clone()), @"high[R1] ?:? Unsaid security: bad");
    assert_snapshot!(severity(json!({ "level": "note" }), rule.clone()), @"low[R1] ?:? Unsaid security: bad");
    assert_snapshot!(severity(json!({ "properties": { "security-severity": "9.8" } }), rule.clone()), @"critical[R1] ?:? Unsaid security: bad");
    assert_snapshot!(severity(json!({ "properties": { "security-severity": 6.9 } }), rule.clone()), @"medium[R1] ?:? Unsaid security: bad");
    // A severity that is no number is none.
    assert_snapshot!(severity(json!({ "properties": { "security-severity": "NaN" } }), rule), @"high[R1] ?:? Unsaid security: bad");
}

#[test]
fn rules_are_found_by_index_in_extensions_and_by_parent() {
    let rule = |id: &str, level: &str| json!({ "id": id, "defaultConfiguration": { "level": level } });
    let tool = json!({
        "driver": { "name": "scan", "rules": [rule("A", "note"), rule("B", "error")] },
        "extensions": [{ "name": "more", "rules": [rule("C", "error")] }],
    });
    let results = json!([
        { "ruleIndex": 1 },
        { "rule": { "index": 0, "toolComponent": { "index": 0 } } },
        { "ruleId": "B/7" },
        { "ruleId": "unknown", "ruleIndex": -1 },
        {},
    ]);
    assert_snapshot!(run(json!({ "tool": tool, "results": results })), @r"
    tool scan 1.0
    medium[unknown] ?:? Unsaid: 
    medium[unnamed-rule] ?:? Unsaid: 
    high[B] ?:? Unsaid: 
    high[B/7] ?:? Unsaid: 
    high[C] ?:? Unsaid:
    ");
}

#[test]
fn what_is_said_of_novelty_and_suppression() {
    assert_snapshot!(one(json!({ "baselineState": "new" })), @r"
    tool scan 1.0
    medium[R1] src/a.py:7 New: bad
    ");
    assert_snapshot!(one(json!({ "baselineState": "unchanged" })), @r"
    tool scan 1.0
    medium[R1] src/a.py:7 Unchanged: bad
    ");
    assert_snapshot!(one(json!({ "baselineState": "updated" })), @r"
    tool scan 1.0
    medium[R1] src/a.py:7 Unsaid: bad
    ");
    assert_snapshot!(one(json!({ "baselineState": "absent" })), @r"
    tool scan 1.0
    medium[R1] src/a.py:7 Absent: bad
    ");
    assert_snapshot!(one(json!({ "suppressions": [] })), @r"
    tool scan 1.0
    medium[R1] src/a.py:7 Unsaid: bad
    ");
    assert_snapshot!(one(json!({ "suppressions": [{ "kind": "external" }] })), @r"
    tool scan 1.0
    medium[R1] src/a.py:7 Suppressed: bad
    ");
    assert_snapshot!(one(json!({ "suppressions": [{ "kind": "inSource" }] })), @r"
    tool scan 1.0
    medium[R1] src/a.py:7 Silenced: bad
    ");
    assert_snapshot!(one(json!({ "suppressions": [{ "kind": "external", "status": "underReview" }] })), @r"
    tool scan 1.0
    medium[R1] src/a.py:7 Unsaid: bad
    ");
}

#[test]
fn what_is_no_finding_is_left_out() {
    for kind in ["pass", "notApplicable", "informational"] {
        assert_eq!(one(json!({ "kind": kind })), "tool scan 1.0\n", "{kind}");
    }
    assert!(one(json!({ "kind": "review" })).contains("R1"));
}

#[test]
fn paths_are_below_the_repository() {
    let at = |location: Value, run_with: Value| {
        let mut of = json!({ "results": [{ "ruleId": "R", "locations": [{ "physicalLocation": {
            "artifactLocation": location, "region": { "startLine": 1 }
        } }] }] });
        merge(&mut of, run_with);
        let text = run(of);
        text.lines().nth(1).unwrap().split(' ').nth(1).unwrap().to_owned()
    };
    let bases = json!({ "originalUriBaseIds": {
        "ROOT": { "uri": "file:///home/ci/shop/" },
        "SRC": { "uri": "src/", "uriBaseId": "ROOT" },
        "LOOP": { "uri": "a/", "uriBaseId": "LOOP" },
    } });
    assert_snapshot!(at(json!({ "uri": "src/a%2Db.py" }), json!({})), @"src/a-b.py:1");
    assert_snapshot!(at(json!({ "uri": "./a.py" }), json!({})), @"a.py:1");
    assert_snapshot!(at(json!({ "uri": "a.py", "uriBaseId": "SRC" }), bases.clone()), @"src/a.py:1");
    assert_snapshot!(at(json!({ "uri": "a.py", "uriBaseId": "%SRCROOT%" }), json!({})), @"a.py:1");
    assert_snapshot!(at(json!({ "uri": "file:///home/ci/shop/src/a.py" }), bases.clone()), @"src/a.py:1");
    assert_snapshot!(at(json!({ "uri": "file:///elsewhere/a.py" }), bases.clone()), @"/elsewhere/a.py:1");
    assert_snapshot!(at(json!({ "uri": "a.py", "uriBaseId": "LOOP" }), bases), @"a/a/a/a/a/a/a/a/a.py:1");
    let artifacts = json!({ "artifacts": [{ "location": { "uri": "by-index.py" } }] });
    assert_snapshot!(at(json!({ "index": 0 }), artifacts.clone()), @"by-index.py:1");
    assert_snapshot!(at(json!({ "index": 9 }), artifacts), @"?:1");
}

#[test]
fn regions_flows_and_impossible_lines() {
    let location = |line: Value, end: Value| {
        json!({ "physicalLocation": {
        "artifactLocation": { "uri": "a.py" }, "region": { "startLine": line, "endLine": end }
    } })
    };
    let of = |location: Value| one(json!({ "locations": [location] }));
    assert_snapshot!(of(location(json!(3), json!(9))), @r"
    tool scan 1.0
    medium[R1] a.py:3-9 Unsaid: bad
    ");
    assert_snapshot!(of(location(json!(-3), json!(9))), @r"
    tool scan 1.0
    medium[R1] a.py:? Unsaid: bad
    ");
    assert_snapshot!(of(location(json!(0), json!(null))), @r"
    tool scan 1.0
    medium[R1] a.py:? Unsaid: bad
    ");
    assert_snapshot!(of(location(json!(1e300), json!(1.5))), @r"
    tool scan 1.0
    medium[R1] a.py:? Unsaid: bad
    ");
    let flow = json!({ "codeFlows": [{ "threadFlows": [{ "locations": [
        { "location": location(json!(1), json!(1)) }, { "location": location(json!(5), json!(5)) }
    ] }] }] });
    assert_snapshot!(one(flow), @r"
    tool scan 1.0
    medium[R1] src/a.py:7 Unsaid: bad
      through a.py:1
      through a.py:5
    ");
}

#[test]
fn a_run_that_can_not_be_believed_is_inconclusive() {
    assert_snapshot!(sarif(&json!({ "version": "2.1.0", "runs": [] })), @"inconclusive: no run is in it: the scanner did not say that it ran");
    assert_snapshot!(run(json!({ "results": [], "tool": { "driver": { "name": " " } } })), @"inconclusive: run 1: the tool has no name");
    assert_snapshot!(run(json!({})), @r"
    tool scan 1.0
    inconclusive: scan: it has no `results`: the scan was not made, or failed
    ");
    assert_snapshot!(run(json!({ "results": [], "invocations": [{ "executionSuccessful": false }] })), @r"
    tool scan 1.0
    inconclusive: scan: `executionSuccessful` is false
    ");
    assert_snapshot!(run(json!({ "results": [], "invocations": [{}] })), @r"
    tool scan 1.0
    inconclusive: scan: an invocation does not say `executionSuccessful`
    ");
    let note = |level: &str| {
        json!({ "results": [], "invocations": [{
        "executionSuccessful": true, "endTimeUtc": "2026-11-28T10:00:00Z",
        "toolExecutionNotifications": [{ "level": level, "message": { "text": "can not parse a.py" } }],
    }] })
    };
    assert_snapshot!(run(note("error")), @r"
    tool scan 1.0
    at 2026-11-28T10:00:00.000Z
    inconclusive: scan: errors while it ran: 1, the first: can not parse a.py
    ");
    assert_snapshot!(run(note("warning")), @r"
    tool scan 1.0
    at 2026-11-28T10:00:00.000Z
    ");
}

#[test]
fn other_versions_and_shapes_are_refused() {
    assert_snapshot!(sarif(&json!({ "version": "1.0.0", "runs": [] })), @r"
    `version`: version `1.0.0` of SARIF
    hint: 2.1.0 is the version that is read
    ");
    assert_snapshot!(sarif(&json!({ "version": "2.1.0" })), @r"
    line 1, column 19: missing field `runs`
    hint: it is JSON, of another shape than this format's: check the format that you named
    ");
    assert_snapshot!(sarif(&json!({ "version": "2.1.0", "runs": [{}] })), @r"
    line 1, column 11: missing field `tool`
    hint: it is JSON, of another shape than this format's: check the format that you named
    ");
    assert_snapshot!(facts(&spec(Format::Sarif), r#"{ "version": "2.1.0", "runs": [], "runs": [] }"#), @r"
    line 1, column 40: duplicate field `runs`
    hint: it is JSON, of another shape than this format's: check the format that you named
    ");
    assert_snapshot!(one(json!({ "level": "fatal" })), @r"
    line 1, column 37: unknown variant `fatal`, expected one of `none`, `note`, `warning`, `error`
    hint: it is JSON, of another shape than this format's: check the format that you named
    ");
}

#[test]
fn a_fingerprint_outlives_moved_lines() {
    let fingerprint = |with: Value| {
        let log = json!({ "version": "2.1.0", "runs": [{
            "tool": { "driver": { "name": "scan" } }, "results": [with]
        }] });
        let read = safeguard_gate::read(&spec(Format::Sarif), log.to_string().as_bytes()).unwrap();
        match read.facts {
            safeguard_api::evidence::Facts::Findings(findings) => findings.findings[0].fingerprint.clone(),
            other => panic!("{other:?}"),
        }
    };
    let at = |line: u32, hash: &str| {
        json!({ "ruleId": "R", "message": { "text": "bad" },
        "partialFingerprints": { "primaryLocationLineHash": hash },
        "locations": [{ "physicalLocation": { "artifactLocation": { "uri": "a" }, "region": { "startLine": line } } }] })
    };
    assert_eq!(fingerprint(at(1, "x")), fingerprint(at(2, "x")));
    assert_ne!(fingerprint(at(1, "x")), fingerprint(at(1, "y")));
}
