//! A small HTTP/1.1 client for the server's API: one connection a call, a deadline on each, no TLS.

use std::fs::File;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri, header};
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper_util::rt::TokioIo;
use safeguard_api::Problem;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::args::Globals;
use crate::failure::Failure;
use crate::installation::{DEFAULT_SERVER, Running};

const CONNECT_LONGEST: Duration = Duration::from_secs(3);
const ANSWER_LONGEST: Duration = Duration::from_secs(60);
/// Between two pieces of a long answer.
const PIECE_LONGEST: Duration = Duration::from_secs(60);
const JSON_BYTES_MAX: u64 = 64 << 20;
const PIECE_BYTES: usize = 64 << 10;
const TOKEN_BYTES_MAX: u64 = 4096;

type RequestBody = BoxBody<Bytes, std::io::Error>;

/// Talks to one server in the name of one token.
pub struct ApiClient {
    host: String,
    port: u16,
    token: Option<String>,
    /// Where the administrator's token is once the server has made it.
    made_token: PathBuf,
    answer_longest: Duration,
    runtime: tokio::runtime::Runtime,
}

impl ApiClient {
    pub fn new(globals: &Globals) -> Result<ApiClient, Failure> {
        let (host, port) = address(globals)?;
        let token = token(globals)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start the runtime")?;
        Ok(ApiClient {
            host,
            port,
            token,
            made_token: globals.state.join("admin.token"),
            answer_longest: ANSWER_LONGEST,
            runtime,
        })
    }

    /// For whoever must know soon that there is no answer.
    #[must_use]
    pub fn with_answer_within(self, answer_longest: Duration) -> ApiClient {
        ApiClient {
            answer_longest,
            ..self
        }
    }

    /// Where it calls, as a URL.
    pub fn server(&self) -> String {
        format!("http://{}:{}", self.host, self.port)
    }

    pub fn get<A: DeserializeOwned>(&self, path: &str) -> Result<A, Failure> {
        self.json(Method::GET, path, None)
    }

    /// Gets what is not JSON.
    pub fn get_text(&self, path: &str) -> Result<String, Failure> {
        let request = self.request(Method::GET, path, "application/json", full(Vec::new()))?;
        let bytes = self.runtime.block_on(async {
            let answer = self.send(request, Some(self.answer_longest)).await?;
            if !answer.status().is_success() {
                return Err(problem(answer).await);
            }
            bytes_of(answer).await
        })?;
        Ok(String::from_utf8(bytes.into()).context("the answer is not UTF-8")?)
    }

    pub fn post<Q: Serialize, A: DeserializeOwned>(&self, path: &str, question: &Q) -> Result<A, Failure> {
        let body = serde_json::to_vec(question).context("cannot write JSON")?;
        self.json(Method::POST, path, Some(body))
    }

