//! Makes the world what the committed state says: the whole of it, each round, so that nothing can be missed.

use std::time::Duration;

use safeguard_api::config::{Policy, RollbackPolicy};
use safeguard_api::instance::{
    InstanceReport, InstanceSpec, SupervisorAnswer, SupervisorCall, SupervisorReport,
};
use safeguard_api::traffic::{
    Arm, Candidate, Endpoint, Route, RouterAnswer, RouterCall, RouterReport, TrafficTable,
};
use safeguard_api::{Environment, Name, Release, ReleaseId};
use safeguard_rollout::desired::{Desired, DesiredCandidate, desired};
use safeguard_store::{StoreError, Tx};

use super::Loop;
use super::load::{Loaded, ServiceLoaded};
use crate::record::clocks;

const ANSWER_LONGEST: Duration = Duration::from_secs(2);
/// The generation that was pushed last.
const GENERATION_SETTING: &str = "generation";

/// What was pushed last, and from which rollouts it was made.
#[derive(Default)]
pub(super) struct Pushed {
    /// The generation of `instances`.
    generation: u64,
    instances: Option<Vec<InstanceSpec>>,
    table: Option<TrafficTable>,
    /// The rollouts' own generations behind the table in force and behind the one before it.
    rollouts: Vec<(u64, Vec<(ReleaseId, u64)>)>,
}

impl Pushed {
    /// The rollout's generation that the router's table in force was made from; 0 when that is not known.
    pub fn rollout_generation(&self, table: u64, release: &ReleaseId) -> u64 {
        let of_table = self.rollouts.iter().find(|(generation, _)| *generation == table);
        let own = of_table.and_then(|(_, rollouts)| rollouts.iter().find(|(id, _)| id == release));
        own.map_or(0, |(_, generation)| *generation)
    }
}

impl Loop {
    /// Pushes to the supervisor, then to the router; both answer with how things stand.
    pub(super) async fn act(&mut self) -> Result<(), StoreError> {
        let loaded = self.load(None).await?;
        let mut wanted = Vec::new();
        let mut instances = Vec::new();
        let mut rollouts = Vec::new();
        let mut lease = RollbackPolicy::default().lease;
        for service in &loaded.services {
            let is_active = |release: &Release| service.state.active.as_ref() == Some(&release.id);
            let active = service.queue.iter().find(|(release, _)| is_active(release));
            let policy = match active {
                Some((_, rollout)) => Some(self.policy(&rollout.policy).await?),
                None => None,
            };
            if let Some(policy) = &policy {
                lease = policy.rollback.lease;
            }
            let own = service.queue.iter();
            rollouts.extend(own.map(|(release, rollout)| (release.id.clone(), rollout.generation)));
            let arms = desired(
                &service.state,
                active.map(|(_, rollout)| rollout).zip(policy.as_ref()),
            );
            self.specify(service, &arms, &mut instances);
            wanted.push((service, arms, policy.unwrap_or_else(|| self.config.policy())));
        }
        self.push_instances(instances).await?;
        // Where the instances listen, only the supervisor knows: without its word the router keeps what it has.
        if self.world.supervisor.is_some() {
            let each = |(service, arms, policy): &(&ServiceLoaded, Desired, Policy)| {
                self.routes(service, arms, policy)
            };
            let routes = wanted.iter().flat_map(each).collect();
            self.push_table(
                TrafficTable {
                    generation: 0,
                    lease,
                    routes,
                },
                rollouts,
            )
            .await?;
        }
        self.forget(&loaded);
        Ok(())
    }

    /// A new generation, committed before it is pushed: a server that starts anew must never push an older one.
    async fn next_generation(&self) -> Result<u64, StoreError> {
        self.store
            .write(|tx| -> Result<u64, StoreError> {
                let last = last_generation(tx)?;
                tx.put_setting(GENERATION_SETTING, &(last + 1).to_string())?;
                Ok(last + 1)
            })
            .await?
    }

