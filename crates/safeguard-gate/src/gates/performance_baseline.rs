//! Gate 3: under the same load the artifact is shown to be no more than a little slower than what is live.

use safeguard_api::Evidence;
use safeguard_api::config::PerformanceGate;
use safeguard_api::evidence::{Facts, Format, Load, LoadSeries};
use safeguard_api::gate::{Gate, GateVerdict};
use safeguard_stats::quantile::{Quantile, Ratio, Summary};
use safeguard_stats::rate::{Rate, trials_needed};

use super::GateRule;
use super::opinion::Opinion;
use crate::case::{Case, produced_at};

/// How many more requests in a hundred may fail: a share near zero can not be judged in percent of itself.
const FAILED_PERCENT_MORE_MAX: f64 = 0.5;
/// The chance to call a share of failures no worse that is worse than that.
const FAILED_ALPHA: f64 = 0.05;

pub(super) static RULE: GateRule = GateRule {
    gate: Gate::PerformanceBaseline,
    page: include_str!("performance_baseline.md"),
    judge,
};

fn judge(case: &Case<'_>) -> GateVerdict {
    let settings = &case.policy.gates.performance_baseline;
    let mut opinion = Opinion::new(case, RULE.gate);
    let Some((evidence, candidate)) = case.current_for(RULE.gate).find_map(load) else {
        opinion.miss_report("no load of this artifact was measured", Format::K6);
        return opinion.verdict("");
    };
    opinion.looked_at(evidence);
    believe(evidence, "load of this artifact", &mut opinion);
    let Some(live) = case.baseline else {
        enough(candidate, settings, "the load", &mut opinion);
        return opinion.verdict("nothing is live to compare with");
    };
    let same_tool = |(other, _): &(&Evidence, &Load)| other.spec.tool == evidence.spec.tool;
    // A machine has good hours and bad ones: the two that were measured together are compared, the newer where several were.
    let apart = |(other, _): &(&Evidence, &Load)| produced_at(other).0.abs_diff(produced_at(evidence).0);
    let baselines = case.baseline_for(RULE.gate).filter_map(load);
    let Some((baseline_evidence, baseline)) = baselines.filter(same_tool).min_by_key(apart) else {
        let tool = evidence.spec.tool.as_deref().unwrap_or("the same tool");
        opinion.miss(format!(
            "no load of the live artifact was measured with {tool}; `safeguard evidence add --service {} --format {} --artifact {live} REPORT`",
            case.release.service, evidence.spec.format
        ));
        return opinion.verdict("");
    };
    opinion.looked_at(baseline_evidence);
    believe(baseline_evidence, "load of the live artifact", &mut opinion);
    for (name, base) in &baseline.series {
        match candidate.series.get(name) {
            Some(ours) => compare(name, ours, base, settings, &mut opinion),
            None => opinion.miss(format!("series `{name}` of the live artifact's load is not in this artifact's; measure both with the same script")),
        }
    }
    if baseline.series.is_empty() {
        opinion.miss("the live artifact's load has no series; measure both with the same script");
    }
    opinion.verdict(format!(
        "no figure is more than {} % worse",
        settings.worse_percent_max
    ))
}

fn load(evidence: &Evidence) -> Option<(&Evidence, &Load)> {
    match &evidence.facts {
        Facts::Load(load) => Some((evidence, load)),
        Facts::Findings(_)
        | Facts::Tests(_)
        | Facts::Coverage(_)
        | Facts::Components(_)
        | Facts::Resources(_)
        | Facts::Invariants(_)
        | Facts::Drill(_) => None,
    }
}

fn believe(evidence: &Evidence, what: &str, opinion: &mut Opinion<'_>) {
    if let Some(why) = evidence.inconclusive.first() {
        opinion.miss(format!(
            "the {what} ({}) can not be believed: {why}; measure again",
            evidence.id
        ));
    }
}

fn enough(load: &Load, settings: &PerformanceGate, whose: &str, opinion: &mut Opinion<'_>) {
    let most = load
        .series
        .values()
        .map(|series| series.requests)
        .max()
        .unwrap_or(0);
    let met = settings.requests_min <= most;
    opinion.figure(
        "requests",
        most,
        format!("at least {}", settings.requests_min),
        met,
    );
    if !met {
        opinion.miss(format!(
            "{whose} has {most} requests (at least {})",
            settings.requests_min
        ));
    }
}

