//! What a round begins with: everything committed that it may move.

use safeguard_api::config::{JudgePolicy, Mode, Policy, RollbackPolicy};
use safeguard_api::status::{PolicyStatus, ServiceState};
use safeguard_api::{Breakglass, Freeze, Name, PolicyId, Problem, Release, ReleaseId, Rollout};
use safeguard_store::{Poisoned, StoreError, Tx};

use super::{Loop, Queue};
use crate::api::{breakglasses, freezes};
use crate::record::{POLICY_SETTING, clocks, now};

pub(super) struct Loaded {
    pub services: Vec<ServiceLoaded>,
    pub freezes: Vec<Freeze>,
    /// Those that lift freezes for a release at this moment.
    pub breakglasses: Vec<Breakglass>,
    /// Its calendars hold every release.
    pub policy_in_force: Option<PolicyId>,
}

pub(super) struct ServiceLoaded {
    pub state: ServiceState,
    pub queue: Vec<(Release, Rollout)>,
    pub live: Option<Release>,
    pub previous: Option<Release>,
    /// Releases of the queue whose digest was rolled back and not cleared.
    pub poisoned: Vec<ReleaseId>,
}

impl Loaded {
    pub fn has(&self, release: &ReleaseId) -> bool {
        self.services
            .iter()
            .any(|service| service.queue.iter().any(|(walking, _)| walking.id == *release))
    }

    pub fn is_live(&self, release: &ReleaseId) -> bool {
        let mut live = self.services.iter().filter_map(|service| service.live.as_ref());
        live.any(|live| live.id == *release)
    }
}

impl Loop {
    /// `going_back` is a release that shall be rolled back: when it is the live one, it walks again.
    pub(super) async fn load(&self, going_back: Option<ReleaseId>) -> Result<Loaded, StoreError> {
        let names: Vec<Name> = self.config.services.keys().cloned().collect();
        self.store
            .read(move |tx| {
                let load = |name| load_service(tx, name, going_back.as_ref());
                let services = names.iter().map(load).collect::<Result<_, _>>()?;
                Ok(Loaded {
                    services,
                    freezes: freezes::not_closed(tx)?,
                    breakglasses: breakglasses::open(tx, now())?,
                    policy_in_force: tx.setting(POLICY_SETTING)?.and_then(|id| id.parse().ok()),
                })
            })
            .await
    }

    /// The calendars that hold everything at this round. Without a policy in force, the file's.
    pub(super) async fn look_at_calendars(&mut self, loaded: &Loaded) -> Result<(), StoreError> {
        let id = match &loaded.policy_in_force {
            Some(id) => id.clone(),
            None => self.config.policy().id(),
        };
        let specs = self.policy(&id).await?.calendars;
        self.world.calendars = self
            .calendars
            .calendars(&self.store, &id, &specs, clocks())
            .await?;
        Ok(())
    }

    /// A policy by its name; it never changes.
    pub(super) async fn policy(&mut self, id: &PolicyId) -> Result<Policy, StoreError> {
        if let Some(policy) = self.policies.get(id) {
            return Ok(policy.clone());
        }
        let key = id.to_string();
        let found = self.store.read(move |tx| tx.get::<PolicyStatus>(&key)).await?;
        // A policy that is gone was never deleted by us; the strictest there is takes its place.
        let policy = found.map_or_else(|| strictest(&self.config), |status| status.policy);
        self.policies.insert(id.clone(), policy.clone());
        Ok(policy)
    }
}

fn load_service(
    tx: &Tx<'_>,
    name: &Name,
    going_back: Option<&ReleaseId>,
) -> Result<ServiceLoaded, StoreError> {
    let empty = || ServiceState {
        service: name.clone(),
        live: None,
        previous: None,
        active: None,
    };
    let state = tx.get::<ServiceState>(name.as_str())?.unwrap_or_else(empty);
    let mut queue = tx
        .get::<Queue>(name.as_str())?
        .unwrap_or_else(|| Queue::empty(name));
    if let Some(live) = state
        .live
        .as_ref()
        .filter(|live| going_back == Some(live) && !queue.releases.contains(live))
    {
        queue.releases.insert(0, live.clone());
    }
    let mut walking = Vec::with_capacity(queue.releases.len());
    let mut poisoned = Vec::new();
    for id in &queue.releases {
        let found = tx
            .get::<Release>(id.as_str())?
            .zip(tx.get::<Rollout>(id.as_str())?);
        let Some((release, rollout)) = found else { continue };
        let known = tx.get::<Poisoned>(release.artifact.as_str())?;
        if known.is_some_and(|known| known.cleared_at.is_none()) {
            poisoned.push(id.clone());
        }
        walking.push((release, rollout));
    }
    let release = |id: &Option<ReleaseId>| match id {
        Some(id) => tx.get::<Release>(id.as_str()),
        None => Ok(None),
    };
    Ok(ServiceLoaded {
        live: release(&state.live)?,
        previous: release(&state.previous)?,
        state,
        queue: walking,
        poisoned,
    })
}

/// All seven gates and S2's soaks, and nothing waived, whatever the file says.
fn strictest(config: &safeguard_api::Config) -> Policy {
    Policy {
        mode: Mode::Enforce,
        stages: safeguard_api::config::Stages::default(),
        judge: JudgePolicy::default(),
        rollback: RollbackPolicy::default(),
        ..config.policy()
    }
}

/// What a refused promotion says: everything in its way, with figures, and what to do next.
pub(super) fn refusal(
    release: &Release,
    rollout: &Rollout,
    why: &str,
    blocks: &[safeguard_api::Block],
) -> Problem {
    let title = format!(
        "`{}` stays in {} ({}): {why}",
        release.version,
        rollout.stage,
        rollout.phase.name()
    );
    let mut problem = Problem::new(409, "refused", title);
    problem.details = blocks.iter().map(ToString::to_string).collect();
    problem.hint = blocks.first().map(|block| block.hint(&release.id));
    problem
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_policy_that_is_gone_waives_nothing() {
        let told = serde_json::json!({ "mode": "observe", "services": {} });
        let policy = strictest(&serde_json::from_value(told).unwrap());
        assert_eq!(policy.mode, Mode::Enforce);
        assert_eq!(policy.rollback, RollbackPolicy::default());
    }
}
