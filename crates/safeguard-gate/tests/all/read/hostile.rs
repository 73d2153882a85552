//! Files that want to break the reader: each is refused with a reason, or read within bounds.

use insta::assert_snapshot;
use proptest::prelude::*;
use safeguard_api::evidence::{EvidenceSpec, Facts, Format, Layer, Measure};
use safeguard_gate::{REPORT_BYTES_MAX, read};

use super::{facts, report, spec};

const XML: [Format; 3] = [Format::Junit, Format::Cobertura, Format::Jacoco];
const JSON: [Format; 6] = [
    Format::Sarif,
    Format::K6,
    Format::Oha,
    Format::Prometheus,
    Format::Cyclonedx,
    Format::Safeguard,
];

/// Why a format refuses the bytes.
fn refused(format: Format, bytes: impl AsRef<[u8]>) -> String {
    match read(&spec(format), bytes.as_ref()) {
        Ok(read) => panic!("{format} took it: {:?}", read.facts),
        Err(refused) => refused.to_string(),
    }
}

#[test]
fn other_files_are_called_by_their_names() {
    for format in Format::ALL {
        for (bytes, name) in [
            (&b"\x1f\x8b\x08\x00\x00"[..], "gzip"),
            (b"PK\x03\x04\x14\x00", "zip"),
            (b"\x28\xb5\x2f\xfd\x04", "zstd"),
            (b"BZh91AY", "bzip2"),
            (b"\xfd7zXZ\x00\x00", "xz"),
            (b"%PDF-1.7", "PDF"),
            (b"\xff\xfe<\x00", "UTF-16"),
            (b"\xfe\xff\x00<", "UTF-16"),
            (b"<\x00t\x00", "UTF-16 without a mark"),
            (b"{\"a\": \"\x00\"}", "NUL"),
            (b"caf\xe9 x", "latin-1"),
            (b"ab\xc3", "ends within a character"),
            (b"", "empty"),
            (b"\xef\xbb\xbf", "empty"),
        ] {
            let why = refused(format, bytes);
            assert!(why.contains(name), "{format}: {why} does not say {name}");
        }
    }
    assert_snapshot!(facts(&spec(Format::Junit), b"<testsuite>\n caf\xe9"), @r"
    line 2, column 5: it ends within a character
    hint: convert it: `iconv -f latin1 -t UTF-8`
    ");
}

#[test]
fn a_byte_order_mark_does_not_matter() {
    let with_mark = [b"\xef\xbb\xbf".as_slice(), &report("pytest.xml")].concat();
    assert_eq!(
        facts(&spec(Format::Junit), with_mark),
        facts(&spec(Format::Junit), report("pytest.xml"))
    );
}

#[test]
fn entities_are_neither_expanded_nor_fetched() {
    let laughs = "<!DOCTYPE r [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;&a;&a;&a;&a;\">]><r>&b;</r>";
    let fetched = "<!DOCTYPE r [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><r>&x;</r>";
    let parameter = "<!DOCTYPE r [<!ENTITY % x SYSTEM \"http://127.0.0.1/x.dtd\"> %x;]><r/>";
    for format in XML {
        for text in [laughs, fetched, parameter] {
            assert!(
                refused(format, text).contains("declarations of its own"),
                "{format}: {text}"
            );
        }
    }
    assert_snapshot!(refused(Format::Junit, "<testsuite>&xxe;</testsuite>"), @"line 1, column 17: the entity `&xxe;` is not expanded");
    assert_snapshot!(refused(Format::Junit, "<testsuite name='&xxe;'/>"), @"line 1, column 26: at 1..4: unrecognized entity `xxe`");
    // A document type that lies elsewhere is named by honest tools, and is not looked at.
    let honest =
        "<!DOCTYPE coverage SYSTEM \"http://cobertura.sourceforge.net/xml/coverage-04.dtd\"><coverage/>";
    assert!(read(&spec(Format::Cobertura), honest.as_bytes()).is_ok());
}

#[test]
fn depth_has_an_end() {
    for format in XML {
        let root = match format {
            Format::Junit => "testsuite",
            Format::Cobertura => "coverage",
            _ => "report",
        };
        let deep = format!("<{root}>").repeat(1_000_000);
        assert!(
            refused(format, deep).contains("a depth of more than 100"),
            "{format}"
        );
    }
    for format in JSON {
        for deep in ["[".repeat(1_000_000), "{\"a\":".repeat(1_000_000)] {
            // What is skipped unread may be deep; it ends too early, and that is what is said.
            let why = refused(format, deep);
            assert!(!why.is_empty(), "{format}");
        }
    }
    let deep = format!(
        r#"{{"version":"2.1.0","runs":[{{"tool":{}"#,
        r#"{"driver":"#.repeat(200_000)
    );
    refused(Format::Sarif, deep);
}

#[test]
fn too_many_attributes_and_names_too_long_have_an_end() {
    let many: String = (0..100_000).map(|n| format!(" a{n}='x'")).collect();
    assert_snapshot!(refused(Format::Junit, format!("<testsuite{many}/>")), @"line 1, column 1088903: an element with more than 64 attributes");
    let long = "x".repeat(1_000_000);
    let read = read(
        &spec(Format::Junit),
        format!("<testsuite><testcase name='{long}'><failure/></testcase></testsuite>").as_bytes(),
    );
    match read.unwrap().facts {
        Facts::Tests(tests) => assert!(tests.failures[0].len() <= 400),
        other => panic!("{other:?}"),
    }
}

#[test]
fn numbers_have_bounds() {
    for number in [
        "1e999",
        "NaN",
        "Infinity",
        "-1",
        "99999999999999999999999",
        "0x10",
        "1.5e3.2",
    ] {
        let oha = format!(
            r#"{{"summary":{{}},"latencyPercentiles":{{}},"statusCodeDistribution":{{"200":{number}}},"errorDistribution":{{}}}}"#
        );
        assert!(
            read(&spec(Format::Oha), oha.as_bytes()).is_err(),
            "oha took {number}"
        );
        let junit = format!("<testsuite failures='{number}'/>");
        assert!(
            read(&spec(Format::Junit), junit.as_bytes()).is_err(),
            "junit took {number}"
        );
        let jacoco =
            format!("<report><sourcefile name='a'><line nr='{number}' mi='0' ci='1'/></sourcefile></report>");
        assert!(
            read(&spec(Format::Jacoco), jacoco.as_bytes()).is_err(),
            "jacoco took {number}"
        );
        let lcov = format!("SF:a\nDA:{number},1\nend_of_record\n");
        assert!(
            read(&spec(Format::Lcov), lcov.as_bytes()).is_err(),
            "lcov took {number}"
        );
    }
    // k6 writes floating point: what is no count there is no series.
    let k6 = r#"{"metrics":{"http_req_duration":{"med":1},"http_reqs":{"count":-5},"http_req_failed":{"passes":0.5}}}"#;
    assert!(facts(&spec(Format::K6), k6).contains("inconclusive"));
}

#[test]
fn keys_that_come_twice_are_refused() {
    for (format, text) in [
        (
            Format::Sarif,
            r#"{"version":"2.1.0","version":"2.1.0","runs":[]}"#,
        ),
        (
            Format::Cyclonedx,
            r#"{"bomFormat":"CycloneDX","specVersion":"1.6","components":[],"components":[]}"#,
        ),
        (Format::K6, r#"{"metrics":{},"metrics":{}}"#),
        (Format::Oha, r#"{"summary":{},"summary":{}}"#),
        (Format::Prometheus, r#"{"status":"error","status":"success"}"#),
        (
            Format::Safeguard,
            r#"{"api":"safeguard.evidence/1","api":"safeguard.evidence/1"}"#,
        ),
    ] {
        assert!(refused(format, text).contains("duplicate field"), "{format}");
    }
}

#[test]
fn more_than_the_longest_report_is_refused_unread() {
    let long = vec![b' '; REPORT_BYTES_MAX + 1];
    assert_snapshot!(refused(Format::Sarif, &long), @"a report of 134217729 bytes (limit 134217728)");
    assert_snapshot!(refused(Format::Safeguard, " ".repeat(9 << 20)), @"a report of 9437184 bytes (limit 8388608 in this format)");
}

/// A hundred thousand results are read, the most severe of them kept, and the rest is said to be missing.
#[test]
fn more_results_than_are_kept_are_counted() {
    let result = |level: &str| format!(r#"{{"level":"{level}","ruleId":"R","message":{{"text":"m"}}}}"#);
    let notes = vec![result("note"); 15_000].join(",");
    let text = format!(
        r#"{{"version":"2.1.0","runs":[{{"tool":{{"driver":{{"name":"scan"}}}},"results":[{notes},{}]}}]}}"#,
        result("error")
    );
    match read(&spec(Format::Sarif), text.as_bytes()).unwrap().facts {
        Facts::Findings(findings) => {
            assert_eq!(findings.dropped, 5001);
            assert!(
                findings
                    .findings
                    .iter()
                    .any(|finding| finding.severity.as_str() == "high")
            );
        }
        other => panic!("{other:?}"),
    }
}

fn seeds() -> Vec<(EvidenceSpec, Vec<u8>)> {
    let of = |format, name: &str| (spec(format), report(name));
    let mut seeds = vec![
        of(Format::Sarif, "ruff.sarif"),
        of(Format::Sarif, "bandit.sarif"),
        of(Format::Junit, "pytest.xml"),
        of(Format::Junit, "nextest.xml"),
        of(Format::Lcov, "vitest.lcov"),
        of(Format::Cobertura, "coverage.xml"),
        of(Format::Jacoco, "jacoco.xml"),
        of(Format::K6, "k6-summary-export.json"),
        of(Format::K6, "k6-handle-summary.json"),
        of(Format::Oha, "oha.json"),
        of(Format::Cyclonedx, "vulnerabilities.cdx.json"),
    ];
    let answer = br#"{"status":"success","data":{"resultType":"matrix","result":[{"metric":{"a":"b"},"values":[[1,"2"],[3,"4"]]}]}}"#;
    let prometheus = EvidenceSpec {
        measure: Some(Measure::MemoryBytes),
        ..spec(Format::Prometheus)
    };
    seeds.push((prometheus, answer.to_vec()));
    let plain = br#"{"api":"safeguard.evidence/1","tool":{"name":"t"},"facts":{"kind":"invariants","checks":[{"name":"a","checked":1,"violations":0}],"migrations":[]}}"#;
    seeds.push((spec(Format::Safeguard), plain.to_vec()));
    seeds
}

/// What a hand that knows the formats would try.
const TWISTS: &[&str] = &[
    "<",
    ">",
    "/>",
    "]]>",
    "<![CDATA[",
    "<!--",
    "&amp;",
    "&#0;",
    "&#xffffff;",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\u0000",
    "\\ud800",
    "null",
    "true",
    "-1",
    "1e400",
    "0.1",
    "\u{feff}",
    "\u{0}",
    "é",
    "\r",
    "DA:",
    "SF:",
    "end_of_record\n",
    "\"runs\":",
    "\"\":",
];

/// Where, what, with which byte and which twist.
pub type Edit = (u16, usize, u8, usize);

pub fn edits() -> impl Strategy<Value = Vec<Edit>> {
    prop::collection::vec((any::<u16>(), 0usize..4, any::<u8>(), 0usize..TWISTS.len()), 1..8)
}

/// Cut, overgrown, doubled.
pub fn twisted(mut bytes: Vec<u8>, edits: Vec<Edit>) -> Vec<u8> {
    for (at, kind, byte, twist) in edits {
        let at = usize::from(at) % (bytes.len() + 1);
        match kind {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, byte),
            2 => drop(bytes.splice(at..at, TWISTS[twist].bytes())),
            _ => {
                let part: Vec<u8> = bytes[at..].iter().take(usize::from(byte)).copied().collect();
                drop(bytes.splice(at..at, part));
            }
        }
    }
    bytes
}

proptest! {
    /// Never a panic, and what is read twice is the same.
    #[test]
    fn twisted_reports_are_read_or_refused(seed in 0usize..13, edits in edits()) {
        let (spec, bytes) = seeds().swap_remove(seed);
        let bytes = twisted(bytes, edits);
        let once = read(&spec, &bytes);
        prop_assert_eq!(&once, &read(&spec, &bytes));
        if let Err(refused) = once {
            prop_assert!(!refused.what.is_empty() && !refused.hint.is_empty());
            prop_assert!(refused.to_string().len() < 2000, "{}", refused);
        }
    }

    /// A report of one format, said to be another.
    #[test]
    fn a_report_under_a_wrong_name_is_refused_or_shows_nothing(seed in 0usize..13, format in 0usize..10) {
        let (spec, bytes) = seeds().swap_remove(seed);
        let wrong = Format::ALL[format];
        if wrong != spec.format {
            let read = read(&EvidenceSpec { format: wrong, layer: Some(Layer::Logic), ..spec }, &bytes);
            prop_assert!(read.is_err_and(|refused| !refused.hint.is_empty()));
        }
    }
}
