//! Candidate and live release under the same load, as in the canary: the router's judge counts, and takes off.

use std::time::Duration;

use safeguard_api::bisect::{ArmFigures, Comparison};
use safeguard_api::drill::ComparisonOrder;
use safeguard_api::traffic::ArmReport;
use tokio::time::Instant;

use super::{Conductor, Failed, Undecided};
use crate::clock;

/// The router confirms within this, or does not answer.
const CONFIRM_LONGEST: Duration = Duration::from_secs(10);

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
