//! `safeguard up` as a process of ours, and the commands a person would type beside it.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, bail};
use safeguard_api::Problem;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};

use super::workplace::Workplace;

const UP_LONGEST: Duration = Duration::from_secs(30);
const COMMAND_LONGEST: Duration = Duration::from_secs(20);
const STOP_LONGEST: Duration = Duration::from_secs(15);
const MESSAGES_SHOWN_MAX: usize = 12;

pub struct Installation {
    binary: PathBuf,
    state: PathBuf,
    /// Commands are typed in the repository of the changes.
    folder: PathBuf,
    up: Child,
    /// Kept open: `safeguard up` may say more.
    said: BufReader<ChildStdout>,
    pub addresses: BTreeMap<String, SocketAddr>,
    pub login: String,
}

/// What `safeguard up --json` says when it is up.
#[derive(Deserialize)]
struct Up {
    listeners: BTreeMap<String, SocketAddr>,
    login: String,
}

impl Installation {
    /// Starts `safeguard up`.
    ///
    /// # Errors
    /// It can not be run.
    pub fn spawn(binary: &Path, place: &Workplace) -> anyhow::Result<Installation> {
        let messages = File::create(place.messages())?;
        let mut up = Command::new(binary)
            .args(["up", "--json", "--config"])
            .arg(place.config())
            .arg("--state")
            .arg(place.state())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(messages)
            // Ctrl-C is for us; we then end it in order.
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("cannot run `{}`", binary.display()))?;
        let said = BufReader::new(up.stdout.take().context("standard output was not piped")?);
        let (addresses, login) = (BTreeMap::new(), String::new());
        let (state, folder) = (place.state(), place.repository());
        Ok(Installation {
            binary: binary.to_owned(),
            state,
            folder,
            up,
            said,
            addresses,
            login,
        })
    }

    /// Waits until it is up, and keeps the addresses that it names.
    ///
    /// # Errors
    /// It ends, or does not answer in time; its last messages are in the error.
    pub async fn come_up(&mut self, place: &Workplace) -> anyhow::Result<()> {
        let mut line = String::new();
        let heard = tokio::time::timeout(UP_LONGEST, self.said.read_line(&mut line)).await;
        let answer = match heard {
            Ok(Ok(bytes)) if bytes > 0 => serde_json::from_str::<Up>(&line).ok(),
            Ok(Ok(_) | Err(_)) | Err(_) => None,
        };
        let Some(Up { listeners, login }) = answer else {
            bail!(
                "`safeguard up` did not come up; it said `{}`, and:\n{}",
                line.trim(),
                last_messages(place)
            );
        };
        (self.addresses, self.login) = (listeners, login);
        Ok(())
    }

    /// Runs one command and reads its JSON; the inner error is a refusal.
    ///
    /// # Errors
    /// It could not decide, or its answer can not be read.
    pub async fn ask<T: DeserializeOwned>(&self, words: &[&str]) -> anyhow::Result<Result<T, Problem>> {
        let run = Command::new(&self.binary)
            .args(words)
            .arg("--json")
            .env("SAFEGUARD_STATE", &self.state)
            .env_remove("SAFEGUARD_SERVER")
            .env_remove("SAFEGUARD_TOKEN")
            .env_remove("SAFEGUARD_TOKEN_FILE")
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let typed = words.join(" ");
        let output = tokio::time::timeout(COMMAND_LONGEST, run)
            .await
            .with_context(|| format!("`safeguard {typed}` took too long"))??;
        let said = || String::from_utf8_lossy(&output.stderr).trim().to_owned();
        match output.status.code() {
            Some(0) => {
                let value = serde_json::from_slice(&output.stdout);
                Ok(Ok(value.with_context(|| {
                    format!("the answer of `safeguard {typed}` can not be read")
                })?))
            }
            Some(1) => {
                let problem = serde_json::from_slice(&output.stdout);
                Ok(Err(problem.with_context(|| {
                    format!("`safeguard {typed}` refused: {}", said())
                })?))
            }
            code => {
                let text = String::from_utf8_lossy(&output.stdout);
                bail!(
                    "`safeguard {typed}` ended with {code:?}: {} {}",
                    text.trim(),
                    said()
                )
            }
        }
    }

    /// The same, where a refusal is a fault.
    ///
    /// # Errors
    /// It was refused, could not decide, or its answer can not be read.
    pub async fn must<T: DeserializeOwned>(&self, words: &[&str]) -> anyhow::Result<T> {
        match self.ask(words).await? {
            Ok(value) => Ok(value),
            Err(problem) => {
                bail!(
                    "`safeguard {}` was refused: {} {}",
                    words.join(" "),
                    problem.title,
                    problem.details.join("; ")
                )
            }
        }
    }

    /// Where users reach the shop in one environment.
    ///
    /// # Errors
    /// `safeguard up` named no such address.
    pub fn address(&self, environment: safeguard_api::Environment) -> anyhow::Result<SocketAddr> {
        let name = format!("shop.{environment}");
        self.addresses
            .get(&name)
            .copied()
            .with_context(|| format!("`safeguard up` named no address for `{name}`"))
    }

    /// Whether it runs still.
    pub fn is_up(&mut self) -> bool {
        matches!(self.up.try_wait(), Ok(None))
    }

    /// Ends it as Ctrl-C would, and everything it started with it.
    pub async fn stop(mut self) {
        terminate(&mut self.up).await;
    }
}

/// The last lines that `safeguard up` wrote for people.
#[must_use]
pub fn last_messages(place: &Workplace) -> String {
    let text = std::fs::read_to_string(place.messages()).unwrap_or_else(|error| error.to_string());
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(MESSAGES_SHOWN_MAX)..].join("\n")
}

pub(super) async fn terminate(child: &mut Child) {
    let Some(id) = child
        .id()
        .and_then(|id| i32::try_from(id).ok())
        .and_then(rustix::process::Pid::from_raw)
    else {
        return;
    };
    let asked = rustix::process::kill_process(id, rustix::process::Signal::TERM);
    if asked.is_ok() && tokio::time::timeout(STOP_LONGEST, child.wait()).await.is_ok() {
        return;
    }
    if let Err(error) = child.kill().await {
        eprintln!("cannot end process {id:?}: {error}");
    }
}
