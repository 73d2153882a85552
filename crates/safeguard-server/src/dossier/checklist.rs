//! The living checklist: what must be true before, while and after an AI tool writes code, and whether it is.

use safeguard_api::diff::FileStatus;
use safeguard_api::evidence::Layer;
use safeguard_api::{DocumentKind, Freeze, Gate, Verdict};
use serde::Serialize;

use super::{Dossier, has_migration, was_frozen};

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Box {
    /// `C1` to `C4`.
    pub part: &'static str,
    pub text: &'static str,
    pub state: BoxState,
    /// The figure, or what is missing.
    pub why: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum BoxState {
    Done,
    /// Do not deploy.
    Open,
    /// Nothing here can tell: a person must.
    Unknown,
}

pub(super) fn boxes(dossier: &Dossier, freezes: &[Freeze]) -> Vec<Box> {
    let mut boxes = before(dossier, freezes);
    boxes.extend(review(dossier));
    boxes.extend(testing(dossier));
    boxes.extend(deployment(dossier));
    boxes
}

fn check(part: &'static str, text: &'static str, done: bool, why: impl Into<String>) -> Box {
    let state = if done { BoxState::Done } else { BoxState::Open };
    Box {
        part,
        text,
        state,
        why: why.into(),
    }
}

fn has(dossier: &Dossier, kind: DocumentKind) -> bool {
    dossier.documents.iter().any(|shown| shown.document.kind == kind)
}

fn document(dossier: &Dossier, part: &'static str, text: &'static str, kind: DocumentKind) -> Box {
    let id = &dossier.change.id;
    let missing = format!("attach it: `safeguard change attach {id} {kind} FILE`");
    match has(dossier, kind) {
        true => check(part, text, true, "attached"),
        false => check(part, text, false, missing),
    }
}

fn before(dossier: &Dossier, freezes: &[Freeze]) -> Vec<Box> {
    let change = &dossier.change;
    let intent = document(dossier, "C1", "the intent is written", DocumentKind::Intent);
    let context = match &change.spec.ai_tool {
        Some(_) => document(
            dossier,
            "C1",
            "what the tool was told is kept",
            DocumentKind::Prompts,
        ),
        None => check(
            "C1",
            "what the tool was told is kept",
            true,
            "no AI tool is named",
        ),
    };
    let frozen = was_frozen(freezes, change, change.recorded_at);
    let freeze = check(
        "C1",
        "it was not made in a freeze",
        !frozen,
        if frozen {
            "a freeze was open when it was recorded"
        } else {
            "none was open when it was recorded"
        },
    );
    let credentials = Box {
        part: "C1",
        text: "no production credentials were in reach",
        state: BoxState::Unknown,
        why: "nothing measures it; ask the prompter".to_owned(),
    };
    vec![intent, context, credentials, freeze]
}

fn review(dossier: &Dossier) -> Vec<Box> {
    let removed: Vec<&str> = dossier
        .diff
        .iter()
        .flat_map(|diff| &diff.summary.files)
        .filter(|file| file.status == FileStatus::Removed)
        .map(|file| file.path.as_str())
        .collect();
    let deleted = if dossier.diff.is_none() {
        check(
            "C2",
            "nothing is deleted that was not asked",
            false,
            "the diff is not attached",
        )
    } else if removed.is_empty() {
        check(
            "C2",
            "nothing is deleted that was not asked",
            true,
            "it removes no file",
        )
    } else {
        Box {
            part: "C2",
            text: "nothing is deleted that was not asked",
            state: BoxState::Unknown,
            why: format!("compare with the intent: it removes {}", removed.join(", ")),
        }
    };
    vec![
        gate(
            dossier,
            "C2",
            "it does what was asked: a person has reviewed it",
            Gate::HumanApproval,
        ),
        deleted,
        gate(
            dossier,
            "C2",
            "dependencies exist and have no known hole",
            Gate::SecurityScan,
        ),
        gate(
            dossier,
            "C2",
            "guards are kept, no dangerous pattern is new",
            Gate::StaticAnalysis,
        ),
    ]
}

fn testing(dossier: &Dossier) -> Vec<Box> {
    let mut boxes: Vec<Box> = Layer::ALL
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

fn layer_box(dossier: &Dossier, layer: Layer) -> Box {
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

fn deployment(dossier: &Dossier) -> Vec<Box> {
    let unknown = |text, why: &str| Box {
        part: "C4",
        text,
        state: BoxState::Unknown,
        why: why.to_owned(),
    };
    vec![
        unknown(
            "it sits behind a flag with a kill switch",
            "nothing here evaluates flags; look in the diff",
        ),
        gate(
            dossier,
            "C4",
            "a performance baseline is there, and kept",
            Gate::PerformanceBaseline,
        ),
        gate(dossier, "C4", "data invariants hold", Gate::DataIntegrity),
        gate(
            dossier,
            "C4",
            "resources stay within limits",
            Gate::ResourceLimits,
        ),
        unknown(
            "somebody is on call",
            "nothing here knows your rota; `notify.exec` tells owners",
        ),
        recovery(dossier),
    ]
}

/// Safeguard writes it wherever going back takes the change back.
fn recovery(dossier: &Dossier) -> Box {
    let text = "the recovery procedure is written";
    if dossier.diff.is_some() && !has_migration(dossier) && !has(dossier, DocumentKind::Recovery) {
        return check("C4", text, true, "generated: a rollback takes the change back");
    }
    document(dossier, "C4", text, DocumentKind::Recovery)
}

fn gate(dossier: &Dossier, part: &'static str, text: &'static str, gate: Gate) -> Box {
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
