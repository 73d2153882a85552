//! From a connection to a session: encryption, the first packet, the password, and the way to the database.

use std::io;
use std::net::IpAddr;
use std::os::fd::{AsFd as _, OwnedFd};
use std::sync::Arc;

use safeguard_api::guard::Principal;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::futures::OwnedNotified;

use super::cancel::Key;
use super::channel::Channel;
use super::door::{Admitted, Door};
use super::frame::{self, take_text, take_u32};
use super::issued::Tenure;
use super::opening;
use super::refusal::Refusal;
use super::scram::{self, Binding, Exchange, MECHANISM, MECHANISM_PLUS, ScramError};
use super::session::{Login, Opened, Session};
use super::side::{Side, Stream};
use super::startup::{self, PACKET_BYTES_MAX, Packet, Startup, StartupError};
use super::upstream::{self, UpstreamError};
use super::users::Demand;
use crate::tls::ALPN_POSTGRESQL;

/// The first byte of a TLS handshake, which a client may begin with.
const TLS_HANDSHAKE: u8 = 0x16;

/// Serves one connection to its end.
pub async fn serve(admitted: Admitted, stream: TcpStream, address: IpAddr, stopped: OwnedNotified) {
    let door = &admitted.door;
    let longest = door.limits.login_longest.into();
    let login = tokio::time::timeout(longest, log_in(&admitted, stream, address));
    match login.await {
        Ok(Ok(Some((session, key)))) => {
            door.counters.session();
            session.run(stopped).await;
            drop(key);
        }
        Ok(Ok(None)) => {}
        Ok(Err(error)) => {
            tracing::debug!(proxy = %door.name, %error, "A client left before it had logged in")
        }
        Err(_) => tracing::info!(proxy = %door.name, %address, "A login took too long"),
    }
}

/// Returns the session, and its key; nothing when there is none to be had, and the client was told so.
async fn log_in(
    admitted: &Admitted,
    stream: TcpStream,
    address: IpAddr,
) -> io::Result<Option<(Session, Key)>> {
    let door = &admitted.door;
    stream.set_nodelay(true)?;
    upstream::keep_alive(&stream)?;
    let socket = stream.as_fd().try_clone_to_owned()?;
    let Some((mut stream, channel, startup)) = first_packet(door, stream, address).await? else {
        return Ok(None);
    };
    let result = match startup {
        Ok(_) if admitted.is_too_many => Err(too_many(door)),
        Ok(startup) => session(door, &mut stream, &channel, &startup, address).await?,
        Err(error) => Err(Refusal::new(
            "08P01",
            error.to_string(),
            "connect as an ordinary session of protocol 3",
        )),
    };
    match result {
        Ok((login, server, key, greeting)) => {
            give_up(door, login.principal, &socket)?;
            let mut client = Side::new(stream);
            client.output = greeting;
            let session = Session::new(Arc::clone(door), login, client, server);
            Ok(Some((session, key)))
        }
        Err(refusal) => {
            tracing::warn!(proxy = %door.name, %address, why = %refusal.message, "A login was refused");
            let mut out = Vec::new();
            refusal.write_fatal(&mut out);
            stream.write_all(&out).await?;
            stream.shutdown().await?;
            Ok(None)
        }
    }
}

type Asked = (Box<dyn Stream>, Channel, Result<Startup, StartupError>);

