//! The supervisor: owns the listening sockets, the apps, and the server and router beside them.
//!
//! It is small so that it need not be restarted: what it owns outlives its children.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fs::{self, File, TryLockError};
use std::io;
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use safeguard_api::instance::{
    InstanceSpec, Role, Stopped, SupervisorAnswer, SupervisorCall, SupervisorReport,
};
use safeguard_link::Answer;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;

use crate::cgroup::Cgroups;
use crate::instance::{Instance, Shared, recorded};
use crate::roles::Keeper;
use crate::usage;

/// Instances that can be wanted at once.
pub const INSTANCES_MAX: usize = 256;
/// The environment variable by which the server and the router find the supervisor's socket.
pub const SOCKET_VARIABLE: &str = "SAFEGUARD_SUPERVISOR";
const CALLS_QUEUED_MAX: usize = 16;
const STOPPED_KEPT_MAX: usize = 64;

pub struct SupervisorSettings {
    /// Where the supervisor answers.
    pub socket: PathBuf,
    /// Logs and the lock lie here; it is made when missing.
    pub state: PathBuf,
    /// Role, name and socket, in the order in which they are handed out.
    pub listeners: Vec<(Role, String, TcpListener)>,
    /// The roles to keep running, in the order in which they are stopped, each with program and arguments.
    pub roles: Vec<(Role, Vec<String>)>,
    /// Program and arguments that end in [`crate::launch::launch`], such as `safeguard launch`.
    pub launcher: Vec<String>,
    pub limits: LimitsBy,
}

/// What holds the limits of memory and CPU.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LimitsBy {
    /// Control groups where they can be made, otherwise sampling.
    BestAvailable,
    Sampling,
}

/// Why the supervisor could not run.
#[derive(Debug, thiserror::Error)]
pub enum SupervisorError {
    #[error("another supervisor runs on `{}`", path.display())]
    AlreadyRunning { path: PathBuf },
    #[error("cannot use the folder `{}`", path.display())]
    State {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot answer at `{}`", path.display())]
    Socket {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// Runs until `shutdown`, then stops the roles in their order and after them the apps.
///
/// To be called on a thread that lives as long as the process, such as the main thread with a runtime of one thread:
/// the kernel takes the children along with the *thread* that started them.
///
/// # Errors
/// When the state folder or the socket can not be used; nothing has been started then.
pub async fn run(
    settings: SupervisorSettings,
    shutdown: impl Future<Output = ()>,
) -> Result<(), SupervisorError> {
    let _lock = lock(&settings.state)?;
    let listener = safeguard_link::bind(&settings.socket).map_err(|source| SupervisorError::Socket {
        path: settings.socket.clone(),
        source,
    })?;
    let (publish, sampled) = watch::channel(usage::UsageByGroup::default());
    let sampler = tokio::spawn(usage::sample(publish));
    let cgroups = match settings.limits {
        LimitsBy::BestAvailable => Cgroups::find(),
        LimitsBy::Sampling => Cgroups::default(),
    };
    let (ask, mut asked) = mpsc::channel(CALLS_QUEUED_MAX);
    let server = tokio::spawn(safeguard_link::serve(listener, move |call| {
        answer(ask.clone(), call)
    }));
    let variables = BTreeMap::from([(SOCKET_VARIABLE.to_owned(), settings.socket.display().to_string())]);
    let roles = settings
        .roles
        .into_iter()
        .map(|(role, argv)| Keeper::start(role, argv, settings.launcher.clone(), variables.clone()))
        .collect();
    let ports = settings
        .listeners
        .iter()
        .map(|(_, _, listener)| Ok(listener.local_addr()?.port()));
    let ports = ports
        .collect::<io::Result<BTreeSet<u16>>>()
        .map_err(|source| SupervisorError::Socket {
            path: settings.socket.clone(),
            source,
        })?;
    let left: BTreeMap<String, InstanceSpec> = recorded(&settings.state)
        .into_iter()
        .map(|spec| (spec.id.clone(), spec))
        .collect();
    let mut supervisor = Supervisor {
        left,
        shared: Arc::new(Shared {
            state: settings.state,
            launcher: settings.launcher,
            cgroups,
            usage: sampled,
            // An exec target must not send users to a listener of ours either.
            ports: Mutex::new(ports),
            ending: AtomicBool::new(false),
        }),
        listeners: settings.listeners,
        roles,
        generation: 0,
        wanted: BTreeMap::new(),
        instances: BTreeMap::new(),
        stopped: VecDeque::new(),
        tasks: JoinSet::new(),
    };
    let mut shutdown = std::pin::pin!(shutdown);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            Some((call, reply)) = asked.recv() => {
                let reply: oneshot::Sender<Answer<SupervisorAnswer>> = reply;
                if reply.send(supervisor.answer(call)).is_err() {
                    tracing::debug!("A caller did not wait for its answer");
                }
            }
            Some(ended) = supervisor.tasks.join_next() => supervisor.instance_ended(ended),
        }
    }
    server.abort();
    supervisor.stop().await;
    sampler.abort();
    fs::remove_file(&settings.socket).map_err(|source| SupervisorError::Socket {
        path: settings.socket.clone(),
        source,
    })
}

/// Takes the lock that keeps a second supervisor away: it would take over the socket of the first.
fn lock(state: &Path) -> Result<File, SupervisorError> {
    let failed = |source| SupervisorError::State {
        path: state.to_owned(),
        source,
    };
    fs::create_dir_all(state.join("logs")).map_err(failed)?;
    let file = File::create(state.join("supervisor.lock")).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(SupervisorError::AlreadyRunning {
            path: state.to_owned(),
        }),
        Err(TryLockError::Error(source)) => Err(failed(source)),
    }
}

