//! Documents from registries: HTTP and HTTPS with deadlines and limits, through the proxy of the environment, and nothing but GET.

use std::io::Write;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Empty};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use safeguard_dependencies::package::without_user;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

const CONNECT_LONGEST: Duration = Duration::from_secs(10);
const ANSWER_LONGEST: Duration = Duration::from_secs(10);
/// Between two pieces of an answer.
const PIECE_LONGEST: Duration = Duration::from_secs(10);
const REDIRECTS_MAX: usize = 5;
const PROXY_HEAD_BYTES_MAX: usize = 8 << 10;

trait Stream: AsyncRead + AsyncWrite + Send {}
impl<T: AsyncRead + AsyncWrite + Send> Stream for T {}
type Connection = Pin<Box<dyn Stream>>;

/// Why there is no document. It never shows what may be secret in an address.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct FetchError(String);

fn failed(why: impl ToString) -> FetchError {
    FetchError(why.to_string())
}

pub struct Client {
    tls: Arc<ClientConfig>,
    proxies: Proxies,
}

/// What came.
pub struct Answer {
    pub status: StatusCode,
    body: Incoming,
}

impl Client {
    pub fn new() -> Result<Client, FetchError> {
        let mut roots = RootCertStore::empty();
        // The machine's own authorities, or those that SSL_CERT_FILE names. One that can not be read is left out: what it signed is then refused.
        let loaded = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(loaded.certs);
        let tls = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(failed)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Client {
            tls: Arc::new(tls),
            proxies: Proxies::of_environment(),
        })
    }

    /// The text of a document; nothing where there is none (404, 410).
    pub async fn text(
        &self,
        url: &str,
        accept: &str,
        bytes_max: usize,
    ) -> Result<Option<String>, FetchError> {
        let answer = self.get(url, accept).await?;
        match answer.status {
            StatusCode::NOT_FOUND | StatusCode::GONE => return Ok(None),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                return Err(failed(format!(
                    "{} wants credentials ({})",
                    shown(url),
                    answer.status
                )));
            }
            status if !status.is_success() => {
                return Err(failed(format!("{} answered {status}", shown(url))));
            }
            _ => {}
        }
        let mut bytes = Vec::new();
        answer.write_to(&mut bytes, bytes_max as u64).await?;
        String::from_utf8(bytes)
            .map(Some)
            .map_err(|_| failed(format!("{} did not answer in UTF-8", shown(url))))
    }

    /// Follows redirects, and none that gives up encryption.
    pub async fn get(&self, url: &str, accept: &str) -> Result<Answer, FetchError> {
        let mut url = url.to_owned();
        for _ in 0..=REDIRECTS_MAX {
            let uri: Uri = url
                .parse()
                .map_err(|_| failed(format!("{} is no address", shown(&url))))?;
            let answer = self
                .ask(&uri, accept)
                .await
                .map_err(|error| failed(format!("{}: {error}", shown(&url))))?;
            let Some(to) = answer
                .headers()
                .get(header::LOCATION)
                .filter(|_| answer.status().is_redirection())
            else {
                return Ok(Answer {
                    status: answer.status(),
                    body: answer.into_body(),
                });
            };
            let to = to
                .to_str()
                .map_err(|_| failed(format!("{} leads to no address", shown(&url))))?;
            let next = absolute(&uri, to);
            if url.starts_with("https:") && !next.starts_with("https:") {
                return Err(failed(format!(
                    "{} leads to an address without encryption",
                    shown(&url)
                )));
            }
            url = next;
        }
        Err(failed(format!("{} leads on and on", shown(&url))))
    }

    async fn ask(&self, uri: &Uri, accept: &str) -> Result<http::Response<Incoming>, FetchError> {
        let encrypted = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(failed("it begins with neither `https://` nor `http://`")),
        };
        let authority = uri.authority().ok_or_else(|| failed("it names no host"))?;
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let port = authority.port_u16().unwrap_or(if encrypted { 443 } else { 80 });
        let proxy = self.proxies.find(host, encrypted);
        let connected = tokio::time::timeout(CONNECT_LONGEST, self.connect(host, port, encrypted, proxy));
        let connection = connected
            .await
            .map_err(|_| failed(format!("no connection within {} s", CONNECT_LONGEST.as_secs())))??;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(connection))
            .await
            .map_err(failed)?;
        // It ends with its one answer, which tells of its errors too.
        tokio::spawn(connection);
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let named = authority.as_str().rsplit('@').next().unwrap_or(host);
        // A proxy is told the whole address, unless it only passes bytes on.
        let target = match proxy {
            Some(_) if !encrypted => format!("http://{named}{path}"),
            _ => path.to_owned(),
        };
        let mut request = Request::builder()
            .uri(target)
            .header(header::HOST, named)
            .header(header::ACCEPT, accept)
            .header(
                header::USER_AGENT,
                concat!("safeguard/", env!("CARGO_PKG_VERSION")),
            );
        if let Some((user, _)) = authority.as_str().rsplit_once('@') {
            request = request.header(header::AUTHORIZATION, basic(user)?);
        }
        let request = request.body(Empty::<Bytes>::new()).map_err(failed)?;
        let answer = tokio::time::timeout(ANSWER_LONGEST, sender.send_request(request))
            .await
            .map_err(|_| failed(format!("no answer within {} s", ANSWER_LONGEST.as_secs())))?;
        answer.map_err(failed)
    }

    async fn connect(
        &self,
        host: &str,
        port: u16,
        encrypted: bool,
        proxy: Option<&Proxy>,
    ) -> Result<Connection, FetchError> {
        let mut stream = match proxy {
            Some(proxy) => TcpStream::connect((proxy.host.as_str(), proxy.port)).await,
            None => TcpStream::connect((host, port)).await,
        }
        .map_err(failed)?;
        if !encrypted {
            return Ok(Box::pin(stream));
        }
        if let Some(proxy) = proxy {
            tunnel(&mut stream, host, port, proxy).await?;
        }
        let name = ServerName::try_from(host.to_owned()).map_err(failed)?;
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        Ok(Box::pin(connector.connect(name, stream).await.map_err(failed)?))
    }
}

