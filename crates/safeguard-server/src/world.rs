//! What the loop last heard of the router and the supervisor, for everyone to read.

use std::collections::HashMap;
use std::sync::Arc;

use safeguard_api::instance::{InstanceReport, SupervisorReport};
use safeguard_api::time::{Span, Timestamp};
use safeguard_api::traffic::{RouteReport, RouterReport};
use safeguard_api::{GateReport, Name, ReleaseId, Rollout};
use safeguard_calendar::Calendars;

#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    pub router: Option<RouterReport>,
    /// How long the router has not answered.
    pub router_silent: Span,
    pub supervisor: Option<SupervisorReport>,
    pub supervisor_silent: Span,
    /// When the loop last ended a round.
    pub looked_at: Timestamp,
    /// Rollouts on their way as the last round left them: the store has each soak only as it was committed last.
    pub walking: HashMap<ReleaseId, Rollout>,
    /// What the gates say of them.
    pub gates: HashMap<ReleaseId, GateReport>,
    /// The calendars of the policy in force, as the last round knew them.
    pub calendars: Arc<Calendars>,
    /// Why the last round could not commit, if it could not.
    pub trouble: Option<String>,
}

impl World {
    /// In the order of the walk.
    pub fn routes(&self, service: &Name) -> Vec<RouteReport> {
        let routes = self.router.iter().flat_map(|router| &router.routes);
        let mut routes: Vec<RouteReport> = routes
            .filter(|route| route.service == *service)
            .cloned()
            .collect();
        routes.sort_by_key(|route| route.environment);
        routes
    }

    pub fn instances(&self, service: &Name) -> Vec<InstanceReport> {
        let instances = self
            .supervisor
            .iter()
            .flat_map(|supervisor| &supervisor.instances);
        instances
            .filter(|instance| instance.service == *service)
            .cloned()
            .collect()
    }

    /// The rollout with the soak and the blocks of the last round, if that round was about the same generation.
    pub fn at_present(&self, committed: Rollout) -> Rollout {
        match self.walking.get(&committed.release) {
            Some(walking) if walking.generation == committed.generation => walking.clone(),
            Some(_) | None => committed,
        }
    }

    /// The routes in which `release` is an arm.
    pub fn routes_of(&self, service: &Name, release: &ReleaseId) -> Vec<RouteReport> {
        let mut routes = self.routes(service);
        routes.retain(|route| {
            let arms = [&route.stable, &route.candidate];
            arms.into_iter().flatten().any(|arm| arm.release == *release)
        });
        routes
    }

    pub fn instances_of(&self, service: &Name, release: &ReleaseId) -> Vec<InstanceReport> {
        let mut instances = self.instances(service);
        instances.retain(|instance| instance.release == *release);
        instances
    }
}
