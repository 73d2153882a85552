//! The router and the backend as processes of their own, so that each can have a core; and the way to talk to the router.

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use safeguard_api::config::{JudgePolicy, RouterLimits, TrafficSettings, UserKey};
use safeguard_api::id::ReleaseId;
use safeguard_api::stage::{Environment, Percent};
use safeguard_api::time::Span;
use safeguard_api::traffic::{
    Arm, Candidate, Endpoint, Route, RouterAnswer, RouterCall, RouterReport, TrafficTable,
};
use safeguard_dataplane::{ListenerSettings, RouterSettings};
use safeguard_link::Link;
use tokio::runtime::Builder;

use crate::backend::Backend;
use crate::load::USER_COOKIE;
use crate::processes::{Running, free_address, until};

const CALL_LONGEST: Duration = Duration::from_secs(5);
/// The child's list of listeners, in its folder.
const LISTENERS: &str = "listeners.json";

/// Role of a child: the router alone, on one thread.
pub fn router(folder: &Path) -> anyhow::Result<()> {
    let addresses: BTreeMap<String, SocketAddr> =
        serde_json::from_slice(&std::fs::read(folder.join(LISTENERS))?)?;
    let listeners = addresses
        .into_iter()
        .map(|(name, address)| {
            Ok(ListenerSettings {
                name,
                socket: TcpListener::bind(address)?,
                traffic: TrafficSettings::default(),
                tls: None,
            })
        })
        .collect::<std::io::Result<Vec<_>>>()?;
    let settings = RouterSettings {
        listeners,
        control: control(folder),
        state: folder.to_owned(),
        supervisor: None,
        limits: RouterLimits::default(),
        injection: None,
        drain_longest: Duration::from_secs(10),
    };
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(safeguard_dataplane::run(settings, terminated()))?;
    Ok(())
}

async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        // Without the signal the parent kills it.
        Err(_) => std::future::pending().await,
    }
}

/// Role of a child: a backend that always answers well.
pub fn backend(address: SocketAddr) -> anyhow::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        Backend::new("Hello, world!").spawn(address).await?;
        terminated().await;
        Ok(())
    })
}

fn control(folder: &Path) -> PathBuf {
    folder.join("router.sock")
}

/// A running router with one route for each service.
pub struct Router {
    // Fields are dropped in order: the process ends before its folder goes.
    process: Running,
    link: Link,
    generation: u64,
    /// One for each service, in the order of their names.
    pub addresses: Vec<SocketAddr>,
    _folder: tempfile::TempDir,
}

/// The candidate's part of a route.
#[derive(Debug, Clone)]
pub struct Share {
    pub release: ReleaseId,
    pub address: SocketAddr,
    pub weight: u8,
    pub epoch: u32,
    pub judged: bool,
}

impl Router {
    pub async fn start(core: usize, services: usize) -> anyhow::Result<Router> {
        let folder = tempfile::tempdir()?;
        let mut named = BTreeMap::new();
        for service in 0..services {
            named.insert(format!("{}.production", service_name(service)), free_address()?);
        }
        std::fs::write(folder.path().join(LISTENERS), serde_json::to_vec(&named)?)?;
        let path = folder
            .path()
            .to_str()
            .context("the temporary folder's path is not text")?;
        let mut process = Running::role(core, "router", &[path])?;
        let addresses: Vec<SocketAddr> = named.into_values().collect();
        for address in &addresses {
            process.wait_for(*address)?;
        }
        until(CALL_LONGEST, || Ok(control(folder.path()).exists()))?;
        let link = Link::new(control(folder.path()));
        Ok(Router {
            process,
            link,
            generation: 0,
            addresses,
            _folder: folder,
        })
    }

    pub fn process(&self) -> &Running {
        &self.process
    }

    /// Puts a table in force, one entry for each service: stable's address, and the candidate if there is one.
    pub async fn apply(&mut self, arms: &[(SocketAddr, Option<Share>)]) -> anyhow::Result<RouterReport> {
        self.generation += 1;
        let routes = arms
            .iter()
            .enumerate()
            .map(|(service, (stable, share))| {
                Ok(Route {
                    service: service_name(service).parse()?,
                    environment: Environment::Production,
                    user_key: UserKey {
                        cookie: Some(USER_COOKIE.to_owned()),
                        header: None,
                    },
                    stable: Some(arm(ReleaseId::new(1, service as u32), *stable)),
                    candidate: share.clone().map(candidate).transpose()?,
                    testers: Vec::new(),
                })
            })
            .collect::<anyhow::Result<Vec<Route>>>()?;
        let table = TrafficTable {
            generation: self.generation,
            lease: Span::hours(1),
            routes,
        };
        self.call(&RouterCall::Apply { table }).await
    }

    pub async fn report(&mut self) -> anyhow::Result<RouterReport> {
        self.call(&RouterCall::Report).await
    }

    async fn call(&mut self, call: &RouterCall) -> anyhow::Result<RouterReport> {
        match self.link.call::<_, RouterAnswer>(call, CALL_LONGEST).await? {
            RouterAnswer::Report(report) => Ok(report),
            RouterAnswer::Journal { .. } => bail!("the router answered another question"),
            RouterAnswer::Refused { why } => bail!("the router refused: {why}"),
        }
    }
}

fn service_name(service: usize) -> String {
    format!("service-{service:02}")
}

fn arm(release: ReleaseId, address: SocketAddr) -> Arm {
    let instance = format!("instance-of-{release}");
    Arm {
        release,
        version: "1".to_owned(),
        endpoints: vec![Endpoint { instance, address }],
    }
}

fn candidate(share: Share) -> anyhow::Result<Candidate> {
    Ok(Candidate {
        salt: share.release.to_string(),
        arm: arm(share.release, share.address),
        weight: Percent::try_from(share.weight)?,
        epoch: share.epoch,
        journal_seen: u64::MAX,
        judged: share.judged,
        observe: false,
        judge: JudgePolicy {
            warm_up: Span(0),
            ..JudgePolicy::default()
        },
    })
}
