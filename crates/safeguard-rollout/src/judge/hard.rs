//! Triggers that need no statistics: the candidate's processes end, fail their health checks, or outgrow their memory.

use safeguard_api::config::JudgePolicy;
use safeguard_api::instance::{Exit, InstanceReport, InstanceState};
use safeguard_api::time::Timestamp;
use safeguard_api::traffic::TripCause;

/// Returns why the candidate is to be taken down at once. A share of instances that fails likewise on stable speaks for a
/// common cause, and nothing is returned.
#[must_use]
pub fn hard_triggers(
    policy: &JudgePolicy,
    candidate: &[InstanceReport],
    stable: &[InstanceReport],
    now: Timestamp,
) -> Option<TripCause> {
    let recent = |exit: &Exit| now.since(exit.at) <= policy.exits_within;
    let worse = |count: fn(&InstanceReport, &Counting<'_>) -> usize| {
        let counting = Counting {
            policy,
            recent: &recent,
        };
        let of =
            |instances: &[InstanceReport]| -> usize { instances.iter().map(|i| count(i, &counting)).sum() };
        let (ours, theirs) = (of(candidate), of(stable));
        // ours / candidates > theirs / stables, without dividing.
        (theirs == 0 || ours * stable.len() > theirs * candidate.len()).then_some(ours)
    };
    if let Some(killed) = worse(Counting::out_of_memory)
        && killed > 0
    {
        return Some(TripCause::OutOfMemory);
    }
    if let Some(exits) = worse(Counting::exits)
        && exits >= policy.exits_max.max(1) as usize
    {
        let count = u32::try_from(exits).unwrap_or(u32::MAX);
        return Some(TripCause::Exits {
            count,
            within: policy.exits_within,
        });
    }
    if let Some(sick) = worse(Counting::sick)
        && sick > 0
    {
        let failed = candidate
            .iter()
            .map(|instance| instance.health_failures)
            .max()
            .unwrap_or(0);
        return Some(TripCause::HealthChecks { failed });
    }
    None
}

struct Counting<'a> {
    policy: &'a JudgePolicy,
    recent: &'a dyn Fn(&Exit) -> bool,
}

impl Counting<'_> {
    fn out_of_memory(instance: &InstanceReport, counting: &Counting<'_>) -> usize {
        instance
            .exits
            .iter()
            .filter(|exit| exit.out_of_memory && (counting.recent)(exit))
            .count()
    }

    fn exits(instance: &InstanceReport, counting: &Counting<'_>) -> usize {
        instance
            .exits
            .iter()
            .filter(|exit| (counting.recent)(exit))
            .count()
    }

    fn sick(instance: &InstanceReport, counting: &Counting<'_>) -> usize {
        let running = match instance.state {
            InstanceState::Healthy { .. } | InstanceState::Unhealthy => true,
            InstanceState::Starting
            | InstanceState::BackOff { .. }
            | InstanceState::Stopping
            | InstanceState::Refused { .. } => false,
        };
        usize::from(running && instance.health_failures >= counting.policy.health_failures_max.max(1))
    }
}
