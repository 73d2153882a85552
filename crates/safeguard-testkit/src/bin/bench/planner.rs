//! How many decisions a second the planner makes: whole walks from the queue to live, and each look on the way.

use std::time::{Duration, Instant};

use anyhow::bail;
use safeguard_api::config::{Mode, Policy, RollbackPolicy, Stages};
use safeguard_api::gate::GateReport;
use safeguard_api::id::{Digest, Name, ReleaseId};
use safeguard_api::release::{Phase, Rollout};
use safeguard_api::stage::Percent;
use safeguard_api::status::ServiceState;
use safeguard_api::time::{Now, Span, Timestamp};
use safeguard_api::traffic::{ArmReport, RouteReport};
use safeguard_rollout::desired::desired;
use safeguard_rollout::observe::{Elsewhere, Instances, Observation, Restoring, Sample, Stable, Traffic};
use safeguard_rollout::plan::{Memory, plan};

use crate::report::{Row, median};

const ROUNDS: usize = 5;
const ROUND: Duration = Duration::from_millis(500);
/// The default policy's walk takes about 104 h, and a look is due at least every 5 s.
const LOOKS_MAX: u64 = 200_000;

pub fn run() -> anyhow::Result<Vec<Row>> {
    let walk = Walk::new()?;
    walk.to_live()?;
    let mut rates = Vec::new();
    for _ in 0..ROUNDS {
        let (began, mut looks) = (Instant::now(), 0);
        while began.elapsed() < ROUND {
            looks += walk.to_live()?;
        }
        rates.push(looks as f64 / began.elapsed().as_secs_f64());
    }
    Ok(vec![Row::new("planner decisions", median(&mut rates), "1/s")])
}

struct Walk {
    policy: Policy,
    state: ServiceState,
    start: Rollout,
    stable: ReleaseId,
}

impl Walk {
    /// The default policy, without gates: none has a producer here.
    fn new() -> anyhow::Result<Walk> {
        let mut stages = Stages::default();
        for stage in [
            &mut stages.dev,
            &mut stages.qa,
            &mut stages.staging,
            &mut stages.production,
        ] {
            stage.gates.clear();
        }
        stages.canary.gates.clear();
        let policy = Policy {
            mode: Mode::Enforce,
            stages,
            gates: safeguard_api::config::GateSettings::default(),
            hotfix: safeguard_api::config::HotfixPolicy::default(),
            approvers: Vec::new(),
            calendars: Default::default(),
            judge: Default::default(),
            rollback: RollbackPolicy::default(),
        };
        let (stable, release) = (ReleaseId::new(0, 0), ReleaseId::new(0, 1));
        let service: Name = "shop".parse()?;
        let artifact = Digest::of(b"artifact");
        let start = Rollout::begin(
            release.clone(),
            service.clone(),
            artifact,
            policy.id(),
            Timestamp(0),
        );
        let state = ServiceState {
            service,
            live: Some(stable.clone()),
            previous: None,
            active: Some(release),
        };
        Ok(Walk {
            policy,
            state,
            start,
            stable,
        })
    }

    /// Walks a healthy release to live; returns how often the planner looked.
    fn to_live(&self) -> anyhow::Result<u64> {
        let mut rollout = self.start.clone();
        let mut memory = Memory::default();
        let mut now = Now {
            wall: Timestamp(0),
            mono_ms: 0,
        };
        for looks in 1..LOOKS_MAX {
            let planned = plan(&rollout, &self.observe(&rollout, now), &self.policy, &memory);
            rollout = planned.next;
            memory = planned.memory;
            if rollout.phase == Phase::Live {
                return Ok(looks);
            }
            let step = planned.due.ms().clamp(1, 5_000);
            now = Now {
                wall: now.wall.plus(Span(step)),
                mono_ms: now.mono_ms + step,
            };
        }
        bail!(
            "a healthy release is not live after {LOOKS_MAX} looks: {:?} {:?}",
            rollout.stage,
            rollout.phase
        )
    }

    fn observe(&self, rollout: &Rollout, now: Now) -> Observation {
        let wanted = desired(&self.state, Some((rollout, &self.policy)));
        let environment = rollout.stage.environment();
        let route = wanted
            .routes
            .into_iter()
            .find(|route| route.environment == environment);
        let (stable, candidate) = route.map_or((None, None), |route| (route.stable, route.candidate));
        let weight = candidate
            .as_ref()
            .map_or(Percent::ZERO, |candidate| candidate.weight);
        let counted = Sample {
            requests: 1_000_000,
            errors: 0,
        };
        Observation {
            now,
            freeze: None,
            gates: GateReport::default(),
            risk: None,
            approvals: 0,
            instances: Instances::Healthy,
            stable: Stable::Ready,
            elsewhere: Elsewhere {
                instances: 0,
                weight: Percent::ZERO,
                in_flight: 0,
            },
            restoring: Restoring::NotLive,
            traffic: Some(Traffic {
                generation: rollout.generation,
                route: RouteReport {
                    service: self.state.service.clone(),
                    environment,
                    stable: Some(arm(stable.as_ref().unwrap_or(&self.stable))),
                    candidate: candidate.map(|candidate| arm(&candidate.release)),
                    weight,
                    epoch: rollout.epoch,
                    log_evidence: 0.0,
                    log_evidence_max: 6.9,
                    unrouted: 0,
                    rate_limited: 0,
                },
                requests: counted.requests,
                errors: 0,
                canary: counted,
                stable: counted,
                reduced: None,
                journal_last: 0,
            }),
            router_silent: Span(0),
            poisoned: false,
            behind: None,
            command: None,
        }
    }
}

fn arm(release: &ReleaseId) -> ArmReport {
    ArmReport {
        release: release.clone(),
        requests: 0,
        errors: 0,
        lost: 0,
        shielded: 0,
        mirrored: 0,
        mirrored_errors: 0,
        mirror_skipped: 0,
        judged_requests: 0,
        judged_errors: 0,
        sessions: 0,
        in_flight: 0,
        streams: 0,
        p50_ms: 0.0,
        p95_ms: 0.0,
        first_bad_at: None,
        last_bad_at: None,
        last_bad_request: None,
    }
}
