//! What Prometheus answers to `query` and `query_range`.
//!
//! A number says nothing of what it is: its meaning is given with the report, or by its label `safeguard`, which
//! `label_replace(…, "safeguard", "p99_ms", "", "")` sets. Memory and processor become resources; the rest becomes a
//! load, in a series named by the label `series`.

use std::collections::BTreeMap;

use safeguard_api::evidence::{Facts, Load, LoadSeries, Measure, Resources, Tool};
use safeguard_api::time::{Span, Timestamp};
use serde::Deserialize;

use super::json::{Kept, Short, Table};
use super::k6::whole;
use super::{MESSAGE_BYTES_MAX, NAME_BYTES_MAX, Read, json};
use crate::unreadable::{Place, Unreadable, shown};

const SERIES_MAX: usize = 1000;
const SAMPLES_MAX: usize = 20_000;
const LABELS_MAX: usize = 64;
/// Samples of memory from which its growth can be told.
const GROWTH_SAMPLES_MIN: usize = 10;

#[derive(Deserialize)]
struct Answer {
    status: Short<NAME_BYTES_MAX>,
    error: Option<Short<MESSAGE_BYTES_MAX>>,
    data: Option<Data>,
    #[serde(default)]
    warnings: Kept<Short<MESSAGE_BYTES_MAX>, LABELS_MAX>,
}

#[derive(Deserialize)]
#[serde(tag = "resultType", content = "result", rename_all = "lowercase")]
enum Data {
    Vector(Kept<Series, SERIES_MAX>),
    Matrix(Kept<Series, SERIES_MAX>),
    Scalar(Sample),
}

#[derive(Deserialize)]
struct Series {
    metric: Table<Short<NAME_BYTES_MAX>, LABELS_MAX>,
    value: Option<Sample>,
    values: Option<Kept<Sample, SAMPLES_MAX>>,
}

/// Seconds since 1970, and the value.
#[derive(Deserialize)]
struct Sample(f64, Figure);

/// Written as a text; one that is no number is NaN, as Prometheus writes what it does not have.
struct Figure(f64);

impl<'de> Deserialize<'de> for Figure {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Short::<NAME_BYTES_MAX>::deserialize(deserializer)?;
        Ok(Figure(text.0.parse().unwrap_or(f64::NAN)))
    }
}

/// Samples of one measure, in the order of time.
struct Measured {
    measure: Measure,
    series: String,
    samples: Vec<(f64, f64)>,
}

pub(super) fn read(text: &str, measure: Option<Measure>) -> Result<Read, Unreadable> {
    let answer: Answer = json::parse(text)?;
    if answer.status.0 != "success" {
        let why = answer.error.as_ref().map_or("without a reason", |error| &error.0);
        let what = format!(
            "Prometheus answered `{}`: {}",
            shown(&answer.status.0, 40),
            shown(why, 200)
        );
        return Err(Unreadable::new(
            Place::Key("status".to_owned()),
            what,
            "mend the query and ask again",
        ));
    }
    let data = answer.data.ok_or_else(|| {
        Unreadable::new(
            Place::Key("data".to_owned()),
            "it is not there",
            "send the whole answer",
        )
    })?;
    let mut inconclusive: Vec<String> = Vec::new();
    inconclusive.extend(
        answer
            .warnings
            .items
            .iter()
            .map(|warning| format!("Prometheus warned: {}", shown(&warning.0, 200))),
    );
    let measured = match data {
        Data::Vector(series) | Data::Matrix(series) => {
            if series.dropped > 0 {
                inconclusive.push(format!(
                    "{} series more than the {SERIES_MAX} that are read",
                    series.dropped
                ));
            }
            let numbered = series.items.into_iter().enumerate();
            numbered
                .map(|(at, series)| of_series(at, series, measure))
                .collect::<Result<Vec<_>, _>>()?
        }
        Data::Scalar(sample) => {
            let measure = measure.ok_or_else(|| nameless("result"))?;
            vec![Measured {
                measure,
                series: "all".to_owned(),
                samples: vec![number(&sample, "result")?],
            }]
        }
    };
    if measured.is_empty() {
        inconclusive.push("the query found nothing".to_owned());
    }
    let produced_at = measured
        .iter()
        .flat_map(|one| &one.samples)
        .map(|(at, _)| *at)
        .reduce(f64::max);
    let mut read = Read::new(facts(measured, &mut inconclusive)?);
    read.tool = Some(Tool {
        name: "prometheus".to_owned(),
        version: None,
    });
    #[expect(
        clippy::cast_possible_truncation,
        reason = "milliseconds of a time that was checked"
    )]
    let timestamp = |seconds: f64| Timestamp((seconds * 1000.0) as i64);
    read.produced_at = produced_at.map(timestamp);
    read.inconclusive = inconclusive;
    Ok(read)
}

fn nameless(place: &str) -> Unreadable {
    Unreadable::new(
        Place::Key(place.to_owned()),
        "nothing says what the numbers are",
        "name the measure, or give each series the label `safeguard` by `label_replace(…, \"safeguard\", \"p99_ms\", \"\", \"\")`",
    )
}

