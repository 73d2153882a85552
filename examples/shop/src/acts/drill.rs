//! The act in which the rollback drill refuses a version that no user has complained of.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use safeguard_api::drill::{DrillState, DrillStatus};
use safeguard_api::status::ReleaseStatus;
use safeguard_api::{Gate, PolicyChange, Problem, Stage};
use tokio::time::Instant;

use super::StageOfActs;
use super::follow::Followed;
use super::telling::BAD;
use super::workplace::REVIEWERS;

const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The stage and its gates in the example's configuration.
const STAGING: &str = "[stages.staging]";
const GATES: &str = "gates = ";

impl StageOfActs<'_> {
    /// Asks for these gates before staging is left from now on, as a change of the policy.
    pub(super) async fn ask_for(&self, gates: &[Gate]) -> anyhow::Result<()> {
        let path = self.place.config();
        let text = fs::read_to_string(&path)?;
        let (before, staging) = text
            .split_once(STAGING)
            .context("the configuration has no staging")?;
        let (soak, rest) = staging.split_once(GATES).context("staging names no gates")?;
        let (_, rest) = rest.split_once('\n').context("the gates are the last word")?;
        let names: Vec<String> = gates.iter().map(|gate| format!("\"{gate}\"")).collect();
        fs::write(
            &path,
            format!("{before}{STAGING}{soak}{GATES}[{}]\n{rest}", names.join(", ")),
        )?;
        let path = path
            .to_str()
            .context("the temporary folder's name is not UTF-8")?;
        let words = [
            "policy",
            "apply",
            "--config",
            path,
            "--reason",
            "the next act asks for other gates",
        ];
        self.telling.typed(&words);
        let shop = self.shop.as_ref().context("safeguard is not up")?;
        let mut change: PolicyChange = shop.must(&words).await?;
        for at in 0..REVIEWERS.len() {
            let (id, key) = (change.id.to_string(), self.place.key(at));
            let key = key.to_str().context("the temporary folder's name is not UTF-8")?;
            let words = ["policy", "sign", &id, "--key", key, "--yes"];
            self.telling.typed(&words);
            change = shop.must(&words).await?;
        }
        ensure!(change.applied_at.is_some(), "nobody put the policy in force");
        let names: Vec<&str> = gates.iter().map(|gate| gate.as_str()).collect();
        self.telling.say(&match names.is_empty() {
            true => {
                "no gate is asked for in the next acts: what comes now is for the canary to find".to_owned()
            }
            false => format!("leaving staging asks for {}", names.join(", ")),
        });
        Ok(())
    }

    /// Follows the release into staging and its drill to the end; returns what the drill refuses, if it could be held.
    pub(super) async fn watch_drill(
        &mut self,
        followed: &mut Followed,
        deadline: Instant,
        faults: &mut Vec<String>,
    ) -> anyhow::Result<Option<Vec<String>>> {
        let telling = self.telling;
        let shop = self.shop.as_mut().context("safeguard is not up")?;
        let in_staging = |status: &ReleaseStatus| {
            status.rollout.phase.is_final() || Stage::Staging <= status.rollout.stage
        };
        if !followed.until(shop, telling, deadline, in_staging).await?
            || followed.status.rollout.phase.is_final()
        {
            return Ok(None);
        }
        let words = ["drill", "show", followed.id.as_str()];
        telling.typed(&words);
        let mut told = String::new();
        loop {
            let status: DrillStatus = shop.must(&words).await?;
            match status.state {
                DrillState::Running { step, .. } if step.text != told => {
                    telling.say(&format!("drill: {}", step.text));
                    told = step.text;
                }
                DrillState::NotHeld | DrillState::Waiting | DrillState::Running { .. } => {}
                DrillState::Held { refusals, .. } => return Ok(Some(refusals)),
                DrillState::Undecided { why, .. } => {
                    faults.push(format!("the drill could not be held: {why}"));
                    return Ok(None);
                }
            }
            if deadline <= Instant::now() {
                faults.push("the drill was not over in time".to_owned());
                return Ok(None);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Watches the drill, asks for its promotion, and rolls it back.
    pub(super) async fn drill(
        &mut self,
        followed: &mut Followed,
        deadline: Instant,
        faults: &mut Vec<String>,
    ) -> anyhow::Result<Option<Problem>> {
        let refusals = self.watch_drill(followed, deadline, faults).await?;
        if followed.status.rollout.phase.is_final() {
            return Ok(None);
        }
        let refusals = refusals.unwrap_or_default();
        if refusals.is_empty() {
            faults.push("the drill found nothing".to_owned());
        }
        for refusal in refusals {
            self.telling
                .say(&format!("drill: {BAD}refused{BAD:#}: {refusal}"));
        }

        let refusal = self.insist(followed, faults).await?;
        self.take_back(followed, deadline).await?;
        Ok(refusal)
    }
}
