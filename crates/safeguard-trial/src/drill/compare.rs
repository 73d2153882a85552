//! Candidate and live release under the same load, as in the canary: the router's judge counts, and takes off.

use std::time::Duration;

use safeguard_api::bisect::{ArmFigures, Comparison, TrialReport};
use safeguard_api::config::{Policy, RouterLimits};
use safeguard_api::drill::{ComparisonOrder, DrillStep};
use safeguard_api::traffic::ArmReport;
use tokio::time::Instant;

use super::{Conductor, Failed, Scene, Undecided, drill_longest};
use crate::clock;

/// The router confirms within this, or does not answer.
const CONFIRM_LONGEST: Duration = Duration::from_secs(10);

/// How long a trial may take at the longest: a drill, and the comparison before it.
#[must_use]
pub fn trial_longest(policy: &Policy, router: &RouterLimits, comparison: ComparisonOrder) -> Duration {
    let (deploy, warm_up): (Duration, Duration) =
        (policy.rollback.deploy_longest.into(), policy.judge.warm_up.into());
    let longest: Duration = comparison.longest.into();
    drill_longest(policy, router) + deploy + warm_up + longest
}

/// Holds a trial: compares candidate and live release, and drills the candidate unless it was taken off already.
pub(crate) async fn hold_trial(
    scene: Scene<'_>,
    comparison: ComparisonOrder,
    tell: &(dyn Fn(DrillStep) + Sync),
) -> Result<TrialReport, Undecided> {
    let order = scene.order;
    let stable = order.stable.as_ref().ok_or(Undecided::NothingToCompare)?;
    let started_at = clock::wall();
    let mut conductor = Conductor::new(scene, tell);
    conductor.begin().await?;
    let begun = conductor.begun;
    let comparison = conductor.compare(comparison).await?;
    let is_off = comparison.tripped.is_some() || comparison.not_healthy.is_some();
    let drill = if is_off {
        None
    } else {
        Some(conductor.drill().await?)
    };
    Ok(TrialReport {
        candidate: order.candidate.artifact.clone(),
        stable: stable.artifact.clone(),
        configuration: order.configuration.clone(),
        started_at,
        took: clock::span(begun.elapsed()),
        comparison,
        drill,
    })
}

impl Conductor<'_> {
    /// Compares until enough is counted, the time is over, or the candidate is taken off.
    pub(super) async fn compare(&mut self, order: ComparisonOrder) -> Result<Comparison, Undecided> {
        let mut comparison = Comparison {
            weight: self.weight(),
            took: clock::span(Duration::ZERO),
            candidate: ArmFigures::default(),
            stable: ArmFigures::default(),
            tripped: None,
            not_healthy: None,
        };
        if let Err(Failed(why)) = self.bring(0, "comparison").await? {
            comparison.not_healthy = Some(why);
            return Ok(comparison);
        }
        let (shortest, longest): (Duration, Duration) = (order.shortest.into(), order.longest.into());
        let from = Instant::now();
        loop {
            let seen = self.look().await?;
            if seen.route.weight < comparison.weight {
                let cause = self.town.trip().await?.ok_or(Undecided::Slow)?;
                self.say(&format!("comparison: {cause}"));
                comparison.tripped = Some(cause);
                break;
            }
            comparison.candidate = figures(seen.route.candidate.as_ref());
            comparison.stable = figures(seen.route.stable.as_ref());
            let is_enough = shortest <= from.elapsed() && order.requests_min <= comparison.candidate.requests;
            if is_enough || longest <= from.elapsed() {
                break;
            }
        }
        comparison.took = clock::span(from.elapsed());
        self.let_go().await?;
        Ok(comparison)
    }

    /// Sends the users away, and forgets what the comparison's failed: the drill counts its own.
    async fn let_go(&mut self) -> Result<(), Undecided> {
        self.town.send_away();
        let from = Instant::now();
        while !self.look().await?.confirmed {
            if CONFIRM_LONGEST <= from.elapsed() {
                return Err(Undecided::Slow);
            }
        }
        if let Some(load) = &self.load {
            drop((load.tally.take_failures(), load.tally.take_writes()));
        }
        Ok(())
    }
}

fn figures(arm: Option<&ArmReport>) -> ArmFigures {
    arm.map_or_else(ArmFigures::default, |arm| ArmFigures {
        requests: arm.judged_requests,
        errors: arm.judged_errors,
        p95_ms: arm.p95_ms,
    })
}
