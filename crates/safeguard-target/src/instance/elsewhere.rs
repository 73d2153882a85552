//! An instance that a program of the user's runs: deployed, asked for, stopped, and reported as a process would be.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use safeguard_api::Span;
use safeguard_api::config::ExecTarget;
use safeguard_api::instance::{InstanceSpec, InstanceState, Stopped};
use tokio::time::Instant;

use super::{End, HEALTH_FAILURES_MAX, START_MAX, Task, check_artifact, check_health, died, stop_wanted};
use crate::backoff::BackOff;
use crate::call::CallError;
use crate::exec::{Deployed, Program};
use crate::health::HealthQuestion;

/// While the supervisor ends, it is not waited for longer than this.
const STOPS_AT_THE_END_MAX: u32 = 3;

impl Task {
    /// Has the instance deployed and watches it until it ends.
    pub(super) async fn live_elsewhere(&mut self, target: &ExecTarget) -> End {
        self.set(InstanceState::Starting);
        let (spec, stopping) = (self.spec.clone(), self.stopping.clone());
        let checked = tokio::select! {
            checked = tokio::task::spawn_blocking(move || check_artifact(&spec)) => checked,
            () = stop_wanted(stopping) => return End::Stopped(None),
        };
        match checked {
            Ok(Ok(())) => {}
            Ok(Err(why)) => return End::Refused(why),
            Err(error) => return died(format!("cannot check the artifact: {error}")),
        }
        // From here on something may run that outlives the supervisor.
        if let Err(error) = record(&self.shared.state, &self.spec) {
            return died(format!("cannot record the instance: {error}"));
        }
        let program = Program::new(&self.spec, target, &self.shared.launcher);
        let deployed = program.deploy(self.stopping.clone()).await;
        let end = match deployed {
            Ok(deployed) => match self.take(&deployed) {
                Ok(()) => self.watch_elsewhere(&program, &deployed, target).await,
                Err(why) => died(why),
            },
            Err(CallError::NotWanted) => return End::Stopped(None),
            Err(error) => died(format!("deploy: {error}")),
        };
        if let End::Died { how, .. } = &end {
            tracing::warn!(
                instance = self.spec.id,
                how,
                "Instance is stopped before it is deployed again"
            );
            let handle = self.handle.take();
            if let Err(error) = program.stop(handle.as_deref()).await {
                tracing::warn!(instance = self.spec.id, %error, "A program could not stop an instance");
            }
            self.free_port();
        }
        end
    }

    /// Takes the endpoint for this instance alone: users of one release must not reach another by it.
    fn take(&mut self, deployed: &Deployed) -> Result<(), String> {
        self.free_port();
        let mut ports = self.shared.ports.lock().unwrap_or_else(PoisonError::into_inner);
        if !ports.insert(deployed.address.port()) {
            return Err(format!(
                "deploy: the endpoint {} belongs to another instance or listener",
                deployed.address
            ));
        }
        drop(ports);
        self.report.address = Some(deployed.address);
        self.handle.clone_from(&deployed.handle);
        self.report.starts += 1;
        self.report.health_failures = 0;
        self.publish();
        tracing::info!(instance = self.spec.id, address = %deployed.address, "Instance deployed");
        Ok(())
    }

    async fn watch_elsewhere(&mut self, program: &Program, deployed: &Deployed, target: &ExecTarget) -> End {
        let question = HealthQuestion::of(&self.spec);
        let started = Instant::now();
        let mut healthy_since: Option<Instant> = None;
        let mut check = Box::pin(check_health(Duration::ZERO, deployed.address, question.clone()));
        let mut asking = Box::pin(ask(program, deployed, target));
        let how = loop {
            tokio::select! {
                () = stop_wanted(self.stopping.clone()) => return End::Stopped(None),
                healthy = &mut check => {
                    let every = self.note_health(healthy, started, &mut healthy_since);
                    check = Box::pin(check_health(every, deployed.address, question.clone()));
                    if self.report.health_failures >= HEALTH_FAILURES_MAX {
                        break format!("no health for {HEALTH_FAILURES_MAX} s");
                    }
                    if healthy_since.is_none() && !self.proven_now() && started.elapsed() >= START_MAX {
                        break format!("not healthy {} s after its deployment", START_MAX.as_secs());
                    }
                }
                said = &mut asking => {
                    asking = Box::pin(ask(program, deployed, target));
                    match said {
                        Ok(same) if same == *deployed => {}
                        Ok(other) => break differs(&other, deployed),
                        Err(CallError::NotOk { message }) => break format!("status: {message}"),
                        // Nothing was learned; whether it serves, the health checks say.
                        Err(error) => {
                            tracing::warn!(instance = self.spec.id, %error, "A program could not say how an instance is");
                        }
                    }
                }
            }
        };
        End::Died {
            how,
            out_of_memory: false,
            health: healthy_since.map_or(Duration::ZERO, |since| since.elapsed()),
        }
    }

