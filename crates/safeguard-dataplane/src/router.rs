//! The process: listeners, the control socket, and an orderly end.

use std::future::Future;
use std::net::{IpAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use safeguard_api::config::{RouterLimits, TrafficSettings, UpstreamProtocol};
use safeguard_api::traffic::{RouterAnswer, RouterCall};
use tokio::net::TcpStream;
use tokio::sync::futures::OwnedNotified;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::task::JoinSet;

use crate::choose::TokenKey;
use crate::connection::{Client, Connection};
use crate::control::{Asked, CALLS_QUEUED_MAX, Control};
use crate::h2_behind::Http2Limits;
use crate::mirror::{self, COPIES_QUEUED_MAX, Copy};
use crate::rate::Rates;
use crate::rewrite::{self, OwnAnswer};
use crate::route::Slot;
use crate::tls::{ALPN_H2, Certificate, Serves};
use crate::{Injection, ListenerSettings, RouterError, RouterSettings, h2_front, health, state};

/// What all connections share.
pub struct Router {
    pub limits: RouterLimits,
    pub token_key: TokenKey,
    pub injection: Option<Arc<Injection>>,
    /// Takes copies of requests; never waited for.
    pub copies: mpsc::Sender<Copy>,
    /// How long clients of long-lived connections may take to leave.
    pub drain_longest: Duration,
    connections: AtomicUsize,
    stopping: AtomicBool,
    stopped: Arc<Notify>,
}

const DRAIN_LONGEST: Duration = Duration::from_secs(10);
/// After a failed accept, such as when no file descriptor is left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

impl Router {
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }
}

pub async fn run(settings: RouterSettings, shutdown: impl Future<Output = ()>) -> Result<(), RouterError> {
    let RouterSettings {
        listeners,
        control: control_path,
        state: dir,
        supervisor,
        limits,
        injection,
        drain_longest,
    } = settings;
    let mut bound = Vec::new();
    for ListenerSettings {
        name,
        socket,
        traffic,
        tls,
    } in listeners
    {
        let slot = slot(&name, &traffic, &limits)?;
        let certificate = tls
            .map(|files| Certificate::load(files, Serves::Http))
            .transpose();
        let certificate = certificate.map_err(|source| RouterError::Tls {
            name: name.clone(),
            source: Box::new(source),
        })?;
        bound.push(Front {
            slot: Arc::new(slot),
            listener: listener_from(socket).map_err(|source| RouterError::Socket { name, source })?,
            certificate: certificate.map(Arc::new),
        });
    }
    let slots: Vec<Arc<Slot>> = bound.iter().map(|front| Arc::clone(&front.slot)).collect();
    let control = Control::load(dir.clone(), &slots, limits.clone()).await?;
    let (copies, copies_queue) = mpsc::channel(COPIES_QUEUED_MAX);
    let mirroring = mirror::run(copies_queue, limits.clone());
    let router = Arc::new(Router {
        limits,
        copies,
        token_key: state::token_key(&dir)?,
        injection,
        drain_longest,
        connections: AtomicUsize::new(0),
        stopping: AtomicBool::new(false),
        stopped: Arc::new(Notify::new()),
    });
    let control_socket = safeguard_link::bind(&control_path).map_err(|source| RouterError::Control {
        path: control_path,
        source,
    })?;
    // Dropping the sets ends all tasks: nothing outlives this future.
    let mut background = JoinSet::new();
    let (calls, queue) = mpsc::channel(CALLS_QUEUED_MAX);
    background.spawn(control.run(queue));
    background.spawn(mirroring);
    background.spawn(safeguard_link::serve(control_socket, move |call: RouterCall| {
        ask(calls.clone(), call)
    }));
    if let Some(supervisor) = supervisor {
        background.spawn(health::watch(supervisor, slots.clone()));
    }
    let mut accepting = JoinSet::new();
    for front in bound {
        if let Some(certificate) = &front.certificate {
            background.spawn(Arc::clone(certificate).watch());
        }
        accepting.spawn(accept(Arc::clone(&router), front));
    }
    shutdown.await;
    router.stopping.store(true, Ordering::Relaxed);
    router.stopped.notify_waiters();
    slots.iter().for_each(|slot| slot.evacuate());
    let drained = async { while accepting.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN_LONGEST, drained).await.is_err() {
        tracing::warn!("Connections were still open when the time to end was over");
    }
    Ok(())
}

