//! What the planner is told: the last reports, the committed state and the clocks, put side by side.

use safeguard_api::instance::{InstanceReport, InstanceState};
use safeguard_api::time::Span;
use safeguard_api::{Environment, ReleaseId, Rollout, Stage};
use safeguard_rollout::observe::{
    Command, Elsewhere, Instances, Observation, Restoring, Sample, Stable, Traffic,
};

use super::Loop;
use super::gates::Said;
use super::load::{Loaded, ServiceLoaded};
use crate::record::clocks;

impl Loop {
    pub(super) fn observe(
        &mut self,
        loaded: &Loaded,
        service: &ServiceLoaded,
        place: usize,
        judged: Said,
        command: Option<Command>,
    ) -> Option<Observation> {
        let (release, rollout) = service.queue.get(place)?;
        let now = clocks();
        let environment = rollout.stage.environment();
        let instances = self.world.instances(&service.state.service);
        let wanted = self
            .config
            .services
            .get(&service.state.service)
            .map_or(1, |service| service.instances);
        let check = self
            .world
            .calendars
            .check(&service.state.service, &loaded.freezes, now.wall);
        // Two people may let one release through; gates, soaks and approvals hold it as ever.
        let lifted = loaded
            .breakglasses
            .iter()
            .any(|glass| glass.is_open(&release.id, now.wall));
        let before = service.queue.get(..place).and_then(<[_]>::last);
        Some(Observation {
            now,
            freeze: check.block().filter(|_| !lifted),
            gates: judged.report,
            risk: judged.risk,
            approvals: judged.approved,
            instances: candidate(&instances, environment, &release.id, wanted),
            stable: match &service.live {
                None => Stable::Absent,
                Some(live) => match candidate(&instances, environment, &live.id, wanted) {
                    Instances::Healthy => Stable::Ready,
                    _ => Stable::NotReady,
                },
            },
            elsewhere: self.elsewhere(rollout, environment, &instances),
            restoring: if service.state.live.as_ref() != Some(&release.id) {
                Restoring::NotLive
            } else {
                match &service.state.previous {
                    None => Restoring::Nothing,
                    Some(previous) => Restoring::Previous(least_ready(&instances, previous, wanted)),
                }
            },
            traffic: self.traffic(rollout, environment),
            router_silent: Span(now.mono_ms.saturating_sub(self.router_heard_ms)),
            poisoned: service.poisoned.contains(&release.id),
            behind: before.map(|(ahead, _)| ahead.id.clone()),
            command,
        })
    }

    fn elsewhere(&self, rollout: &Rollout, here: Environment, instances: &[InstanceReport]) -> Elsewhere {
        let own = |one: &&InstanceReport| one.environment != here && one.release == rollout.release;
        let mut elsewhere = Elsewhere {
            instances: u32::try_from(instances.iter().filter(own).count()).unwrap_or(u32::MAX),
            ..Elsewhere::default()
        };
        for route in self.world.routes(&rollout.service) {
            let Some(arm) = route.candidate.filter(|arm| arm.release == rollout.release) else {
                continue;
            };
            if route.environment != here {
                elsewhere.weight = elsewhere.weight.max(route.weight);
                elsewhere.in_flight += arm.in_flight + arm.streams;
            }
        }
        elsewhere
    }

    fn traffic(&mut self, rollout: &Rollout, environment: Environment) -> Option<Traffic> {
        // A report of an earlier round says nothing of this one.
        if self.world.router_silent > Span(0) {
            return None;
        }
        let router = self.world.router.as_ref()?;
        let route = router
            .routes
            .iter()
            .find(|route| route.service == rollout.service && route.environment == environment)?;
        let own = route
            .candidate
            .as_ref()
            .filter(|arm| arm.release == rollout.release);
        let memory = self.memories.entry(rollout.release.clone()).or_default();
        let (requests, errors) = memory.count(rollout, &router.incarnation, own);
        let sample = |arm: Option<&safeguard_api::traffic::ArmReport>| {
            arm.map_or_else(Sample::default, |arm| Sample {
                requests: arm.judged_requests,
                errors: arm.judged_errors,
            })
        };
        let compared = matches!(rollout.stage, Stage::Canary | Stage::Production);
        Some(Traffic {
            generation: self
                .pushed
                .rollout_generation(router.generation, &rollout.release),
            requests,
            errors,
            canary: if compared { sample(own) } else { Sample::default() },
            stable: if compared {
                sample(route.stable.as_ref())
            } else {
                Sample::default()
            },
            reduced: self.journal.reduced_after(&rollout.release, rollout.journal_seen),
            journal_last: self.journal.last(&rollout.release),
            route: route.clone(),
        })
    }
}

/// The instances of a release in all environments, the least ready environment standing for all.
fn least_ready(instances: &[InstanceReport], release: &ReleaseId, wanted: u32) -> Instances {
    let order = |instances: &Instances| match instances {
        Instances::Failed { .. } => 0,
        Instances::Unhealthy { .. } => 1,
        Instances::None => 2,
        Instances::Starting => 3,
        Instances::Healthy => 4,
    };
    let each = Environment::ALL.map(|environment| candidate(instances, environment, release, wanted));
    each.into_iter().min_by_key(order).unwrap_or(Instances::None)
}

/// Sums up the instances of one release in one environment.
fn candidate(
    instances: &[InstanceReport],
    environment: Environment,
    release: &ReleaseId,
    wanted: u32,
) -> Instances {
    let own = || {
        instances
            .iter()
            .filter(|one| one.environment == environment && one.release == *release)
    };
    let refused = own().find_map(|one| match &one.state {
        InstanceState::Refused { why } => Some(why.clone()),
        _ => None,
    });
    if let Some(why) = refused {
        return Instances::Failed { why };
    }
    let healthy = own()
        .filter(|one| matches!(one.state, InstanceState::Healthy { .. }))
        .count();
    if own().next().is_none() {
        Instances::None
    } else if healthy >= wanted as usize {
        Instances::Healthy
    } else {
        match own().find_map(ailing) {
            Some(why) => Instances::Unhealthy { why },
            None => Instances::Starting,
        }
    }
}

/// Why an instance that once started does not serve.
fn ailing(instance: &InstanceReport) -> Option<String> {
    let id = &instance.id;
    match &instance.state {
        InstanceState::Unhealthy => Some(format!(
            "{id} failed {} health checks in a row",
            instance.health_failures
        )),
        InstanceState::BackOff { until } => {
            let how = instance.exits.last().map_or("ended", |exit| exit.how.as_str());
            Some(format!(
                "{id} ended ({how}), {} starts; it is started again at {until}",
                instance.starts
            ))
        }
        InstanceState::Starting | InstanceState::Stopping => None,
        InstanceState::Healthy { .. } | InstanceState::Refused { .. } => None,
    }
}
