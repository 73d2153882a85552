//! Follows one release, and tells each step of its walk.

use std::time::Duration;

use anyhow::bail;
use safeguard_api::release::RollbackReason;
use safeguard_api::status::ReleaseStatus;
use safeguard_api::{Environment, Phase, ReleaseId};
use tokio::time::Instant;

use super::installation::Installation;
use super::telling::{BAD, GOOD, Telling};

const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A release and what was last heard of it.
pub struct Followed {
    pub id: ReleaseId,
    pub status: ReleaseStatus,
    /// The most that the router said of its bad answers in production: it forgets a release that is gone.
    pub bad_by_router: Option<u64>,
    told: String,
}

impl Followed {
    #[must_use]
    pub fn new(status: ReleaseStatus) -> Followed {
        Followed {
            id: status.release.id.clone(),
            status,
            bad_by_router: None,
            told: String::new(),
        }
    }

    /// Looks again and again until `done` says so or the time is over, and returns whether `done` did.
    ///
    /// # Errors
    /// Safeguard does not answer.
    pub async fn until(
        &mut self,
        shop: &mut Installation,
        telling: &Telling,
        deadline: Instant,
        done: fn(&ReleaseStatus) -> bool,
    ) -> anyhow::Result<bool> {
        loop {
            self.look(shop, telling).await?;
            if done(&self.status) {
                return Ok(true);
            }
            if Instant::now() >= deadline {
                return Ok(false);
            }
            if !shop.is_up() {
                bail!("`safeguard up` has ended");
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    async fn look(&mut self, shop: &Installation, telling: &Telling) -> anyhow::Result<()> {
        self.status = shop.must(&["release", "show", self.id.as_str()]).await?;
        let counted = self.counted().map(|counted| counted.1);
        self.bad_by_router = self.bad_by_router.max(counted);
        let step = self.step();
        if step != self.told && !step.is_empty() {
            telling.say(&step);
            self.told = step;
        }
        telling.moving(self.progress());
        Ok(())
    }

    /// Requests and bad answers in production, by the router.
    fn counted(&self) -> Option<(u64, u64)> {
        let mut routes = self
            .status
            .routes
            .iter()
            .filter(|route| route.environment == Environment::Production);
        let arms = routes
            .by_ref()
            .flat_map(|route| [&route.candidate, &route.stable])
            .flatten();
        let mut ours = arms.filter(|arm| arm.release == self.id);
        ours.next().map(|arm| (arm.requests, arm.errors))
    }

    /// What is worth a line; empty when nothing is.
    fn step(&self) -> String {
        let (version, rollout) = (&self.status.release.version, &self.status.rollout);
        let stage = rollout.stage;
        match &rollout.phase {
            Phase::Queued => format!("{version} waits for another release"),
            Phase::Deploying => format!("{version} starts in {stage}"),
            Phase::Soaking => format!("{version} serves {stage}"),
            Phase::Analyzing { weight, .. } => {
                format!("{version} serves {weight} of production's users, compared with the rest")
            }
            Phase::Live => format!("{version} is {GOOD}live{GOOD:#}"),
            Phase::Held { weight, reason } => format!("{version} is {BAD}held{BAD:#} at {weight}: {reason}"),
            Phase::RollingBack { reason, .. } => format!("{version} is {BAD}rolled back{BAD:#}: {reason}"),
            Phase::RolledBack { times, .. } => {
                let ended = times.verified_at.unwrap_or(rollout.phase_since);
                format!(
                    "{version} is gone from all environments, verified {} after it was detected",
                    ended.since(times.detected_at)
                )
            }
            Phase::RollbackFailed { failure, .. } => format!("{version} could not be rolled back: {failure}"),
            Phase::Superseded { by } => format!("{version} was superseded by {by}"),
            Phase::Blocked | Phase::Warming | Phase::Verified | Phase::Promoting => String::new(),
        }
    }

    /// What the moving line says.
    fn progress(&self) -> String {
        let (version, rollout) = (&self.status.release.version, &self.status.rollout);
        let soak = rollout.soak;
        let mut text = format!(
            "{version} {} {}: {}, {} requests, {} errors",
            rollout.stage,
            rollout.phase.name(),
            soak.elapsed,
            soak.requests,
            soak.errors
        );
        if let Some(block) = rollout.blocks.first() {
            text.push_str(&format!("; {block}"));
        }
        text
    }
}

/// The word for what stopped a release that came back.
#[must_use]
pub fn stopped_by(phase: &Phase) -> Option<String> {
    match phase {
        Phase::RollingBack { reason, .. }
        | Phase::RolledBack { reason, .. }
        | Phase::RollbackFailed { reason, .. } => Some(match reason {
            RollbackReason::Operator { .. } => "operator".to_owned(),
            RollbackReason::Tripped { trip } => trip.cause.kind().to_owned(),
            RollbackReason::DeployFailed { .. } => "deploy".to_owned(),
            RollbackReason::ErrorBudget { .. } => "error budget".to_owned(),
            RollbackReason::Superseded { .. } => "superseded".to_owned(),
        }),
        Phase::Held { .. } => Some("held".to_owned()),
        Phase::Superseded { .. } => Some("superseded".to_owned()),
        Phase::Queued
        | Phase::Blocked
        | Phase::Deploying
        | Phase::Warming
        | Phase::Analyzing { .. }
        | Phase::Soaking
        | Phase::Verified
        | Phase::Promoting
        | Phase::Live => None,
    }
}

/// The newest, or else the oldest, log entry about the release whose kind begins so.
#[must_use]
pub fn entry(status: &ReleaseStatus, kinds: &str, newest: bool) -> Option<u64> {
    let mut found = status
        .entries
        .iter()
        .filter(|entry| entry.kind.starts_with(kinds))
        .map(|entry| entry.index);
    if newest { found.next_back() } else { found.next() }
}