async fn ask(calls: mpsc::Sender<Asked>, call: RouterCall) -> safeguard_link::Answer<RouterAnswer> {
    let (answer, said) = oneshot::channel();
    let stopping = || RouterAnswer::Refused {
        why: "the router is stopping".to_owned(),
    };
    match calls.send((call, answer)).await {
        Ok(()) => said.await.unwrap_or_else(|_| stopping()),
        Err(_) => stopping(),
    }
    .into()
}

fn slot(name: &str, traffic: &TrafficSettings, limits: &RouterLimits) -> Result<Slot, RouterError> {
    let parsed = name.split_once('.').and_then(|(service, environment)| {
        let service = service.parse().ok()?;
        Some((service, environment.parse().ok()?))
    });
    let (service, environment) = parsed.ok_or_else(|| RouterError::Listener {
        name: name.to_owned(),
    })?;
    Ok(Slot {
        service,
        environment,
        view: ArcSwapOption::empty(),
        unrouted: AtomicU64::new(0),
        rates: Rates::new(&traffic.rate_limits),
        shield: traffic.shield,
        mirror: traffic.mirror,
        http2: (traffic.upstream == UpstreamProtocol::H2c).then(|| Http2Limits::of(limits)),
        mirror_turns: AtomicU64::new(0),
        rate_limited: AtomicU64::new(0),
    })
}

fn listener_from(listener: TcpListener) -> std::io::Result<tokio::net::TcpListener> {
    listener.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(listener)
}

/// Where connections come in.
struct Front {
    slot: Arc<Slot>,
    listener: tokio::net::TcpListener,
    certificate: Option<Arc<Certificate>>,
}

/// Accepts until the router stops, then waits for the connections to end.
async fn accept(router: Arc<Router>, front: Front) {
    let mut connections = JoinSet::new();
    let mut stopped = std::pin::pin!(Arc::clone(&router.stopped).notified_owned());
    while !router.is_stopping() {
        let accepted = tokio::select! {
            accepted = front.listener.accept() => accepted,
            Some(_) = connections.join_next() => continue,
            () = &mut stopped => break,
        };
        match accepted {
            Ok((stream, peer)) => match Admitted::new(&router) {
                Some(admitted) => {
                    if let Err(error) = stream.set_nodelay(true) {
                        tracing::debug!(%error, "A client left at once");
                        continue;
                    }
                    let (router, slot) = (Arc::clone(&router), Arc::clone(&front.slot));
                    let certificate = front.certificate.clone();
                    let stopped = Arc::clone(&router.stopped).notified_owned();
                    connections.spawn(async move {
                        serve(stream, peer.ip(), certificate, router, slot, stopped).await;
                        drop(admitted);
                    });
                }
                None if front.certificate.is_none() => turn_away(&stream),
                // Without a handshake there are no words that the client would understand.
                None => {}
            },
            Err(error) => {
                tracing::warn!(%error, "Cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(front.listener);
    while connections.join_next().await.is_some() {}
}

async fn serve(
    stream: TcpStream,
    address: IpAddr,
    certificate: Option<Arc<Certificate>>,
    router: Arc<Router>,
    slot: Arc<Slot>,
    stopped: OwnedNotified,
) {
    let Some(certificate) = certificate else {
        let client = Client {
            address,
            scheme: "http",
        };
        return Connection::new(stream, client, router, slot).serve(stopped).await;
    };
    let longest = router.limits.header_longest.into();
    let client = Client {
        address,
        scheme: "https",
    };
    match tokio::time::timeout(longest, certificate.accept(stream)).await {
        Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(ALPN_H2) => {
            h2_front::serve(stream, client, router, slot, stopped).await;
        }
        Ok(Ok(stream)) => Connection::new(stream, client, router, slot).serve(stopped).await,
        Ok(Err(error)) => tracing::debug!(%error, "A TLS handshake failed"),
        Err(_) => tracing::debug!("A TLS handshake took too long"),
    }
}

/// Says that there are too many connections, if the socket takes it at once, and closes.
fn turn_away(stream: &TcpStream) {
    let mut answer = Vec::new();
    let too_many = OwnAnswer {
        status: 503,
        why: "too many connections",
        keep_alive: false,
        with_body: true,
        retry_after: None,
        identity: None,
    };
    rewrite::own_answer(too_many, &mut answer);
    if let Err(error) = stream.try_write(&answer) {
        tracing::debug!(%error, "A client was turned away without a word");
    }
}

/// A place among the connections.
struct Admitted(Arc<Router>);

impl Admitted {
    fn new(router: &Arc<Router>) -> Option<Admitted> {
        if router.connections.fetch_add(1, Ordering::Relaxed) >= router.limits.connections_max {
            router.connections.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Admitted(Arc::clone(router)))
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
