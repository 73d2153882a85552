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
    let live_goes_back = state.live.is_some() && state.active == state.live;
    match &next.phase {
        // What is left of another rollback needs no traffic; the live release's would stand still without its own.
        Phase::RollingBack { .. } | Phase::RollbackFailed { .. } if live_goes_back && !is_live => {}
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
        // Only where it was started: a rollback from dev must not start it in production.
        Phase::RollingBack { times, .. } => {
            let is_there = environment <= rollout.stage.environment() && times.drained_at.is_none();
            (
                state.live.clone(),
                ours(Percent::ZERO, false).filter(|_| is_there),
            )
        }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use insta::assert_snapshot;
    use safeguard_api::release::{RollbackReason, RollbackTimes};
    use safeguard_api::time::Timestamp;

    use super::*;
    use crate::plan::tests::{id, policy, queued};

    /// Stable and candidate of each environment, and what runs in it: `s` live, `p` before it, `c` ours.
    fn shown(stage: Stage, phase: Phase, state: &ServiceState) -> String {
        let policy = policy();
        let mut rollout = queued(&policy);
        (rollout.stage, rollout.phase) = (stage, phase);
        let desired = desired(state, Some((&rollout, &policy)));
        let letter = |release: &ReleaseId| ["p", "s", "c"][(0..3).position(|n| id(n) == *release).unwrap()];
        let routes = desired.routes.iter().map(|route| {
            let stable = route.stable.as_ref().map_or("-", letter);
            let runs = desired
                .instances
                .iter()
                .filter(|one| one.environment == route.environment)
                .count();
            match &route.candidate {
                None => format!("{stable} ({runs})"),
                Some(arm) => {
                    let judged = if arm.judged { "!" } else { "" };
                    format!(
                        "{stable}+{}{judged} {} ({runs})",
                        letter(&arm.release),
                        arm.weight
                    )
                }
            }
        });
        routes.collect::<Vec<_>>().join(" | ")
    }

    fn state(live: Option<u32>, previous: Option<u32>) -> ServiceState {
        let service = "shop".parse().unwrap();
        ServiceState {
            service,
            live: live.map(id),
            previous: previous.map(id),
            active: Some(id(2)),
        }
    }

    fn rolling_back(parts: u32) -> Phase {
        let at = |part: u32| (part <= parts).then_some(Timestamp(i64::from(part)));
        let times = RollbackTimes {
            detected_at: Timestamp(0),
            restored_at: at(1),
            flipped_at: at(2),
            drained_at: at(3),
            verified_at: None,
        };
        Phase::RollingBack {
            reason: RollbackReason::Operator { by: "ada".to_owned() },
            times,
        }
    }

    #[test]
    fn each_phase_has_its_arms() {
        let (usual, first, ours) = (
            state(Some(1), Some(0)),
            state(None, None),
            state(Some(2), Some(1)),
        );
        let step = Phase::Analyzing {
            step: 0,
            weight: Percent::try_from(5).unwrap(),
        };
        let table = [
            ("queued", shown(Stage::Dev, Phase::Queued, &usual)),
            ("deploying in qa", shown(Stage::Qa, Phase::Deploying, &usual)),
            ("soaking in qa", shown(Stage::Qa, Phase::Soaking, &usual)),
            ("canary", shown(Stage::Canary, step, &usual)),
            ("first in dev", shown(Stage::Dev, Phase::Soaking, &first)),
            ("promoting", shown(Stage::Production, Phase::Promoting, &usual)),
            ("live", shown(Stage::Production, Phase::Live, &ours)),
            ("rolling back", shown(Stage::Canary, rolling_back(0), &usual)),
            ("back from qa", shown(Stage::Qa, rolling_back(0), &usual)),
            ("drained", shown(Stage::Canary, rolling_back(3), &usual)),
            ("live goes back", shown(Stage::Production, rolling_back(0), &ours)),
            ("restored", shown(Stage::Production, rolling_back(1), &ours)),
            ("taken over", shown(Stage::Production, rolling_back(3), &ours)),
            (
                "only one goes",
                shown(Stage::Production, rolling_back(0), &state(Some(2), None)),
            ),
        ];
        let lines: Vec<String> = table
            .iter()
            .map(|(name, arms)| format!("{name:>15}: {arms}"))
            .collect();
        assert_snapshot!(lines.join("\n"), @r"
             queued: s (1) | s (1) | s (1) | s (1)
    deploying in qa: s+c 100 % (2) | s+c 0 % (2) | s (1) | s (1)
      soaking in qa: s+c 100 % (2) | s+c! 100 % (2) | s (1) | s (1)
             canary: s+c 100 % (2) | s+c 100 % (2) | s+c 100 % (2) | s+c! 5 % (2)
       first in dev: -+c 100 % (1) | - (0) | - (0) | - (0)
          promoting: c+s 0 % (2) | c+s 0 % (2) | c+s 0 % (2) | c+s 0 % (2)
               live: c (1) | c (1) | c (1) | c (1)
       rolling back: s+c 0 % (2) | s+c 0 % (2) | s+c 0 % (2) | s+c 0 % (2)
       back from qa: s+c 0 % (2) | s+c 0 % (2) | s (1) | s (1)
            drained: s (1) | s (1) | s (1) | s (1)
     live goes back: c+s 0 % (2) | c+s 0 % (2) | c+s 0 % (2) | c+s 0 % (2)
           restored: c+s 100 % (2) | c+s 100 % (2) | c+s 100 % (2) | c+s 100 % (2)
         taken over: s (1) | s (1) | s (1) | s (1)
      only one goes: -+c 0 % (1) | -+c 0 % (1) | -+c 0 % (1) | -+c 0 % (1)
    ");
    }

    #[test]
    fn the_roles_change_with_the_end_of_a_walk() {
        let policy = policy();
        let end = |phase: Phase, state: &ServiceState| {
            let settled = settle(
                state,
                &Rollout {
                    phase,
                    ..queued(&policy)
                },
            );
            (settled.live, settled.previous, settled.active)
        };
        let usual = state(Some(1), Some(0));
        assert_eq!(end(Phase::Live, &usual), (Some(id(2)), Some(id(1)), None));
        let superseded = Phase::Superseded { by: id(3) };
        assert_eq!(end(superseded.clone(), &usual), (Some(id(1)), Some(id(0)), None));
        assert_eq!(
            end(superseded, &state(Some(2), Some(1))),
            (Some(id(1)), None, None)
        );
        assert_eq!(end(Phase::Queued, &usual), (Some(id(1)), Some(id(0)), None));
        // The live release goes back while the rollback of another one is not complete: it keeps its place.
        let both = ServiceState {
            active: Some(id(1)),
            ..usual.clone()
        };
        let kept = (Some(id(1)), Some(id(0)), Some(id(1)));
        assert_eq!(end(rolling_back(2), &both), kept);
        assert_eq!(
            end(rolling_back(2), &usual),
            (Some(id(1)), Some(id(0)), Some(id(2)))
        );
    }
}
