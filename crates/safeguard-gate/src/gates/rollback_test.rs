//! Gate 6: the way back was tried, with faults and under load, and it works.

use safeguard_api::Digest;
use safeguard_api::drill::{Drill, Fault, Writes};
use safeguard_api::evidence::Facts;
use safeguard_api::gate::{Gate, GateVerdict};

use super::GateRule;
use super::opinion::Opinion;
use crate::case::Case;

pub(super) static RULE: GateRule = GateRule {
    gate: Gate::RollbackTest,
    page: include_str!("rollback_test.md"),
    judge,
};

fn judge(case: &Case<'_>) -> GateVerdict {
    let mut opinion = Opinion::new(case, RULE.gate);
    let newest = case
        .current_for(RULE.gate)
        .find_map(|evidence| match &evidence.facts {
            Facts::Drill(drill) => Some((evidence, drill)),
            Facts::Findings(_)
            | Facts::Tests(_)
            | Facts::Coverage(_)
            | Facts::Load(_)
            | Facts::Components(_)
            | Facts::Resources(_)
            | Facts::Invariants(_) => None,
        });
    let Some((evidence, drill)) = newest else {
        opinion.miss(format!("no rollback of this artifact was tried; {}", again(case)));
        return opinion.verdict("");
    };
    opinion.looked_at(evidence);
    for why in &evidence.inconclusive {
        opinion.miss(format!("the drill can not be believed: {why}; {}", again(case)));
    }
    holds_for(case, drill, &mut opinion);
    hold_to_its_limits(case, drill, &mut opinion);
    let slowest = drill.faults.iter().map(Fault::total).max().unwrap_or_default();
    opinion.verdict(format!(
        "three faults, rolled back within {slowest}, nothing lost"
    ))
}

fn again(case: &Case<'_>) -> String {
    format!(
        "a drill runs in staging by itself, or by `safeguard drill run {}`",
        case.release.id
    )
}

/// The certificate is of one artifact, against one live release, in one configuration; with another it says nothing.
fn holds_for(case: &Case<'_>, drill: &Drill, opinion: &mut Opinion<'_>) {
    // Whole digests are compared: a short one can be met by another artifact.
    let same = |opinion: &mut Opinion<'_>, what: &str, drilled: Option<&Digest>, now: Option<&Digest>| {
        let shown = |digest: Option<&Digest>| digest.map_or("none", Digest::short).to_owned();
        opinion.figure(what, shown(drilled), shown(now), drilled == now);
        if drilled != now {
            opinion.miss(format!(
                "the drill was made with another {what}: {} instead of {}; {}",
                shown(drilled),
                shown(now),
                again(case)
            ));
        }
    };
    let artifact = Some(&case.release.artifact);
    same(opinion, "artifact", Some(&drill.candidate), artifact);
    same(
        opinion,
        "configuration",
        Some(&drill.configuration),
        Some(case.configuration),
    );
    same(opinion, "live artifact", drill.stable.as_ref(), case.baseline);
}

/// What was not shown, and what was shown to fail, as the drill itself says it.
fn hold_to_its_limits(case: &Case<'_>, drill: &Drill, opinion: &mut Opinion<'_>) {
    let settings = &case.policy.gates.rollback_test;
    let concurrent_min = settings.concurrent_requests_min;
    let enough = concurrent_min <= drill.concurrent_requests;
    opinion.figure(
        "concurrent requests",
        drill.concurrent_requests,
        format!("at least {concurrent_min}"),
        enough,
    );
    let lost = format!("{} of {}", drill.lost_requests, drill.requests);
    opinion.figure("requests lost by the rollback", lost, 0, drill.lost_requests == 0);
    if let Writes::Tried {
        acknowledged,
        lost,
        unread,
    } = drill.writes
    {
        let met = lost == 0 && unread == 0 && acknowledged > 0;
        opinion.figure(
            "acknowledged writes lost or unread",
            format!("{} of {acknowledged}", lost + unread),
            0,
            met,
        );
    }
    for fault in &drill.faults {
        let total = fault.total();
        let parts = format!(
            "{total} (detect {}, flip {}, drain {}, verify {})",
            fault.detect, fault.flip, fault.drain, fault.verify
        );
        let met = fault.failure.is_none() && total <= settings.rollback_longest;
        opinion.figure(fault.name.to_string(), parts, settings.rollback_longest, met);
    }
    for refusal in drill.refusals(settings) {
        opinion.refuse(refusal);
    }
    for missing in drill.missing(settings) {
        opinion.miss(format!("{missing}; {}", again(case)));
    }
}
