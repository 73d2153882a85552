//! The step between the supervisor and what it starts: the own program, started again, prepares itself and becomes
//! the app. What happens between fork and exec needs `unsafe` elsewhere; here it is an ordinary program.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::Command;

use rustix::process::{Resource, Rlimit, Signal};
use serde::{Deserialize, Serialize};

/// The environment variable with the [`LaunchSpec`]. Arguments can be read by every user of the machine, the environment
/// only by its owner, and an app's variables may hold secrets.
pub const SPEC_VARIABLE: &str = "SAFEGUARD_LAUNCH";

/// What the launcher prepares and becomes.
#[derive(Debug, Serialize, Deserialize)]
pub struct LaunchSpec {
    /// The supervisor; when it is gone, so is what is started here.
    pub parent: u32,
    pub program: PathBuf,
    pub arguments: Vec<String>,
    #[serde(default)]
    pub folder: Option<PathBuf>,
    pub environment: LaunchEnvironment,
    #[serde(default)]
    pub open_files_max: Option<u64>,
    /// Folders of control groups to join.
    #[serde(default)]
    pub cgroups: Vec<PathBuf>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LaunchEnvironment {
    /// These alone.
    Only(BTreeMap<String, String>),
    /// The supervisor's own, and these.
    InheritedAnd(BTreeMap<String, String>),
}

/// Why the launcher did not become the app.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    #[error("the environment variable `SAFEGUARD_LAUNCH` is missing: only the supervisor calls this")]
    NoSpec,
    #[error("`SAFEGUARD_LAUNCH` can not be read")]
    Spec(#[source] serde_json::Error),
    #[error("the supervisor ended meanwhile")]
    NoParent,
    #[error("cannot set {what}")]
    Prepare {
        what: &'static str,
        #[source]
        source: io::Error,
    },
    #[error("cannot join the control group `{}`", path.display())]
    Cgroup {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot run `{}`", program.display())]
    Exec {
        program: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// Becomes what `SAFEGUARD_LAUNCH` describes; returns only when that fails.
#[must_use]
pub fn launch() -> LaunchError {
    match read_spec().and_then(|spec| prepare(&spec).map(|()| spec)) {
        Ok(spec) => become_it(spec),
        Err(error) => error,
    }
}

fn read_spec() -> Result<LaunchSpec, LaunchError> {
    let text = std::env::var(SPEC_VARIABLE).map_err(|_| LaunchError::NoSpec)?;
    serde_json::from_str(&text).map_err(LaunchError::Spec)
}

fn prepare(spec: &LaunchSpec) -> Result<(), LaunchError> {
    let failed = |what| {
        move |error: rustix::io::Errno| LaunchError::Prepare {
            what,
            source: error.into(),
        }
    };
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .map_err(failed("the signal at the supervisor's end"))?;
    // It may have ended before the signal was asked for.
    let parent = rustix::process::getppid().map(|pid| pid.as_raw_nonzero().get().cast_unsigned());
    if parent != Some(spec.parent) {
        return Err(LaunchError::NoParent);
    }
    for path in &spec.cgroups {
        std::fs::write(path.join("cgroup.procs"), std::process::id().to_string()).map_err(|source| {
            LaunchError::Cgroup {
                path: path.clone(),
                source,
            }
        })?;
    }
    if let Some(wanted) = spec.open_files_max {
        let hard = rustix::process::getrlimit(Resource::Nofile).maximum;
        let limit = hard.map_or(wanted, |hard| hard.min(wanted));
        let both = Rlimit {
            current: Some(limit),
            maximum: Some(limit),
        };
        rustix::process::setrlimit(Resource::Nofile, both).map_err(failed("the limit of open files"))?;
    }
    Ok(())
}

fn become_it(spec: LaunchSpec) -> LaunchError {
    let mut command = Command::new(&spec.program);
    command.args(&spec.arguments);
    if let Some(folder) = &spec.folder {
        command.current_dir(folder);
    }
    match spec.environment {
        LaunchEnvironment::Only(variables) => command.env_clear().envs(variables),
        LaunchEnvironment::InheritedAnd(variables) => command.env_remove(SPEC_VARIABLE).envs(variables),
    };
    LaunchError::Exec {
        program: spec.program,
        source: command.exec(),
    }
}
