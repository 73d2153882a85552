//! The question whether an app is well: a GET that must be answered with 2xx in time.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use safeguard_api::config::UpstreamProtocol;
use safeguard_api::instance::InstanceSpec;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long the beginning of the answer may take.
pub(crate) const ANSWER_WITHIN: Duration = Duration::from_secs(1);

/// What an app is asked, and how.
#[derive(Debug, Clone)]
pub(crate) struct HealthQuestion {
    path: String,
    upstream: UpstreamProtocol,
}

impl HealthQuestion {
    pub(crate) fn of(spec: &InstanceSpec) -> HealthQuestion {
        HealthQuestion {
            path: spec.health_path.clone(),
            upstream: spec.upstream,
        }
    }
}

/// Returns whether the app answers the GET with 2xx.
pub(crate) async fn is_healthy(address: SocketAddr, question: &HealthQuestion) -> bool {
    let path = &question.path;
    let asked = async {
        match question.upstream {
            UpstreamProtocol::Http1 => status(address, path).await,
            UpstreamProtocol::H2c => status_over_http2(address, path).await,
        }
    };
    match tokio::time::timeout(ANSWER_WITHIN, asked).await {
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

/// Over HTTP/2 without TLS, on a connection of its own.
async fn status_over_http2(address: SocketAddr, path: &str) -> io::Result<u16> {
    let stream = TcpStream::connect(address).await?;
    let (requests, connection) = h2::client::handshake(stream).await.map_err(io::Error::other)?;
    let request = http::Request::get(format!("http://{address}{path}"))
        .version(http::Version::HTTP_2)
        .header("user-agent", "safeguard-health")
        .body(())
        .map_err(io::Error::other)?;
    let asked = async {
        let mut requests = requests.ready().await?;
        let (response, _) = requests.send_request(request, true)?;
        Ok::<_, h2::Error>(response.await?.status().as_u16())
    };
    // The connection carries the answer, and ends with it.
    tokio::select! {
        answered = asked => answered.map_err(io::Error::other),
        ended = connection => Err(match ended {
            Ok(()) => io::ErrorKind::UnexpectedEof.into(),
            Err(error) => io::Error::other(error),
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use bytes::Bytes;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn an_app_is_asked_in_what_it_speaks() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut connection) = h2::server::handshake(stream).await else {
                    continue;
                };
                while let Some(Ok((request, mut respond))) = connection.accept().await {
                    let status = if request.uri().path() == "/well" { 204 } else { 503 };
                    let response = http::Response::builder().status(status).body(()).unwrap();
                    let _: h2::SendStream<Bytes> = respond.send_response(response, true).unwrap();
                }
            }
        });
        let question = |path: &str, upstream| HealthQuestion {
            path: path.to_owned(),
            upstream,
        };
        assert!(is_healthy(address, &question("/well", UpstreamProtocol::H2c)).await);
        assert!(!is_healthy(address, &question("/ill", UpstreamProtocol::H2c)).await);
        assert!(!is_healthy(address, &question("/well", UpstreamProtocol::Http1)).await);
    }
}
