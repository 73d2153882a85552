//! One request and its whole answer, over connections that are kept.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::{HeaderMap, Method, Request, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use super::visits::Visit;

/// The router says here which release answered.
pub const RELEASE_HEADER: &str = "safeguard-release";

const ANSWER_LONGEST: Duration = Duration::from_secs(10);
const ANSWER_BYTES_MAX: usize = 1 << 20;
const CONNECTIONS_KEPT_MAX: usize = 256;

/// How one request ended.
#[derive(Debug)]
pub enum Outcome {
    /// With a complete answer.
    Answered {
        status: u16,
        release: Option<String>,
        cookies: Vec<(String, String)>,
    },
    /// With none: refused, reset, late, or cut short after the header, which then names the release.
    Lost { release: Option<String> },
}

/// The connections to one environment.
pub struct Connections {
    address: SocketAddr,
    /// Those at rest. The lock is held to take one or put one back, never while waiting.
    free: Mutex<Vec<SendRequest<Full<Bytes>>>>,
}

impl Connections {
    #[must_use]
    pub fn new(address: SocketAddr) -> Connections {
        Connections {
            address,
            free: Mutex::new(Vec::new()),
        }
    }

    /// Sends one request and reads its answer to the end.
    pub async fn exchange(&self, visit: &Visit, cookies: &str) -> Outcome {
        let mut seen = None;
        match tokio::time::timeout(ANSWER_LONGEST, self.attempt(visit, cookies, &mut seen)).await {
            Ok(Some((status, cookies))) => Outcome::Answered {
                status,
                release: seen,
                cookies,
            },
            Ok(None) | Err(_) => Outcome::Lost { release: seen },
        }
    }

    async fn attempt(
        &self,
        visit: &Visit,
        cookies: &str,
        seen: &mut Option<String>,
    ) -> Option<(u16, Vec<(String, String)>)> {
        let (mut connection, response) = loop {
            let (mut connection, kept) = match self.take().await {
                Some(connection) => (connection, true),
                None => (self.connect().await?, false),
            };
            match connection.send_request(self.request(visit, cookies)?).await {
                Ok(response) => break (connection, response),
                // The kept connection had been closed before anything was sent on it: as a browser does, take another.
                Err(error) if kept && error.is_canceled() => {}
                Err(_) => return None,
            }
        };
        *seen = text(response.headers(), RELEASE_HEADER).map(str::to_owned);
        let status = response.status().as_u16();
        let given = given_cookies(response.headers());
        Limited::new(response.into_body(), ANSWER_BYTES_MAX)
            .collect()
            .await
            .ok()?;
        if connection.is_ready() || connection.ready().await.is_ok() {
            let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
            if free.len() < CONNECTIONS_KEPT_MAX {
                free.push(connection);
            }
        }
        Some((status, given))
    }

    async fn take(&self) -> Option<SendRequest<Full<Bytes>>> {
        loop {
            let mut connection = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop()?;
            if connection.ready().await.is_ok() {
                return Some(connection);
            }
        }
    }

    async fn connect(&self) -> Option<SendRequest<Full<Bytes>>> {
        let stream = TcpStream::connect(self.address).await.ok()?;
        stream.set_nodelay(true).ok()?;
        let (connection, driver) = http1::handshake(TokioIo::new(stream)).await.ok()?;
        tokio::spawn(async move {
            // Whatever ends the connection is seen by the request on it.
            drop(driver.await);
        });
        Some(connection)
    }

    fn request(&self, visit: &Visit, cookies: &str) -> Option<Request<Full<Bytes>>> {
        let request = Request::builder()
            .uri(&visit.path)
            .header(header::HOST, self.address.to_string())
            .header(header::COOKIE, cookies);
        let request = match &visit.form {
            None => request.method(Method::GET).body(Full::default()),
            Some(form) => request
                .method(Method::POST)
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(Full::from(form.clone())),
        };
        request.ok()
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn given_cookies(headers: &HeaderMap) -> Vec<(String, String)> {
    let values = headers
        .get_all(header::SET_COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let pairs = values.filter_map(|value| value.split(';').next()?.split_once('='));
    pairs
        .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
        .collect()
}
