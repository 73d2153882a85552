//! The living checklist: what must be true before, while and after an AI tool writes code, and whether it is.

use safeguard_api::checklist::{BoxState, CheckBox};
use safeguard_api::evidence::Layer;
use safeguard_api::{Attestation, ChangeDocument, Gate, Verdict};
use safeguard_gate::{ChangeCase, checklist};

use super::Dossier;

/// All boxes, by their parts: those that documents and people answer, and those that gates do.
pub(super) fn boxes(dossier: &Dossier, answers: &[Attestation], made_in_freeze: bool) -> Vec<CheckBox> {
    let documents = dossier.documents.iter().map(|shown| shown.document.clone());
    let documents: Vec<ChangeDocument> = documents.collect();
    let mut boxes = checklist(&ChangeCase {
        change: &dossier.change,
        diff: dossier.diff.as_ref().map(|diff| &diff.summary),
        history: None,
        documents: &documents,
        answers,
        made_in_freeze,
        recorded_again: None,
    });
    boxes.extend(review(dossier));
    boxes.extend(testing(dossier));
    boxes.extend(deployment(dossier));
    boxes.sort_by(|one, other| one.part.cmp(&other.part));
    boxes
}

fn check(part: &str, text: &str, done: bool, why: String) -> CheckBox {
    CheckBox {
        part: part.to_owned(),
        text: text.to_owned(),
        state: if done { BoxState::Done } else { BoxState::Open },
        why,
        question: None,
    }
}

fn review(dossier: &Dossier) -> Vec<CheckBox> {
    let reviewed = "it does what was asked: a person has reviewed it";
    let guarded = "guards are kept, no dangerous pattern is new";
    vec![
        gate(dossier, "C2", reviewed, Gate::HumanApproval),
        gate(
            dossier,
            "C2",
            "dependencies exist and have no known hole",
            Gate::SecurityScan,
        ),
        gate(dossier, "C2", guarded, Gate::StaticAnalysis),
    ]
}

fn testing(dossier: &Dossier) -> Vec<CheckBox> {
    let mut boxes: Vec<CheckBox> = Layer::ALL
        .into_iter()
        .map(|layer| layer_box(dossier, layer))
        .collect();
    boxes.push(gate(
        dossier,
        "C3",
        "the rollback was drilled",
        Gate::RollbackTest,
    ));
    boxes
}

fn layer_box(dossier: &Dossier, layer: Layer) -> CheckBox {
    let text = match layer {
        Layer::Syntax => "layer syntax has evidence",
        Layer::Logic => "layer logic has evidence",
        Layer::Integration => "layer integration has evidence",
        Layer::Chaos => "layer chaos has evidence",
        Layer::Production => "layer production has evidence",
    };
    let (executed, failed) = super::markdown::executed(dossier, layer);
    let by_users = match (&dossier.release, layer) {
        (Some(shown), Layer::Production)
            if shown.rollout.stage.environment() == safeguard_api::Environment::Production =>
        {
            shown.rollout.soak.requests
        }
        _ => 0,
    };
    let why = match (executed, by_users) {
        (0, 0) => "nothing was executed".to_owned(),
        (executed, 0) => format!("{executed} executed, {failed} failed"),
        (_, requests) => format!("{requests} requests of users in the present step"),
    };
    check("C3", text, 0 < executed + by_users && failed == 0, why)
}

fn deployment(dossier: &Dossier) -> Vec<CheckBox> {
    let baseline = "a performance baseline is there, and kept";
    vec![
        gate(dossier, "C4", baseline, Gate::PerformanceBaseline),
        gate(dossier, "C4", "data invariants hold", Gate::DataIntegrity),
        gate(
            dossier,
            "C4",
            "resources stay within limits",
            Gate::ResourceLimits,
        ),
    ]
}