impl Answer {
    /// Writes the body, at most so many bytes.
    pub async fn write_to(self, out: &mut impl Write, bytes_max: u64) -> Result<u64, FetchError> {
        let mut body = self.body;
        let mut received = 0;
        loop {
            let frame = tokio::time::timeout(PIECE_LONGEST, body.frame())
                .await
                .map_err(|_| failed(format!("nothing came for {} s", PIECE_LONGEST.as_secs())))?;
            let Some(frame) = frame else { return Ok(received) };
            let frame = frame.map_err(|error| failed(format!("the answer was cut short: {error}")))?;
            let Ok(piece) = frame.into_data() else { continue };
            received += piece.len() as u64;
            if received > bytes_max {
                return Err(failed(format!("the answer has more than {bytes_max} bytes")));
            }
            out.write_all(&piece).map_err(failed)?;
        }
    }
}

fn shown(url: &str) -> String {
    without_user(url)
}

/// Where a redirect leads.
fn absolute(from: &Uri, to: &str) -> String {
    if to.contains("://") {
        return to.to_owned();
    }
    let scheme = from.scheme_str().unwrap_or("https");
    if let Some(rest) = to.strip_prefix("//") {
        return format!("{scheme}://{rest}");
    }
    let authority = from.authority().map_or("", |authority| authority.as_str());
    if to.starts_with('/') {
        return format!("{scheme}://{authority}{to}");
    }
    let folder = from.path().rsplit_once('/').map_or("", |(folder, _)| folder);
    format!("{scheme}://{authority}{folder}/{to}")
}

/// `user:password` of an address, where `%40` is an at sign.
fn basic(user: &str) -> Result<http::HeaderValue, FetchError> {
    use base64::Engine as _;
    let mut plain = Vec::new();
    let mut rest = user.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        match (first, escaped.and_then(|two| u8::from_str_radix(two, 16).ok())) {
            (b'%', Some(byte)) => {
                plain.push(byte);
                rest = &after[2..];
            }
            _ => {
                plain.push(*first);
                rest = after;
            }
        }
    }
    let encoded = base64::engine::general_purpose::STANDARD.encode(plain);
    let mut value = http::HeaderValue::try_from(format!("Basic {encoded}")).map_err(failed)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Asks a proxy to pass bytes on.
