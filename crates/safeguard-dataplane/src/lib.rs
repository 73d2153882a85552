//! What stands in the traffic: the HTTP router and its tripwire, which sends each user to an arm, judges the candidate by
//! what it sees, and takes it down by itself; and the guard in front of PostgreSQL.
//!
//! It must not decide anything else: exposure grows only by the control plane's table, never by the router, and statements
//! are judged by `safeguard-guard` alone.
//!
//! HTTP is read and written here and not by a library: strict framing has to be checked before anything acts on it, and a
//! second parser behind the check could read differently. It also spares the copies and the task switches of a
//! general client.

mod arm;
mod behind;
mod body;
mod choose;
mod clock;
mod connection;
mod control;
mod counters;
mod h2_behind;
mod h2_frames;
mod h2_front;
mod h2_stream;
mod health;
mod injection;
mod journal;
mod mirror;
mod noted;
pub mod pg;
mod rate;
mod refuse;
mod relay;
mod report;
mod rewrite;
mod route;
mod router;
mod state;
mod stream;
mod table;
mod tls;
mod trace;
mod transport;
mod tripwire;
mod wire;
mod workspace;
mod x509;

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use safeguard_api::config::{RouterLimits, TlsFiles, TrafficSettings};

pub use tls::{TlsError, check_tls};

pub use injection::{INJECTED_HEADER, Injection};

/// What a router needs to begin.
#[derive(Debug)]
pub struct RouterSettings {
    pub listeners: Vec<ListenerSettings>,
    /// Where to listen for the control plane.
    pub control: PathBuf,
    /// The directory of the journal, the last table and the token key.
    pub state: PathBuf,
    /// The supervisor's socket, asked for the candidates' exits and health.
    pub supervisor: Option<PathBuf>,
    pub limits: RouterLimits,
    /// A drill's alone: none makes faults impossible, since no message to the router can make one.
    pub injection: Option<Arc<Injection>>,
    /// How long clients of WebSocket and server-sent events may take to leave when they must.
    pub drain_longest: Duration,
}

/// Where users reach one service in one environment.
#[derive(Debug)]
pub struct ListenerSettings {
    /// Its route, such as `shop.production`.
    pub name: String,
    pub socket: TcpListener,
    pub traffic: TrafficSettings,
    /// Without, it speaks in the clear.
    pub tls: Option<TlsFiles>,
}

/// Why the router can not run.
#[derive(Debug, thiserror::Error)]
pub enum RouterError {
    #[error("`{name}` does not name a service and an environment, such as `shop.production`")]
    Listener { name: String },
    #[error("cannot use the listening socket of `{name}`")]
    Socket {
        name: String,
        #[source]
        source: io::Error,
    },
    #[error("cannot use the certificate of `{name}`")]
    Tls {
        name: String,
        #[source]
        source: Box<TlsError>,
    },
    #[error("cannot listen on `{path}`")]
    Control {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot use `{path}`")]
    State {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("`{path}` is not what the router wrote")]
    Unreadable {
        path: PathBuf,
        #[source]
        source: serde_json::Error,
    },
    #[error("the kernel gives no random bytes")]
    Random(#[source] getrandom::Error),
}

/// Routes until `shutdown` is ready; then answers what is in flight, for at most ten seconds.
///
/// # Errors
/// When it can not begin: a socket or a file of its state can not be used.
pub async fn run(settings: RouterSettings, shutdown: impl Future<Output = ()>) -> Result<(), RouterError> {
    router::run(settings, shutdown).await
}
