//! `safeguard up` for one case, and the commands that its team types.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Output, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::child;
use crate::workplace::Workplace;

/// A command that took longer has failed.
const COMMAND_LONGEST: Duration = Duration::from_secs(60);
const UP_LONGEST: Duration = Duration::from_secs(60);
const STOP_LONGEST: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);

pub struct Installation {
    binary: PathBuf,
    config: PathBuf,
    state: PathBuf,
    /// The repository of the changes: commands are typed in it.
    repository: PathBuf,
    up: Child,
    listeners: BTreeMap<String, SocketAddr>,
}

/// What `safeguard up --json` says when it is up.
#[derive(Deserialize)]
struct Up {
    listeners: BTreeMap<String, SocketAddr>,
}

impl Installation {
    /// Starts it in a workplace, and leaves its messages there.
    pub fn start(place: &Workplace) -> anyhow::Result<Installation> {
        let binary = beside_us("safeguard")?;
        let (said, messages) = (place.folder.join("up.json"), place.folder.join("messages"));
        let (config, state) = (place.config(), place.folder.join("state"));
        let up = child::command(&binary)
            .args(["up", "--json", "--config"])
            .arg(&config)
            .arg("--state")
            .arg(&state)
            .stdin(Stdio::null())
            .stdout(File::create(&said)?)
            .stderr(File::create(&messages)?)
            .spawn()
            .with_context(|| format!("cannot run {}", binary.display()))?;
        let mut installation = Installation {
            binary,
            config,
            state,
            repository: place.repository(),
            up,
            listeners: BTreeMap::new(),
        };
        let deadline = Instant::now() + UP_LONGEST;
        while installation.is_up() && Instant::now() < deadline {
            // What is written half is no JSON yet.
            if let Ok(up) = serde_json::from_slice::<Up>(&std::fs::read(&said)?) {
                installation.listeners = up.listeners;
                return Ok(installation);
            }
            std::thread::sleep(LOOK_EVERY);
        }
        let (said, messages) = (std::fs::read_to_string(said)?, std::fs::read_to_string(messages)?);
        bail!("`safeguard up` did not come up: {said}{messages}")
    }

    pub fn address(&self, service: &str, environment: &str) -> anyhow::Result<SocketAddr> {
        let name = format!("{service}.{environment}");
        let found = self.listeners.get(&name).copied();
        found.with_context(|| format!("`safeguard up` named no address for `{name}`"))
    }

    /// Types a command and reads its JSON, whether it was allowed or told a refusal.
    pub fn told<T: DeserializeOwned>(&self, words: &[&str]) -> anyhow::Result<T> {
        let output = self.type_in(words)?;
        serde_json::from_slice(&output.stdout).with_context(|| {
            format!(
                "the answer of `safeguard {}` can not be read: {} {}",
                words.join(" "),
                String::from_utf8_lossy(&output.stdout).trim(),
                String::from_utf8_lossy(&output.stderr).trim()
            )
        })
    }

    /// Types a command that must be allowed.
    pub fn must(&self, words: &[&str]) -> anyhow::Result<serde_json::Value> {
        match self.tried(words)? {
            Ok(value) => Ok(value),
            Err(why) => bail!("`safeguard {}` was refused: {why}", words.join(" ")),
        }
    }

    /// Types a command; the inner error is a refusal.
    pub fn tried(&self, words: &[&str]) -> anyhow::Result<Result<serde_json::Value, String>> {
        let output = self.type_in(words)?;
        let said = || {
            let (out, err) = (&output.stdout, &output.stderr);
            format!(
                "{} {}",
                String::from_utf8_lossy(out).trim(),
                String::from_utf8_lossy(err).trim()
            )
        };
        match output.status.code() {
            Some(0) if output.stdout.is_empty() => Ok(Ok(serde_json::Value::Null)),
            Some(0) => Ok(Ok(serde_json::from_slice(&output.stdout).with_context(said)?)),
            Some(1) => Ok(Err(said())),
            code => bail!("`safeguard {}` ended with {code:?}: {}", words.join(" "), said()),
        }
    }

    fn type_in(&self, words: &[&str]) -> anyhow::Result<Output> {
        let mut command = child::command(&self.binary);
        command
            .args(words)
            .arg("--json")
            .env("SAFEGUARD_CONFIG", &self.config)
            .env("SAFEGUARD_STATE", &self.state)
            .env_remove("SAFEGUARD_SERVER")
            .env_remove("SAFEGUARD_TOKEN")
            .env_remove("SAFEGUARD_TOKEN_FILE")
            .env_remove("SAFEGUARD_KEY")
            .current_dir(&self.repository);
        child::output(&mut command, COMMAND_LONGEST)
    }

    pub fn is_up(&mut self) -> bool {
        matches!(self.up.try_wait(), Ok(None))
    }
}

impl Drop for Installation {
    /// As Ctrl-C would, so that it ends what it started.
    fn drop(&mut self) {
        let asked = Pid::from_raw(self.up.id().cast_signed()).map(|id| kill_process(id, Signal::TERM));
        let deadline = Instant::now() + STOP_LONGEST;
        while matches!(asked, Some(Ok(()))) && Instant::now() < deadline {
            if matches!(self.up.try_wait(), Ok(Some(_))) {
                return;
            }
            std::thread::sleep(LOOK_EVERY);
        }
        if let Err(error) = child::end(&mut self.up) {
            eprintln!("cannot end `safeguard up`: {error}");
        }
    }
}

/// A binary of the workspace: cargo puts them into one folder.
pub fn beside_us(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let folder = own.parent().context("this program lies in no folder")?;
    Ok(folder.join(name))
}