fn gate(dossier: &Dossier, part: &str, text: &str, gate: Gate) -> CheckBox {
    let report = dossier.release.as_ref().and_then(|shown| shown.gates.as_ref());
    let said = report.and_then(|report| report.verdicts.iter().find(|said| said.gate == gate));
    match said {
        Some(said) => check(
            part,
            text,
            said.verdict == Verdict::Pass,
            format!("{gate} {}: {}", said.verdict, said.reason),
        ),
        None => check(part, text, false, format!("{gate} was not asked yet")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use safeguard_api::pyramid::{LayerStanding, Pyramid};
    use safeguard_api::release::Lane;
    use safeguard_api::{
        Change, ChangeId, ChangeSpec, Digest, GateReport, GateVerdict, Release, ReleaseId, Rollout, Stage,
        Timestamp,
    };

    use super::*;
    use crate::dossier::{Proofs, ReleaseShown};

    const AT: Timestamp = Timestamp(1_800_000_000_000);
    /// The boxes that gates answer.
    const ASKED: [(&str, Gate); 7] = [
        (
            "C2 it does what was asked: a person has reviewed it",
            Gate::HumanApproval,
        ),
        ("C2 dependencies exist and have no known hole", Gate::SecurityScan),
        (
            "C2 guards are kept, no dangerous pattern is new",
            Gate::StaticAnalysis,
        ),
        ("C3 the rollback was drilled", Gate::RollbackTest),
        (
            "C4 a performance baseline is there, and kept",
            Gate::PerformanceBaseline,
        ),
        ("C4 data invariants hold", Gate::DataIntegrity),
        ("C4 resources stay within limits", Gate::ResourceLimits),
    ];

    #[test]
    fn a_box_of_a_gate_is_done_when_it_passes_and_open_otherwise() {
        for (text, gate) in ASKED {
            assert_eq!(
                told(None, text),
                format!("Open {text} — {gate} was not asked yet")
            );
            for (verdict, state) in [
                (Verdict::Pass, "Done"),
                (Verdict::Fail, "Open"),
                (Verdict::Inconclusive, "Open"),
            ] {
                let report = GateReport {
                    verdicts: vec![GateVerdict::new(gate, verdict, "as it was found")],
                    ..GateReport::default()
                };
                let wanted = format!("{state} {text} — {gate} {verdict}: as it was found");
                assert_eq!(told(Some((Stage::Staging, 0, report)), text), wanted);
            }
        }
    }

    #[test]
    fn a_layer_is_done_when_something_was_executed_and_nothing_failed() {
        for layer in Layer::ALL {
            let text = format!("C3 layer {layer} has evidence");
            assert_eq!(told(None, &text), format!("Open {text} — nothing was executed"));
            for (executed, failed, state) in [(0, 0, "Open"), (40, 0, "Done"), (40, 1, "Open")] {
                let why = match executed {
                    0 => "nothing was executed".to_owned(),
                    _ => format!("{executed} executed, {failed} failed"),
                };
                let found = told(
                    Some((Stage::Staging, 900, layers(layer, executed, failed))),
                    &text,
                );
                assert_eq!(found, format!("{state} {text} — {why}"));
            }
        }
    }

    /// Requests of users are evidence in production, and in no other layer or environment.
    #[test]
    fn users_are_evidence_of_production_alone() {
        let text = "C3 layer production has evidence";
        let nothing = || layers(Layer::Production, 0, 0);
        assert_eq!(
            told(Some((Stage::Canary, 900, nothing())), text),
            format!("Done {text} — 900 requests of users in the present step")
        );
        let text = "C3 layer logic has evidence";
        let logic = layers(Layer::Logic, 0, 0);
        assert_eq!(
            told(Some((Stage::Production, 900, logic)), text),
            format!("Open {text} — nothing was executed")
        );
    }

    /// Every box is of one part, and the parts follow each other.
    #[test]
    fn the_parts_are_in_their_order() {
        let parts: Vec<String> = boxes(&dossier(None), &[], false)
            .into_iter()
            .map(|one| one.part)
            .collect();
        let wanted = [4, 4, 6, 6].into_iter().zip(["C1", "C2", "C3", "C4"]);
        let wanted: Vec<&str> = wanted.flat_map(|(many, part)| vec![part; many]).collect();
        assert_eq!(parts, wanted);
    }

    fn layers(layer: Layer, executed: u64, failed: u64) -> GateReport {
        GateReport {
            layers: Some(Pyramid {
                verdict: Verdict::Pass,
                reason: String::new(),
                layers: vec![LayerStanding {
                    layer,
                    executed,
                    failed,
                    share_percent: 100.0,
                    target_percent: 20,
                    required: true,
                    shown: executed > 0,
                }],
                figures: Vec::new(),
                missing: Vec::new(),
            }),
            ..GateReport::default()
        }
    }

    /// The box that begins so, with its state.
    fn told(shown: Option<(Stage, u64, GateReport)>, text: &str) -> String {
        let boxes = boxes(&dossier(shown), &[], false);
        let told = |one: &CheckBox| format!("{} {}", one.part, one.text);
        let found = boxes.iter().find(|one| told(one) == text).unwrap();
        format!("{:?} {} — {}", found.state, told(found), found.why)
    }

    fn dossier(shown: Option<(Stage, u64, GateReport)>) -> Dossier {
        let change = Change {
            id: ChangeId::new(1, 1),
            spec: ChangeSpec {
                service: "shop".parse().unwrap(),
                title: "Charge once".to_owned(),
                repository: None,
                base: "aaaaaaa".to_owned(),
                head: "bbbbbbb".to_owned(),
                merge_tree: None,
                author: "Ann Moe <ann@example.org>".to_owned(),
                co_authors: Vec::new(),
                prompter: None,
                ai_tool: None,
                ai_tool_version: None,
                instead_of: None,
            },
            recorded_at: AT,
            recorded_by: "ci".to_owned(),
            entry: 1,
        };
        let release = shown.map(|(stage, requests, report)| {
            let release = Release {
                id: ReleaseId::new(1, 1),
                service: change.spec.service.clone(),
                artifact: Digest::of(b"artifact"),
                version: "1".to_owned(),
                changes: vec![change.id.clone()],
                new_changes: vec![change.id.clone()],
                base: None,
                lane: Lane::Standard,
                created_at: AT,
                created_by: "ci".to_owned(),
            };
            let (service, artifact) = (release.service.clone(), release.artifact.clone());
            let mut rollout =
                Rollout::begin(release.id.clone(), service, artifact, Digest::of(b"policy"), AT);
            rollout.stage = stage;
            rollout.soak.requests = requests;
            ReleaseShown {
                release,
                rollout,
                gates: Some(report),
                risk: None,
                walk: Vec::new(),
            }
        });
        Dossier {
            api: "safeguard.dossier/1",
            change,
            documents: Vec::new(),
            diff: None,
            evidence: Vec::new(),
            release,
            checklist: Vec::new(),
            recovery: Vec::new(),
            proofs: Proofs::default(),
        }
    }
}
