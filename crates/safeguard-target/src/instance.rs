//! One instance of a version: one task that owns its process, watches it, starts it again, and publishes its state.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use safeguard_api::instance::{Exit, InstanceReport, InstanceSpec, InstanceState, Stopped};
use safeguard_api::{Span, Timestamp};
use tokio::net::unix::pipe::Receiver;
use tokio::sync::watch;
use tokio::time::Instant;

mod elsewhere;
mod program;

pub(crate) use elsewhere::recorded;
use program::{check, check_artifact};

use crate::backoff::BackOff;
use crate::cgroup::{Cgroups, InstanceCgroup};
use crate::health::{HealthQuestion, is_healthy};
use crate::launch::{LaunchEnvironment, LaunchSpec};
use crate::log::{copy_to_log, log_path, log_tail};
use crate::process::{GroupLeader, Output, how};
use crate::usage::{CpuWindow, Usage, UsageByGroup};

const EXITS_MAX: usize = 16;
const HEALTH_EVERY: Duration = Duration::from_secs(1);
const HEALTH_EVERY_STARTING: Duration = Duration::from_millis(100);
/// Failures in a row after which an instance is unhealthy, and after which it is started again.
const HEALTH_FAILURES_UNHEALTHY: u32 = 3;
const HEALTH_FAILURES_MAX: u32 = 30;
const START_MAX: Duration = Duration::from_secs(60);
const LAST_LINES: usize = 10;
const PORT_ATTEMPTS_MAX: u32 = 64;

/// What all instances share.
pub(crate) struct Shared {
    pub state: PathBuf,
    pub launcher: Vec<String>,
    pub cgroups: Cgroups,
    pub usage: watch::Receiver<UsageByGroup>,
    /// Ports given to instances: no two have the same one. Held for a few instructions, never across an await.
    pub ports: Mutex<BTreeSet<u16>>,
    /// The supervisor is on its way out.
    pub ending: AtomicBool,
}

/// A handle to the task of one instance.
pub(crate) struct Instance {
    pub spec: InstanceSpec,
    report: watch::Receiver<InstanceReport>,
    stop: watch::Sender<bool>,
}

impl Instance {
    /// Returns the handle and the task, which ends after [`Instance::stop`] when nothing of the instance runs any more,
    /// and says how it ended if it ran until then.
    pub fn new(
        spec: InstanceSpec,
        shared: Arc<Shared>,
    ) -> (Instance, impl Future<Output = Option<Stopped>> + Send + 'static) {
        let report = InstanceReport {
            id: spec.id.clone(),
            service: spec.service.clone(),
            environment: spec.environment,
            release: spec.release.clone(),
            state: InstanceState::Starting,
            pid: None,
            address: None,
            starts: 0,
            exits: Vec::new(),
            health_failures: 0,
            memory_bytes: 0,
            cpu_ms: 0,
            limits: Vec::new(),
        };
        let (publish, watched) = watch::channel(report.clone());
        let (stop, stopping) = watch::channel(false);
        let task = Task {
            cgroup: shared.cgroups.create(&spec.id, &spec.limits),
            spec: spec.clone(),
            shared,
            report,
            publish,
            stopping,
            proven_port: false,
            handle: None,
        };
        (
            Instance {
                spec,
                report: watched,
                stop,
            },
            task.run(),
        )
    }

    pub fn report(&self) -> InstanceReport {
        self.report.borrow().clone()
    }

    pub fn stop(&self) {
        self.stop.send_replace(true);
    }
}

struct Task {
    spec: InstanceSpec,
    shared: Arc<Shared>,
    cgroup: InstanceCgroup,
    report: InstanceReport,
    publish: watch::Sender<InstanceReport>,
    stopping: watch::Receiver<bool>,
    /// Whether the instance has been healthy on its port. Until then somebody else may have taken the port before the
    /// app could, and the next start gets another one.
    proven_port: bool,
    /// What an exec target calls the instance.
    handle: Option<String>,
}

/// How one life of the process ended.
enum End {
    /// Because nobody wants it; none when it did not run at that moment.
    Stopped(Option<Stopped>),
    Refused(String),
    Died {
        how: String,
        out_of_memory: bool,
        health: Duration,
    },
}

