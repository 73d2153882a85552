//! The act that passes all gates: evidence from the shop's own checks and from `safeguard check`, the rollback drill, and the
//! approval of reviewers whose keys were made at the start.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, bail};
use safeguard_api::release::{Block, Phase};
use safeguard_api::status::ReleaseStatus;
use safeguard_api::{Evidence, Gate, Stage};
use tokio::process::Command;
use tokio::time::Instant;

use super::StageOfActs;
use super::follow::Followed;
use super::telling::GOOD;
use super::workplace::REVIEWERS;

const CHECKS_LONGEST: Duration = Duration::from_secs(60);
/// So long a signature may take to be counted; then the risk asks for another.
const COUNTED_LONGEST: Duration = Duration::from_secs(3);

impl StageOfActs<'_> {
    /// Runs the shop's checks on a version beside the live one; the reports lie in the folder that is returned.
    pub(super) async fn check(&self, version: &str, live: &str) -> anyhow::Result<PathBuf> {
        let out = self.place.reports(version);
        self.telling
            .say("the pipeline checks it beside the live version: tests, load, data");
        let run = Command::new(self.options.binaries.join("shop-checks"))
            .arg("--base")
            .arg(self.place.artifact(live).join("shop"))
            .arg("--head")
            .arg(self.place.artifact(version).join("shop"))
            .arg("--out")
            .arg(&out)
            .kill_on_drop(true)
            .output();
        let ended = tokio::time::timeout(CHECKS_LONGEST, run)
            .await
            .context("the checks took too long")??;
        if !ended.status.success() {
            bail!(
                "the checks failed: {}",
                String::from_utf8_lossy(&ended.stderr).trim()
            );
        }
        Ok(out)
    }

    /// Looks at what the commit changes; the report lies beside the others.
    async fn scan(&self, reports: &std::path::Path, base: &str, head: &str) -> anyhow::Result<()> {
        let range = format!("{base}..{head}");
        let out = reports.join("check.sarif");
        let out = out.to_str().context("the temporary folder's name is not UTF-8")?;
        let words = ["check", "--range", &range, "--format", "sarif", "--output", out];
        self.telling.typed(&words);
        let run = Command::new(&self.options.safeguard)
            .args(words)
            .current_dir(self.place.repository())
            .kill_on_drop(true)
            .output();
        let ended = tokio::time::timeout(CHECKS_LONGEST, run)
            .await
            .context("the check took too long")??;
        if !ended.status.success() {
            bail!(
                "`safeguard check` did not pass a good version: {}{}",
                String::from_utf8_lossy(&ended.stdout).trim(),
                String::from_utf8_lossy(&ended.stderr).trim()
            );
        }
        Ok(())
    }

    /// Gives the reports as evidence: of the new commit, and of the live one for comparison.
    pub(super) async fn give_evidence(
        &self,
        reports: &std::path::Path,
        base: &str,
        head: &str,
    ) -> anyhow::Result<()> {
        self.scan(reports, base, head).await?;
        let shop = self.shop.as_ref().context("safeguard is not up")?;
        for (file, format, commit) in [
            ("check.sarif", "sarif", head),
            ("tests.xml", "junit", head),
            ("invariants.json", "safeguard", head),
            ("load-base.json", "safeguard", base),
            ("load-head.json", "safeguard", head),
        ] {
            let path = reports.join(file);
            let path = path
                .to_str()
                .context("the temporary folder's name is not UTF-8")?;
            let mut words = vec![
                "evidence",
                "add",
                "--service",
                "shop",
                "--format",
                format,
                "--commit",
                commit,
                path,
            ];
            if format == "junit" {
                words.extend(["--layer", "integration"]);
            }
            self.telling.typed(&words);
            shop.must::<Evidence>(&words).await?;
        }
        Ok(())
    }

    /// Follows the release until only people are lacking, and lets as many reviewers approve it as its risk asks for.
    pub(super) async fn approve(
        &mut self,
        followed: &mut Followed,
        deadline: Instant,
        faults: &mut Vec<String>,
    ) -> anyhow::Result<()> {
        let refusals = self.watch_drill(followed, deadline, faults).await?;
        faults.extend(refusals.into_iter().flatten());
        let telling = self.telling;
        let shop = self.shop.as_mut().context("safeguard is not up")?;
        let goes_on = |status: &ReleaseStatus| waits_for_people(status) || status.rollout.phase.is_final();
        if !followed.until(shop, telling, deadline, goes_on).await? || !waits_for_people(&followed.status) {
            faults.push("it never waited for people alone".to_owned());
            return Ok(());
        }
        telling.say(&format!(
            "{GOOD}code, load, data, resources and the rollback drill have passed{GOOD:#}; people are asked"
        ));
        for (at, (name, _)) in REVIEWERS.iter().enumerate() {
            telling.say(&format!("{name} reads the dossier, and signs"));
            let key = self.place.key(at);
            let key = key.to_str().context("the temporary folder's name is not UTF-8")?;
            let words = ["approve", followed.id.as_str(), "--key", key, "--yes"];
            telling.typed(&words);
            shop.must::<serde_json::Value>(&words).await?;
            let soon = Instant::now() + COUNTED_LONGEST;
            if followed
                .until(shop, telling, soon, |status| !waits_for_people(status))
                .await?
            {
                return Ok(());
            }
        }
        faults.push("the approvals did not count".to_owned());
        Ok(())
    }
}

/// Whether nothing stands in the way of leaving staging but people.
fn waits_for_people(status: &ReleaseStatus) -> bool {
    let only_people = |block: &Block| {
        matches!(
            block,
            Block::Gate {
                gate: Gate::HumanApproval,
                ..
            }
        )
    };
    let rollout = &status.rollout;
    rollout.stage == Stage::Staging
        && rollout.phase == Phase::Verified
        && !rollout.blocks.is_empty()
        && rollout.blocks.iter().all(only_people)
}