type Asked = (SupervisorCall, oneshot::Sender<Answer<SupervisorAnswer>>);

async fn answer(ask: mpsc::Sender<Asked>, call: SupervisorCall) -> Answer<SupervisorAnswer> {
    let (reply, replied) = oneshot::channel();
    let refused = || {
        SupervisorAnswer::Refused {
            why: "the supervisor is stopping".to_owned(),
        }
        .into()
    };
    if ask.send((call, reply)).await.is_err() {
        return refused();
    }
    replied.await.unwrap_or_else(|_| refused())
}

struct Supervisor {
    /// What runs elsewhere since before this supervisor began, until it is told what is wanted.
    left: BTreeMap<String, InstanceSpec>,
    shared: Arc<Shared>,
    listeners: Vec<(Role, String, TcpListener)>,
    roles: Vec<Keeper>,
    generation: u64,
    wanted: BTreeMap<String, InstanceSpec>,
    /// Those that run or are still stopping.
    instances: BTreeMap<String, Instance>,
    stopped: VecDeque<Stopped>,
    tasks: JoinSet<(String, Option<Stopped>)>,
}

impl Supervisor {
    fn answer(&mut self, call: SupervisorCall) -> Answer<SupervisorAnswer> {
        let answered = match call {
            SupervisorCall::Listeners { role } => return self.hand_out(role),
            SupervisorCall::Apply {
                generation,
                instances,
            } => self.apply(generation, instances),
            SupervisorCall::Report => Ok(()),
        };
        match answered {
            Ok(()) => SupervisorAnswer::Report(self.report()).into(),
            Err(why) => {
                tracing::warn!(why, "Call refused");
                SupervisorAnswer::Refused { why }.into()
            }
        }
    }

    fn hand_out(&self, role: Role) -> Answer<SupervisorAnswer> {
        let own = self.listeners.iter().filter(|(owner, _, _)| *owner == role);
        let sockets: io::Result<Vec<OwnedFd>> = own
            .clone()
            .map(|(_, _, listener)| listener.as_fd().try_clone_to_owned())
            .collect();
        match sockets {
            Ok(sockets) => {
                let names = own.map(|(_, name, _)| name.clone()).collect();
                Answer {
                    message: SupervisorAnswer::Listeners { names },
                    sockets,
                }
            }
            Err(error) => SupervisorAnswer::Refused {
                why: format!("cannot duplicate a socket: {error}"),
            }
            .into(),
        }
    }