impl Task {
    async fn run(mut self) -> Option<Stopped> {
        let target = self.spec.target.clone();
        self.report.limits = match &target {
            None => self.cgroup.in_force(&self.spec.limits),
            Some(target) => elsewhere::limits(target),
        };
        let mut waits = BackOff::of_an_app();
        let stopped = loop {
            // What was recorded before the supervisor began may only have to be stopped.
            if *self.stopping.borrow() {
                break None;
            }
            let end = match &target {
                None => self.live().await,
                Some(target) => self.live_elsewhere(target).await,
            };
            match end {
                End::Stopped(stopped) => break stopped,
                End::Refused(why) => {
                    tracing::error!(instance = self.spec.id, why, "Instance refused");
                    self.set(InstanceState::Refused { why });
                    self.stop_wanted().await;
                    break None;
                }
                End::Died {
                    how,
                    out_of_memory,
                    health,
                } => {
                    let wait = waits.after(health);
                    self.note_exit(how, out_of_memory, wait);
                    tokio::select! {
                        () = tokio::time::sleep(wait) => {}
                        () = stop_wanted(self.stopping.clone()) => break None,
                    }
                }
            }
        };
        let stopped = match &target {
            Some(target) => self.stop_elsewhere(target).await,
            None => stopped,
        };
        self.free_port();
        self.cgroup.kill();
        self.cgroup.remove().await;
        stopped
    }

    /// Starts the process and watches it until it ends.
    async fn live(&mut self) -> End {
        self.set(InstanceState::Starting);
        let (spec, stopping) = (self.spec.clone(), self.stopping.clone());
        let checked = tokio::select! {
            checked = tokio::task::spawn_blocking(move || check(&spec)) => checked,
            () = stop_wanted(stopping) => return End::Stopped(None),
        };
        let program = match checked {
            Ok(Ok(program)) => program,
            Ok(Err(why)) => return End::Refused(why),
            Err(error) => return died(format!("cannot check the artifact: {error}")),
        };
        let oom_kills = self.cgroup.oom_kills();
        let (mut process, log, address) = match self.start(program) {
            Ok(started) => started,
            Err(error) => return died(format!("cannot start: {error}")),
        };
        let end = self.watch(&mut process, address).await;
        // The pipe closes with its last writer; a process that escaped from its group must not keep the log's task.
        self.cgroup.kill();
        let copying = log.abort_handle();
        if tokio::time::timeout(Duration::from_millis(500), log)
            .await
            .is_err()
        {
            copying.abort();
        }
        match end {
            End::Died {
                how,
                out_of_memory,
                health,
            } => {
                let killed = matches!((oom_kills, self.cgroup.oom_kills()), (Some(before), Some(after)) if before < after);
                End::Died {
                    how,
                    out_of_memory: out_of_memory || killed,
                    health,
                }
            }
            other => other,
        }
    }

    fn start(
        &mut self,
        program: PathBuf,
    ) -> io::Result<(GroupLeader, tokio::task::JoinHandle<()>, SocketAddr)> {
        let address = self.choose_address()?;
        let (reader, writer) = io::pipe()?;
        let launch = LaunchSpec {
            parent: std::process::id(),
            program,
            arguments: self.spec.command.iter().skip(1).cloned().collect(),
            folder: Some(self.spec.root.clone()),
            environment: LaunchEnvironment::Only(self.variables(address)),
            open_files_max: Some(self.spec.limits.open_files_max),
            cgroups: self.cgroup.folders(),
        };
        let receiver = Receiver::from_owned_fd(reader.into())?;
        let process = GroupLeader::start(&self.shared.launcher, &launch, Output::To(writer))?;
        let log = tokio::spawn(copy_to_log(receiver, log_path(&self.shared.state, &self.spec.id)));
        self.report.starts += 1;
        self.report.pid = Some(process.id());
        self.report.address = Some(address);
        self.report.health_failures = 0;
        self.publish();
        tracing::info!(instance = self.spec.id, pid = process.id(), %address, "Instance started");
        Ok((process, log, address))
    }