    /// Sends bytes as they are.
    pub fn send_bytes<A: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        bytes: Vec<u8>,
    ) -> Result<A, Failure> {
        let request = self.request(method, path, "application/octet-stream", full(bytes))?;
        self.runtime.block_on(async {
            let answer = self.send(request, Some(self.answer_longest)).await?;
            read_json(answer).await
        })
    }

    /// Gets bytes as they are.
    pub fn get_bytes(&self, path: &str) -> Result<Vec<u8>, Failure> {
        let request = self.request(Method::GET, path, "application/octet-stream", full(Vec::new()))?;
        self.runtime.block_on(async {
            let answer = self.send(request, Some(self.answer_longest)).await?;
            if !answer.status().is_success() {
                return Err(problem(answer).await);
            }
            Ok(bytes_of(answer).await?.to_vec())
        })
    }

    /// Posts without a body.
    pub fn act<A: DeserializeOwned>(&self, path: &str) -> Result<A, Failure> {
        self.json(Method::POST, path, Some(Vec::new()))
    }

    /// Sends a file; `sent` is told how many bytes have gone so far.
    pub fn put_file(
        &self,
        path: &str,
        file: File,
        bytes: u64,
        sent: impl Fn(u64) + Send + Sync + 'static,
    ) -> Result<(), Failure> {
        let body = FileBody {
            file,
            left: bytes,
            bytes,
            sent: Box::new(sent),
        };
        let request = self.request(Method::PUT, path, "application/x-tar", BodyExt::boxed(body))?;
        self.runtime.block_on(async {
            // A long file takes its time; what limits it is the server, between two pieces.
            let answer = self.send(request, None).await?;
            let _stored: serde_json::Value = read_json(answer).await?;
            Ok(())
        })
    }

    /// Posts, and writes what comes into `out`, at most `bytes_max`.
    pub fn download(&self, path: &str, mut out: impl Write, bytes_max: u64) -> Result<u64, Failure> {
        let request = self.request(Method::POST, path, "application/json", full(Vec::new()))?;
        self.runtime.block_on(async {
            let answer = self.send(request, Some(self.answer_longest)).await?;
            if !answer.status().is_success() {
                return Err(problem(answer).await);
            }
            let mut body = answer.into_body();
            let mut received = 0;
            loop {
                let frame = tokio::time::timeout(PIECE_LONGEST, body.frame())
                    .await
                    .map_err(|_| anyhow!("the server sent nothing for {} s", PIECE_LONGEST.as_secs()))?;
                let Some(frame) = frame else { return Ok(received) };
                let frame = frame.context("the answer was cut short")?;
                let Ok(piece) = frame.into_data() else { continue };
                received += piece.len() as u64;
                if received > bytes_max {
                    return Err(anyhow!("the answer has more than {bytes_max} bytes").into());
                }
                out.write_all(&piece)
                    .context("cannot write what the server sent")?;
            }
        })
    }

    fn json<A: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<Vec<u8>>,
    ) -> Result<A, Failure> {
        let body = body.unwrap_or_default();
        let ask = |token: Option<&str>| {
            let body = full(body.clone());
            self.request_as(token, method.clone(), path, "application/json", body)
        };
        self.runtime.block_on(async {
            let mut answer = self
                .send(ask(self.token.as_deref())?, Some(self.answer_longest))
                .await?;
            // A server that has just begun makes the token before it answers what waited for it.
            if answer.status() == http::StatusCode::UNAUTHORIZED
                && self.token.is_none()
                && self.made_token.exists()
            {
                let token = read_token(&self.made_token)?;
                answer = self.send(ask(Some(&token))?, Some(self.answer_longest)).await?;
            }
            read_json(answer).await
        })
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        media: &str,
        body: RequestBody,
    ) -> Result<Request<RequestBody>, Failure> {
        self.request_as(self.token.as_deref(), method, path, media, body)
    }

    fn request_as(
        &self,
        token: Option<&str>,
        method: Method,
        path: &str,
        media: &str,
        body: RequestBody,
    ) -> Result<Request<RequestBody>, Failure> {
        let mut request = Request::builder()
            .method(method)
            .uri(path)
            .header(header::HOST, format!("{}:{}", self.host, self.port))
            .header(header::CONTENT_TYPE, media)
            .header(
                header::USER_AGENT,
                concat!("safeguard/", env!("CARGO_PKG_VERSION")),
            );
        if let Some(token) = token {
            let mut value = http::HeaderValue::try_from(format!("Bearer {token}"))
                .context("the token has characters that no token has")?;
            value.set_sensitive(true);
            request = request.header(header::AUTHORIZATION, value);
        }
        Ok(request.body(body).context("cannot form the request")?)
    }

    async fn send(
        &self,
        request: Request<RequestBody>,
        longest: Option<Duration>,
    ) -> Result<http::Response<Incoming>, Failure> {
        let unreachable = |why: String| {
            Failure::undecided(format!("cannot reach the server at {}", self.server()))
                .details(vec![why])
                .hint("run `safeguard up`, or name another with `--server URL`")
        };
        let host = self.host.trim_start_matches('[').trim_end_matches(']');
        let connected =
            tokio::time::timeout(CONNECT_LONGEST, tokio::net::TcpStream::connect((host, self.port)))
                .await
                .map_err(|_| unreachable(format!("no connection within {} s", CONNECT_LONGEST.as_secs())))?
                .map_err(|error| unreachable(error.to_string()))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(connected))
            .await
            .map_err(|error| unreachable(error.to_string()))?;
        // The connection ends with its one answer; its errors come out of the answer too.
        tokio::spawn(connection);
        let answer = sender.send_request(request);
        let answer = match longest {
            Some(longest) => tokio::time::timeout(longest, answer)
                .await
                .map_err(|_| unreachable(format!("no answer within {} s", longest.as_secs())))?,
            None => answer.await,
        };
        answer.map_err(|error| unreachable(chain(&error)))
    }
}

