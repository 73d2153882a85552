//! Reports of a hundred megabytes, each made to weigh more in memory than on the disk. One process of its own, since it
//! looks at the most that the process ever used.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use safeguard_api::evidence::{About, EvidenceSpec, Format};
use safeguard_gate::read;

const REPORT_BYTES: usize = 100 << 20;
/// Beyond the report itself.
const MEMORY_BYTES_MAX: usize = 600 << 20;

fn spec(format: Format) -> EvidenceSpec {
    EvidenceSpec {
        service: "shop".parse().unwrap(),
        format,
        about: About::Commit("0123456789abcdef0123456789abcdef01234567".to_owned()),
        layer: None,
        gate: None,
        tool: None,
        tool_version: None,
        measure: None,
        asked: None,
        produced_at: None,
    }
}

/// `head`, as many of `item` as there is room for, `tail`.
fn filled(head: &str, item: impl Fn(usize) -> String, tail: &str) -> Vec<u8> {
    let mut text = String::with_capacity(REPORT_BYTES + 1000);
    text.push_str(head);
    for n in 0.. {
        if text.len() > REPORT_BYTES {
            break;
        }
        text.push_str(&item(n));
    }
    text.push_str(tail);
    text.into_bytes()
}

fn most_memory_bytes() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

#[test]
fn a_hundred_megabytes_are_read_within_bounds() {
    let run = r#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"scan"}},"results":["#;
    let message = format!("{run}{{\"message\":{{\"text\":\"");
    let bom = r#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":["#;
    let log = "<testsuite><testcase name='t'><system-out>";
    let matrix = r#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"safeguard":"cpu_percent"},"values":["#;
    let series = |n: usize| match n % 20_000 {
        0 if n > 0 => r#"[1,"2"]]},{"metric":{"safeguard":"cpu_percent"},"values":["#.to_owned(),
        _ => r#"[1,"2"],"#.to_owned(),
    };
    type Make<'a> = &'a dyn Fn() -> Vec<u8>;
    let makers: [(&str, Format, Make<'_>); 8] = [
        ("empty results", Format::Sarif, &|| {
            filled(run, |_| "{},".to_owned(), "{}]}]}")
        }),
        ("empty flows", Format::Sarif, &|| {
            filled(run, |_| r#"{"codeFlows":[{},{},{},{}]},"#.to_owned(), "{}]}]}")
        }),
        ("one message", Format::Sarif, &|| {
            filled(&message, |_| "a\\n".to_owned(), "\"}}]}]}")
        }),
        ("empty components", Format::Cyclonedx, &|| {
            filled(bom, |_| "{},".to_owned(), "{}]}")
        }),
        ("one log", Format::Junit, &|| {
            filled(
                log,
                |_| "out &lt;of&gt; bounds\n".to_owned(),
                "</system-out></testcase></testsuite>",
            )
        }),
        ("empty tests", Format::Junit, &|| {
            filled("<testsuite>", |_| "<testcase/>".to_owned(), "</testsuite>")
        }),
        ("lines", Format::Lcov, &|| {
            filled(
                "SF:a\n",
                |n| format!("DA:{},1\n", 4_000_000 - n % 4_000_000),
                "end_of_record\n",
            )
        }),
        ("samples", Format::Prometheus, &|| {
            filled(matrix, series, r#"[1,"2"]]}]}}"#)
        }),
    ];
    for (name, format, make) in makers {
        let report = make();
        if let Err(refused) = read(&spec(format), &report) {
            assert!(!refused.hint.is_empty(), "{name}: {refused}");
        }
        drop(report);
        let (most, limit) = (most_memory_bytes(), REPORT_BYTES + MEMORY_BYTES_MAX);
        assert!(
            most <= limit,
            "{name}: {} MiB (limit {} MiB)",
            most >> 20,
            limit >> 20
        );
    }
}