fn compare(
    name: &str,
    ours: &LoadSeries,
    base: &LoadSeries,
    settings: &PerformanceGate,
    opinion: &mut Opinion<'_>,
) {
    let (fewest, min) = (ours.requests.min(base.requests), settings.requests_min);
    let figure = format!("{} against {}", ours.requests, base.requests);
    opinion.figure(
        format!("`{name}`: requests"),
        figure,
        format!("at least {min} each"),
        min <= fewest,
    );
    if fewest < min {
        opinion.miss(format!(
            "`{name}`: {} requests against {} (at least {min} each); measure longer",
            ours.requests, base.requests
        ));
        return;
    }
    let (Some(our_summary), Some(base_summary)) = (summary(ours), summary(base)) else {
        opinion.miss(format!(
            "`{name}`: p50 and p95 of both loads are needed; let the tool write them"
        ));
        return;
    };
    for quantile in [Quantile::P50, Quantile::P95, Quantile::P99] {
        judge_quantile(name, quantile, &our_summary, &base_summary, settings, opinion);
    }
    judge_failures(name, ours, base, opinion);
}

fn summary(series: &LoadSeries) -> Option<Summary> {
    Some(Summary {
        count: series.requests,
        p50: series.p50_ms?,
        p95: series.p95_ms?,
        p99: series.p99_ms,
    })
}

fn judge_quantile(
    name: &str,
    quantile: Quantile,
    ours: &Summary,
    base: &Summary,
    settings: &PerformanceGate,
    opinion: &mut Opinion<'_>,
) {
    let (Some(our_value), Some(base_value)) = (ours.value(quantile), base.value(quantile)) else {
        return;
    };
    let what = format!("`{name}`: {}", format!("{quantile:?}").to_lowercase());
    let values = format!("{our_value:.2} ms against {base_value:.2} ms");
    let Some(ratio) = ours.ratio(base, quantile) else {
        opinion.miss(format!("{what}: {values} can not be latencies; measure again"));
        return;
    };
    let limit = 1.0 + settings.worse_percent_max / 100.0;
    let shown = format!(
        "{values}, {} (between {} and {})",
        percent(ratio.seen),
        percent(ratio.lower),
        percent(ratio.upper)
    );
    // Few loads are long enough to prove something of one request in a hundred: it refuses, and is not asked for.
    let asked_for = quantile != Quantile::P99;
    let limit_shown = match asked_for {
        true => format!("shown to be at most +{} %", settings.worse_percent_max),
        false => format!("not shown to be over +{} %", settings.worse_percent_max),
    };
    let met = ratio.lower <= limit && (ratio.upper <= limit || !asked_for);
    opinion.figure(&what, &shown, limit_shown, met);
    if limit < ratio.lower {
        opinion.refuse(format!(
            "{what} {shown} (limit +{} %)",
            settings.worse_percent_max
        ));
    } else if !met {
        opinion.miss(format!(
            "{what} {shown}: {}",
            not_shown(&ratio, limit, ours.count.min(base.count), settings)
        ));
    }
}

fn not_shown(ratio: &Ratio, limit: f64, count: u64, settings: &PerformanceGate) -> String {
    let more = ratio
        .times_needed(limit)
        .map(|times| (times * count as f64).ceil());
    match more.filter(|requests| *requests < 1e8) {
        Some(requests) => format!(
            "not yet shown to be within +{} %; measure both with about {requests:.0} requests",
            settings.worse_percent_max
        ),
        None => format!(
            "not shown to be within +{} %; measure longer, or make it faster",
            settings.worse_percent_max
        ),
    }
}

fn percent(ratio: f64) -> String {
    format!("{:+.1} %", (ratio - 1.0) * 100.0)
}

fn judge_failures(name: &str, ours: &LoadSeries, base: &LoadSeries, opinion: &mut Opinion<'_>) {
    let rate = |series: &LoadSeries| Rate {
        hits: series.failed.min(series.requests),
        trials: series.requests,
    };
    let (ours, base) = (rate(ours), rate(base));
    let margin = FAILED_PERCENT_MORE_MAX / 100.0;
    let half = FAILED_ALPHA / 2.0;
    let upper = ours.upper(half) - base.lower(half);
    let lower = ours.lower(half) - base.upper(half);
    let what = format!("`{name}`: failed requests");
    let shown = format!(
        "{} of {} against {} of {}",
        ours.hits, ours.trials, base.hits, base.trials
    );
    let met = upper <= margin;
    opinion.figure(
        &what,
        format!("{shown}, at most {:+.2} percentage points", upper * 100.0),
        format!("+{FAILED_PERCENT_MORE_MAX} percentage points"),
        met,
    );
    if margin < lower {
        opinion.refuse(format!(
            "{what} {shown}, at least {:+.2} percentage points (limit +{FAILED_PERCENT_MORE_MAX})",
            lower * 100.0
        ));
    } else if !met {
        let more = trials_needed(ours, base, margin, FAILED_ALPHA);
        let more = more.map_or("a much longer load".to_owned(), |more| {
            format!("about {more} requests more")
        });
        opinion.miss(format!("{what} {shown}: not yet shown to be at most {FAILED_PERCENT_MORE_MAX} percentage points more; measure with {more}"));
    }
}
