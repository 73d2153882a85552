//! `safeguard.evidence/1`.

use insta::assert_snapshot;
use safeguard_api::evidence::Format;
use serde_json::{Value, json};

use super::{facts as shown, spec};

fn plain(facts: Value) -> String {
    let report = json!({
        "api": "safeguard.evidence/1", "tool": { "name": "invariants.sh", "version": "3" },
        "produced_at": "2026-11-28T10:00:00Z", "facts": facts,
    });
    shown(&spec(Format::Safeguard), report.to_string())
}

#[test]
fn every_kind_of_facts_can_be_said() {
    assert_snapshot!(plain(json!({ "kind": "tests", "executed": 4, "failed": 1, "skipped": 0, "layers": { "integration": 3, "chaos": 1 } })), @r"
    tool invariants.sh 3
    at 2026-11-28T10:00:00.000Z
    4 executed, 1 failed, 0 skipped, layers {Integration: 3, Chaos: 1}
    ");
    assert_snapshot!(plain(json!({ "kind": "load", "series": { "all": { "requests": 10, "failed": 1, "p95_ms": 3.5 } } })), @r"
    tool invariants.sh 3
    at 2026-11-28T10:00:00.000Z
    all: 10 requests, 1 failed, None/s, p50 None p95 Some(3.5) p99 None
    ");
    assert_snapshot!(plain(json!({ "kind": "resources", "watched": "2m", "samples": 120, "memory_bytes_max": 1000 })), @r"
    tool invariants.sh 3
    at 2026-11-28T10:00:00.000Z
    Resources(Resources { watched: 2m, samples: 120, memory_bytes_max: Some(1000), cpu_percent_max: None, memory_growth_percent: None })
    ");
    assert_snapshot!(plain(json!({ "kind": "invariants",
        "checks": [{ "name": "b", "checked": 9, "violations": 0 }, { "name": "a", "checked": 1, "violations": 1 }],
        "migrations": [{ "name": "m1", "rows_before": 9, "rows_after": 8, "rows_removed_intended": 1, "reversed": true }] })), @r#"
        tool invariants.sh 3
        at 2026-11-28T10:00:00.000Z
        Invariants(Invariants { checks: [InvariantCheck { name: "a", checked: 1, violations: 1 }, InvariantCheck { name: "b", checked: 9, violations: 0 }], migrations: [MigrationRehearsal { name: "m1", rows_before: 9, rows_after: 8, rows_removed_intended: 1, reversed: true }] })
        "#);
    assert_snapshot!(plain(json!({ "kind": "components", "components": 3, "tools": [], "scanned": true, "vulnerabilities": [] })), @r"
    tool invariants.sh 3
    at 2026-11-28T10:00:00.000Z
    3 components, scanned true
    ");
    assert_snapshot!(plain(json!({ "kind": "coverage", "files": { "a.rs": { "covered": "1-4 9", "missed": "6" } } })), @r"
    tool invariants.sh 3
    at 2026-11-28T10:00:00.000Z
    a.rs: covered [1-4 9] missed [6]
    ");
}

#[test]
fn a_misspelt_or_missing_figure_is_refused() {
    assert_snapshot!(plain(json!({ "kind": "load", "series": { "all": { "requests": 10, "failed": 1, "p95": 3.5 } } })), @r"
    line 1, column 107: unknown field `p95`, expected one of `requests`, `failed`, `requests_per_second`, `p50_ms`, `p95_ms`, `p99_ms`
    hint: it is JSON, of another shape than this format's: check the format that you named
    ");
    assert_snapshot!(plain(json!({ "kind": "tests", "executed": 4, "skipped": 0, "layers": {} })), @r"
    line 1, column 91: missing field `failed`
    hint: it is JSON, of another shape than this format's: check the format that you named
    ");
    assert_snapshot!(plain(json!({ "kind": "feelings" })), @r"
    line 1, column 56: unknown variant `feelings`, expected one of `findings`, `tests`, `coverage`, `load`, `components`, `resources`, `invariants`, `drill`
    hint: it is JSON, of another shape than this format's: check the format that you named
    ");
}

#[test]
fn figures_that_contradict_each_other_are_refused() {
    assert_snapshot!(plain(json!({ "kind": "tests", "executed": 4, "failed": 5, "skipped": 0, "layers": {} })), @r"
    `facts.failed`: 5 failed of 4 executed
    hint: docs/reference/evidence.schema.json has the shape
    ");
    assert_snapshot!(plain(json!({ "kind": "tests", "executed": 4, "failed": 0, "skipped": 0, "layers": { "logic": 5 } })), @r"
    `facts.layers`: 5 in layers of 4 executed
    hint: docs/reference/evidence.schema.json has the shape
    ");
    assert_snapshot!(plain(json!({ "kind": "load", "series": { "all": { "requests": 1, "failed": 2 } } })), @r"
    `facts.series`: `all`: 2 failed of 1 requests
    hint: docs/reference/evidence.schema.json has the shape
    ");
}

#[test]
fn what_shows_nothing_is_inconclusive() {
    assert_snapshot!(plain(json!({ "kind": "tests", "executed": 0, "failed": 0, "skipped": 3, "layers": {} })), @r"
    tool invariants.sh 3
    at 2026-11-28T10:00:00.000Z
    0 executed, 0 failed, 3 skipped, layers {}
    inconclusive: no test was executed
    ");
    assert_snapshot!(plain(json!({ "kind": "invariants", "checks": [], "migrations": [] })), @r"
    tool invariants.sh 3
    at 2026-11-28T10:00:00.000Z
    Invariants(Invariants { checks: [], migrations: [] })
    inconclusive: neither a check nor a rehearsal is in it
    ");
}

#[test]
fn another_api_and_a_nameless_tool_are_refused() {
    let report = json!({ "api": "safeguard.evidence/2", "tool": { "name": "t" }, "facts": { "kind": "load", "series": {} } });
    assert_snapshot!(shown(&spec(Format::Safeguard), report.to_string()), @r"
    `api`: `safeguard.evidence/2` is not `safeguard.evidence/1`
    hint: docs/reference/evidence.schema.json has the shape
    ");
    let report = json!({ "api": "safeguard.evidence/1", "tool": { "name": "" }, "facts": { "kind": "load", "series": {} } });
    assert_snapshot!(shown(&spec(Format::Safeguard), report.to_string()), @r"
    `tool.name`: a name of 1 to 200 bytes is needed
    hint: docs/reference/evidence.schema.json has the shape
    ");
}