/// Agrees on encryption, and reads up to what asks for a session; nothing when it asked for something else.
async fn first_packet(door: &Door, stream: TcpStream, address: IpAddr) -> io::Result<Option<Asked>> {
    let mut first = [0; 1];
    if door.certificate.is_some() && stream.peek(&mut first).await? == 1 && first == [TLS_HANDSHAKE] {
        return after_tls(door, stream, Tls::Direct).await;
    }
    let clear = |stream: TcpStream, asked| {
        Ok(Some((
            Box::new(stream) as Box<dyn Stream>,
            Channel::default(),
            asked,
        )))
    };
    let mut stream = stream;
    // Each kind of encryption is asked for once at most.
    for _ in 0..3 {
        match packet(&mut stream).await? {
            Ok(Packet::Tls) if door.certificate.is_some() => {
                stream.write_all(b"S").await?;
                return after_tls(door, stream, Tls::Negotiated).await;
            }
            Ok(Packet::Tls | Packet::Gss) => stream.write_all(b"N").await?,
            Ok(Packet::Cancel { number, key }) => {
                cancel(door, number, &key).await;
                return Ok(None);
            }
            Ok(Packet::Session(_)) if door.certificate.is_some() && !address.is_loopback() => {
                return clear(stream, Err(StartupError::Clear));
            }
            Ok(Packet::Session(startup)) => return clear(stream, Ok(startup)),
            Err(error) => return clear(stream, Err(error)),
        }
    }
    clear(stream, Err(StartupError::Malformed))
}

/// How TLS began.
#[derive(PartialEq, Eq)]
enum Tls {
    /// By a packet that asked for it.
    Negotiated,
    /// With the first byte.
    Direct,
}

async fn after_tls(door: &Door, stream: TcpStream, tls: Tls) -> io::Result<Option<Asked>> {
    let Some(certificate) = &door.certificate else {
        return Ok(None);
    };
    let (mut stream, channel) = match certificate.accept_bound(stream).await {
        Ok((stream, end_point)) => {
            let channel = Channel::from_client(stream.get_ref().1, end_point);
            (stream, channel)
        }
        Err(error) => {
            // Among the reasons are certificates of clients that are foreign, or whose time is over.
            tracing::info!(proxy = %door.name, %error, "A TLS handshake failed");
            return Ok(None);
        }
    };
    // As in PostgreSQL: who does not say what it speaks may take this for a server of another protocol.
    let named = stream.get_ref().1.alpn_protocol() == Some(ALPN_POSTGRESQL);
    let asked = match packet(&mut stream).await? {
        _ if tls == Tls::Direct && !named => Err(StartupError::Unnamed),
        Ok(Packet::Session(startup)) => Ok(startup),
        Ok(Packet::Cancel { number, key }) => {
            cancel(door, number, &key).await;
            stream.shutdown().await?;
            return Ok(None);
        }
        Ok(Packet::Tls | Packet::Gss) => Err(StartupError::Malformed),
        Err(error) => Err(error),
    };
    Ok(Some((Box::new(stream), channel, asked)))
}

/// Reads not one byte more than the packet has: what follows may be ciphered.
async fn packet(stream: &mut (impl Stream + ?Sized)) -> io::Result<Result<Packet, StartupError>> {
    let length = usize::try_from(stream.read_u32().await?).unwrap_or(usize::MAX);
    let Some(length) = length.checked_sub(4).filter(|length| *length <= PACKET_BYTES_MAX) else {
        return Ok(Err(StartupError::Malformed));
    };
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    Ok(startup::read(&body))
}

/// Whoever cancels is told nothing, as with PostgreSQL.
async fn cancel(door: &Door, number: u32, key: &[u8]) {
    let Some(server) = door.cancels.find(number, key) else {
        tracing::info!(proxy = %door.name, "A cancel with a key that is not known");
        return;
    };
    if let Err(error) = door.upstream.cancel(&server).await {
        tracing::warn!(proxy = %door.name, %error, "A cancel did not reach the database");
    }
}

type Begun = (Login, Opened, Key, Vec<u8>);

