//! One request and its whole answer.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{HeaderMap, Method, Request, header};
use hyper_util::rt::TokioIo;
use safeguard_dataplane::INJECTED_HEADER;
use tokio::net::TcpStream;

/// The router says here which release answered.
const RELEASE_HEADER: &str = "safeguard-release";
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// A request as its sender sees it.
#[derive(Debug, Clone)]
pub struct Ask {
    pub method: Method,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Bytes,
}

/// How a request ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// With a complete answer; one without a release is the router's own.
    Answered {
        status: u16,
        release: Option<String>,
        injected: bool,
        body: Bytes,
    },
    /// With none: refused, reset, late, or cut short after the header, which then names the release.
    Lost { release: Option<String> },
}

/// A client with one connection, which is opened anew whenever it is gone.
pub struct Client {
    address: SocketAddr,
    connection: Option<SendRequest<Full<Bytes>>>,
}

impl Client {
    pub fn new(address: SocketAddr) -> Client {
        Client {
            address,
            connection: None,
        }
    }

    /// Sends one request and reads its answer to the end, within `longest`.
    pub async fn exchange(&mut self, ask: &Ask, longest: Duration) -> Ended {
        let mut release = None;
        match tokio::time::timeout(longest, self.attempt(ask, &mut release)).await {
            Ok(Some(ended)) => ended,
            Ok(None) | Err(_) => {
                self.connection = None;
                Ended::Lost { release }
            }
        }
    }

    async fn attempt(&mut self, ask: &Ask, seen: &mut Option<String>) -> Option<Ended> {
        let response = loop {
            let (mut connection, kept) = match self.connection.take() {
                Some(connection) => (connection, true),
                None => (connect(self.address).await?, false),
            };
            // A kept connection may have been closed meanwhile: as a browser does, take another.
            if connection.ready().await.is_err() {
                if kept {
                    continue;
                }
                return None;
            }
            match connection.send_request(self.request(ask)?).await {
                Ok(response) => {
                    self.connection = Some(connection);
                    break response;
                }
                Err(error) if kept && error.is_canceled() => {}
                Err(_) => return None,
            }
        };
        let status = response.status().as_u16();
        let release = text(response.headers(), RELEASE_HEADER).map(str::to_owned);
        seen.clone_from(&release);
        let injected = response.headers().contains_key(INJECTED_HEADER);
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX)
            .collect()
            .await
            .ok()?
            .to_bytes();
        Some(Ended::Answered {
            status,
            release,
            injected,
            body,
        })
    }

    fn request(&self, ask: &Ask) -> Option<Request<Full<Bytes>>> {
        let mut request = Request::builder()
            .method(ask.method.clone())
            .uri(&ask.path)
            .header(header::HOST, self.address.to_string());
        for (name, value) in &ask.headers {
            request = request.header(name, value);
        }
        request.body(Full::new(ask.body.clone())).ok()
    }
}

async fn connect(address: SocketAddr) -> Option<SendRequest<Full<Bytes>>> {
    let stream = TcpStream::connect(address).await.ok()?;
    stream.set_nodelay(true).ok()?;
    let (connection, driver) = http1::handshake(TokioIo::new(stream)).await.ok()?;
    tokio::spawn(async move {
        if let Err(error) = driver.await {
            tracing::debug!(%error, "A connection of the load ended");
        }
    });
    Some(connection)
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