async fn tunnel(stream: &mut TcpStream, host: &str, port: u16, proxy: &Proxy) -> Result<(), FetchError> {
    let host = if host.contains(':') {
        format!("[{host}]")
    } else {
        host.to_owned()
    };
    let mut asked = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n");
    if let Some(user) = &proxy.user {
        let value = basic(user)?;
        asked.push_str(&format!(
            "Proxy-Authorization: {}\r\n",
            value.to_str().map_err(failed)?
        ));
    }
    asked.push_str("\r\n");
    stream.write_all(asked.as_bytes()).await.map_err(failed)?;
    let mut head = Vec::new();
    // Byte by byte, so that nothing of what comes behind is taken.
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() == PROXY_HEAD_BYTES_MAX {
            return Err(failed("the proxy's answer does not end"));
        }
        head.push(stream.read_u8().await.map_err(failed)?);
    }
    let first = String::from_utf8_lossy(&head)
        .lines()
        .next()
        .unwrap_or("")
        .to_owned();
    if first
        .split(' ')
        .nth(1)
        .is_some_and(|status| status.starts_with('2'))
    {
        Ok(())
    } else {
        Err(failed(format!("the proxy answered `{first}`")))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Proxy {
    host: String,
    port: u16,
    user: Option<String>,
}

#[derive(Debug, Default)]
struct Proxies {
    http: Option<Proxy>,
    https: Option<Proxy>,
    /// Names of hosts, or their ends, that are reached without one.
    not_for: Vec<String>,
}

impl Proxies {
    fn of_environment() -> Proxies {
        let variable = |name: &str| {
            let either = std::env::var(name).or_else(|_| std::env::var(name.to_uppercase()));
            either.ok().filter(|value| !value.is_empty())
        };
        Proxies::of(variable)
    }

    fn of(variable: impl Fn(&str) -> Option<String>) -> Proxies {
        let all = || variable("all_proxy");
        let not_for = variable("no_proxy").unwrap_or_default();
        Proxies {
            http: variable("http_proxy").or_else(all).and_then(|url| proxy(&url)),
            https: variable("https_proxy").or_else(all).and_then(|url| proxy(&url)),
            not_for: not_for
                .split(',')
                .map(|name| name.trim().trim_start_matches(['*', '.']).to_lowercase())
                .filter(|name| !name.is_empty())
                .collect(),
        }
    }
}

impl Proxies {
    fn find(&self, host: &str, encrypted: bool) -> Option<&Proxy> {
        let host = host.to_lowercase();
        let local = host == "localhost"
            || host
                .parse::<std::net::IpAddr>()
                .is_ok_and(|address| address.is_loopback());
        let excepted = self.not_for.iter().any(|name| {
            host == *name
                || host
                    .strip_suffix(name.as_str())
                    .is_some_and(|rest| rest.ends_with('.'))
        });
        if local || excepted {
            return None;
        }
        if encrypted {
            self.https.as_ref()
        } else {
            self.http.as_ref()
        }
    }
}

fn proxy(url: &str) -> Option<Proxy> {
    let url = if url.contains("://") {
        url.to_owned()
    } else {
        format!("http://{url}")
    };
    let uri: Uri = url.parse().ok()?;
    let authority = uri.authority()?;
    Some(Proxy {
        host: authority
            .host()
            .trim_start_matches('[')
            .trim_end_matches(']')
            .to_owned(),
        port: authority.port_u16().unwrap_or(3128),
        user: authority
            .as_str()
            .rsplit_once('@')
            .map(|(user, _)| user.to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proxies_are_taken_from_the_environment() {
        let proxies = Proxies::of(|name| match name {
            "https_proxy" => Some("http://kim:hush@proxy.example.org:8080".to_owned()),
            "no_proxy" => Some("internal.example.org, .example.net".to_owned()),
            _ => None,
        });
        let found = proxies.find("pypi.org", true).expect("a proxy");
        assert_eq!(
            (found.host.as_str(), found.port, found.user.as_deref()),
            ("proxy.example.org", 8080, Some("kim:hush"))
        );
        assert_eq!(proxies.find("pypi.org", false), None);
        assert_eq!(proxies.find("a.example.net", true), None);
        assert_eq!(proxies.find("internal.example.org", true), None);
        assert_eq!(proxies.find("127.0.0.1", true), None);
    }

    #[test]
    fn redirects_lead_where_they_say() {
        let from: Uri = "https://example.org/a/b".parse().expect("an address");
        for (to, expected) in [
            ("https://other.org/x", "https://other.org/x"),
            ("//other.org/x", "https://other.org/x"),
            ("/x", "https://example.org/x"),
            ("x", "https://example.org/a/x"),
        ] {
            assert_eq!(absolute(&from, to), expected);
        }
    }
}
