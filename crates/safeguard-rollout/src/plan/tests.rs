//! The walk and its refusals as tables, and the world that the properties walk in.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use insta::assert_snapshot;
use safeguard_api::config::{CanaryStep, GateSettings, JudgePolicy, RollbackPolicy, Stages};
use safeguard_api::gate::{Gate, GateReport, GateVerdict, Verdict};
use safeguard_api::id::{Digest, FreezeId, ReleaseId};
use safeguard_api::stage::Environment;
use safeguard_api::traffic::{ArmReport, RouteReport, Trip, TripCause};

use super::*;
use crate::observe::{Command, Elsewhere, Reduced, Restoring};

const BIRTH: Timestamp = Timestamp(1_790_000_000_000);

pub(crate) fn id(number: u32) -> ReleaseId {
    ReleaseId::new(1_790_000_000_000, number)
}

/// Short soaks, all else as it comes.
pub(crate) fn policy() -> Policy {
    let mut stages = Stages::default();
    for stage in [
        &mut stages.dev,
        &mut stages.qa,
        &mut stages.staging,
        &mut stages.production,
    ] {
        stage.soak = Span::seconds(20);
        stage.requests_min = 10;
    }
    let step = |weight: u8| CanaryStep {
        weight: Percent::try_from(weight).unwrap(),
        soak: Span::seconds(10),
        requests_min: 10,
    };
    stages.canary.steps = vec![step(5), step(50), step(100)];
    Policy {
        mode: Mode::Enforce,
        stages,
        gates: GateSettings::default(),
        hotfix: safeguard_api::config::HotfixPolicy::default(),
        approvers: Vec::new(),
        calendars: Default::default(),
        judge: JudgePolicy::default(),
        rollback: RollbackPolicy::default(),
    }
}

pub(crate) fn queued(policy: &Policy) -> Rollout {
    let service = "shop".parse().unwrap();
    Rollout::begin(id(2), service, Digest::of(b"2"), policy.id(), BIRTH)
}

