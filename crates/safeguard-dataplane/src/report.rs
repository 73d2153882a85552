//! What the router tells the control plane of each route.

use std::sync::atomic::Ordering::Relaxed;

use safeguard_api::stage::Percent;
use safeguard_api::traffic::{ArmReport, RouteReport};
use safeguard_rollout::judge::{Judge, Side};

use crate::arm::Arm;
use crate::table::Standing;

impl Standing {
    /// Reports the route. While an arm that no table names still has requests in flight, it is reported in the place of
    /// a missing candidate.
    pub fn report(&self) -> RouteReport {
        let tripwire = self.candidate.as_ref().map(|(_, tripwire)| tripwire);
        let judged = |side| tripwire.map(|tripwire| tripwire.read(|judge| Judged::of(judge, side)));
        let stable = self
            .stable
            .as_ref()
            .map(|arm| arm_report(arm, judged(Side::Stable)));
        let candidate = match &self.candidate {
            Some((arm, _)) => Some(arm_report(arm, judged(Side::Canary))),
            None => self.leaving.last().map(|arm| arm_report(arm, None)),
        };
        let (log_evidence, log_evidence_max) = tripwire.map_or((0.0, 0.0), |tripwire| {
            tripwire.read(|judge| (judge.log_evidence(), judge.log_evidence_max()))
        });
        RouteReport {
            service: self.slot.service.clone(),
            environment: self.slot.environment,
            stable,
            candidate,
            weight: if self.candidate.is_some() {
                self.weight()
            } else {
                Percent::ZERO
            },
            epoch: self.epoch(),
            // JSON has no infinities: before the first look the evidence is none at all.
            log_evidence: log_evidence.clamp(-1e9, 1e9),
            log_evidence_max,
            unrouted: self.slot.unrouted.load(Relaxed),
            rate_limited: self.slot.rate_limited.load(Relaxed),
        }
    }
}

struct Judged {
    requests: u64,
    errors: u64,
    sessions: u64,
}

impl Judged {
    fn of(judge: &Judge, side: Side) -> Judged {
        let sample = judge.sample(side);
        Judged {
            requests: sample.requests,
            errors: sample.errors,
            sessions: judge.sessions(side),
        }
    }
}

fn arm_report(arm: &Arm, judged: Option<Judged>) -> ArmReport {
    let counters = &arm.counters;
    let (first_bad_at, last_bad_at) = counters.bad_times();
    let streams = arm.presence.streams.load(Relaxed);
    let judged = judged.unwrap_or(Judged {
        requests: 0,
        errors: 0,
        sessions: 0,
    });
    ArmReport {
        release: arm.release.clone(),
        requests: counters.requests.load(Relaxed),
        errors: counters.errors.load(Relaxed),
        lost: counters.lost.load(Relaxed),
        shielded: counters.shielded.load(Relaxed),
        mirrored: counters.mirrored.load(Relaxed),
        mirrored_errors: counters.mirrored_errors.load(Relaxed),
        mirror_skipped: counters.mirror_skipped.load(Relaxed),
        judged_requests: judged.requests,
        judged_errors: judged.errors,
        sessions: judged.sessions,
        // A stream is a request in flight too; it is counted once.
        in_flight: arm.presence.in_flight.load(Relaxed).saturating_sub(streams),
        streams,
        p50_ms: counters.latency_ms(0.5),
        p95_ms: counters.latency_ms(0.95),
        first_bad_at,
        last_bad_at,
        last_bad_request: Some(counters.last_bad_request().clone()).filter(|id| !id.is_empty()),
    }
}
