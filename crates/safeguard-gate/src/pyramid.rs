//! The pyramid of tests for AI code as a rule: evidence in every layer that is due, or the release does not move.

use std::collections::BTreeMap;

use safeguard_api::Evidence;
use safeguard_api::config::LayersRule;
use safeguard_api::evidence::{Facts, Format, Layer, Tests};
use safeguard_api::gate::{Figure, Gate, Verdict};
use safeguard_api::pyramid::{LayerStanding, Pyramid};
use safeguard_api::stage::Stage;

use crate::case::Case;
use crate::coverage::patch_coverage;
use crate::gates::add_command;

/// What the rule asks, why, and what to do; its cases are the rule's tests.
pub const PYRAMID_PAGE: &str = include_str!("pyramid.md");

/// What was executed in a layer.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    executed: u64,
    failed: u64,
}

/// Says whether the release has shown the layers that are due before it leaves `leaving`.
#[must_use]
pub fn pyramid(case: &Case<'_>, leaving: Stage) -> Pyramid {
    let rule = &case.policy.gates.layers;
    let counts = counts(case);
    let all: u64 = counts
        .values()
        .fold(0, |sum, count| sum.saturating_add(count.executed));
    let due = if rule.required { due(leaving) } else { &[] };
    let standing = |layer: Layer| {
        let count = counts.get(&layer).copied().unwrap_or_default();
        LayerStanding {
            layer,
            executed: count.executed,
            failed: count.failed,
            share_percent: if all > 0 {
                count.executed as f64 / all as f64 * 100.0
            } else {
                0.0
            },
            target_percent: target(rule, layer),
            required: due.contains(&layer),
            shown: count.executed > 0 && count.failed == 0,
        }
    };
    let layers: Vec<LayerStanding> = Layer::ALL.into_iter().map(standing).collect();
    let mut pyramid = Pyramid {
        verdict: Verdict::Pass,
        reason: String::new(),
        figures: Vec::new(),
        missing: Vec::new(),
        layers,
    };
    if !rule.required {
        pyramid.reason = "the policy requires no layer".to_owned();
        return pyramid;
    }
    let refusals = refusals(&pyramid.layers);
    pyramid.missing = missing(case, &pyramid.layers);
    if due.contains(&Layer::Logic) {
        cover(case, &mut pyramid);
    }
    let (verdict, reason) = match (refusals.first(), pyramid.missing.first()) {
        (Some(refusal), _) => (Verdict::Fail, refusal.clone()),
        (None, Some(missing)) => (Verdict::Inconclusive, missing.clone()),
        (None, None) => (
            Verdict::Pass,
            format!("every layer that is due has been shown: {}", words(due)),
        ),
    };
    (pyramid.verdict, pyramid.reason) = (verdict, reason);
    pyramid
}

/// Each stage can show one layer more: what was shown before is still asked for.
fn due(leaving: Stage) -> &'static [Layer] {
    match leaving {
        Stage::Dev => &Layer::ALL[..2],
        Stage::Qa => &Layer::ALL[..3],
        Stage::Staging => &Layer::ALL[..4],
        Stage::Canary | Stage::Production => &Layer::ALL,
    }
}

fn target(rule: &LayersRule, layer: Layer) -> u32 {
    match layer {
        Layer::Syntax => rule.syntax_percent,
        Layer::Logic => rule.logic_percent,
        Layer::Integration => rule.integration_percent,
        Layer::Chaos => rule.chaos_percent,
        Layer::Production => rule.production_percent,
    }
}