    async fn push_instances(&mut self, instances: Vec<InstanceSpec>) -> Result<(), StoreError> {
        if self.pushed.instances.as_ref() != Some(&instances) {
            self.pushed.generation = self.next_generation().await?;
            self.pushed.instances = Some(instances.clone());
        }
        let call = SupervisorCall::Apply {
            generation: self.pushed.generation,
            instances,
        };
        match self
            .supervisor
            .call::<_, SupervisorAnswer>(&call, ANSWER_LONGEST)
            .await
        {
            Ok(SupervisorAnswer::Report(report)) => self.heard_supervisor(report),
            Ok(SupervisorAnswer::Refused { why }) => self.complain("The supervisor refuses", &why),
            Ok(SupervisorAnswer::Listeners { .. }) => {
                tracing::warn!("The supervisor answers another question")
            }
            Err(error) => tracing::debug!(%error, "The supervisor does not answer"),
        }
        Ok(())
    }

    async fn push_table(
        &mut self,
        mut table: TrafficTable,
        rollouts: Vec<(ReleaseId, u64)>,
    ) -> Result<(), StoreError> {
        let known = self.pushed.rollouts.first().map(|(_, known)| known);
        let last = self.pushed.table.as_ref();
        let same = |last: &&TrafficTable| last.routes == table.routes && last.lease == table.lease;
        match last.filter(same) {
            Some(last) if known == Some(&rollouts) => table.generation = last.generation,
            Some(_) | None => {
                table.generation = self.next_generation().await?;
                self.pushed.rollouts.insert(0, (table.generation, rollouts));
                self.pushed.rollouts.truncate(2);
                self.pushed.table = Some(table.clone());
            }
        }
        match self
            .router
            .call::<_, RouterAnswer>(&RouterCall::Apply { table }, ANSWER_LONGEST)
            .await
        {
            Ok(RouterAnswer::Report(report)) => self.heard_router(report),
            Ok(RouterAnswer::Refused { why }) => {
                self.complain("The router refuses", &why);
                self.catch_up().await?;
            }
            Ok(RouterAnswer::Journal { .. }) => tracing::warn!("The router answers another question"),
            Err(error) => tracing::debug!(%error, "The router does not answer"),
        }
        Ok(())
    }

    /// A router that kept a newer table than this store knows of would refuse every table for ever. The supervisor knows
    /// who is in charge: when it has taken our word, the numbers go on from the router's.
    async fn catch_up(&mut self) -> Result<(), StoreError> {
        let supervisor = self.world.supervisor.as_ref();
        if supervisor.is_none_or(|heard| heard.generation != self.pushed.generation) {
            return Ok(());
        }
        let asked = self
            .router
            .call::<_, RouterAnswer>(&RouterCall::Report, ANSWER_LONGEST);
        let Ok(RouterAnswer::Report(report)) = asked.await else {
            return Ok(());
        };
        let pushed = self.pushed.table.as_ref().map_or(0, |table| table.generation);
        if report.generation <= pushed {
            return Ok(());
        }
        tracing::warn!(
            router = report.generation,
            ours = pushed,
            "The router has a newer table than the store knows of; the numbers go on from there"
        );
        // The next round pushes the table under a new number.
        self.pushed.table = None;
        self.store
            .write(move |tx| {
                let last = last_generation(tx)?.max(report.generation);
                tx.put_setting(GENERATION_SETTING, &last.to_string())
            })
            .await?
    }

    /// Logs what is wrong at every round, when it begins and once a minute.
    pub(super) fn complain(&mut self, what: &'static str, why: &str) {
        if self.complaints.is_new(what, why, clocks().mono_ms) {
            tracing::warn!(why, "{what}");
        }
    }

    fn heard_supervisor(&mut self, report: SupervisorReport) {
        self.world.supervisor = Some(report);
        self.supervisor_heard_ms = clocks().mono_ms;
    }

    fn heard_router(&mut self, report: RouterReport) {
        self.world.router = Some(report);
        self.router_heard_ms = clocks().mono_ms;
    }

