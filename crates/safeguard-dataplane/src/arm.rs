//! An arm at work: its endpoints with their idle connections, and what is counted of it.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use safeguard_api::id::ReleaseId;
use safeguard_api::traffic as api;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::behind::Behind;
use crate::counters::Counters;
use crate::h2_behind::{self, Http2Limits};

/// One release in one role of one route. What is counted begins anew when the release changes its role.
#[derive(Debug)]
pub struct Arm {
    pub release: ReleaseId,
    /// The header line that tells the client who served.
    pub release_line: Vec<u8>,
    pub endpoints: ArcSwap<Vec<Arc<Endpoint>>>,
    next: AtomicUsize,
    pub counters: Counters,
    pub presence: Arc<Presence>,
}

/// What a release still has on its hands in one environment, whatever its role.
#[derive(Debug)]
pub struct Presence {
    pub in_flight: AtomicU64,
    pub streams: AtomicU64,
    /// Grows when the users of long-lived connections must leave.
    pub evacuation: watch::Sender<u32>,
}

impl Default for Presence {
    fn default() -> Self {
        Presence {
            in_flight: AtomicU64::new(0),
            streams: AtomicU64::new(0),
            evacuation: watch::Sender::new(0),
        }
    }
}

impl Presence {
    pub fn evacuate(&self) {
        self.evacuation
            .send_modify(|count| *count = count.wrapping_add(1));
    }

    pub fn is_idle(&self) -> bool {
        self.in_flight.load(Relaxed) == 0 && self.streams.load(Relaxed) == 0
    }
}

/// Counts one thing as long as it lives.
pub struct Counted<'a>(&'a AtomicU64);

impl<'a> Counted<'a> {
    pub fn new(counter: &'a AtomicU64) -> Counted<'a> {
        counter.fetch_add(1, Relaxed);
        Counted(counter)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Relaxed);
    }
}

/// Where an instance listens, and the connections to it that wait to be used again.
#[derive(Debug)]
pub struct Endpoint {
    pub address: SocketAddr,
    // Guards the list alone and is never held across an await; the newest connection is used first, so that the rest
    // can grow old and be closed.
    idle: Mutex<Vec<Idle>>,
    /// Present where the instance speaks HTTP/2.
    http2: Option<h2_behind::Shared>,
}

#[derive(Debug)]
struct Idle {
    stream: TcpStream,
    since: Instant,
}

/// A connection to an instance.
#[derive(Debug)]
pub struct Upstream {
    pub stream: Behind,
    pub endpoint: Arc<Endpoint>,
    /// Whether an earlier request went over it: the instance may be closing it at this moment.
    pub reused: bool,
}

/// Nothing was sent: every endpoint refused the connection or did not answer in time.
#[derive(Debug)]
pub struct Unreachable {
    pub timed_out: bool,
}

/// How a connection is wanted.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// A connection that has been idle for longer is not used; none means a new one.
    pub idle_longest: Option<Duration>,
    pub connect_longest: Duration,
}

/// Endpoints tried for one request.
const ENDPOINTS_TRIED_MAX: usize = 3;

impl Arm {
    pub fn new(arm: &api::Arm, presence: Arc<Presence>, endpoints: Vec<Arc<Endpoint>>) -> Arm {
        Arm {
            release: arm.release.clone(),
            release_line: format!("safeguard-release: {}\r\n", arm.release).into_bytes(),
            endpoints: ArcSwap::from_pointee(endpoints),
            next: AtomicUsize::new(0),
            counters: Counters::default(),
            presence,
        }
    }

    /// Takes an idle connection or makes a new one, from the arm's endpoints in turn.
    pub async fn connect(&self, wanted: Wanted) -> Result<Upstream, Unreachable> {
        let turn = self.next.fetch_add(1, Relaxed);
        let mut timed_out = false;
        let tries = self.endpoints.load().len().min(ENDPOINTS_TRIED_MAX);
        for attempt in 0..tries {
            let endpoint = {
                let endpoints = self.endpoints.load();
                match endpoints.get(turn.wrapping_add(attempt) % endpoints.len().max(1)) {
                    Some(endpoint) => Arc::clone(endpoint),
                    None => break,
                }
            };
            if let Some(stream) = wanted.idle_longest.and_then(|longest| endpoint.take(longest)) {
                return Ok(Upstream {
                    stream,
                    endpoint,
                    reused: true,
                });
            }
            match tokio::time::timeout(wanted.connect_longest, endpoint.open()).await {
                Ok(Ok(stream)) => {
                    return Ok(Upstream {
                        stream,
                        endpoint,
                        reused: false,
                    });
                }
                Ok(Err(error)) => {
                    tracing::debug!(address = %endpoint.address, %error, "Cannot connect to an instance");
                }
                Err(_) => timed_out = true,
            }
        }
        Err(Unreachable { timed_out })
    }
}

impl Endpoint {
    /// An instance that speaks HTTP/2 if limits for that are given.
    pub fn new(address: SocketAddr, http2: Option<Http2Limits>) -> Endpoint {
        Endpoint {
            address,
            idle: Mutex::new(Vec::new()),
            http2: http2.map(|limits| h2_behind::Shared::new(address, limits)),
        }
    }

    async fn open(&self) -> io::Result<Behind> {
        if let Some(http2) = &self.http2 {
            return http2.open().await.map(Behind::Http2);
        }
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        Ok(Behind::Http1(stream))
    }

    fn take(&self, idle_longest: Duration) -> Option<Behind> {
        if let Some(http2) = &self.http2 {
            return http2.take().map(Behind::Http2);
        }
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // The newest is last: if it is too old, all are.
        while let Some(Idle { stream, .. }) = idle.pop_if(|idle| idle.since.elapsed() <= idle_longest) {
            // Readable means closed, or an answer that nobody asked for: neither can be used.
            match stream.try_read(&mut [0]) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Some(Behind::Http1(stream));
                }
                Ok(_) | Err(_) => {}
            }
        }
        None
    }

    /// Keeps a connection for the next request; of one that is shared there is nothing to keep.
    pub fn put_back(&self, stream: Behind, idle_max: usize) {
        let Behind::Http1(stream) = stream else { return };
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < idle_max {
            idle.push(Idle {
                stream,
                since: Instant::now(),
            });
        }
    }

    /// Closes connections that have waited too long.
    pub fn sweep(&self, idle_longest: Duration) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // Sorted by age: the oldest are in front, because the newest are taken first.
        let old = idle
            .iter()
            .take_while(|idle| idle.since.elapsed() > idle_longest)
            .count();
        idle.drain(..old);
    }
}
