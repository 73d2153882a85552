//! One proxy: its listener, what is behind it, and what all of its sessions share.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use safeguard_api::Environment;
use safeguard_api::config::{Mode, ProxyLimits};
use safeguard_api::guard::Principal;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::cancel::Cancels;
use super::judged::{FactsByText, Standing};
use super::login;
use super::scram::Verifier;
use super::told::Counters;
use super::upstream::Upstream;
use super::usage::Usages;
use super::{ProxyError, ProxySettings};
use crate::tls::{ALPN_POSTGRESQL, Certificate, trust};

/// After a failed accept, such as when no file descriptor is left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// The policy in force, for all proxies of a process.
#[derive(Debug)]
pub struct InForce(ArcSwap<Standing>);

impl InForce {
    #[must_use]
    pub fn new(standing: Standing) -> InForce {
        InForce(ArcSwap::from_pointee(standing))
    }

    /// Counts from the next statement on, also in sessions that are open.
    pub fn set(&self, standing: Standing) {
        self.0.store(Arc::new(standing));
    }

    pub(crate) fn load(&self) -> Arc<Standing> {
        self.0.load_full()
    }
}

pub struct Door {
    pub name: String,
    pub environment: Environment,
    /// Nothing is refused or measured; what would be is told.
    pub observes: bool,
    pub upstream: Upstream,
    pub limits: ProxyLimits,
    pub certificate: Option<Arc<Certificate>>,
    pub in_force: Arc<InForce>,
    pub texts: FactsByText,
    pub cancels: Arc<Cancels>,
    pub counters: Counters,
    pub usages: Usages,
    users: BTreeMap<String, (Principal, Verifier)>,
    mock_secret: [u8; 32],
    /// The first half of the names of decisions: another in each process.
    decisions: u32,
    decided: AtomicU64,
    sessions: AtomicUsize,
    stopping: AtomicBool,
    stopped: Arc<Notify>,
}

impl Door {
    pub fn new(settings: ProxySettings, in_force: Arc<InForce>) -> Result<(Door, TcpListener), ProxyError> {
        let ProxySettings {
            name,
            proxy,
            mode,
            socket,
            password,
        } = settings;
        let name = name.to_string();
        let mut users = BTreeMap::new();
        for (login, user) in proxy.users {
            let verifier = Verifier::parse(&user.verifier).ok_or_else(|| ProxyError::Verifier {
                name: name.clone(),
                login: login.clone(),
            })?;
            users.insert(login, (user.principal, verifier));
        }
        let authority = proxy.upstream.tls_authority.as_deref();
        let trusted = authority
            .map(trust)
            .transpose()
            .map_err(|source| ProxyError::Tls {
                name: name.clone(),
                source: Box::new(source),
            })?;
        let certificate = proxy.tls.map(|files| Certificate::load(files, ALPN_POSTGRESQL));
        let certificate = certificate.transpose().map_err(|source| ProxyError::Tls {
            name: name.clone(),
            source: Box::new(source),
        })?;
        let listener = socket
            .set_nonblocking(true)
            .and_then(|()| TcpListener::from_std(socket))
            .map_err(|source| ProxyError::Socket {
                name: name.clone(),
                source,
            })?;
        let mut mock_secret = [0; 32];
        getrandom::fill(&mut mock_secret).map_err(ProxyError::Random)?;
        let door = Door {
            name,
            environment: proxy.environment,
            observes: proxy.mode.unwrap_or(mode) == Mode::Observe,
            upstream: Upstream {
                settings: proxy.upstream,
                password,
                tls: trusted,
            },
            limits: proxy.limits,
            certificate: certificate.map(Arc::new),
            in_force,
            texts: FactsByText::default(),
            cancels: Arc::default(),
            counters: Counters::default(),
            usages: Usages::default(),
            users,
            mock_secret,
            decisions: getrandom::u32().map_err(ProxyError::Random)?,
            decided: AtomicU64::new(0),
            sessions: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
            stopped: Arc::default(),
        };
        Ok((door, listener))
    }

    /// The login of this name; a mock, and no principal, where there is none.
    pub fn user(&self, login: &str) -> Option<(Option<Principal>, Verifier)> {
        if let Some((principal, verifier)) = self.users.get(login) {
            return Some((Some(*principal), verifier.clone()));
        }
        let (_, like) = self.users.values().next()?;
        Some((None, Verifier::mock(&self.mock_secret, login.as_bytes(), like)))
    }

    pub fn standing(&self) -> Arc<Standing> {
        self.in_force.load()
    }

    /// Names a decision, so that what a client was told is found in the log.
    pub fn decision(&self) -> String {
        let number = self.decided.fetch_add(1, Ordering::Relaxed);
        format!("{:08x}-{number}", self.decisions)
    }

    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    pub fn stop(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.stopped.notify_waiters();
    }

    /// Lets clients in until the door is closed, then waits for the sessions to end.
    pub async fn open(self: Arc<Self>, listener: TcpListener) {
        let mut sessions = JoinSet::new();
        let mut stopped = std::pin::pin!(Arc::clone(&self.stopped).notified_owned());
        while !self.is_stopping() {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                Some(_) = sessions.join_next() => continue,
                () = &mut stopped => break,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let admitted = Admitted::new(&self);
                    let stopped = Arc::clone(&self.stopped).notified_owned();
                    sessions.spawn(login::serve(admitted, stream, peer.ip(), stopped));
                }
                Err(error) => {
                    tracing::warn!(proxy = %self.name, %error, "Cannot accept a connection");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        while sessions.join_next().await.is_some() {}
    }
}

/// A place among the sessions.
pub struct Admitted {
    pub door: Arc<Door>,
    /// There are more than the limit: the client is only told so.
    pub is_too_many: bool,
}

impl Admitted {
    fn new(door: &Arc<Door>) -> Admitted {
        let before = door.sessions.fetch_add(1, Ordering::Relaxed);
        Admitted {
            is_too_many: before >= door.limits.sessions_max,
            door: Arc::clone(door),
        }
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.door.sessions.fetch_sub(1, Ordering::Relaxed);
    }
}