/// The query of a request, of what is said.
pub fn query(said: &[(&str, Option<String>)]) -> String {
    let escaped = |text: &str| {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:".contains(&byte);
        let escape = |byte: u8| {
            if plain(byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        };
        text.bytes().map(escape).collect::<String>()
    };
    let pairs = said
        .iter()
        .filter_map(|(key, value)| value.as_deref().map(|value| (key, value)));
    let pairs: Vec<String> = pairs
        .map(|(key, value)| format!("{key}={}", escaped(value)))
        .collect();
    pairs.join("&")
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        text.push_str(&format!(": {deeper}"));
        cause = deeper.source();
    }
    text
}

fn full(bytes: Vec<u8>) -> RequestBody {
    Full::new(Bytes::from(bytes))
        .map_err(|never| match never {})
        .boxed()
}

async fn bytes_of(answer: http::Response<Incoming>) -> Result<Bytes, Failure> {
    let limit = usize::try_from(JSON_BYTES_MAX).unwrap_or(usize::MAX);
    let collect = http_body_util::Limited::new(answer.into_body(), limit).collect();
    let collected = tokio::time::timeout(ANSWER_LONGEST, collect)
        .await
        .map_err(|_| anyhow!("the answer did not end within {} s", ANSWER_LONGEST.as_secs()))?;
    let collected = collected.map_err(|error| anyhow!("the answer was cut short: {error}"))?;
    Ok(collected.to_bytes())
}

async fn read_json<A: DeserializeOwned>(answer: http::Response<Incoming>) -> Result<A, Failure> {
    if !answer.status().is_success() {
        return Err(problem(answer).await);
    }
    let bytes = bytes_of(answer).await?;
    let read =
        serde_json::from_slice(&bytes).context("the server's answer is not what this version understands");
    read.map_err(|error| {
        Failure::from(error).hint("`safeguard --version` and `safeguard status` show both versions")
    })
}

async fn problem(answer: http::Response<Incoming>) -> Failure {
    let status = answer.status();
    match bytes_of(answer).await {
        Ok(bytes) => match serde_json::from_slice::<Problem>(&bytes) {
            Ok(problem) => Failure::from_problem(problem),
            Err(_) => {
                let title = format!("the server answered {status} without saying why");
                let kind = if status < StatusCode::INTERNAL_SERVER_ERROR {
                    "refused"
                } else {
                    "undecided"
                };
                Failure::from_problem(Problem::new(status.as_u16(), kind, title))
            }
        },
        Err(failure) => failure,
    }
}