    fn forget(&mut self, loaded: &Loaded) {
        self.memories.retain(|release, _| loaded.has(release));
        self.world.walking.retain(|release, _| loaded.has(release));
        self.world.gates.retain(|release, _| loaded.has(release));
        self.watched
            .keep_only(&|release| loaded.has(release) || loaded.is_live(release));
        self.judged.keep_only(&|release| loaded.has(release));
        self.journal.keep_only(&|release| loaded.has(release));
    }

    fn specify(&self, service: &ServiceLoaded, wanted: &Desired, instances: &mut Vec<InstanceSpec>) {
        let name = &service.state.service;
        let Some(settings) = self.config.services.get(name) else {
            return;
        };
        for arm in &wanted.instances {
            let Some(release) = service.release(&arm.release) else {
                continue;
            };
            for place in 0..settings.instances {
                instances.push(InstanceSpec {
                    id: format!("{name}-{}-{}-{place}", arm.environment, release.id),
                    service: name.clone(),
                    environment: arm.environment,
                    release: release.id.clone(),
                    artifact: release.artifact.clone(),
                    root: self.artifacts.root(&release.artifact),
                    command: settings.command.clone(),
                    variables: settings
                        .variables
                        .get(&arm.environment)
                        .cloned()
                        .unwrap_or_else(Default::default),
                    health_path: settings.health_path.clone(),
                    upstream: settings.traffic.upstream,
                    limits: settings.limits.clone(),
                    stop_grace: settings.stop_grace,
                    target: settings.target.clone(),
                });
            }
        }
    }

    fn routes(&self, service: &ServiceLoaded, wanted: &Desired, policy: &Policy) -> Vec<Route> {
        let name = &service.state.service;
        let Some(settings) = self.config.services.get(name) else {
            return Vec::new();
        };
        let instances = self.world.instances(name);
        let arm = |id: &ReleaseId, environment: Environment| {
            let release = service.release(id)?;
            Some(Arm {
                release: id.clone(),
                version: release.version.clone(),
                endpoints: endpoints(&instances, id, environment),
            })
        };
        let candidate = |wanted: &DesiredCandidate, environment| {
            Some(Candidate {
                arm: arm(&wanted.release, environment)?,
                weight: wanted.weight,
                salt: wanted.release.to_string(),
                epoch: wanted.epoch,
                journal_seen: wanted.journal_seen,
                judged: wanted.judged,
                observe: wanted.observe,
                judge: policy.judge.clone(),
            })
        };
        let route = |route: &safeguard_rollout::desired::DesiredRoute| Route {
            service: Name::clone(name),
            environment: route.environment,
            user_key: settings.user_key.clone(),
            stable: route.stable.as_ref().and_then(|id| arm(id, route.environment)),
            candidate: route
                .candidate
                .as_ref()
                .and_then(|wanted| candidate(wanted, route.environment)),
            testers: Vec::new(),
        };
        wanted.routes.iter().map(route).collect()
    }
}

fn last_generation(tx: &Tx<'_>) -> Result<u64, StoreError> {
    let text = tx.setting(GENERATION_SETTING)?;
    Ok(text.and_then(|text| text.parse().ok()).unwrap_or(0))
}

/// Where requests to a release can go.
fn endpoints(instances: &[InstanceReport], release: &ReleaseId, environment: Environment) -> Vec<Endpoint> {
    let own = |one: &&InstanceReport| one.release == *release && one.environment == environment;
    instances
        .iter()
        .filter(own)
        .filter_map(InstanceReport::endpoint)
        .collect()
}

impl ServiceLoaded {
    /// A release by its id, among those that may run.
    fn release(&self, id: &ReleaseId) -> Option<&Release> {
        let walking = self.queue.iter().map(|(release, _)| release);
        walking
            .chain(&self.live)
            .chain(&self.previous)
            .find(|release| release.id == *id)
    }
}
