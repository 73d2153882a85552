//! From the last evidence to the promotion, as the log dates both.

use std::fs;
use std::time::Duration;

use anyhow::Context;
use safeguard_api::Timestamp;
use serde_json::{Value, json};

use crate::installation::{Installation, id};
use crate::processes::until;
use crate::report::{Row, median, quantile};

const ROUNDS: u32 = 5;
const STEP_LONGEST: Duration = Duration::from_secs(30);
const DIFF: &str = "diff --git a/a.rs b/a.rs\n--- a/a.rs\n+++ b/a.rs\n@@ -1 +1 @@\n-a\n+b\n";

pub fn run() -> anyhow::Result<Vec<Row>> {
    let installation = Installation::start()?;
    let mut milliseconds = Vec::new();
    for round in 0..ROUNDS {
        milliseconds.push(decision(&installation, round)?);
    }
    Ok(vec![
        Row::new(
            "decision, last evidence to promotion, median",
            median(&mut milliseconds),
            "ms",
        )
        .at_most(1000.0),
        Row::new(
            "decision, last evidence to promotion, p95",
            quantile(&mut milliseconds, 0.95),
            "ms",
        ),
    ])
}

fn decision(installation: &Installation, round: u32) -> anyhow::Result<f64> {
    let change = installation.change(16 * (round + 1))?;
    installation.attach(&change, "diff", DIFF)?;
    let artifact = installation.folder().join(format!("artifact-{round}"));
    fs::create_dir_all(&artifact)?;
    let shop = std::env::current_exe()?.with_file_name("shop-1-0");
    fs::copy(&shop, artifact.join("shop")).with_context(|| format!("cannot copy {}", shop.display()))?;
    fs::write(artifact.join("ROUND"), round.to_string())?;
    let artifact = artifact
        .to_str()
        .context("the temporary folder's name is not UTF-8")?;
    let version = round.to_string();
    let made = installation.typed(&[
        "release",
        "create",
        "--service",
        "shop",
        "--version",
        &version,
        "--artifact",
        artifact,
        "--change",
        &change,
    ])?;
    let (release, digest) = (id(&made["release"]["id"])?, id(&made["release"]["artifact"])?);
    let show = || installation.typed(&["release", "show", &release]);
    until(STEP_LONGEST, || {
        let blocks = show()?["rollout"]["blocks"].clone();
        let blocks = blocks.as_array().cloned().unwrap_or_default();
        Ok(!blocks.is_empty() && blocks.iter().all(|block| block["name"] == "gate"))
    })
    .context("the gate alone never held the release")?;
    let report = json!({
        "api": "safeguard.evidence/1", "tool": { "name": "sums" },
        "facts": {
            "kind": "invariants", "migrations": [],
            "checks": [{ "name": "orders-have-sums", "checked": 1000, "violations": 0 }],
        },
    });
    let file = installation.folder().join("report.json");
    fs::write(&file, report.to_string())?;
    let file = file
        .to_str()
        .context("the temporary folder's name is not UTF-8")?;
    let evidence = installation.typed(&[
        "evidence",
        "add",
        "--service",
        "shop",
        "--format",
        "safeguard",
        "--artifact",
        &digest,
        file,
    ])?;
    let added = time(&evidence["added_at"])?;
    let mut promoted = None;
    until(STEP_LONGEST, || {
        let shown = show()?;
        let entries = shown["entries"].as_array().cloned().unwrap_or_default();
        let stage = entries.iter().find(|entry| entry["kind"] == "deploy.stage");
        promoted = stage.map(|entry| time(&entry["at"])).transpose()?;
        Ok(promoted.is_some())
    })
    .context("the release was not promoted")?;
    installation.typed(&["release", "rollback", &release])?;
    until(STEP_LONGEST, || {
        Ok(show()?["rollout"]["phase"]["name"] == "rolled_back")
    })?;
    let promoted = promoted.context("the release was not promoted")?;
    Ok((promoted.0 - added.0) as f64)
}

fn time(value: &Value) -> anyhow::Result<Timestamp> {
    serde_json::from_value(value.clone()).context("there is no time")
}
