//! k6's end-of-test summary: `--summary-export`, where figures lie in the metric itself, or what `handleSummary` is
//! given, where they lie in its `values`.

use std::collections::BTreeMap;

use safeguard_api::evidence::{Facts, Load, LoadSeries, Tool};
use serde::Deserialize;

use super::json::Table;
use super::{Read, json};
use crate::unreadable::{Place, Unreadable};

const METRICS_MAX: usize = 5000;
const HINT: &str =
    "k6 writes it with `--summary-export` or in `handleSummary(data)` as `JSON.stringify(data)`";

#[derive(Deserialize)]
struct Summary {
    metrics: Table<Metric, METRICS_MAX>,
}

/// One of the two shapes; figures of other kinds of metric are of no concern.
#[derive(Deserialize)]
struct Metric {
    values: Option<Figures>,
    #[serde(flatten)]
    own: Figures,
}

#[derive(Deserialize, Clone, Copy)]
struct Figures {
    med: Option<f64>,
    #[serde(rename = "p(50)")]
    p50: Option<f64>,
    #[serde(rename = "p(95)")]
    p95: Option<f64>,
    #[serde(rename = "p(99)")]
    p99: Option<f64>,
    count: Option<f64>,
    rate: Option<f64>,
    /// Of a rate: how often it was true. For `http_req_failed` these are the failures.
    passes: Option<f64>,
}

impl Metric {
    fn figures(&self) -> Figures {
        self.values.unwrap_or(self.own)
    }
}

pub(super) fn read(text: &str) -> Result<Read, Unreadable> {
    let summary: Summary = json::parse(text)?;
    let metrics = &summary.metrics.0;
    let mut series = BTreeMap::new();
    for (name, metric) in metrics {
        let Some(tags) = tags(name, "http_req_duration") else {
            continue;
        };
        let of = |other: &str| metrics.get(&format!("{other}{tags}")).map(Metric::figures);
        let name = if tags.is_empty() {
            "all"
        } else {
            tags.trim_matches(['{', '}'])
        };
        // k6 makes a series of its own of the requests that succeeded; its failures are none by definition.
        if name == "expected_response:true" {
            continue;
        }
        if let Some(read) = one(metric.figures(), of("http_reqs"), of("http_req_failed")) {
            series.insert(name.to_owned(), read);
        }
    }
    if !metrics.contains_key("http_reqs") && !metrics.contains_key("http_req_duration") {
        let place = Place::Key("metrics".to_owned());
        return Err(Unreadable::new(
            place,
            "neither `http_reqs` nor `http_req_duration` is in it",
            HINT,
        ));
    }
    let mut read = Read::new(Facts::Load(Load { series }));
    read.tool = Some(Tool {
        name: "k6".to_owned(),
        version: None,
    });
    read.inconclusive.extend(doubts(&read.facts));
    Ok(read)
}

/// `{…}` after the name of a metric, or nothing.
fn tags<'n>(name: &'n str, metric: &str) -> Option<&'n str> {
    let tags = name.strip_prefix(metric)?;
    (tags.is_empty() || tags.starts_with('{') && tags.ends_with('}')).then_some(tags)
}

/// Without its own counts, a series says how long requests took, and not how many they were: it shows nothing.
fn one(times: Figures, requests: Option<Figures>, failed: Option<Figures>) -> Option<LoadSeries> {
    let requests = requests?;
    Some(LoadSeries {
        requests: whole(requests.count?)?,
        failed: whole(failed?.passes?)?,
        requests_per_second: requests.rate,
        p50_ms: times.med.or(times.p50),
        p95_ms: times.p95,
        p99_ms: times.p99,
    })
}

/// A count, if it is one.
pub(super) fn whole(number: f64) -> Option<u64> {
    let fits = (0.0..=9e15).contains(&number) && number.fract() == 0.0;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "within the bounds, and whole"
    )]
    fits.then_some(number as u64)
}

/// What keeps a load from speaking for a gate.
pub(super) fn doubts(facts: &Facts) -> Option<String> {
    let Facts::Load(load) = facts else { return None };
    match load.series.get("all") {
        None => Some(
            "no counts of requests and failures of the whole run (`http_reqs` and `http_req_failed`)"
                .to_owned(),
        ),
        Some(all) if all.requests == 0 => Some("no request was made".to_owned()),
        Some(_) => None,
    }
}
