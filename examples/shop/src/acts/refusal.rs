//! How the acts end that are refused: somebody insists, and the version is taken back by hand.

use anyhow::Context as _;
use safeguard_api::status::ReleaseStatus;
use safeguard_api::{Gate, Phase, Problem, Stage};
use tokio::time::Instant;

use super::follow::Followed;
use super::telling::BAD;
use super::{StageOfActs, described};

impl StageOfActs<'_> {
    /// Asks for the promotion, which must be refused.
    pub(super) async fn insist(
        &self,
        followed: &Followed,
        faults: &mut Vec<String>,
    ) -> anyhow::Result<Option<Problem>> {
        let shop = self.shop.as_ref().context("safeguard is not up")?;
        let words = ["release", "promote", followed.id.as_str()];
        self.telling.typed(&words);
        match shop.ask::<ReleaseStatus>(&words).await? {
            Ok(status) => {
                faults.push(format!("the promotion was not refused: {}", described(&status)));
                Ok(None)
            }
            Err(problem) => {
                self.say_refused(&problem);
                Ok(Some(problem))
            }
        }
    }

    fn say_refused(&self, problem: &Problem) {
        self.telling
            .say(&format!("{BAD}refused{BAD:#}: {}", problem.title));
        for detail in &problem.details {
            self.telling.say(&format!("  {detail}"));
        }
        if let Some(hint) = &problem.hint {
            self.telling.say(&format!("  hint: {hint}"));
        }
    }

    /// Rolls the release back by hand, and waits until it is gone.
    pub(super) async fn take_back(
        &mut self,
        followed: &mut Followed,
        deadline: Instant,
    ) -> anyhow::Result<()> {
        let shop = self.shop.as_mut().context("safeguard is not up")?;
        let words = ["release", "rollback", followed.id.as_str()];
        self.telling.typed(&words);
        shop.must::<ReleaseStatus>(&words).await?;
        followed
            .until(shop, self.telling, deadline, |status| {
                status.rollout.phase.is_final()
            })
            .await?;
        Ok(())
    }

    /// Follows the release until a gate without evidence holds it in staging, and asks to have the gate waived.
    pub(super) async fn waiver(
        &mut self,
        gate: Gate,
        followed: &mut Followed,
        deadline: Instant,
        faults: &mut Vec<String>,
    ) -> anyhow::Result<Option<Problem>> {
        let shop = self.shop.as_mut().context("safeguard is not up")?;
        let held_in_staging = |status: &ReleaseStatus| {
            status.rollout.phase.is_final()
                || (status.rollout.stage == Stage::Staging && status.rollout.phase == Phase::Verified)
        };
        if !followed
            .until(shop, self.telling, deadline, held_in_staging)
            .await?
            || followed.status.rollout.phase.is_final()
        {
            return Ok(None);
        }
        let gate = gate.to_string();
        let words = [
            "waiver",
            "request",
            "--release",
            followed.id.as_str(),
            "--gate",
            &gate,
            "--reason",
            "it only changes a colour",
            "--holds",
            "1h",
        ];
        self.telling.typed(&words);
        let refusal = match shop.ask::<serde_json::Value>(&words).await? {
            Ok(_) => {
                faults.push(format!("a waiver of {gate} was not refused"));
                None
            }
            Err(problem) => {
                self.say_refused(&problem);
                Some(problem)
            }
        };
        self.insist(followed, faults).await?;
        self.take_back(followed, deadline).await?;
        Ok(refusal)
    }
}