    async fn watch(&mut self, process: &mut GroupLeader, address: SocketAddr) -> End {
        let question = HealthQuestion::of(&self.spec);
        let started = Instant::now();
        let mut healthy_since: Option<Instant> = None;
        let mut usage = self.shared.usage.clone();
        let mut cpu = CpuWindow::new(started);
        let mut check = Box::pin(check_health(Duration::ZERO, address, question.clone()));
        let over = loop {
            tokio::select! {
                status = process.ended() => {
                    let health = healthy_since.map_or(Duration::ZERO, |since| since.elapsed());
                    return End::Died { how: how(status), out_of_memory: false, health };
                }
                () = stop_wanted(self.stopping.clone()) => {
                    self.set(InstanceState::Stopping);
                    let begun = Instant::now();
                    let stop = process.stop(self.spec.stop_grace.into()).await;
                    let (how, took) = (how(stop.status), begun.elapsed());
                    tracing::info!(instance = self.spec.id, how, killed = stop.killed, "Instance stopped");
                    return End::Stopped(Some(Stopped {
                        id: self.spec.id.clone(),
                        how,
                        took: Span(u64::try_from(took.as_millis()).unwrap_or(u64::MAX)),
                        killed: stop.killed,
                    }));
                }
                healthy = &mut check => {
                    let every = self.note_health(healthy, started, &mut healthy_since);
                    check = Box::pin(check_health(every, address, question.clone()));
                    if self.report.health_failures >= HEALTH_FAILURES_MAX {
                        break format!("no health for {HEALTH_FAILURES_MAX} s");
                    }
                    if healthy_since.is_none() && !self.proven_now() && started.elapsed() >= START_MAX {
                        break format!("not healthy {} s after its start", START_MAX.as_secs());
                    }
                }
                Ok(()) = usage.changed() => {
                    let used = usage.borrow_and_update().get(&process.id()).copied().unwrap_or_default();
                    if let Some(over) = self.note_usage(used, &mut cpu) {
                        break over;
                    }
                }
            }
        };
        process.kill();
        let status = process.ended().await;
        tracing::warn!(
            instance = self.spec.id,
            over,
            how = how(status),
            "Instance killed"
        );
        let health = healthy_since.map_or(Duration::ZERO, |since| since.elapsed());
        End::Died {
            out_of_memory: over.starts_with(OVER_MEMORY),
            how: over,
            health,
        }
    }

    /// Whether it has been healthy in this life: then its failures count, not its time to start.
    fn proven_now(&self) -> bool {
        !matches!(self.report.state, InstanceState::Starting)
    }

    /// Takes note of a health check and returns the time to the next.
    fn note_health(&mut self, healthy: bool, started: Instant, since: &mut Option<Instant>) -> Duration {
        match (healthy, self.proven_now()) {
            (true, _) => {
                self.report.health_failures = 0;
                if !matches!(self.report.state, InstanceState::Healthy { .. }) {
                    self.proven_port = true;
                    *since = Some(Instant::now());
                    tracing::info!(
                        instance = self.spec.id,
                        ms = started.elapsed().as_millis(),
                        "Instance healthy"
                    );
                    self.set(InstanceState::Healthy { since: now() });
                } else {
                    self.publish();
                }
                HEALTH_EVERY
            }
            (false, false) => HEALTH_EVERY_STARTING,
            (false, true) => {
                self.report.health_failures += 1;
                if self.report.health_failures == HEALTH_FAILURES_UNHEALTHY {
                    *since = None;
                    tracing::warn!(instance = self.spec.id, "Instance unhealthy");
                    self.set(InstanceState::Unhealthy);
                } else {
                    self.publish();
                }
                HEALTH_EVERY
            }
        }
    }