/// Reads a file piece by piece. A command does nothing else meanwhile, so that blocking reads hurt nobody.
struct FileBody {
    file: File,
    left: u64,
    bytes: u64,
    sent: Box<dyn Fn(u64) + Send + Sync>,
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(PIECE_BYTES);
        let mut piece = vec![0; wanted];
        match self.file.read(&mut piece) {
            Ok(0) => Poll::Ready(Some(Err(std::io::ErrorKind::UnexpectedEof.into()))),
            Ok(count) => {
                piece.truncate(count);
                self.left -= count as u64;
                (self.sent)(self.bytes - self.left);
                Poll::Ready(Some(Ok(Frame::data(Bytes::from(piece)))))
            }
            Err(error) => Poll::Ready(Some(Err(error))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// Host and port of the server: said, or the one that runs on the state folder, or the default.
fn address(globals: &Globals) -> Result<(String, u16), Failure> {
    let url = match &globals.server {
        Some(url) => url.clone(),
        None => Running::read(&globals.state)?.map_or(DEFAULT_SERVER.to_owned(), |running| running.server),
    };
    parse_address(&url)
        .map_err(|error| Failure::from(error).hint(format!("such as `--server {DEFAULT_SERVER}`")))
}

fn parse_address(url: &str) -> anyhow::Result<(String, u16)> {
    let uri: Uri = url
        .parse()
        .with_context(|| format!("`{url}` is not an address"))?;
    match uri.scheme_str() {
        Some("http") => {}
        Some("https") => {
            bail!("`{url}`: this version speaks no TLS; forward a local port, such as with `ssh -L`")
        }
        Some(_) | None => bail!("`{url}` does not begin with `http://`"),
    }
    let authority = uri
        .authority()
        .with_context(|| format!("`{url}` names no host"))?;
    if authority.as_str().contains('@') || !matches!(uri.path(), "" | "/") || uri.query().is_some() {
        bail!("`{url}` has more than a host and a port");
    }
    let host = authority.host();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let local = host == "localhost" || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback());
    if !local {
        bail!(
            "`{url}` is another machine, and the token would cross the network unencrypted; forward a local port, such as with `ssh -L`"
        );
    }
    Ok((host.to_owned(), authority.port_u16().unwrap_or(80)))
}

/// The token: from the environment, from a file that was named, or the administrator's of the state folder.
fn token(globals: &Globals) -> anyhow::Result<Option<String>> {
    // A file on the command line is meant more than whatever the environment holds.
    if let Some(path) = &globals.token_file {
        return read_token(path).map(Some);
    }
    match std::env::var("SAFEGUARD_TOKEN") {
        Ok(token) if !token.trim().is_empty() => return Ok(Some(token.trim().to_owned())),
        Ok(_) | Err(std::env::VarError::NotPresent) => {}
        Err(error) => return Err(error).context("cannot use SAFEGUARD_TOKEN"),
    }
    let path = globals.state.join("admin.token");
    if path.exists() {
        read_token(&path).map(Some)
    } else {
        Ok(None)
    }
}

fn read_token(path: &std::path::Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(TOKEN_BYTES_MAX).read_to_string(&mut text));
    read.with_context(|| format!("cannot read the token in `{}`", path.display()))?;
    if text.trim().is_empty() {
        bail!("`{}` holds no token", path.display());
    }
    Ok(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_local_server_without_tls_is_called() {
        for (url, wanted) in [
            ("http://127.0.0.1:7400", "127.0.0.1:7400"),
            ("http://localhost:1/", "localhost:1"),
            ("http://[::1]:7400", "[::1]:7400"),
            (
                "https://127.0.0.1",
                "`https://127.0.0.1`: this version speaks no TLS; forward a local port, such as with `ssh -L`",
            ),
            ("127.0.0.1:7400", "`127.0.0.1:7400` does not begin with `http://`"),
            (
                "http://user@localhost:1",
                "`http://user@localhost:1` has more than a host and a port",
            ),
            (
                "http://localhost:1/api",
                "`http://localhost:1/api` has more than a host and a port",
            ),
            (
                "http://example.org",
                "`http://example.org` is another machine, and the token would cross the network unencrypted; forward a local port, such as with `ssh -L`",
            ),
        ] {
            let found = match parse_address(url) {
                Ok((host, port)) => format!("{host}:{port}"),
                Err(error) => error.to_string(),
            };
            assert_eq!(found, wanted, "{url}");
        }
    }
}
