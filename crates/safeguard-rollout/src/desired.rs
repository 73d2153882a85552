//! Which instances shall exist and which share of users each arm shall have: a function of committed state alone.

use safeguard_api::config::{Mode, Policy};
use safeguard_api::id::ReleaseId;
use safeguard_api::release::{Phase, Rollout};
use safeguard_api::stage::{Environment, Percent, Stage};
use safeguard_api::status::ServiceState;

/// Everything that shall be true of one service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desired {
    /// Sorted by environment; every release that is an arm of a route is among them.
    pub instances: Vec<DesiredInstances>,
    /// One for each environment.
    pub routes: Vec<DesiredRoute>,
}

/// As many processes as the service's settings say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredInstances {
    pub environment: Environment,
    pub release: ReleaseId,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredRoute {
    pub environment: Environment,
    pub stable: Option<ReleaseId>,
    pub candidate: Option<DesiredCandidate>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesiredCandidate {
    pub release: ReleaseId,
    pub weight: Percent,
    pub epoch: u32,
    pub journal_seen: u64,
    pub judged: bool,
    pub observe: bool,
}

/// `active` is the rollout that [`ServiceState::active`] names, with the policy it is judged by.
#[must_use]
pub fn desired(state: &ServiceState, active: Option<(&Rollout, &Policy)>) -> Desired {
    let routes: Vec<DesiredRoute> = Environment::ALL
        .into_iter()
        .map(|environment| match active {
            Some((rollout, policy)) => route(state, rollout, policy, environment),
            None => DesiredRoute {
                environment,
                stable: state.live.clone(),
                candidate: None,
            },
        })
        .collect();
    let arms = |route: &DesiredRoute| {
        let candidate = route
            .candidate
            .as_ref()
            .map(|candidate| candidate.release.clone());
        let environment = route.environment;
        let releases = route.stable.clone().into_iter().chain(candidate);
        releases
            .map(move |release| DesiredInstances { environment, release })
            .collect::<Vec<_>>()
    };
    Desired {
        instances: routes.iter().flat_map(arms).collect(),
        routes,
    }
}

/// What the service's state becomes when `next` has been committed; read, settle and commit it in one transaction,
/// since two rollouts of one service may move in one round.
#[must_use]
pub fn settle(state: &ServiceState, next: &Rollout) -> ServiceState {
    let mut state = state.clone();
    let is_live = state.live.as_ref() == Some(&next.release);
    let is_active = state.active.as_ref() == Some(&next.release);
    match &next.phase {
        Phase::Queued => {
            if is_active {
                state.active = None;
            }
        }
        Phase::Blocked
        | Phase::Deploying
        | Phase::Warming
        | Phase::Analyzing { .. }
        | Phase::Soaking
        | Phase::Verified
        | Phase::Promoting
        | Phase::Held { .. }
        | Phase::RollingBack { .. }
        // Its users may still be there: nothing else starts before a rollback is shown to be complete.
        | Phase::RollbackFailed { .. } => state.active = Some(next.release.clone()),
        Phase::Live => {
            if !is_live {
                state.previous = state.live.replace(next.release.clone());
            }
            if is_active {
                state.active = None;
            }
        }
        Phase::RolledBack { .. } | Phase::Superseded { .. } => {
            if is_live {
                state.live = state.previous.take();
            } else if state.previous.as_ref() == Some(&next.release) {
                state.previous = None;
            }
            if is_active {
                state.active = None;
            }
        }
    }
    state
}

/// The share of users that the rollout's phase gives the candidate in its stage's environment.
pub(crate) fn weight(rollout: &Rollout, policy: &Policy, has_stable: bool) -> Percent {
    match &rollout.phase {
        Phase::Queued | Phase::Blocked | Phase::Deploying | Phase::Warming => Percent::ZERO,
        Phase::Analyzing { weight, .. } | Phase::Held { weight, .. } => *weight,
        Phase::Verified if rollout.stage == Stage::Canary && has_stable => policy
            .stages
            .canary
            .steps
            .last()
            .map_or(Percent::ZERO, |step| step.weight),
        Phase::Soaking | Phase::Verified | Phase::Promoting | Phase::Live => Percent::ALL,
        Phase::RollingBack { .. }
        | Phase::RolledBack { .. }
        | Phase::RollbackFailed { .. }
        | Phase::Superseded { .. } => Percent::ZERO,
    }
}

fn route(state: &ServiceState, rollout: &Rollout, policy: &Policy, environment: Environment) -> DesiredRoute {
    let was_live = state.live.as_ref() == Some(&rollout.release);
    let arm = |release: &ReleaseId, weight: Percent, judged: bool| DesiredCandidate {
        release: release.clone(),
        weight,
        epoch: rollout.epoch,
        journal_seen: rollout.journal_seen,
        judged,
        observe: policy.mode == Mode::Observe,
    };
    let ours = |weight: Percent, judged: bool| Some(arm(&rollout.release, weight, judged));
    let (stable, candidate) = match &rollout.phase {
        Phase::Queued | Phase::Blocked | Phase::RolledBack { .. } | Phase::Superseded { .. } => {
            (state.live.clone(), None)
        }
        Phase::Live => (Some(rollout.release.clone()), None),
        // The roles are swapped: what was stable gets no users, and is kept until its last request has ended.
        Phase::Promoting => {
            let old = state.live.as_ref().filter(|_| !was_live);
            (
                Some(rollout.release.clone()),
                old.map(|old| arm(old, Percent::ZERO, false)),
            )
        }
        Phase::RollingBack { times, .. } | Phase::RollbackFailed { times, .. } if was_live => {
            match &state.previous {
                // Nothing is left to serve; the release is taken off all the same.
                None => (
                    None,
                    ours(Percent::ZERO, false).filter(|_| times.drained_at.is_none()),
                ),
                Some(previous) if times.drained_at.is_some() => (Some(previous.clone()), None),
                Some(previous) => {
                    let weight = if times.restored_at.is_some() {
                        Percent::ALL
                    } else {
                        Percent::ZERO
                    };
                    (Some(rollout.release.clone()), Some(arm(previous, weight, false)))
                }
            }
        }
        Phase::RollingBack { times, .. } => (
            state.live.clone(),
            ours(Percent::ZERO, false).filter(|_| times.drained_at.is_none()),
        ),
        Phase::RollbackFailed { .. } => (state.live.clone(), None),
        Phase::Deploying
        | Phase::Warming
        | Phase::Analyzing { .. }
        | Phase::Soaking
        | Phase::Verified
        | Phase::Held { .. } => (
            state.live.clone(),
            on_its_way(state, rollout, policy, environment, ours),
        ),
    };
    DesiredRoute {
        environment,
        stable,
        candidate,
    }
}

fn on_its_way(
    state: &ServiceState,
    rollout: &Rollout,
    policy: &Policy,
    environment: Environment,
    ours: impl Fn(Percent, bool) -> Option<DesiredCandidate>,
) -> Option<DesiredCandidate> {
    let here = rollout.stage.environment();
    if here < environment {
        return None;
    }
    if environment < here {
        return ours(Percent::ALL, false);
    }
    let weight = weight(rollout, policy, state.live.is_some());
    ours(weight, state.live.is_some() && Percent::ZERO < weight)
}