    /// Asks for the instance to be gone until the program says so: what was not stopped must not be taken for stopped.
    pub(super) async fn stop_elsewhere(&mut self, target: &ExecTarget) -> Option<Stopped> {
        if !record_path(&self.shared.state, &self.spec.id).exists() {
            return None;
        }
        let began = Instant::now();
        self.set(InstanceState::Stopping);
        let program = Program::new(&self.spec, target, &self.shared.launcher);
        let mut waits = BackOff::of_an_app();
        let mut tries = 0;
        loop {
            tries += 1;
            match program.stop(self.handle.as_deref()).await {
                Ok(()) => break,
                Err(error) => {
                    tracing::error!(instance = self.spec.id, %error, tries, "An instance could not be stopped");
                }
            }
            if self.shared.ending.load(Ordering::Relaxed) && STOPS_AT_THE_END_MAX <= tries {
                // It stays recorded, and is stopped at the next start.
                return None;
            }
            tokio::time::sleep(waits.after(Duration::ZERO)).await;
        }
        tracing::info!(instance = self.spec.id, "Instance stopped");
        if let Err(error) = forget(&self.shared.state, &self.spec.id) {
            tracing::warn!(instance = self.spec.id, %error, "An instance's record could not be removed");
        }
        Some(Stopped {
            id: self.spec.id.clone(),
            how: "its exec target said ok".to_owned(),
            took: Span(u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX)),
            killed: false,
        })
    }
}

/// What the report says of limits: nobody is to take them for held.
pub(super) fn limits(target: &ExecTarget) -> Vec<String> {
    let program = target.exec.first().map_or("", String::as_str);
    ["memory", "cpu", "open files"]
        .map(|what| format!("{what}: handed to `{program}`, not enforced by safeguard"))
        .to_vec()
}

async fn ask(program: &Program, deployed: &Deployed, target: &ExecTarget) -> Result<Deployed, CallError> {
    tokio::time::sleep(target.status_every.into()).await;
    program.status(deployed).await
}

fn differs(other: &Deployed, before: &Deployed) -> String {
    let shown = |deployed: &Deployed| match &deployed.handle {
        Some(handle) => format!("{} `{handle}`", deployed.address),
        None => deployed.address.to_string(),
    };
    format!(
        "status: {} for an idempotency key that was answered with {} before",
        shown(other),
        shown(before)
    )
}

/// Which instances may run elsewhere, each in a file: the supervisor's memory across its own end.
fn record_path(state: &Path, id: &str) -> PathBuf {
    state.join("elsewhere").join(format!("{id}.json"))
}

fn record(state: &Path, spec: &InstanceSpec) -> io::Result<()> {
    let path = record_path(state, &spec.id);
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let beside = path.with_extension("new");
    std::fs::write(&beside, serde_json::to_vec(spec)?)?;
    std::fs::rename(beside, path)
}

fn forget(state: &Path, id: &str) -> io::Result<()> {
    std::fs::remove_file(record_path(state, id))
}

/// What was recorded and not stopped before the supervisor began.
pub(crate) fn recorded(state: &Path) -> Vec<InstanceSpec> {
    let files = match std::fs::read_dir(state.join("elsewhere")) {
        Ok(files) => files,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
        Err(error) => {
            tracing::error!(%error, "The records of instances can not be read");
            return Vec::new();
        }
    };
    let paths = files.filter_map(|file| file.ok().map(|file| file.path()));
    let records = paths.filter(|path| path.extension().is_some_and(|extension| extension == "json"));
    records
        .filter_map(|path| {
            let read = std::fs::read(&path).map_err(|error| error.to_string());
            let spec =
                read.and_then(|bytes| serde_json::from_slice(&bytes).map_err(|error| error.to_string()));
            spec.inspect_err(
                |error| tracing::error!(path = %path.display(), error, "A record can not be read"),
            )
            .ok()
        })
        .collect()
}