fn of_series(at: usize, series: Series, measure: Option<Measure>) -> Result<Measured, Unreadable> {
    let place = format!("data.result[{at}]");
    let label = |name: &str| series.metric.0.get(name).map(|value| value.0.as_str());
    let measure = match label("safeguard") {
        Some(word) => word
            .parse()
            .map_err(|error: safeguard_api::evidence::MeasureError| {
                Unreadable::new(
                    Place::Key(format!("{place}.metric.safeguard")),
                    error.to_string(),
                    "mend the query",
                )
            })?,
        None => measure.ok_or_else(|| nameless(&place))?,
    };
    let name = label("series").unwrap_or("all").to_owned();
    let samples = match (&series.value, &series.values) {
        (Some(sample), None) => vec![number(sample, &place)?],
        (None, Some(samples)) if samples.dropped > 0 => {
            let what = format!("more than {SAMPLES_MAX} samples");
            return Err(Unreadable::new(
                Place::Key(place),
                what,
                "ask for a longer `step`",
            ));
        }
        (None, Some(samples)) => samples
            .items
            .iter()
            .map(|sample| number(sample, &place))
            .collect::<Result<_, _>>()?,
        (Some(_), Some(_)) | (None, None) => {
            let what = "it must have `value` or `values`, and not both";
            return Err(Unreadable::new(
                Place::Key(place),
                what,
                "send the answer unchanged",
            ));
        }
    };
    Ok(Measured {
        measure,
        series: name,
        samples,
    })
}

/// NaN is what Prometheus answers where it has nothing: it is no number here.
fn number(sample: &Sample, place: &str) -> Result<(f64, f64), Unreadable> {
    let (value, time_fits) = (sample.1.0, (0.0..=1e11).contains(&sample.0));
    if value.is_finite() && value >= 0.0 && time_fits {
        return Ok((sample.0, value));
    }
    let what = format!("`{value}` at {} is not a figure of 0 or more", sample.0);
    Err(Unreadable::new(
        Place::Key(place.to_owned()),
        what,
        "ask for a range in which there was traffic",
    ))
}

fn facts(measured: Vec<Measured>, inconclusive: &mut Vec<String>) -> Result<Facts, Unreadable> {
    let is_resource = |one: &Measured| matches!(one.measure, Measure::MemoryBytes | Measure::CpuPercent);
    let resources = measured.iter().filter(|one| is_resource(one)).count();
    if resources > 0 && resources < measured.len() {
        let what = "resources and load in one answer";
        return Err(Unreadable::new(
            Place::Key("data.result".to_owned()),
            what,
            "add two reports",
        ));
    }
    if resources > 0 {
        return Ok(Facts::Resources(resources_of(&measured)));
    }
    let load = load_of(&measured)?;
    if let Some(without) = load.series.iter().find(|(_, series)| series.requests == 0) {
        inconclusive.push(format!(
            "series `{}` does not say how many requests there were",
            without.0
        ));
    }
    Ok(Facts::Load(load))
}

fn resources_of(measured: &[Measured]) -> Resources {
    let of = |measure| measured.iter().filter(move |one| one.measure == measure);
    let greatest = |measure| {
        of(measure)
            .flat_map(|one| &one.samples)
            .map(|(_, value)| *value)
            .reduce(f64::max)
    };
    // Each series was watched for its own time; the shortest is what all of them were watched for.
    let watched = measured
        .iter()
        .map(|one| match (one.samples.first(), one.samples.last()) {
            (Some((first, _)), Some((last, _))) => (last - first).max(0.0),
            (None, _) | (_, None) => 0.0,
        });
    let growth = of(Measure::MemoryBytes).filter_map(|one| growth_percent(&one.samples));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked to be 0 or more"
    )]
    let resources = Resources {
        watched: Span((watched.reduce(f64::min).unwrap_or(0.0) * 1000.0) as u64),
        samples: measured
            .iter()
            .map(|one| one.samples.len() as u64)
            .min()
            .unwrap_or(0),
        memory_bytes_max: greatest(Measure::MemoryBytes).map(|bytes| bytes as u64),
        cpu_percent_max: greatest(Measure::CpuPercent),
        memory_growth_percent: growth.reduce(f64::max),
    };
    resources
}

/// The mean of the last fifth above that of the second fifth: the first is warming up.
fn growth_percent(samples: &[(f64, f64)]) -> Option<f64> {
    if samples.len() < GROWTH_SAMPLES_MIN {
        return None;
    }
    let fifth = samples.len() / 5;
    let mean = |part: &[(f64, f64)]| part.iter().map(|(_, value)| value).sum::<f64>() / part.len() as f64;
    let (before, after) = (
        mean(&samples[fifth..2 * fifth]),
        mean(&samples[samples.len() - fifth..]),
    );
    (before > 0.0).then_some((after - before) / before * 100.0)
}

fn load_of(measured: &[Measured]) -> Result<Load, Unreadable> {
    let mut load = Load {
        series: BTreeMap::new(),
    };
    for one in measured {
        let series: &mut LoadSeries = load.series.entry(one.series.clone()).or_default();
        let place = || Place::Key(format!("data.result (series `{}`)", shown(&one.series, 40)));
        let [(_, value)] = one.samples[..] else {
            let what = format!(
                "{} has {} samples; a load has one figure",
                one.measure.as_str(),
                one.samples.len()
            );
            return Err(Unreadable::new(
                place(),
                what,
                "ask `query` for one moment, not `query_range`",
            ));
        };
        // `increase()` answers with fractions.
        let count = || {
            whole(value.round())
                .ok_or_else(|| Unreadable::new(place(), "a count beyond its bounds", "mend the query"))
        };
        match one.measure {
            Measure::Requests => series.requests = count()?,
            Measure::Failed => series.failed = count()?,
            Measure::RequestsPerSecond => series.requests_per_second = Some(value),
            Measure::P50Ms => series.p50_ms = Some(value),
            Measure::P95Ms => series.p95_ms = Some(value),
            Measure::P99Ms => series.p99_ms = Some(value),
            Measure::MemoryBytes | Measure::CpuPercent => {}
        }
    }
    Ok(load)
}
