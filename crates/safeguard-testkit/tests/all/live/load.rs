//! Users of the shop, who count what became of their requests.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty};
use hyper::Request;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use tokio::task::JoinSet;

#[derive(Default)]
pub struct Counts {
    pub answered: AtomicU64,
    pub failed: AtomicU64,
    pub lost: AtomicU64,
    stop: AtomicBool,
}

pub struct Load {
    pub counts: Arc<Counts>,
    users: JoinSet<()>,
}

impl Load {
    /// `connections` users at a time ask for pages as fast as they are answered; 50 sessions share each connection.
    pub fn start(address: SocketAddr, connections: usize) -> Load {
        let counts = Arc::new(Counts::default());
        let mut users = JoinSet::new();
        for connection in 0..connections {
            users.spawn(browse(address, connection, counts.clone()));
        }
        Load { counts, users }
    }

    pub fn answered(&self) -> u64 {
        self.counts.answered.load(Ordering::Relaxed)
    }

    /// Lets every request in flight end, and returns answered, failed and lost.
    pub async fn stop(mut self) -> (u64, u64, u64) {
        self.counts.stop.store(true, Ordering::Relaxed);
        while let Some(ended) = self.users.join_next().await {
            ended.expect("a user does not panic");
        }
        let get = |count: &AtomicU64| count.load(Ordering::Relaxed);
        (
            get(&self.counts.answered),
            get(&self.counts.failed),
            get(&self.counts.lost),
        )
    }
}

async fn browse(address: SocketAddr, connection: usize, counts: Arc<Counts>) {
    let mut open: Option<SendRequest<Empty<Bytes>>> = None;
    let mut number = 0;
    while !counts.stop.load(Ordering::Relaxed) {
        number += 1;
        let session = connection * 50 + number % 50;
        let page = number % 20 + 1;
        match ask(address, &mut open, &format!("/product/{page}"), session).await {
            Ok(status) => {
                counts.answered.fetch_add(1, Ordering::Relaxed);
                if status >= 500 {
                    counts.failed.fetch_add(1, Ordering::Relaxed);
                }
            }
            Err(_) => {
                counts.lost.fetch_add(1, Ordering::Relaxed);
                open = None;
            }
        }
        // About 40 requests a second and connection: the machine has other work to do.
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
}

async fn ask(
    address: SocketAddr,
    open: &mut Option<SendRequest<Empty<Bytes>>>,
    path: &str,
    session: usize,
) -> Result<u16, Box<dyn std::error::Error + Send + Sync>> {
    let mut sender = match open.take() {
        Some(sender) if !sender.is_closed() => sender,
        _ => {
            let stream = tokio::net::TcpStream::connect(address).await?;
            let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
            tokio::spawn(connection);
            sender
        }
    };
    let request = Request::get(path)
        .header("host", address.to_string())
        .header("cookie", format!("session=u-{session}"))
        .body(Empty::new())?;
    let response = sender.send_request(request).await?;
    let status = response.status().as_u16();
    response.into_body().collect().await?;
    *open = Some(sender);
    Ok(status)
}
