//! One proxy: its listener, what is behind it, and what all of its sessions share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use safeguard_api::config::{Mode, Proxy, ProxyLimits};
use safeguard_api::{DecisionId, Environment, Name, UndoId};
use tokio::net::TcpListener;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_rustls::rustls::ClientConfig;

use super::cancel::Cancels;
use super::desk::Desk;
use super::guesses::Guesses;
use super::issued::{Issued, IssuedLogin, Place};
use super::judged::{FactsByText, Standing};
use super::login;
use super::told::Counters;
use super::upstream::Upstream;
use super::usage::Usages;
use super::users::Users;
use super::{ProxyError, ProxySettings};
use crate::clock::wall;
use crate::tls::{Certificate, Serves, TlsError, trust};

/// After a failed accept, such as when no file descriptor is left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// The policy in force and the logins that were issued, for all proxies of a process.
pub struct InForce {
    standing: ArcSwap<Standing>,
    pub(super) issued: Issued,
}

impl InForce {
    #[must_use]
    pub fn new(standing: Standing) -> InForce {
        InForce {
            standing: ArcSwap::from_pointee(standing),
            issued: Issued::new(),
        }
    }

    /// Counts from the next statement on, also in sessions that are open.
    pub fn set(&self, standing: Standing) {
        self.standing.store(Arc::new(standing));
    }

    /// Takes the logins of a proxy that are open in the place of those before. Sessions of one that is gone are ended.
    pub fn issue(&self, proxy: &Name, live: Vec<IssuedLogin>) {
        self.issued.set(proxy, live);
    }

    pub(crate) fn load(&self) -> Guard<Arc<Standing>> {
        self.standing.load()
    }
}

pub struct Door {
    pub name: Name,
    pub environment: Environment,
    /// Nothing is refused or measured; what would be is told.
    pub observes: bool,
    /// An approved statement runs only where what it removes is kept.
    pub undo_required: bool,
    pub upstream: Upstream,
    pub limits: ProxyLimits,
    pub certificate: Option<Arc<Certificate>>,
    pub in_force: Arc<InForce>,
    /// Where decisions are told, and codes are asked about; none where no server is at hand.
    pub desk: Option<Arc<Desk>>,
    pub texts: FactsByText,
    pub cancels: Arc<Cancels>,
    pub counters: Counters,
    pub usages: Usages,
    pub users: Users,
    pub guesses: Arc<Guesses>,
    /// What the names of decisions begin to count from: another in each process.
    decisions: u32,
    decided: AtomicU32,
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
            desk,
        } = settings;
        let (certificate, trusted) = certificates(&proxy).map_err(|source| ProxyError::Tls {
            name: name.to_string(),
            source: Box::new(source),
        })?;
        let place = Place {
            proxy: name.clone(),
            environment: proxy.environment,
        };
        let users =
            Users::new(place, proxy.users, Arc::clone(&in_force)).map_err(|source| ProxyError::User {
                name: name.to_string(),
                source,
            })?;
        let listener = socket
            .set_nonblocking(true)
            .and_then(|()| TcpListener::from_std(socket))
            .map_err(|source| ProxyError::Socket {
                name: name.to_string(),
                source,
            })?;
        let door = Door {
            name,
            environment: proxy.environment,
            undo_required: proxy
                .undo_required
                .unwrap_or(proxy.environment == Environment::Production),
            observes: proxy.mode.unwrap_or(mode) == Mode::Observe,
            upstream: Upstream {
                settings: proxy.upstream,
                password,
                tls: trusted,
            },
            limits: proxy.limits,
            certificate: certificate.map(Arc::new),
            in_force,
            desk,
            texts: FactsByText::default(),
            cancels: Arc::default(),
            counters: Counters::default(),
            usages: Usages::default(),
            users,
            guesses: Arc::default(),
            decisions: getrandom::u32().map_err(ProxyError::Random)?,
            decided: AtomicU32::new(0),
            sessions: AtomicUsize::new(0),
            stopping: AtomicBool::new(false),
            stopped: Arc::default(),
        };
        Ok((door, listener))
    }

    pub fn standing(&self) -> Guard<Arc<Standing>> {
        self.in_force.load()
    }

    /// Names a decision, so that what a client was told is found in the log.
    pub fn decision(&self) -> DecisionId {
        let (ms, number) = self.birth();
        DecisionId::new(ms, number)
    }

    /// Names what is kept of an approved statement.
    pub fn undo(&self) -> UndoId {
        let (ms, number) = self.birth();
        UndoId::new(ms, number)
    }

    /// When an id is born, and a number that no other id of this millisecond has.
    fn birth(&self) -> (u64, u32) {
        let number = self.decided.fetch_add(1, Ordering::Relaxed);
        (wall().0.unsigned_abs(), self.decisions.wrapping_add(number))
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

/// Loads what is shown to clients, and how the database is trusted.
pub fn certificates(proxy: &Proxy) -> Result<(Option<Certificate>, Option<Arc<ClientConfig>>), TlsError> {
    let certificate = proxy.tls.as_ref().map(|tls| {
        let client_authority = tls.client_authority.clone();
        Certificate::load(tls.files(), Serves::PostgreSql { client_authority })
    });
    let upstream = &proxy.upstream;
    let own = upstream.own_files();
    let trusted = upstream
        .tls_authority
        .as_ref()
        .map(|authority| trust(authority, own.as_ref()));
    Ok((certificate.transpose()?, trusted.transpose()?))
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