fn counts(case: &Case<'_>) -> BTreeMap<Layer, Count> {
    let mut counts: BTreeMap<Layer, Count> = BTreeMap::new();
    let mut add = |layer, executed: u64, failed: u64| {
        let count = counts.entry(layer).or_default();
        count.executed = count.executed.saturating_add(executed);
        count.failed = count.failed.saturating_add(failed);
    };
    let believed: Vec<&Evidence> = case
        .current()
        .filter(|evidence| evidence.inconclusive.is_empty())
        .collect();
    let mut newer: Vec<(&Evidence, &Tests)> = Vec::new();
    let mut drilled = false;
    for evidence in believed {
        match &evidence.facts {
            Facts::Tests(tests) => {
                // A whole new run takes the place of one with failures, and of nothing else.
                if tests.failed == 0
                    || newer
                        .iter()
                        .all(|later| !takes_the_place(later, (evidence, tests)))
                {
                    for (layer, executed) in &tests.layers {
                        add(*layer, *executed, tests.failed);
                    }
                }
                newer.push((evidence, tests));
            }
            Facts::Findings(findings) => add(Layer::Syntax, findings.tools.len() as u64, 0),
            Facts::Drill(drill) if !drilled => {
                drilled = true;
                let failed = drill
                    .faults
                    .iter()
                    .filter(|fault| fault.failure.is_some())
                    .count();
                add(Layer::Chaos, drill.faults.len() as u64, failed as u64);
            }
            Facts::Drill(_)
            | Facts::Coverage(_)
            | Facts::Load(_)
            | Facts::Components(_)
            | Facts::Resources(_)
            | Facts::Invariants(_) => {}
        }
    }
    if case.shown.production_requests > 0 {
        add(Layer::Production, 1, 0);
    }
    counts
}

/// Whether a later run is the same one again, with nothing failed and nothing left out.
fn takes_the_place((later, new): &(&Evidence, &Tests), (earlier, old): (&Evidence, &Tests)) -> bool {
    let same_kind = later.spec.tool == earlier.spec.tool && new.layers.keys().eq(old.layers.keys());
    same_kind && new.failed == 0 && old.executed <= new.executed
}

fn refusals(layers: &[LayerStanding]) -> Vec<String> {
    let failed = layers
        .iter()
        .filter(|standing| standing.required && standing.failed > 0);
    failed
        .map(|standing| {
            format!(
                "{} of {} tests of layer `{}` failed (limit 0); mend the change, or run all of them again",
                standing.failed, standing.executed, standing.layer
            )
        })
        .collect()
}

fn missing(case: &Case<'_>, layers: &[LayerStanding]) -> Vec<String> {
    let unshown = layers
        .iter()
        .filter(|standing| standing.required && standing.executed == 0);
    unshown
        .map(|standing| match standing.layer {
            Layer::Syntax => format!(
                "nothing was shown in layer `syntax`; {}",
                add_command(case, Gate::StaticAnalysis, Format::Sarif)
            ),
            layer @ (Layer::Logic | Layer::Integration) => format!(
                "no test of layer `{layer}` was executed; {} with `--layer {layer}`",
                add_command(case, Gate::StaticAnalysis, Format::Junit)
            ),
            Layer::Chaos => {
                format!(
                    "nothing was shown in layer `chaos`; `safeguard drill run {}`",
                    case.release.id
                )
            }
            Layer::Production => {
                "no user's request was answered in production; the canary brings them".to_owned()
            }
        })
        .collect()
}

/// Tests of logic that leave the changed lines out show nothing of the change.
fn cover(case: &Case<'_>, pyramid: &mut Pyramid) {
    let min = case.policy.gates.evidence.patch_coverage_percent_min;
    let name = "changed lines that tests execute".to_owned();
    let limit = format!("at least {min} %");
    let Some(patch) = patch_coverage(case) else {
        pyramid.figures.push(Figure {
            name,
            value: "unknown".to_owned(),
            limit,
            met: false,
        });
        let add = add_command(case, Gate::StaticAnalysis, Format::Lcov);
        pyramid.missing.push(format!(
            "no report says which of the changed lines tests execute; {add}"
        ));
        return;
    };
    let percent = patch.percent();
    let met = percent.is_none_or(|percent| min <= percent);
    let value = match percent {
        Some(percent) => format!("{percent:.1} % ({} of {})", patch.executed, patch.executable),
        None => "none could be executed".to_owned(),
    };
    if !met {
        pyramid.missing.push(format!(
            "tests execute {value} of the changed lines (at least {min} %); test the rest"
        ));
    }
    pyramid.figures.push(Figure {
        name,
        value,
        limit,
        met,
    });
}

fn words(layers: &[Layer]) -> String {
    layers
        .iter()
        .map(|layer| layer.as_str())
        .collect::<Vec<_>>()
        .join(", ")
}
