//! What the server sees at one moment of virtual time.

use safeguard_api::config::Policy;
use safeguard_api::gate::{GateReport, GateVerdict, Verdict};
use safeguard_api::id::{FreezeId, ReleaseId};
use safeguard_api::release::Block;
use safeguard_api::stage::{Environment, Percent, Stage};
use safeguard_api::time::{Now, Span};
use safeguard_api::traffic::{ArmReport, RouteReport};
use safeguard_rollout::observe::{Command, Elsewhere, Instances, Restoring, Sample, Stable, Traffic};

use super::super::Breakage;
use super::super::targets::{ENVIRONMENTS, OURS};
use super::{BIRTH_MS, Sim, ids, inside, number, within};

impl Sim {
    pub(super) fn look(&mut self, command: Option<Command>) {
        let now = self.now;
        let here = self.rollout.stage.environment() as usize;
        let reachable = self.reachable();
        let began = self.stage_began + self.script.papers_ms;
        let live = self.state.live.as_ref().map(number);
        let elsewhere = self.elsewhere(here);
        let (frozen, poisoned) = (
            within(&self.script.freezes, now),
            now < self.script.poisoned_until,
        );
        let wall = self.wall();
        let service = &self.rollout.service;
        if self.calendars.are_stale(wall) {
            self.calendars = self.calendars.around(std::slice::from_ref(service), wall);
        }
        let calendar = (self.breakage != Breakage::IgnoresCalendars)
            .then(|| self.calendars.check(service, &[], wall).block())
            .flatten();
        let observation = &mut self.observation;
        observation.now = Now {
            wall,
            mono_ms: self.mono_base + now,
        };
        observation.command = command;
        let freeze = frozen.then(|| Block::Freeze {
            id: FreezeId::new(BIRTH_MS.unsigned_abs(), 1),
            reason: "the season".to_owned(),
            until: None,
        });
        observation.freeze = freeze.or(calendar);
        observation.gates = report(
            &self.script.policy,
            self.rollout.stage,
            began <= now || self.breakage == Breakage::IgnoresGates,
        );
        observation.approvals = u32::from(began <= now);
        observation.instances = self.targets.instances(now, here, OURS);
        observation.stable = if live.is_none() {
            Stable::Absent
        } else {
            Stable::Ready
        };
        observation.elsewhere = elsewhere;
        observation.restoring = if live != Some(OURS) {
            Restoring::NotLive
        } else if let Some(previous) = self.state.previous.as_ref().map(number) {
            let worst = (0..ENVIRONMENTS).find(|place| !self.targets.healthy(now, *place, previous));
            Restoring::Previous(worst.map_or(Instances::Healthy, |place| {
                self.targets.instances(now, place, previous)
            }))
        } else {
            Restoring::Nothing
        };
        observation.poisoned = poisoned;
        observation.behind = (now < self.script.behind_until).then(|| ids()[0].clone());
        if reachable {
            observation.router_silent = Span(0);
            let traffic = self
                .traffic
                .take()
                .filter(|traffic| traffic.generation == self.router.table.generation);
            let traffic = traffic.filter(|traffic| traffic.route.environment as usize == here);
            self.observation.traffic = Some(self.report(traffic, here));
        } else {
            let from = self
                .script
                .router_away
                .iter()
                .find(|window| inside(window, now))
                .map_or(now, |(from, _)| *from);
            observation.router_silent = Span(now - from);
            observation.traffic = None;
        }
    }

    pub(super) fn elsewhere(&self, here: usize) -> Elsewhere {
        let mut elsewhere = Elsewhere::default();
        for environment in (0..ENVIRONMENTS).filter(|environment| *environment != here) {
            let there = self.targets.instances(self.now, environment, OURS) != Instances::None;
            elsewhere.instances += u32::from(there);
            let ours = self.router.table.routes[environment]
                .candidate
                .is_some_and(|arm| arm.release == OURS);
            if self.reachable() && ours {
                let weight = Percent::try_from(self.router.weights[environment]).unwrap_or(Percent::ALL);
                elsewhere.weight = elsewhere.weight.max(weight);
            }
        }
        elsewhere
    }

    /// The router's report; a text or two are made only when the table has changed.
    pub(super) fn report(&self, made: Option<Traffic>, here: usize) -> Traffic {
        let route = self.router.table.routes[here];
        let mut traffic = made.unwrap_or_else(|| {
            let arm = |release: usize| arm_report(&ids()[release]);
            Traffic {
                generation: self.router.table.generation,
                route: RouteReport {
                    service: self.rollout.service.clone(),
                    environment: Environment::ALL[here],
                    stable: route.stable.map(arm),
                    candidate: route.candidate.map(|candidate| arm(candidate.release)),
                    weight: Percent::ZERO,
                    epoch: route.candidate.map_or(0, |candidate| candidate.epoch),
                    log_evidence: 0.0,
                    log_evidence_max: 0.0,
                    unrouted: 0,
                    rate_limited: 0,
                },
                requests: 0,
                errors: 0,
                canary: Sample::default(),
                stable: Sample::default(),
                reduced: None,
                journal_last: 0,
            }
        });
        traffic.route.weight = Percent::try_from(self.router.weights[here]).unwrap_or(Percent::ALL);
        let draining = u64::from(self.now < self.router.drained_at && self.router.weights[3] == 0);
        if let Some(candidate) = &mut traffic.route.candidate {
            candidate.in_flight = draining;
        }
        (traffic.requests, traffic.errors) = (self.part.requests, self.part.errors);
        (traffic.canary, traffic.stable) = self.router.samples();
        let seen = self.rollout.journal_seen;
        let after = self.router.journal.iter().find(|(seq, _)| seen < *seq);
        traffic.reduced = after.map(|(_, reduced)| reduced.clone());
        traffic.journal_last = self.router.journal.last().map_or(0, |(seq, _)| *seq);
        traffic
    }
}

fn report(policy: &Policy, stage: Stage, green: bool) -> GateReport {
    let said = if green {
        Verdict::Pass
    } else {
        Verdict::Inconclusive
    };
    let required = policy.gates(stage);
    let verdicts = required.iter().map(|gate| GateVerdict::new(*gate, said, ""));
    GateReport::of(required, verdicts.collect())
}

fn arm_report(release: &ReleaseId) -> ArmReport {
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