async fn session(
    door: &Arc<Door>,
    stream: &mut Box<dyn Stream>,
    channel: &Channel,
    startup: &Startup,
    address: IpAddr,
) -> io::Result<Result<Begun, Refusal>> {
    if startup.is_negotiated || !startup.protocol_options.is_empty() {
        stream.write_all(&negotiated(startup)).await?;
    }
    let (principal, tenure) = match prove(door, stream, channel, &startup.user, address).await? {
        Ok(proved) => proved,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let database = &door.upstream.settings.database;
    if startup.database.as_ref().is_some_and(|asked| asked != database) {
        let refusal = Refusal::new(
            "3D000",
            "this proxy stands in front of another database",
            format!("connect to `{database}`"),
        );
        return Ok(Err(refusal));
    }
    let (connected, began) = match opening::open(door, principal, startup).await {
        Ok(opened) => opened,
        Err(refusal) => return Ok(Err(refusal)),
    };
    if let Some(socket) = &connected.socket {
        give_up(door, principal, socket)?;
    }
    let is_superuser = |message: &Vec<u8>| message.ends_with(b"is_superuser\0on\0");
    if connected.parameters.iter().any(is_superuser) {
        tracing::warn!(proxy = %door.name, "The proxy's role is a superuser, which no guard holds back");
    }
    let key = door.cancels.issue(connected.key, startup.version);
    let key: Option<Key> = key.map_err(|error| io::Error::other(error.to_string()))?;
    let Some(key) = key else {
        return Ok(Err(too_many(door)));
    };
    let mut greeting = Vec::new();
    frame::message(&mut greeting, b'R', |out| {
        out.extend_from_slice(&0_u32.to_be_bytes())
    });
    for parameter in &connected.parameters {
        greeting.extend_from_slice(parameter);
    }
    key.write(&mut greeting);
    frame::ready(&mut greeting, b'I');
    let login = Login {
        user: startup.user.clone(),
        principal,
        person: door.users.person(&startup.user),
        tenure,
    };
    let server = Opened {
        side: Side::new(connected.stream),
        key: key.server.clone(),
        began,
    };
    Ok(Ok((login, server, key, greeting)))
}

/// Who has a limit for the time of a statement stops no longer than that for a peer that takes nothing.
fn give_up(door: &Door, principal: Principal, socket: &OwnedFd) -> io::Result<()> {
    let quota = door.standing().policy.quotas.of(principal);
    match quota.statement_longest.filter(|_| !door.observes) {
        Some(longest) => upstream::give_up(socket, longest),
        None => Ok(()),
    }
}

fn negotiated(startup: &Startup) -> Vec<u8> {
    let mut out = Vec::new();
    frame::message(&mut out, b'v', |out| {
        out.extend_from_slice(&startup.version.to_be_bytes());
        let count = u32::try_from(startup.protocol_options.len()).unwrap_or(u32::MAX);
        out.extend_from_slice(&count.to_be_bytes());
        for option in &startup.protocol_options {
            frame::text(out, option.as_bytes());
        }
    });
    out
}

type Proved = Result<(Principal, Option<Tenure>), Refusal>;

/// Has the client prove who it is; the more often that failed, the slower.
async fn prove(
    door: &Door,
    stream: &mut Box<dyn Stream>,
    channel: &Channel,
    user: &str,
    address: IpAddr,
) -> io::Result<Proved> {
    let demand = door.users.demand(user, channel);
    if let Demand::Nothing(principal) = demand {
        return Ok(Ok((principal, None)));
    }
    let attempt = door.guesses.begin(address, user, door.limits.login_longest).await;
    let Some(attempt) = attempt else {
        door.counters.login_held_up();
        return Ok(Err(too_many_guesses()));
    };
    let proved = proof(door, stream, channel, user, demand).await?;
    match &proved {
        Ok(_) => attempt.passed(),
        Err(refusal) => {
            door.tell_login_failed(user, &refusal.sqlstate);
            attempt.failed().await;
        }
    }
    Ok(proved)
}

async fn proof(
    door: &Door,
    stream: &mut Box<dyn Stream>,
    channel: &Channel,
    user: &str,
    demand: Demand,
) -> io::Result<Proved> {
    let (principal, verifier, tenure) = match demand {
        Demand::Nothing(principal) => return Ok(Ok((principal, None))),
        Demand::Password(principal, verifier) => (Some(principal), verifier, None),
        Demand::Issued(principal, verifier, tenure) => (Some(principal), verifier, Some(tenure)),
        Demand::InVain(verifier) => {
            tracing::info!(proxy = %door.name, user = %user.escape_debug(), why = door.users.lacks(user), "A login that can not succeed");
            (None, verifier, None)
        }
    };
    let mut out = Vec::new();
    let offered: &[&[u8]] = match channel.end_point {
        Some(_) => &[MECHANISM_PLUS, MECHANISM, b""],
        None => &[MECHANISM, b""],
    };
    authentication(&mut out, 10, &[&offered.join(&0)[..], b"\0"].concat());
    stream.write_all(&out).await?;
    let answer = word(stream).await?;
    let mut rest = answer.as_slice();
    let (chosen, first) = match (take_text(&mut rest), take_u32(&mut rest)) {
        (Some(chosen), Some(length)) if usize::try_from(length) == Ok(rest.len()) => (chosen, rest),
        _ => return Ok(Err(wrong())),
    };
    let binding = match (chosen, &channel.end_point) {
        (MECHANISM_PLUS, Some(hash)) => Binding::EndPoint(hash),
        (MECHANISM, Some(_)) => Binding::Unused,
        (MECHANISM, None) => Binding::Unoffered,
        _ => return Ok(Err(wrong())),
    };
    let random = scram::nonce().map_err(|error| io::Error::other(error.to_string()))?;
    let (exchange, salt) = match Exchange::begin(verifier, principal.is_none(), binding, first, random) {
        Ok(begun) => begun,
        Err(error) => return Ok(Err(not_scram(&error))),
    };
    out.clear();
    authentication(&mut out, 11, salt.as_bytes());
    stream.write_all(&out).await?;
    let proof = word(stream).await?;
    // An issued login may have ended while its password was on the way.
    let is_open = tenure.as_ref().is_none_or(Tenure::holds);
    match (exchange.finish(&proof), principal) {
        (Ok(own), Some(principal)) if is_open => {
            out.clear();
            authentication(&mut out, 12, own.as_bytes());
            stream.write_all(&out).await?;
            Ok(Ok((principal, tenure)))
        }
        (Err(error @ ScramError::OtherChannel), _) => Ok(Err(not_scram(&error))),
        _ => Ok(Err(wrong())),
    }
}

/// Whether there is such a user is not told, nor what it lacks.
fn wrong() -> Refusal {
    Refusal::new(
        "28P01",
        "the login failed: the user, the password or the certificate is not right",
        "`[proxies.NAME.users]` has the logins of the proxy, which are not those of the database, and says who needs a certificate",
    )
}

fn too_many_guesses() -> Refusal {
    Refusal::new(
        "53300",
        "too many logins from this address are under way, or have failed",
        "wait some seconds, and log in with the right password, one connection first",
    )
}

fn not_scram(error: &ScramError) -> Refusal {
    let hint = match error {
        ScramError::OtherChannel | ScramError::Downgrade => {
            "something between the client and the proxy ends the TLS connection: connect without it"
        }
        ScramError::Malformed | ScramError::ChannelBinding | ScramError::WrongPassword => {
            "log in by SCRAM-SHA-256, or through TLS by SCRAM-SHA-256-PLUS with `tls-server-end-point`"
        }
    };
    Refusal::new("28000", error.to_string(), hint)
}

fn authentication(out: &mut Vec<u8>, method: u32, body: &[u8]) {
    frame::message(out, b'R', |out| {
        out.extend_from_slice(&method.to_be_bytes());
        out.extend_from_slice(body);
    });
}

/// What a client answers while it logs in.
async fn word(stream: &mut Box<dyn Stream>) -> io::Result<Vec<u8>> {
    match upstream::read(&mut **stream).await {
        Ok((b'p', body)) => Ok(body),
        Ok(_) | Err(UpstreamError::Protocol(_)) => Err(io::ErrorKind::InvalidData.into()),
        Err(UpstreamError::Io(error)) => Err(error),
        Err(error) => Err(io::Error::other(error.to_string())),
    }
}

fn too_many(door: &Door) -> Refusal {
    Refusal::new(
        "53300",
        format!("too many sessions (limit {})", door.limits.sessions_max),
        "close some, or raise `sessions_max`",
    )
}
