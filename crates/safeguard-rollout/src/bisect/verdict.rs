//! From what a trial showed to its outcome.

use safeguard_api::bisect::{ArmFigures, Comparison, Symptom, TrialOutcome, TrialReport};
use safeguard_api::config::Policy;
use safeguard_api::traffic::{BadClass, TripCause};
use safeguard_stats::rate::{Rate, trials_needed};

use crate::judge::{Proof, non_inferior};
use crate::observe::Sample;

/// Says whether a version is good, and what decided it.
///
/// Good is one that is proven not to be worse than the live release, and that the drill does not refuse. What the drill
/// could not show is nothing against it here: the question is only which of two versions has the fault.
#[must_use]
pub fn verdict(report: &TrialReport, policy: &Policy) -> (TrialOutcome, String) {
    let comparison = &report.comparison;
    let bad = |symptom, why| (TrialOutcome::Bad { symptom }, why);
    if let Some(why) = &comparison.not_healthy {
        return bad(Symptom::DoesNotStart, why.clone());
    }
    if let Some(cause) = &comparison.tripped {
        return bad(symptom(cause), cause.to_string());
    }
    let margin_permille = policy.stages.canary.margin_permille;
    let proof = proof(comparison, policy);
    let figures = figures(comparison);
    if let Proof::Worse { at_least_permille } = proof {
        let points = at_least_permille / 10.0;
        let limit = margin_permille / 10.0;
        let why = format!("worse by at least {points:.2} percentage points (limit {limit:.2}): {figures}");
        return bad(Symptom::Worse, why);
    }
    let drill = report.drill.as_ref();
    let refusals = drill.map(|drill| drill.refusals(&policy.gates.rollback_test));
    if let Some(refusal) = refusals.as_ref().and_then(|refusals| refusals.first()) {
        return bad(Symptom::Drill, refusal.clone());
    }
    match (proof, refusals) {
        (Proof::Shown, Some(_)) => (
            TrialOutcome::Good,
            format!("{figures}; three faults, each rolled back and verified"),
        ),
        (Proof::NotYet { requests_more, .. }, _) => (
            TrialOutcome::Unclear,
            format!("{figures}: needs about {requests_more} more requests"),
        ),
        (Proof::Shown | Proof::Worse { .. }, _) => {
            (TrialOutcome::Unclear, format!("{figures}; no drill was held"))
        }
    }
}

fn symptom(cause: &TripCause) -> Symptom {
    match cause {
        TripCause::Judge {
            class: BadClass::Slow,
            ..
        } => Symptom::Slow,
        TripCause::Judge {
            class: BadClass::Error | BadClass::NewKind | BadClass::ClientError,
            ..
        }
        | TripCause::Exits { .. }
        | TripCause::HealthChecks { .. }
        | TripCause::OutOfMemory
        | TripCause::FailuresInARow { .. } => Symptom::Worse,
    }
}

/// Requests of the candidate after which the proof is there, if neither version has an error; half as many on top for those
/// that have some.
#[must_use]
pub fn compared_requests_min(policy: &Policy) -> u64 {
    let canary = &policy.stages.canary;
    let none = Rate::default();
    let needed = trials_needed(none, none, canary.margin_permille / 1000.0, canary.margin_alpha);
    needed.map_or(u64::MAX, |needed| needed.saturating_add(needed / 2))
}

fn proof(comparison: &Comparison, policy: &Policy) -> Proof {
    let canary = &policy.stages.canary;
    let sample = |arm: ArmFigures| Sample {
        requests: arm.requests,
        errors: arm.errors,
    };
    non_inferior(
        sample(comparison.candidate),
        sample(comparison.stable),
        canary.margin_permille,
        canary.margin_alpha,
    )
}

