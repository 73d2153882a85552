//! Gate 5: memory and processor stay well within the limits that the instance has.

use safeguard_api::Evidence;
use safeguard_api::evidence::{Facts, Format, Resources};
use safeguard_api::gate::{Gate, GateVerdict};

use super::GateRule;
use super::opinion::Opinion;
use crate::case::Case;

const MEBIBYTE: f64 = (1u64 << 20) as f64;
/// What a process that is smaller has grown is measured by this part of its limit: a fresh one fills its caches.
const GROWTH_PART_OF_LIMIT: f64 = 0.25;

pub(super) static RULE: GateRule = GateRule {
    gate: Gate::ResourceLimits,
    page: include_str!("resource_limits.md"),
    judge,
};

fn judge(case: &Case<'_>) -> GateVerdict {
    let (settings, limits) = (&case.policy.gates.resource_limits, case.limits);
    let mut opinion = Opinion::new(case, RULE.gate);
    let reports: Vec<&Resources> = case
        .current_for(RULE.gate)
        .filter_map(|evidence| believed(evidence, &mut opinion))
        .collect();
    let enough = reports
        .iter()
        .copied()
        .filter(|report| settings.watched_min <= report.watched);
    let enough: Vec<&Resources> = enough.collect();
    let longest = reports
        .iter()
        .map(|report| report.watched)
        .max()
        .unwrap_or_default();
    opinion.figure(
        "watched",
        longest,
        format!("at least {}", settings.watched_min),
        !enough.is_empty(),
    );
    if reports.is_empty() {
        opinion.miss_report("no report says what this artifact uses", Format::Safeguard);
    } else if enough.is_empty() {
        let what = format!(
            "the artifact was watched for {longest} (at least {})",
            settings.watched_min
        );
        opinion.miss_report(&what, Format::Safeguard);
    }
    let memory_limit = limits.memory_bytes_max as f64;
    let memory = greatest(&enough, |report| {
        report.memory_bytes_max.map(|bytes| bytes as f64)
    });
    bounded(
        &mut opinion,
        "memory",
        memory.map(|bytes| bytes / memory_limit * 100.0),
        settings.memory_percent_max,
        |percent| {
            let used = percent / 100.0 * memory_limit / MEBIBYTE;
            format!("{percent:.1} % ({used:.0} of {:.0} MiB)", memory_limit / MEBIBYTE)
        },
    );
    let cpu_limit = f64::from(limits.cpu_percent_max);
    let cpu = greatest(&enough, |report| report.cpu_percent_max);
    bounded(
        &mut opinion,
        "processor",
        cpu.map(|cpu| cpu / cpu_limit * 100.0),
        settings.cpu_percent_max,
        |percent| {
            format!(
                "{percent:.1} % ({:.0} of {cpu_limit:.0} % of one core)",
                percent / 100.0 * cpu_limit
            )
        },
    );
    let live: Vec<&Resources> = case
        .baseline_for(RULE.gate)
        .filter_map(|evidence| believed(evidence, &mut opinion))
        .filter(|report| settings.watched_min <= report.watched)
        .collect();
    let usual = greatest(&live, |report| growth(report, memory_limit)).map_or(0.0, |grown| grown.max(0.0));
    bounded(
        &mut opinion,
        "growth of memory",
        greatest(&enough, |report| growth(report, memory_limit)),
        settings.memory_growth_percent_max + usual,
        |percent| match usual {
            0.0 => format!("{percent:.1} %"),
            usual => format!("{percent:.1} % (what is live grew by {usual:.1} %)"),
        },
    );
    opinion.verdict(format!(
        "memory, processor and growth within their limits for {longest}"
    ))
}

fn believed<'a>(evidence: &'a Evidence, opinion: &mut Opinion<'_>) -> Option<&'a Resources> {
    let resources = match &evidence.facts {
        Facts::Resources(resources) => resources,
        Facts::Findings(_)
        | Facts::Tests(_)
        | Facts::Coverage(_)
        | Facts::Load(_)
        | Facts::Components(_)
        | Facts::Invariants(_)
        | Facts::Drill(_) => return None,
    };
    opinion.looked_at(evidence);
    evidence.inconclusive.is_empty().then_some(resources)
}

/// In percent of what memory was before it grew, or of a part of the limit where that is more.
fn growth(report: &Resources, memory_limit: f64) -> Option<f64> {
    let percent = report.memory_growth_percent?;
    let most = report.memory_bytes_max.map(|bytes| bytes as f64);
    match most.filter(|_| 0.0 < percent) {
        Some(most) => {
            let before = most / (1.0 + percent / 100.0);
            Some(percent * before / before.max(memory_limit * GROWTH_PART_OF_LIMIT))
        }
        None => Some(percent),
    }
}

/// The worst of all reports: one watched in peace does not unsay one watched under load.
fn greatest(reports: &[&Resources], figure: impl Fn(&Resources) -> Option<f64>) -> Option<f64> {
    reports
        .iter()
        .filter_map(|report| figure(report))
        .reduce(f64::max)
}

fn bounded(
    opinion: &mut Opinion<'_>,
    name: &str,
    value: Option<f64>,
    limit: f64,
    shown: impl Fn(f64) -> String,
) {
    let limit_shown = format!("{} %", (limit * 10.0).round() / 10.0);
    let Some(value) = value else {
        opinion.figure(name, "unknown", limit_shown, false);
        opinion.miss_report(
            &format!("nothing says how much {name} there was"),
            Format::Safeguard,
        );
        return;
    };
    let met = value <= limit;
    opinion.figure(name, shown(value), &limit_shown, met);
    if !met {
        opinion.refuse(format!("{name} {} (limit {limit_shown})", shown(value)));
    }
}