pub(super) fn arm(release: ReleaseId) -> ArmReport {
    ArmReport {
        release,
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

pub(super) fn freeze() -> Block {
    Block::Freeze {
        id: FreezeId::new(0, 1),
        reason: "the season".to_owned(),
        until: None,
    }
}

pub(super) fn green(policy: &Policy, stage: Stage) -> GateReport {
    let pass = |gate: &Gate| GateVerdict::new(*gate, Verdict::Pass, "fine");
    let required = policy.gates(stage);
    GateReport::of(required, required.iter().map(pass).collect())
}

/// A world in which all is well and the router does as it is told.
pub(super) fn well(rollout: &Rollout, policy: &Policy, at_ms: u64) -> Observation {
    let leaving = matches!(
        rollout.phase,
        Phase::RollingBack { .. } | Phase::RollbackFailed { .. }
    );
    let swapped = matches!(rollout.phase, Phase::Promoting | Phase::Live);
    let seen = Sample {
        requests: 100_000,
        errors: 100,
    };
    let (stable, candidate) = if swapped { (id(2), id(1)) } else { (id(1), id(2)) };
    Observation {
        now: Now {
            wall: BIRTH.plus(Span(at_ms)),
            mono_ms: 7_000_000 + at_ms,
        },
        freeze: None,
        gates: green(policy, rollout.stage),
        risk: None,
        approvals: 0,
        instances: if leaving {
            Instances::None
        } else {
            Instances::Healthy
        },
        stable: Stable::Ready,
        elsewhere: Elsewhere::default(),
        restoring: Restoring::NotLive,
        traffic: Some(Traffic {
            generation: rollout.generation,
            route: RouteReport {
                service: rollout.service.clone(),
                environment: Environment::Production,
                stable: Some(arm(stable)),
                candidate: Some(arm(candidate)),
                weight: desired::weight(rollout, policy, true),
                epoch: rollout.epoch,
                log_evidence: 0.0,
                log_evidence_max: 6.9,
                unrouted: 0,
                rate_limited: 0,
            },
            requests: 1000,
            errors: 1,
            canary: seen,
            stable: seen,
            reduced: None,
            journal_last: 0,
        }),
        router_silent: Span(0),
        poisoned: false,
        behind: None,
        command: None,
    }
}

/// Ticks until `stop`, changing what is seen by `change`; returns the rollout and the decisions, one a line.
fn walk(
    policy: &Policy,
    mut change: impl FnMut(&Rollout, &mut Observation),
    stop: impl Fn(&Rollout) -> bool,
) -> (Rollout, String) {
    let (mut rollout, mut memory) = (queued(policy), Memory::default());
    let (mut at_ms, mut told) = (0, Vec::new());
    for _ in 0..2000 {
        let mut observed = well(&rollout, policy, at_ms);
        change(&rollout, &mut observed);
        let planned = plan(&rollout, &observed, policy, &memory);
        let line =
            |decision: &Decision| format!("{:>4} s {}: {}", at_ms / 1000, decision.kind, decision.text);
        told.extend(planned.decisions.iter().map(line));
        (rollout, memory) = (planned.next, planned.memory);
        if stop(&rollout) {
            return (rollout, told.join("\n"));
        }
        at_ms += planned.due.ms().min(5000);
    }
    panic!("never stopped: {rollout:?}\n{}", told.join("\n"));
}

fn trip(at_ms: u64) -> Trip {
    Trip {
        seq: 4,
        at: BIRTH.plus(Span(at_ms)),
        cause: TripCause::FailuresInARow { count: 10 },
    }
}

#[test]
fn a_good_release_walks_all_the_way() {
    let policy = policy();
    let (_, told) = walk(&policy, |_, _| {}, |rollout| rollout.phase == Phase::Live);
    assert_snapshot!(told, @r"
       0 s deploy.started: starts in dev
       0 s deploy.healthy: its instances in dev are healthy
      10 s deploy.soaking: serves all users of dev
      30 s deploy.verified: verified in dev: 20s healthy, 1 errors in 1000 requests
      30 s deploy.stage: promoted from dev to qa
      31 s deploy.healthy: its instances in qa are healthy
      41 s deploy.soaking: serves all users of qa
      61 s deploy.verified: verified in qa: 20s healthy, 1 errors in 1000 requests
      61 s deploy.stage: promoted from qa to staging
      61 s deploy.healthy: its instances in staging are healthy
      72 s deploy.soaking: serves all users of staging
      92 s deploy.verified: verified in staging: 20s healthy, 1 errors in 1000 requests
      92 s deploy.stage: promoted from staging to canary
      92 s deploy.healthy: its instances in canary are healthy
     102 s deploy.step: canary at 5 %
     113 s deploy.step: canary at 50 %
     123 s deploy.step: canary at 100 %
     133 s deploy.verified: verified in canary: 10s healthy, 1 errors in 1000 requests
     133 s deploy.stage: promoted to production: serves all users
     153 s deploy.verified: verified in production: 20s healthy, 1 errors in 1000 requests
     154 s deploy.promoted: becomes the release to compare with
     154 s deploy.live: live
    ");
}

#[test]
fn a_trip_takes_it_off_even_in_a_freeze_and_on_hold() {
    let policy = policy();
    let (rollout, told) = walk(
        &policy,
        |rollout, observed| {
            if matches!(rollout.phase, Phase::Analyzing { step: 1, .. }) {
                observed.freeze = Some(freeze());
                let traffic = observed.traffic.as_mut().unwrap();
                traffic.reduced = Some(Reduced::Tripped(trip(113_000)));
            }
        },
        |rollout| matches!(rollout.phase, Phase::RolledBack { .. }),
    );
    assert_eq!((rollout.epoch, rollout.journal_seen), (2, 4));
    let end: Vec<&str> = told
        .lines()
        .skip_while(|line| !line.contains("rollback"))
        .collect();
    assert_snapshot!(end.join("\n"), @r"
    113 s rollback.triggered: rollback from canary at 50 %: 10 requests in a row failed on the candidate while stable succeeded
    113 s rollback.flipped: the router sends no new request to it, after 400ms
    113 s rollback.done: every request on it has ended, after 600ms
    113 s rollback.verified: rolled back and verified after 800ms (limit 30s): 10 requests in a row failed on the candidate while stable succeeded
    ");
}

/// What a person reads when the canary's last step is over and this is changed in the world.
fn refused(change: impl Fn(&mut Observation), edit: impl Fn(&mut Policy)) -> String {
    let mut policy = policy();
    edit(&mut policy);
    let in_canary = |rollout: &Rollout| rollout.stage == Stage::Canary && rollout.phase == Phase::Verified;
    let (rollout, _) = walk(
        &policy,
        |_, observed| observed.approvals = u32::from(observed.gates.verdicts.is_empty()),
        in_canary,
    );
    let mut observed = well(&rollout, &policy, 10_000_000);
    observed.command = Some(Command::Promote { by: "ada".to_owned() });
    change(&mut observed);
    match plan(&rollout, &observed, &policy, &Memory::default())
        .answer
        .unwrap()
    {
        Answer::Done { text } => text,
        Answer::Refused { why, blocks } => format!("{why}: {}", blocks::listed(&blocks)),
    }
}

#[test]
fn a_refused_promotion_says_why_with_figures() {
    let same = |_: &mut Policy| {};
    let table = [
        refused(|_| {}, same),
        refused(|observed| observed.freeze = Some(freeze()), same),
        refused(
            |observed| observed.gates.verdicts[2].verdict = Verdict::Inconclusive,
            same,
        ),
        refused(|_| {}, |policy| policy.stages.canary.approvals = 2),
        refused(|observed| observed.poisoned = true, same),
        refused(
            |observed| {
                observed.traffic = None;
                observed.router_silent = Span::seconds(4);
            },
            same,
        ),
        refused(
            |observed| {
                observed.traffic.as_mut().unwrap().canary = Sample {
                    requests: 300,
                    errors: 1,
                }
            },
            same,
        ),
    ];
    assert_snapshot!(table.join("\n"), @r"
    ada promoted it out of canary
    freeze stands in the way: freeze frz_0000000000000001 is open: the season (until somebody closes it)
    gate stands in the way: gate `performance-baseline` is inconclusive: fine
    approval stands in the way: 0 approvals (needs 2)
    poisoned stands in the way: d4735e3a265e was rolled back before and nobody has cleared it
    silence stands in the way: the router has been silent for 4s
    proof stands in the way: may be 3.26 percentage points worse than stable (limit 0.50); needs about 1681 more requests
    ");
}

#[test]
fn a_rollback_that_can_not_be_verified_fails_and_is_tried_on() {
    let policy = policy();
    let (rollout, told) = walk(
        &policy,
        |rollout, observed| match &rollout.phase {
            Phase::Soaking => observed.command = Some(Command::Rollback { by: "ada".to_owned() }),
            Phase::RollingBack { .. } => {
                observed.instances = Instances::Unhealthy {
                    why: "stuck".to_owned(),
                }
            }
            _ => {}
        },
        |rollout| matches!(rollout.phase, Phase::RolledBack { .. }),
    );
    assert!(matches!(rollout.phase, Phase::RolledBack { .. }));
    let end: Vec<&str> = told
        .lines()
        .skip_while(|line| !line.contains("rollback"))
        .collect();
    assert_snapshot!(end.join("\n"), @r"
    10 s rollback.triggered: rollback from dev at 100 %: rolled back by ada
    10 s rollback.flipped: the router sends no new request to it, after 200ms
    11 s rollback.done: every request on it has ended, after 400ms
    40 s rollback.failed: the rollback is not verified after 30s (limit 30s): its instances are not healthy; it is tried on
    40 s rollback.verified: rolled back and verified after 30s 200ms (limit 30s): rolled back by ada
    ");
}

#[test]
fn observe_mode_moves_nothing_and_remembers() {
    let mut policy = policy();
    policy.mode = Mode::Observe;
    let (rollout, _) = walk(
        &policy,
        |rollout, observed| {
            observed.gates = GateReport::of(policy.gates(rollout.stage), Vec::new());
            observed.freeze = Some(freeze());
            if matches!(rollout.phase, Phase::Analyzing { step: 1, .. }) {
                observed.traffic.as_mut().unwrap().reduced = Some(Reduced::WouldTrip(trip(60_000)));
            }
        },
        |rollout| rollout.phase == Phase::Live,
    );
    let would: Vec<&str> = rollout
        .would_have
        .iter()
        .filter_map(|would| would.decision.split(": ").next())
        .collect();
    assert_snapshot!(would.join("\n"), @r"
    held in dev by freeze
    held in dev by soak
    held in dev by gate
    held in qa by freeze
    held in qa by soak
    held in qa by gate
    held in staging by freeze
    held in staging by soak
    held in staging by gate
    held in canary by freeze
    rolled back in canary by failures in a row
    held in canary by gate
    held in production by soak
    held in production by gate
    held in production by freeze
    ");
}

#[test]
fn observe_mode_lets_a_first_release_through_at_once() {
    let mut policy = policy();
    policy.mode = Mode::Observe;
    let (rollout, _) = walk(
        &policy,
        |_, observed| observed.stable = Stable::Absent,
        |rollout| rollout.phase == Phase::Live,
    );
    let took = rollout.phase_since.since(rollout.entered_at);
    assert!(took < Span::minutes(2), "{took}");
    let told: Vec<&str> = rollout
        .would_have
        .iter()
        .map(|would| would.decision.as_str())
        .collect();
    assert!(
        told.iter()
            .any(|decision| decision.starts_with("held in canary by soak")),
        "{told:#?}"
    );
}

#[test]
fn a_lease_that_ran_out_begins_the_analysis_anew() {
    let policy = policy();
    let expired = |seq| Reduced::LeaseExpired { seq, at: BIRTH };
    let (rollout, _) = walk(
        &policy,
        |rollout, observed| {
            let late = rollout.stage == Stage::Production && rollout.journal_seen == 0;
            observed.traffic.as_mut().unwrap().reduced = late.then(|| expired(9));
            observed.freeze =
                (rollout.stage == Stage::Production && observed.now.mono_ms % 3 == 0).then(freeze);
        },
        |rollout| rollout.journal_seen == 9,
    );
    let first = Phase::Analyzing {
        step: 0,
        weight: Percent::try_from(5).unwrap(),
    };
    assert_eq!(
        (rollout.stage, rollout.phase, rollout.epoch),
        (Stage::Canary, first, 2)
    );
}