    fn apply(&mut self, generation: u64, specs: Vec<InstanceSpec>) -> Result<(), String> {
        if generation < self.generation {
            return Err(format!(
                "generation {generation} is older than {}",
                self.generation
            ));
        }
        if specs.len() > INSTANCES_MAX {
            return Err(format!("{} instances are more than {INSTANCES_MAX}", specs.len()));
        }
        let mut wanted = BTreeMap::new();
        for spec in specs {
            check(&spec)?;
            if let Some(twice) = wanted.insert(spec.id.clone(), spec) {
                return Err(format!("instance `{}` is named twice", twice.id));
            }
        }
        if generation == self.generation && generation != 0 && wanted != self.wanted {
            return Err(format!("generation {generation} was something else before"));
        }
        self.generation = generation;
        self.wanted = wanted;
        self.reconcile();
        Ok(())
    }

    /// Stops what is not wanted, or is wanted otherwise, and starts what is missing. An instance that is wanted
    /// otherwise starts when its old self is gone.
    fn reconcile(&mut self) {
        for (id, spec) in std::mem::take(&mut self.left) {
            if self.wanted.get(&id) != Some(&spec) && !self.instances.contains_key(&id) {
                tracing::warn!(
                    instance = id,
                    "An instance from before is not wanted and is stopped"
                );
                self.begin(spec, true);
            }
        }
        for (id, instance) in &self.instances {
            if self.wanted.get(id) != Some(&instance.spec) {
                instance.stop();
            }
        }
        let mut missing = Vec::new();
        for (id, spec) in &self.wanted {
            if !self.instances.contains_key(id) {
                missing.push(spec.clone());
            }
        }
        for spec in missing {
            self.begin(spec, false);
        }
    }

    fn begin(&mut self, spec: InstanceSpec, only_to_stop: bool) {
        let id = spec.id.clone();
        let (instance, task) = Instance::new(spec, self.shared.clone());
        if only_to_stop {
            instance.stop();
        }
        self.instances.insert(id.clone(), instance);
        self.tasks.spawn(async move { (id, task.await) });
    }

    fn instance_ended(&mut self, ended: Result<(String, Option<Stopped>), tokio::task::JoinError>) {
        match ended {
            Ok((id, stopped)) => {
                self.instances.remove(&id);
                if self.stopped.len() == STOPPED_KEPT_MAX {
                    self.stopped.pop_front();
                }
                self.stopped.extend(stopped);
                self.reconcile();
            }
            Err(error) => tracing::error!(%error, "An instance's task failed"),
        }
    }

    fn report(&self) -> SupervisorReport {
        SupervisorReport {
            generation: self.generation,
            pid: std::process::id(),
            roles: self.roles.iter().map(Keeper::report).collect(),
            instances: self.instances.values().map(Instance::report).collect(),
            stopped: self.stopped.iter().cloned().collect(),
        }
    }

    async fn stop(mut self) {
        for role in self.roles {
            role.stop().await;
        }
        self.shared.ending.store(true, Ordering::Relaxed);
        for instance in self.instances.values() {
            instance.stop();
        }
        while self.tasks.join_next().await.is_some() {}
    }
}

/// The id becomes the name of files, so it must not lead anywhere else.
fn check(spec: &InstanceSpec) -> Result<(), String> {
    let id_fits = (1..=128).contains(&spec.id.len())
        && spec
            .id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    let path_fits = spec.health_path.starts_with('/')
        && spec.health_path.len() <= 1024
        && spec.health_path.bytes().all(|byte| byte.is_ascii_graphic());
    if !id_fits {
        Err(format!(
            "`{}` is not the id of an instance",
            spec.id.escape_debug()
        ))
    } else if !path_fits {
        Err(format!("instance `{}`: the health path is not a path", spec.id))
    } else if !spec.root.is_absolute() {
        Err(format!(
            "instance `{}`: its root is not an absolute path",
            spec.id
        ))
    } else if spec.limits.memory_bytes_max < 1 << 20
        || spec.limits.cpu_percent_max == 0
        || spec.limits.open_files_max < 16
    {
        Err(format!(
            "instance `{}`: a limit is too small to start anything",
            spec.id
        ))
    } else {
        Ok(())
    }
}
