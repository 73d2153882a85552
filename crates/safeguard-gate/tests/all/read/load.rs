//! k6, oha and Prometheus.

use insta::assert_snapshot;
use safeguard_api::evidence::{EvidenceSpec, Format, Measure};
use serde_json::{Value, json};

use super::{facts, report, spec};

#[test]
fn k6_summary_export() {
    assert_snapshot!(facts(&spec(Format::K6), report("k6-summary-export.json")), @r"
    tool k6 -
    all: 2400 requests, 3 failed, Some(79.97)/s, p50 Some(9.8) p95 Some(31.6) p99 Some(88.2)
    scenario:checkout: 800 requests, 2 failed, Some(26.6)/s, p50 Some(14.9) p95 Some(47.5) p99 Some(120.1)
    ");
}

#[test]
fn k6_handle_summary() {
    assert_snapshot!(facts(&spec(Format::K6), report("k6-handle-summary.json")), @r"
    tool k6 -
    all: 2400 requests, 3 failed, Some(79.97)/s, p50 Some(9.8) p95 Some(31.6) p99 None
    ");
}

#[test]
fn k6_without_requests_says_nothing() {
    let k6 = |metrics: Value| facts(&spec(Format::K6), json!({ "metrics": metrics }).to_string());
    assert_snapshot!(k6(json!({ "iterations": { "count": 3, "rate": 1.0 } })), @r"
    `metrics`: neither `http_reqs` nor `http_req_duration` is in it
    hint: k6 writes it with `--summary-export` or in `handleSummary(data)` as `JSON.stringify(data)`
    ");
    assert_snapshot!(k6(json!({ "http_req_duration": { "med": 3.0 } })), @r"
    tool k6 -
    inconclusive: no counts of requests and failures of the whole run (`http_reqs` and `http_req_failed`)
    ");
    assert_snapshot!(
        k6(json!({ "http_req_duration": { "med": 0.0 }, "http_reqs": { "count": 0 }, "http_req_failed": { "passes": 0 } })),
        @r"
        tool k6 -
        all: 0 requests, 0 failed, None/s, p50 Some(0.0) p95 None p99 None
        inconclusive: no request was made
        "
    );
    assert_snapshot!(facts(&spec(Format::K6), r#"{ "metrics": { "a": {}, "a": {} } }"#), @r"
    line 1, column 27: `a` comes twice
    hint: it is JSON, of another shape than this format's: check the format that you named
    ");
}

#[test]
fn oha() {
    assert_snapshot!(facts(&spec(Format::Oha), report("oha.json")), @r"
    tool oha -
    all: 2049 requests, 9 failed, Some(204.85)/s, p50 Some(4.1) p95 Some(11.7) p99 Some(31.2)
    ");
}

#[test]
fn oha_that_reached_nobody() {
    let output = json!({
        "summary": { "successRate": 0.0, "requestsPerSec": 9.0 },
        "latencyPercentiles": { "p50": null, "p95": null, "p99": null },
        "statusCodeDistribution": {}, "errorDistribution": { "Connection refused": 9, "aborted due to deadline": 4 },
    });
    assert_snapshot!(facts(&spec(Format::Oha), output.to_string()), @r"
    tool oha -
    all: 9 requests, 9 failed, Some(9.0)/s, p50 None p95 None p99 None
    ");
    let output = output.to_string().replace("{},", "{\"OK\":1},");
    assert_snapshot!(facts(&spec(Format::Oha), output), @r"
    `statusCodeDistribution.OK`: not a status code
    hint: send what oha prints, unchanged
    ");
}

fn answer(data: Value) -> String {
    json!({ "status": "success", "data": data }).to_string()
}

fn prometheus(measure: Option<Measure>, answer: &str) -> String {
    facts(
        &EvidenceSpec {
            measure,
            ..spec(Format::Prometheus)
        },
        answer,
    )
}

#[test]
fn prometheus_vector_with_labels() {
    let sample = |safeguard: &str, series: &str, value: &str| {
        json!({
            "metric": { "safeguard": safeguard, "series": series }, "value": [1_700_000_000.5, value]
        })
    };
    let vector = json!({ "resultType": "vector", "result": [
        sample("requests", "checkout", "1999.7"), sample("failed", "checkout", "2"), sample("p99_ms", "checkout", "41.5"),
        sample("p95_ms", "all", "30"),
    ] });
    assert_snapshot!(prometheus(None, &answer(vector)), @r"
    tool prometheus -
    at 2023-11-14T22:13:20.500Z
    all: 0 requests, 0 failed, None/s, p50 None p95 Some(30.0) p99 None
    checkout: 2000 requests, 2 failed, None/s, p50 None p95 None p99 Some(41.5)
    inconclusive: series `all` does not say how many requests there were
    ");
}

#[test]
fn prometheus_matrix_of_memory() {
    let samples: Vec<Value> = (0..61)
        .map(|n| json!([1_700_000_000 + n, (100_000 + n * 1000).to_string()]))
        .collect();
    let matrix =
        json!({ "resultType": "matrix", "result": [{ "metric": { "instance": "a" }, "values": samples }] });
    assert_snapshot!(prometheus(Some(Measure::MemoryBytes), &answer(matrix)), @r"
    tool prometheus -
    at 2023-11-14T22:14:20.000Z
    Resources(Resources { watched: 1m, samples: 61, memory_bytes_max: Some(160000), cpu_percent_max: None, memory_growth_percent: Some(31.48936170212766) })
    ");
}

#[test]
fn prometheus_answers_as_a_server_wrote_them() {
    let read = |measure, name: &str| prometheus(Some(measure), std::str::from_utf8(&report(name)).unwrap());
    assert_snapshot!(read(Measure::MemoryBytes, "prometheus-memory.json"), @r"
    tool prometheus -
    at 2026-11-29T02:15:31.000Z
    Resources(Resources { watched: 7s, samples: 8, memory_bytes_max: Some(48730112), cpu_percent_max: None, memory_growth_percent: None })
    ");
    assert_snapshot!(read(Measure::CpuPercent, "prometheus-cpu.json"), @r"
    tool prometheus -
    at 2026-11-29T02:15:31.681Z
    Resources(Resources { watched: 0s, samples: 1, memory_bytes_max: None, cpu_percent_max: Some(0.5002501250625313), memory_growth_percent: None })
    ");
}

#[test]
fn prometheus_scalar() {
    let scalar = json!({ "resultType": "scalar", "result": [1_700_000_000, "17"] });
    assert_snapshot!(prometheus(Some(Measure::CpuPercent), &answer(scalar.clone())), @r"
    tool prometheus -
    at 2023-11-14T22:13:20.000Z
    Resources(Resources { watched: 0s, samples: 1, memory_bytes_max: None, cpu_percent_max: Some(17.0), memory_growth_percent: None })
    ");
    assert_snapshot!(prometheus(None, &answer(scalar)), @r#"
    `result`: nothing says what the numbers are
    hint: name the measure, or give each series the label `safeguard` by `label_replace(…, "safeguard", "p99_ms", "", "")`
    "#);
}

#[test]
fn prometheus_answers_that_say_nothing() {
    let vector = |value: &str| {
        answer(json!({ "resultType": "vector", "result": [{ "metric": {}, "value": [1, value] }] }))
    };
    let p99 = Some(Measure::P99Ms);
    assert_snapshot!(prometheus(p99, &vector("NaN")), @r"
    `data.result[0]`: `NaN` at 1 is not a figure of 0 or more
    hint: ask for a range in which there was traffic
    ");
    assert_snapshot!(prometheus(p99, &vector("+Inf")), @r"
    `data.result[0]`: `inf` at 1 is not a figure of 0 or more
    hint: ask for a range in which there was traffic
    ");
    assert_snapshot!(prometheus(p99, &vector("-1")), @r"
    `data.result[0]`: `-1` at 1 is not a figure of 0 or more
    hint: ask for a range in which there was traffic
    ");
    assert_snapshot!(prometheus(None, &vector("1")), @r#"
    `data.result[0]`: nothing says what the numbers are
    hint: name the measure, or give each series the label `safeguard` by `label_replace(…, "safeguard", "p99_ms", "", "")`
    "#);
    assert_snapshot!(prometheus(p99, &answer(json!({ "resultType": "vector", "result": [] }))), @r"
    tool prometheus -
    inconclusive: the query found nothing
    ");
    assert_snapshot!(prometheus(p99, r#"{ "status": "error", "errorType": "bad_data", "error": "parse error" }"#), @r"
    `status`: Prometheus answered `error`: parse error
    hint: mend the query and ask again
    ");
    let mixed = json!({ "resultType": "vector", "result": [
        { "metric": { "safeguard": "p99_ms" }, "value": [1, "1"] }, { "metric": { "safeguard": "memory_bytes" }, "value": [1, "1"] }
    ] });
    assert_snapshot!(prometheus(None, &answer(mixed)), @r"
    `data.result`: resources and load in one answer
    hint: add two reports
    ");
    let word = json!({ "resultType": "vector", "result": [{ "metric": { "safeguard": "p42" }, "value": [1, "1"] }] });
    assert_snapshot!(prometheus(None, &answer(word)), @r"
    `data.result[0].metric.safeguard`: `p42` is not a measure: memory_bytes, cpu_percent, requests, failed, requests_per_second, p50_ms, p95_ms or p99_ms
    hint: mend the query
    ");
}
