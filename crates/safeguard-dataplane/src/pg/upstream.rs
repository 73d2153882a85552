//! The way to the database: connecting, logging in as the proxy's own role, cancelling.

use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{ChannelBinding, ScramSha256};
use rustix::net::sockopt;
use safeguard_api::Span;
use safeguard_api::config::ProxyUpstream;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;

use super::cancel::ServerKey;
use super::channel::Channel;
use super::frame::{self, HEAD_BYTES, Head, error_field, take_text, take_u32};
use super::scram::{MECHANISM, MECHANISM_PLUS};
use super::side::Stream;
use super::startup::PROTOCOL_3_0;

/// No message of a login is longer.
const MESSAGE_BYTES_MAX: usize = 64 << 10;
const KEEPALIVE_AFTER: Duration = Duration::from_secs(60);
const KEEPALIVE_EVERY: Duration = Duration::from_secs(10);
const KEEPALIVE_TRIES: u32 = 6;
/// What takes no bytes for so long is given up at the earliest, where the kernel is asked to.
const GIVEN_UP_AFTER_MIN: Duration = Duration::from_secs(120);
const CANCEL: u32 = 1234 << 16 | 5678;
const TLS: u32 = 1234 << 16 | 5679;

/// The database, and the password of the proxy's role.
pub struct Upstream {
    pub settings: ProxyUpstream,
    pub password: Option<String>,
    /// Whom to trust; without, the connection is in the clear.
    pub tls: Option<Arc<ClientConfig>>,
}

