//! The server and the router as the supervisor's children: started again whenever they end.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use safeguard_api::instance::{Role, RoleReport};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::backoff::BackOff;
use crate::instance::stop_wanted;
use crate::launch::{LaunchEnvironment, LaunchSpec};
use crate::process::{GroupLeader, Output, how};

/// How long a role may take to end after SIGTERM.
const STOP_GRACE: Duration = Duration::from_secs(10);

/// The task that keeps one role running.
pub(crate) struct Keeper {
    pub role: Role,
    report: watch::Receiver<RoleReport>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Keeper {
    pub fn start(
        role: Role,
        argv: Vec<String>,
        launcher: Vec<String>,
        variables: BTreeMap<String, String>,
    ) -> Keeper {
        let (publish, report) = watch::channel(RoleReport {
            role,
            pid: None,
            restarts: 0,
        });
        let (stop, stopping) = watch::channel(false);
        let task = tokio::spawn(keep(argv, launcher, variables, publish, stopping));
        Keeper {
            role,
            report,
            stop,
            task,
        }
    }

    pub fn report(&self) -> RoleReport {
        self.report.borrow().clone()
    }

    pub async fn stop(self) {
        self.stop.send_replace(true);
        if let Err(error) = self.task.await {
            tracing::error!(role = ?self.role, %error, "A role's task failed");
        }
    }
}

async fn keep(
    argv: Vec<String>,
    launcher: Vec<String>,
    variables: BTreeMap<String, String>,
    publish: watch::Sender<RoleReport>,
    stopping: watch::Receiver<bool>,
) {
    let role = publish.borrow().role;
    let Some((program, arguments)) = argv.split_first() else {
        tracing::error!(?role, "No command is set");
        return;
    };
    let mut waits = BackOff::of_a_role();
    loop {
        let spec = LaunchSpec {
            parent: std::process::id(),
            program: PathBuf::from(program),
            arguments: arguments.to_vec(),
            folder: None,
            environment: LaunchEnvironment::InheritedAnd(variables.clone()),
            open_files_max: None,
            cgroups: Vec::new(),
        };
        let started = Instant::now();
        match GroupLeader::start(&launcher, &spec, Output::Inherited) {
            Ok(mut process) => {
                publish.send_modify(|report| report.pid = Some(process.id()));
                tracing::info!(?role, pid = process.id(), "Role started");
                tokio::select! {
                    status = process.ended() => tracing::warn!(?role, how = how(status), "Role ended"),
                    () = stop_wanted(stopping.clone()) => {
                        let stop = process.stop(STOP_GRACE).await;
                        tracing::info!(?role, how = how(stop.status), "Role stopped");
                        return;
                    }
                }
            }
            Err(error) => tracing::error!(?role, %error, "Cannot start a role"),
        }
        publish.send_modify(|report| report.pid = None);
        tokio::select! {
            () = tokio::time::sleep(waits.after(started.elapsed())) => {}
            () = stop_wanted(stopping.clone()) => return,
        }
        publish.send_modify(|report| report.restarts += 1);
    }
}