fn figures(comparison: &Comparison) -> String {
    let (candidate, stable) = (comparison.candidate, comparison.stable);
    format!(
        "{} errors in {} requests against {} in {} on the live release, p95 {:.0} ms against {:.0} ms",
        candidate.errors, candidate.requests, stable.errors, stable.requests, candidate.p95_ms, stable.p95_ms
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use safeguard_api::config::Config;
    use safeguard_api::drill::{Drill, Fault, FaultKind, Writes};
    use safeguard_api::stage::Percent;
    use safeguard_api::{Digest, Span, Timestamp};

    use super::*;

    const CONFIG: &str = r#"
mode = "observe"
[services.shop]
command = ["./shop"]
listen = { dev = "127.0.0.1:1", qa = "127.0.0.1:2", staging = "127.0.0.1:3", production = "127.0.0.1:4" }
"#;

    fn good_drill() -> Drill {
        let fault = |name| Fault {
            name,
            noticed: None,
            detect: Span(900),
            flip: Span(20),
            drain: Span(300),
            verify: Span(700),
            killed_requests: 9,
            lost_requests: 0,
            failure: None,
        };
        Drill {
            candidate: Digest::of(b"candidate"),
            stable: Some(Digest::of(b"stable")),
            configuration: Digest::of(b"configuration"),
            started_at: Timestamp(0),
            took: Span::seconds(30),
            concurrent_requests: 200,
            requests: 9000,
            failed_requests: 0,
            lost_requests: 0,
            // Nothing against it here: the same is missing of every version.
            writes: Writes::NotTried,
            faults: FaultKind::ALL.map(fault).to_vec(),
            serves: Some(Digest::of(b"stable")),
            failures: Vec::new(),
        }
    }

    fn said(change: impl FnOnce(&mut TrialReport)) -> String {
        let arm = |requests| ArmFigures {
            requests,
            errors: 0,
            p95_ms: 4.0,
        };
        let mut report = TrialReport {
            candidate: Digest::of(b"candidate"),
            stable: Digest::of(b"stable"),
            configuration: Digest::of(b"configuration"),
            started_at: Timestamp(0),
            took: Span::minutes(1),
            comparison: Comparison {
                weight: Percent::try_from(50).unwrap(),
                took: Span::seconds(20),
                candidate: arm(3000),
                stable: arm(3000),
                tripped: None,
                not_healthy: None,
            },
            drill: Some(good_drill()),
        };
        change(&mut report);
        let (outcome, why) = verdict(&report, &Config::parse(CONFIG).unwrap().policy());
        match outcome {
            TrialOutcome::Bad { symptom } => format!("bad: {symptom}: {why}"),
            TrialOutcome::Good | TrialOutcome::NotBuilt | TrialOutcome::Unclear => {
                format!("{outcome}: {why}")
            }
        }
    }

    #[test]
    fn only_what_is_proven_good_is_good() {
        let alike = "0 errors in 3000 requests against 0 in 3000 on the live release, p95 4 ms against 4 ms";
        let cases = [
            (said(|_| {}), format!("good: {alike}; three faults, each rolled back and verified")),
            (
                said(|report| report.comparison.not_healthy = Some("it ended: exit 1".to_owned())),
                "bad: does not start: it ended: exit 1".to_owned(),
            ),
            (
                said(|report| report.comparison.tripped = Some(TripCause::FailuresInARow { count: 10 })),
                "bad: is worse than the live release: 10 requests in a row failed on the candidate while stable succeeded"
                    .to_owned(),
            ),
            (
                said(|report| report.comparison.candidate.errors = 300),
                "bad: is worse than the live release: worse by at least 7.69".to_owned(),
            ),
            (
                said(|report| report.drill.as_mut().unwrap().lost_requests = 1),
                "bad: is refused by the rollback drill: 1 of 9000 requests were lost".to_owned(),
            ),
            (
                said(|report| report.comparison.candidate.requests = 500),
                "could not tell: 0 errors in 500 requests".to_owned(),
            ),
            (said(|report| report.drill = None), format!("could not tell: {alike}; no drill was held")),
        ];
        for (said, wanted) in cases {
            assert!(said.starts_with(&wanted), "{said} does not begin with {wanted}");
        }
    }

    #[test]
    fn the_load_is_long_enough_for_the_proof() {
        let policy = Config::parse(CONFIG).unwrap().policy();
        let requests = compared_requests_min(&policy);
        let text = said(|report| report.comparison.candidate.requests = requests);
        assert!(text.starts_with("good"), "{requests}: {text}");
        assert!(requests < 10_000, "{requests}");
    }
}
