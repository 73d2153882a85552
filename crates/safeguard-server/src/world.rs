//! What the loop last heard of the router and the supervisor, for everyone to read.

use safeguard_api::instance::{InstanceReport, SupervisorReport};
use safeguard_api::time::{Span, Timestamp};
use safeguard_api::traffic::{RouteReport, RouterReport};
use safeguard_api::{Name, ReleaseId};

#[derive(Debug, Clone, Default)]
pub(crate) struct World {
    pub router: Option<RouterReport>,
    /// How long the router has not answered.
    pub router_silent: Span,
    pub supervisor: Option<SupervisorReport>,
    pub supervisor_silent: Span,
    /// When the loop last ended a round.
    pub looked_at: Timestamp,
    /// Why the last round could not commit, if it could not.
    pub trouble: Option<String>,
}

impl World {
    pub fn routes(&self, service: &Name) -> Vec<RouteReport> {
        let routes = self.router.iter().flat_map(|router| &router.routes);
        routes
            .filter(|route| route.service == *service)
            .cloned()
            .collect()
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