/// Why the database can not be used.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamError {
    #[error("the database can not be reached")]
    Io(#[from] io::Error),
    #[error("the database speaks otherwise than PostgreSQL does: {0}")]
    Protocol(&'static str),
    #[error("the database asks for a password, and none is configured")]
    NoPassword,
    #[error("the database asks for the password as it is, which `cleartext_password` does not allow")]
    Cleartext,
    #[error("the database asks for a login ({0}) that is not known here")]
    Method(u32),
    #[error("the database refused the session: {message}")]
    Refused { sqlstate: String, message: String },
}

/// A session with the database that is ready.
pub struct Connected {
    pub stream: Box<dyn Stream>,
    /// The connection beneath, where it is one of the network.
    pub socket: Option<OwnedFd>,
    pub key: ServerKey,
    /// What it told of its settings, as messages.
    pub parameters: Vec<Vec<u8>>,
}

impl Upstream {
    async fn stream(&self) -> io::Result<(Box<dyn Stream>, Channel, Option<OwnedFd>)> {
        let ProxyUpstream { host, port, .. } = &self.settings;
        if Path::new(host).is_absolute() {
            let socket = Path::new(host).join(format!(".s.PGSQL.{port}"));
            let stream = UnixStream::connect(socket).await?;
            return Ok((Box::new(stream), Channel::default(), None));
        }
        let mut stream = TcpStream::connect((host.as_str(), *port)).await?;
        stream.set_nodelay(true)?;
        keep_alive(&stream)?;
        let socket = Some(stream.as_fd().try_clone_to_owned()?);
        let Some(tls) = &self.tls else {
            return Ok((Box::new(stream), Channel::default(), socket));
        };
        packet(&mut stream, &TLS.to_be_bytes()).await?;
        if stream.read_u8().await? != b'S' {
            return Err(io::Error::other("the database speaks no TLS"));
        }
        let name = ServerName::try_from(host.clone()).map_err(io::Error::other)?;
        let stream = TlsConnector::from(Arc::clone(tls)).connect(name, stream).await?;
        let channel = Channel::to_server(stream.get_ref().1);
        Ok((Box::new(stream), channel, socket))
    }

    /// Opens a session with these settings.
    pub async fn connect(&self, settings: &[(String, String)]) -> Result<Connected, UpstreamError> {
        let (mut stream, channel, socket) = self.stream().await?;
        let mut out = Vec::new();
        out.extend_from_slice(&PROTOCOL_3_0.to_be_bytes());
        let own = [
            ("user", self.settings.user.as_str()),
            ("database", &self.settings.database),
            ("client_encoding", "UTF8"),
            ("standard_conforming_strings", "on"),
        ];
        let asked = settings
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in own.into_iter().chain(asked) {
            frame::text(&mut out, name.as_bytes());
            frame::text(&mut out, value.as_bytes());
        }
        out.push(0);
        packet(&mut stream, &out).await?;
        self.log_in(&mut *stream, &channel).await?;
        let (key, parameters) = until_ready(&mut *stream).await?;
        Ok(Connected {
            stream,
            socket,
            key,
            parameters,
        })
    }

    async fn log_in(&self, stream: &mut dyn Stream, channel: &Channel) -> Result<(), UpstreamError> {
        let mut scram: Option<ScramSha256> = None;
        loop {
            let (tag, body) = read(stream).await?;
            match tag {
                b'N' => continue,
                b'R' => {}
                b'E' => return Err(refused(&body)),
                _ => return Err(UpstreamError::Protocol("something else than a login")),
            }
            let mut rest = body.as_slice();
            let method = take_u32(&mut rest).ok_or(UpstreamError::Protocol("half a login"))?;
            match method {
                0 if scram.is_none() => return Ok(()),
                // A server that was not asked to prove itself to the end may be another.
                0 => return Err(UpstreamError::Protocol("a login without the server's proof")),
                3 if !self.settings.cleartext_password => return Err(UpstreamError::Cleartext),
                3 => answer(stream, &with_zero(self.password()?)).await?,
                5 => {
                    let salt = rest
                        .try_into()
                        .map_err(|_| UpstreamError::Protocol("half a salt"))?;
                    let hash = md5_hash(self.settings.user.as_bytes(), self.password()?.as_bytes(), salt);
                    answer(stream, &with_zero(&hash)).await?;
                }
                10 => {
                    let (mechanism, binding) =
                        mechanism(rest, channel).ok_or(UpstreamError::Method(method))?;
                    let exchange = ScramSha256::new(self.password()?.as_bytes(), binding);
                    let mut first = Vec::new();
                    let length = u32::try_from(exchange.message().len()).unwrap_or(u32::MAX);
                    frame::text(&mut first, mechanism);
                    first.extend_from_slice(&length.to_be_bytes());
                    first.extend_from_slice(exchange.message());
                    answer(stream, &first).await?;
                    scram = Some(exchange);
                }
                11 => {
                    let exchange = scram
                        .as_mut()
                        .ok_or(UpstreamError::Protocol("a login out of order"))?;
                    exchange.update(rest)?;
                    answer(stream, exchange.message()).await?;
                }
                12 => {
                    let mut exchange = scram
                        .take()
                        .ok_or(UpstreamError::Protocol("a login out of order"))?;
                    exchange.finish(rest)?;
                }
                other => return Err(UpstreamError::Method(other)),
            }
        }
    }

    fn password(&self) -> Result<&str, UpstreamError> {
        self.password.as_deref().ok_or(UpstreamError::NoPassword)
    }

    /// Cancels what a session runs.
    pub async fn cancel(&self, key: &ServerKey) -> io::Result<()> {
        let (mut stream, _, _) = self.stream().await?;
        let mut out = CANCEL.to_be_bytes().to_vec();
        out.extend_from_slice(&key.number.to_be_bytes());
        out.extend_from_slice(&key.key);
        packet(&mut stream, &out).await?;
        // The server closes when it has passed the signal on; with TLS, maybe without a word.
        let mut rest = [0; 1];
        match stream.read(&mut rest).await {
            Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => Err(error),
            Ok(_) | Err(_) => Ok(()),
        }
    }
}

/// Chooses the strongest of what the server offers: a login that is bound to its certificate, where that can be.
fn mechanism(mut offered: &[u8], channel: &Channel) -> Option<(&'static [u8], ChannelBinding)> {
    let offered: Vec<&[u8]> = std::iter::from_fn(|| take_text(&mut offered)).collect();
    match &channel.end_point {
        Some(hash) if offered.contains(&MECHANISM_PLUS) => Some((
            MECHANISM_PLUS,
            ChannelBinding::tls_server_end_point(hash.to_vec()),
        )),
        _ if !offered.contains(&MECHANISM) => None,
        // Says that it could be bound: a server that did offer it then knows that somebody stands between.
        Some(_) => Some((MECHANISM, ChannelBinding::unrequested())),
        None => Some((MECHANISM, ChannelBinding::unsupported())),
    }
}

async fn until_ready(stream: &mut dyn Stream) -> Result<(ServerKey, Vec<Vec<u8>>), UpstreamError> {
    let mut parameters = Vec::new();
    let mut key = None;
    loop {
        let (tag, body) = read(stream).await?;
        match tag {
            b'S' => {
                let mut message = Vec::new();
                frame::message(&mut message, b'S', |out| out.extend_from_slice(&body));
                parameters.push(message);
            }
            b'K' => {
                let mut rest = body.as_slice();
                let number = take_u32(&mut rest).ok_or(UpstreamError::Protocol("half a key"))?;
                let words = rest.to_vec();
                key = Some(ServerKey { number, key: words });
            }
            b'N' => {}
            b'E' => return Err(refused(&body)),
            b'Z' => {
                let key = key.ok_or(UpstreamError::Protocol("no key to cancel by"))?;
                return Ok((key, parameters));
            }
            _ => return Err(UpstreamError::Protocol("something else than a session")),
        }
    }
}

pub fn refused(body: &[u8]) -> UpstreamError {
    let field = |field| String::from_utf8_lossy(error_field(body, field).unwrap_or(b"?")).into_owned();
    UpstreamError::Refused {
        sqlstate: field(b'C'),
        message: field(b'M'),
    }
}

/// A packet without a tag.
async fn packet(stream: &mut (impl Stream + ?Sized), body: &[u8]) -> io::Result<()> {
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    let mut out = length.to_be_bytes().to_vec();
    out.extend_from_slice(body);
    stream.write_all(&out).await?;
    stream.flush().await
}

fn with_zero(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    frame::text(&mut bytes, text.as_bytes());
    bytes
}

async fn answer(stream: &mut dyn Stream, body: &[u8]) -> io::Result<()> {
    let mut out = Vec::new();
    frame::message(&mut out, b'p', |out| out.extend_from_slice(body));
    stream.write_all(&out).await?;
    stream.flush().await
}

/// Has the kernel ask a silent peer whether it is still there: one that is gone without a word is noticed within two minutes, and
/// its session ended.
pub fn keep_alive(stream: &TcpStream) -> io::Result<()> {
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, KEEPALIVE_AFTER)?;
    sockopt::set_tcp_keepintvl(stream, KEEPALIVE_EVERY)?;
    sockopt::set_tcp_keepcnt(stream, KEEPALIVE_TRIES)?;
    Ok(())
}

