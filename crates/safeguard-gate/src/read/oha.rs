//! What `oha --output-format json` prints.

use std::collections::BTreeMap;

use safeguard_api::evidence::{Facts, Load, LoadSeries, Tool};
use serde::Deserialize;

use super::json::Table;
use super::{Read, json};
use crate::unreadable::{Place, Unreadable};

const CODES_MAX: usize = 1000;
/// What oha counts as an error although nothing went wrong: requests in flight when its time was over.
const AT_THE_END: &str = "aborted due to deadline";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Output {
    summary: Summary,
    latency_percentiles: Percentiles,
    status_code_distribution: Table<u64, CODES_MAX>,
    error_distribution: Table<u64, CODES_MAX>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Summary {
    requests_per_sec: Option<f64>,
}

/// In seconds; none where nothing was answered.
#[derive(Deserialize)]
struct Percentiles {
    p50: Option<f64>,
    p95: Option<f64>,
    p99: Option<f64>,
}

pub(super) fn read(text: &str) -> Result<Read, Unreadable> {
    let output: Output = json::parse(text)?;
    let (mut requests, mut failed) = (0u64, 0u64);
    for (code, count) in &output.status_code_distribution.0 {
        let Ok(code) = code.parse::<u16>() else {
            let place = Place::Key(format!("statusCodeDistribution.{code}"));
            return Err(Unreadable::new(
                place,
                "not a status code",
                "send what oha prints, unchanged",
            ));
        };
        requests = requests.saturating_add(*count);
        if !(200..400).contains(&code) {
            failed = failed.saturating_add(*count);
        }
    }
    for (_, count) in output
        .error_distribution
        .0
        .iter()
        .filter(|(error, _)| *error != AT_THE_END)
    {
        requests = requests.saturating_add(*count);
        failed = failed.saturating_add(*count);
    }
    // To the microsecond.
    let ms = |seconds: Option<f64>| seconds.map(|seconds| (seconds * 1e6).round() / 1000.0);
    let all = LoadSeries {
        requests,
        failed,
        requests_per_second: output.summary.requests_per_sec,
        p50_ms: ms(output.latency_percentiles.p50),
        p95_ms: ms(output.latency_percentiles.p95),
        p99_ms: ms(output.latency_percentiles.p99),
    };
    let mut read = Read::new(Facts::Load(Load {
        series: BTreeMap::from([("all".to_owned(), all)]),
    }));
    read.tool = Some(Tool {
        name: "oha".to_owned(),
        version: None,
    });
    read.inconclusive.extend(super::k6::doubts(&read.facts));
    Ok(read)
}
