//! The guard in front of PostgreSQL: it speaks the protocol on both sides, and judges each statement before the server sees
//! it.

mod approval;
mod cancel;
mod channel;
mod course;
mod cut;
mod desk;
mod door;
mod effect;
mod estimate;
mod frame;
mod from_client;
mod from_server;
mod guesses;
mod identity;
mod idle;
mod issued;
mod judged;
mod login;
mod metered;
mod names;
mod opening;
mod own;
mod quota;
mod refusal;
mod replies;
mod scram;
mod session;
mod side;
mod startup;
mod taken;
mod taking;
mod told;
mod transaction;
mod upstream;
mod usage;
mod users;
mod values;

use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use safeguard_api::Name;
use safeguard_api::config::{Mode, Proxy};
use tokio::task::JoinSet;

pub use desk::{Answer, Desk, Question};
pub use door::InForce;
pub use issued::{IssuedLogin, password};
pub use judged::Standing;
pub use users::UserError;

use crate::tls::TlsError;
use door::Door;

/// How long sessions may take to come to the end of what they do.
const DRAIN_LONGEST: Duration = Duration::from_secs(10);

/// What a proxy needs to begin.
pub struct ProxySettings {
    pub name: Name,
    pub proxy: Proxy,
    /// The mode of the file, which counts where the proxy says none.
    pub mode: Mode,
    pub socket: TcpListener,
    /// Of the proxy's role in the database.
    pub password: Option<String>,
    /// Where decisions are told, and codes are asked about; none where no server is at hand.
    pub desk: Option<Arc<Desk>>,
}

/// Why a proxy can not run.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
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
    #[error("a login of `{name}` can not be used")]
    User {
        name: String,
        #[source]
        source: UserError,
    },
    #[error("the kernel gives no random bytes")]
    Random(#[source] getrandom::Error),
}

/// Makes what proves a password without holding it, as PostgreSQL keeps it.
#[must_use]
pub fn verifier(password: &str) -> String {
    postgres_protocol::password::scram_sha_256(password.as_bytes())
}

/// Checks that the certificates of a proxy can be used, those of both sides.
///
/// # Errors
/// When a file can not be read, or what is in it can not be used.
pub fn check_certificates(proxy: &Proxy) -> Result<(), TlsError> {
    door::certificates(proxy).map(|_| ())
}

/// Stands in front of the databases until `shutdown` is ready; sessions then end between transactions, after at most ten
/// seconds.
///
/// # Errors
/// When a proxy can not begin: its socket or its certificate can not be used.
pub async fn run(
    proxies: Vec<ProxySettings>,
    in_force: Arc<InForce>,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ProxyError> {
    let opened: Result<Vec<_>, ProxyError> = proxies
        .into_iter()
        .map(|settings| Door::new(settings, Arc::clone(&in_force)))
        .collect();
    let mut background = JoinSet::new();
    let mut accepting = JoinSet::new();
    let mut doors = Vec::new();
    for (door, listener) in opened? {
        let door = Arc::new(door);
        if let Some(certificate) = &door.certificate {
            background.spawn(Arc::clone(certificate).watch());
        }
        accepting.spawn(Arc::clone(&door).open(listener));
        doors.push(door);
    }
    shutdown.await;
    doors.iter().for_each(|door| door.stop());
    let drained = async { while accepting.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN_LONGEST, drained).await.is_err() {
        tracing::warn!(
            "Sessions were still open when the time to end was over; what was not committed is rolled back"
        );
    }
    for door in doors {
        door.counters.tell(door.name.as_str());
    }
    Ok(())
}
