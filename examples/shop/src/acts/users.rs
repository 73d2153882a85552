//! The load process, and what its users saw.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context as _;
use safeguard_api::Environment;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use super::installation::Installation;
use crate::load::Call;
use crate::load::counts::{Counts, ReleaseCounts, UNNAMED};

const USERS: u32 = 3000;
const SLOW_MS: u32 = 60;
const ANSWER_LONGEST: Duration = Duration::from_secs(15);

/// How many requests a second. Production alone is busy: even a quarter of its users are more than all of staging's.
#[must_use]
pub fn rate(environment: Environment) -> u32 {
    match environment {
        Environment::Dev | Environment::Qa | Environment::Staging => 30,
        Environment::Production => 520,
    }
}

/// The users of all environments.
pub struct Crowd {
    load: Child,
    tell: ChildStdin,
    told: BufReader<ChildStdout>,
}

impl Crowd {
    /// Starts the load process.
    ///
    /// # Errors
    /// It can not be run.
    pub fn start(binary: &Path, seed: u64, shop: &Installation) -> anyhow::Result<Crowd> {
        let mut command = Command::new(binary);
        command.args([
            "--seed",
            &seed.to_string(),
            "--users",
            &USERS.to_string(),
            "--slow-ms",
            &SLOW_MS.to_string(),
        ]);
        for environment in Environment::ALL {
            let address = shop.address(environment)?;
            command.args([
                "--target",
                &format!("{environment}={address},{}", rate(environment)),
            ]);
        }
        let mut load = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot run `{}`: run `cargo build -p shop`", binary.display()))?;
        let tell = load.stdin.take().context("standard input was not piped")?;
        let told = BufReader::new(load.stdout.take().context("standard output was not piped")?);
        Ok(Crowd { load, tell, told })
    }

    /// Asks the load process.
    ///
    /// # Errors
    /// It is gone, or does not answer.
    pub async fn ask(&mut self, call: Call) -> anyhow::Result<Counts> {
        let question = format!("{}\n", serde_json::to_string(&call)?);
        self.tell
            .write_all(question.as_bytes())
            .await
            .context("the load process is gone")?;
        let mut line = String::new();
        let read = tokio::time::timeout(ANSWER_LONGEST, self.told.read_line(&mut line)).await;
        read.context("the load process does not answer")??;
        serde_json::from_str(&line).context("the load process is gone")
    }

    /// Sends the users home and returns what they saw since the last mark.
    ///
    /// # Errors
    /// The load process is gone, or does not answer.
    pub async fn stop(mut self) -> anyhow::Result<Counts> {
        let counts = self.ask(Call::Stop).await?;
        tokio::time::timeout(ANSWER_LONGEST, self.load.wait())
            .await
            .context("the load process does not end")??;
        Ok(counts)
    }
}

/// What all users saw of everything.
#[must_use]
pub fn all(counts: &Counts) -> ReleaseCounts {
    let releases = counts
        .environments
        .values()
        .flat_map(|environment| environment.releases.values());
    releases.fold(ReleaseCounts::default(), |sum, one| sum.with(one))
}

/// What production's users saw of one release; answers that name none and answers that never came are counted too.
#[must_use]
pub fn of_release(counts: &Counts, release: &str) -> ReleaseCounts {
    let production = counts.environments.get(&Environment::Production);
    let releases = production
        .into_iter()
        .flat_map(|environment| &environment.releases);
    let unnamed = |counts: &ReleaseCounts| counts.failed + counts.lost > 0;
    releases
        .filter(|(name, counts)| *name == release || (*name == UNNAMED && unnamed(counts)))
        .fold(ReleaseCounts::default(), |sum, (_, one)| sum.with(one))
}
