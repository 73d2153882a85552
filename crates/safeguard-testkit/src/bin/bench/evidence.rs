//! Reports read into facts, a format at a time.

use std::time::Instant;

use anyhow::bail;
use safeguard_api::evidence::{About, EvidenceSpec, Format, Measure};

use crate::report::{Row, median};

const REPORT_BYTES: usize = 16 << 20;
const ROUNDS: usize = 5;
/// A large report is read while its sender waits.
const MEGABYTES_A_SECOND_MIN: f64 = 30.0;

pub fn run() -> anyhow::Result<Vec<Row>> {
    let formats: [(Format, Vec<u8>); 7] = [
        (Format::Sarif, filled(SARIF, sarif_result, "]}]}")),
        (
            Format::Junit,
            filled(
                "<testsuites><testsuite name='shop'>",
                junit_test,
                "</testsuite></testsuites>",
            ),
        ),
        (Format::Lcov, filled("", lcov_record, "")),
        (
            Format::Cobertura,
            filled("<coverage>", cobertura_class, "</coverage>"),
        ),
        (
            Format::Jacoco,
            filled(
                "<report name='shop'><package name='shop'>",
                jacoco_file,
                "</package></report>",
            ),
        ),
        (Format::Prometheus, filled(PROMETHEUS, prometheus_series, "]}}")),
        (
            Format::Cyclonedx,
            filled(CYCLONEDX, cyclonedx_component, "],\"vulnerabilities\":[]}"),
        ),
    ];
    let mut rows = Vec::new();
    for (format, report) in formats {
        let spec = spec(format)?;
        let mut rates = Vec::new();
        for _ in 0..ROUNDS {
            let began = Instant::now();
            if let Err(refused) = safeguard_gate::read(&spec, &report) {
                bail!("{format}: {refused}");
            }
            rates.push(report.len() as f64 / 1e6 / began.elapsed().as_secs_f64());
        }
        rows.push(
            Row::new(format!("read {format}"), median(&mut rates), "MB/s").at_least(MEGABYTES_A_SECOND_MIN),
        );
    }
    Ok(rows)
}

fn spec(format: Format) -> anyhow::Result<EvidenceSpec> {
    Ok(EvidenceSpec {
        service: "shop".parse()?,
        format,
        about: About::Commit("0".repeat(40)),
        layer: None,
        gate: None,
        tool: None,
        tool_version: None,
        measure: Some(Measure::MemoryBytes),
        asked: None,
        produced_at: None,
    })
}

/// `head`, numbered items as long as there is room, `tail`. Items of JSON bring the comma before them.
fn filled(head: &str, item: fn(usize) -> String, tail: &str) -> Vec<u8> {
    let mut text = head.to_owned();
    for n in 0.. {
        if text.len() > REPORT_BYTES {
            break;
        }
        text.push_str(&item(n));
    }
    text.push_str(tail);
    text.into_bytes()
}

fn comma(n: usize) -> &'static str {
    if n == 0 { "" } else { "," }
}

const SARIF: &str = r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"scan"}},"results":["#;

/// As long as real ones are, with snippets and messages: about 1.5 kB.
fn sarif_result(n: usize) -> String {
    let snippet = "let total = lines.iter().map(|line| line.price * line.count).sum(); ".repeat(16);
    format!(
        r#"{}{{"ruleId":"R{}","level":"warning","message":{{"text":"a finding of some length, number {n}"}},"locations":[{{"physicalLocation":{{"artifactLocation":{{"uri":"src/file{}.rs"}},"region":{{"startLine":{},"snippet":{{"text":"{snippet}"}}}}}}}}],"partialFingerprints":{{"primaryLocationLineHash":"{n:016x}:1"}}}}"#,
        comma(n),
        n % 50,
        n % 300,
        n % 900 + 1
    )
}

fn junit_test(n: usize) -> String {
    format!(
        "<testcase classname='shop.cart' name='adds {n}' time='0.004'><system-out>one line of a log &amp; another\n</system-out></testcase>\n"
    )
}

fn lcov_record(n: usize) -> String {
    let lines: String = (1..200).map(|line| format!("DA:{line},{}\n", line % 3)).collect();
    format!("TN:\nSF:src/file{n}.rs\n{lines}LF:199\nLH:132\nend_of_record\n")
}

fn cobertura_class(n: usize) -> String {
    let lines: String = (1..200)
        .map(|line| format!("<line number=\"{line}\" hits=\"{}\"/>\n", line % 3))
        .collect();
    format!("<class name='c{n}' filename='src/file{n}.py'><lines>{lines}</lines></class>")
}

fn jacoco_file(n: usize) -> String {
    let lines: String = (1..200)
        .map(|line| {
            format!(
                "<line nr=\"{line}\" mi=\"0\" ci=\"{}\" mb=\"0\" cb=\"0\"/>",
                line % 3
            )
        })
        .collect();
    format!("<sourcefile name=\"File{n}.java\">{lines}</sourcefile>")
}

const PROMETHEUS: &str = r#"{"status":"success","data":{"resultType":"matrix","result":["#;

fn prometheus_series(n: usize) -> String {
    let samples: Vec<String> = (0..5000)
        .map(|at| format!(r#"[{},"{}"]"#, 1_700_000_000 + at, 100_000_000 + at))
        .collect();
    format!(
        r#"{}{{"metric":{{"instance":"{n}"}},"values":[{}]}}"#,
        comma(n),
        samples.join(",")
    )
}

const CYCLONEDX: &str = r#"{"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"tools":{"components":[{"name":"scan"}]}},"components":["#;

fn cyclonedx_component(n: usize) -> String {
    format!(
        r#"{}{{"bom-ref":"ref{n}","type":"library","name":"left-{n}","version":"1.{n}.0","purl":"pkg:npm/left-{n}@1.{n}.0","licenses":[{{"license":{{"id":"MIT"}}}}],"hashes":[{{"alg":"SHA-256","content":"{n:064x}"}}]}}"#,
        comma(n)
    )
}
