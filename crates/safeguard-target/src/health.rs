//! The question whether an app is well: a GET that must be answered with 2xx in time.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long the beginning of the answer may take.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// Returns whether the app answers `GET path` with 2xx.
pub(crate) async fn is_healthy(address: SocketAddr, path: &str) -> bool {
    match tokio::time::timeout(ANSWER_WITHIN, status(address, path)).await {
        Ok(Ok(status)) => (200..300).contains(&status),
        Ok(Err(_)) | Err(_) => false,
    }
}

async fn status(address: SocketAddr, path: &str) -> io::Result<u16> {
    let mut stream = TcpStream::connect(address).await?;
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nUser-Agent: safeguard-health\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    // `HTTP/1.1 200`: what follows does not matter.
    let mut line = [0; 12];
    stream.read_exact(&mut line).await?;
    let number = line
        .strip_prefix(b"HTTP/1.1 ")
        .or_else(|| line.strip_prefix(b"HTTP/1.0 "));
    number
        .and_then(|digits| str::from_utf8(digits).ok()?.parse().ok())
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP/1"))
}
