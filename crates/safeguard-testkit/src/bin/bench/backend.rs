//! The service behind the router: answers every request at once with the same bytes, and fails when told to.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

const HEAD_END: &[u8] = b"\r\n\r\n";

/// Which arm it is, and whether it fails at present.
pub struct Backend {
    good: Vec<u8>,
    failing: AtomicBool,
}

impl Backend {
    /// `name` is its answer's whole body.
    pub fn new(name: &str) -> Arc<Backend> {
        let good = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\n\r\n{name}",
            name.len()
        );
        Arc::new(Backend {
            good: good.into_bytes(),
            failing: AtomicBool::new(false),
        })
    }

    pub fn fail(&self, failing: bool) {
        self.failing.store(failing, Relaxed);
    }

    fn answer(&self) -> &[u8] {
        if self.failing.load(Relaxed) {
            b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 5\r\n\r\nfault"
        } else {
            &self.good
        }
    }

    /// Binds a free port and serves until the runtime ends.
    pub async fn spawn(self: &Arc<Self>, address: SocketAddr) -> std::io::Result<SocketAddr> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let backend = self.clone();
        tokio::spawn(async move {
            // The connections end with the runtime; an error of accept ends the bench by what it no longer answers.
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(backend.clone().serve(stream));
            }
        });
        Ok(address)
    }

    /// Answers until the peer closes. Requests have no bodies here.
    async fn serve(self: Arc<Self>, mut stream: TcpStream) {
        let mut bytes = Vec::with_capacity(8 << 10);
        if stream.set_nodelay(true).is_err() {
            return;
        }
        while stream.read_buf(&mut bytes).await.is_ok_and(|count| count > 0) {
            while let Some(at) = bytes.windows(HEAD_END.len()).position(|piece| piece == HEAD_END) {
                bytes.drain(..at + HEAD_END.len());
                if stream.write_all(self.answer()).await.is_err() {
                    return;
                }
            }
        }
    }
}