/// Has the kernel give up on a peer to which bytes are on their way, or wait for room, and which takes none. Otherwise it sends
/// them again for about a quarter of an hour. A peer that is there and only does not read is given up with it, so that the time
/// is no shorter than a statement has, with the way of its rows to the client.
pub fn give_up(socket: &OwnedFd, statement_longest: Span) -> io::Result<()> {
    let longest = Duration::from(statement_longest).max(GIVEN_UP_AFTER_MIN);
    let ms = i32::try_from(longest.as_millis()).unwrap_or(i32::MAX);
    sockopt::set_tcp_user_timeout(socket, ms.cast_unsigned())?;
    Ok(())
}

/// Asks one question of a session that is at rest, and returns the last row of its answer; what the session goes on with is
/// untouched.
pub async fn ask(stream: &mut dyn Stream, sql: &str) -> Result<Option<Vec<u8>>, UpstreamError> {
    let mut out = Vec::new();
    frame::query(&mut out, sql);
    stream.write_all(&out).await?;
    stream.flush().await?;
    let mut row = None;
    loop {
        let (tag, body) = read(stream).await?;
        match tag {
            b'D' => row = Some(body),
            b'T' | b'C' | b'N' | b'S' => {}
            b'E' => return Err(refused(&body)),
            b'Z' => return Ok(row),
            _ => return Err(UpstreamError::Protocol("something else than an answer")),
        }
    }
}

/// Reads one message of a login.
pub async fn read(stream: &mut dyn Stream) -> Result<(u8, Vec<u8>), UpstreamError> {
    let mut head = [0; HEAD_BYTES];
    stream.read_exact(&mut head).await?;
    let head = match Head::read(&head) {
        Ok(Some(head)) if head.body <= MESSAGE_BYTES_MAX => head,
        Ok(_) | Err(_) => return Err(UpstreamError::Protocol("a message that is too long")),
    };
    let mut body = vec![0; head.body];
    stream.read_exact(&mut body).await?;
    Ok((head.tag, body))
}