    /// Takes note of what the process group uses; returns what it uses too much, where no control group holds it.
    fn note_usage(&mut self, used: Usage, cpu: &mut CpuWindow) -> Option<String> {
        self.report.memory_bytes = used.memory_bytes;
        self.report.cpu_ms = used.cpu_ms;
        self.publish();
        let limits = &self.spec.limits;
        if !self.cgroup.limits_memory() && used.memory_bytes > limits.memory_bytes_max {
            let (used, limit) = (used.memory_bytes >> 20, limits.memory_bytes_max >> 20);
            return Some(format!("{OVER_MEMORY}: {used} MiB of {limit} MiB"));
        }
        let percent = cpu.percent(used.cpu_ms)?;
        let limit = limits.cpu_percent_max;
        (!self.cgroup.limits_cpu() && percent > u64::from(limit))
            .then(|| format!("over its CPU limit: {percent} % of {limit} % of a core"))
    }

    fn note_exit(&mut self, how: String, out_of_memory: bool, wait: Duration) {
        if matches!(self.report.state, InstanceState::Starting) {
            let lines = log_tail(&self.shared.state, &self.spec.id, LAST_LINES)
                .unwrap_or_else(|error| vec![error.to_string()]);
            tracing::warn!(
                instance = self.spec.id,
                how,
                last_lines = lines.join("\n"),
                "Instance did not start"
            );
        } else {
            tracing::warn!(instance = self.spec.id, how, out_of_memory, "Instance ended");
        }
        if self.report.exits.len() == EXITS_MAX {
            self.report.exits.remove(0);
        }
        let at = now();
        self.report.exits.push(Exit {
            at,
            how,
            out_of_memory,
        });
        let wait = Span(u64::try_from(wait.as_millis()).unwrap_or(u64::MAX));
        self.set(InstanceState::BackOff { until: at.plus(wait) });
    }

    fn variables(&self, address: SocketAddr) -> BTreeMap<String, String> {
        let mut variables = self.spec.variables.clone();
        variables.insert("PORT".to_owned(), address.port().to_string());
        variables.insert("HOST".to_owned(), address.ip().to_string());
        variables.insert(
            "SAFEGUARD_ENVIRONMENT".to_owned(),
            self.spec.environment.as_str().to_owned(),
        );
        variables.insert("SAFEGUARD_RELEASE".to_owned(), self.spec.release.to_string());
        if let Ok(path) = std::env::var("PATH") {
            variables.entry("PATH".to_owned()).or_insert(path);
        }
        variables
    }

    fn choose_address(&mut self) -> io::Result<SocketAddr> {
        match self.report.address {
            Some(address) if self.proven_port => return Ok(address),
            Some(_) | None => self.free_port(),
        }
        for _ in 0..PORT_ATTEMPTS_MAX {
            let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
            if self
                .shared
                .ports
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(address.port())
            {
                self.report.address = Some(address);
                return Ok(address);
            }
        }
        Err(io::Error::new(io::ErrorKind::AddrInUse, "no free port was found"))
    }

    fn free_port(&mut self) {
        if let Some(address) = self.report.address.take() {
            self.shared
                .ports
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&address.port());
        }
    }

    fn set(&mut self, state: InstanceState) {
        if !matches!(
            state,
            InstanceState::Healthy { .. } | InstanceState::Unhealthy | InstanceState::Stopping
        ) {
            self.report.pid = None;
            self.report.memory_bytes = 0;
        }
        self.report.state = state;
        self.publish();
    }

    fn publish(&self) {
        self.publish.send_replace(self.report.clone());
    }

    async fn stop_wanted(&self) {
        stop_wanted(self.stopping.clone()).await;
    }
}

const OVER_MEMORY: &str = "over its memory limit";

pub(crate) fn now() -> Timestamp {
    // A clock before 1970 is set wrongly; the states that carry a time do not depend on it.
    let since_1970 = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    Timestamp(since_1970.map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX)))
}

/// Waits until a stop is wanted; that nobody could want it any more counts as well.
pub(crate) async fn stop_wanted(mut stopping: watch::Receiver<bool>) {
    if stopping.wait_for(|stop| *stop).await.is_err() {
        tracing::debug!("The owner of a task is gone");
    }
}

async fn check_health(after: Duration, address: SocketAddr, question: HealthQuestion) -> bool {
    tokio::time::sleep(after).await;
    is_healthy(address, &question).await
}

fn died(how: String) -> End {
    End::Died {
        how,
        out_of_memory: false,
        health: Duration::ZERO,
    }
}
