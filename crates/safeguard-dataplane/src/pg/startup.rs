//! The first packet of a connection: what it asks for, and with which parameters.

use super::frame::{take_text, take_u32};

/// As in PostgreSQL: a longer first packet is not read.
pub const PACKET_BYTES_MAX: usize = 10_000;
pub const PROTOCOL_3_0: u32 = 3 << 16;
/// The newest protocol that is spoken here.
pub const PROTOCOL_3_2: u32 = 3 << 16 | 2;

const CANCEL: u32 = 1234 << 16 | 5678;
const TLS: u32 = 1234 << 16 | 5679;
const GSS: u32 = 1234 << 16 | 5680;

/// What a first packet asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Packet {
    Tls,
    Gss,
    Cancel { number: u32, key: Vec<u8> },
    Session(Startup),
}

/// A session that is asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct Startup {
    /// What both sides speak from here on.
    pub version: u32,
    /// Whether the client asked for another minor version than it gets.
    pub is_negotiated: bool,
    /// Options of the protocol, `_pq_.…`, none of which is known here.
    pub protocol_options: Vec<String>,
    pub user: String,
    pub database: Option<String>,
    /// The rest: settings.
    pub parameters: Vec<(String, String)>,
}

/// Why a first packet is refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartupError {
    #[error("the first packet is not one of PostgreSQL's")]
    Malformed,
    #[error("protocol {}.{} is not spoken here", .0 >> 16, .0 & 0xffff)]
    Version(u32),
    #[error("no user is named")]
    NoUser,
    #[error("replication is not let through")]
    Replication,
    #[error("a session from another machine is let in with TLS alone")]
    Clear,
    #[error("TLS that begins at once must name its protocol, `postgresql` (ALPN)")]
    Unnamed,
}

/// Reads what follows the length.
pub fn read(mut body: &[u8]) -> Result<Packet, StartupError> {
    let version = take_u32(&mut body).ok_or(StartupError::Malformed)?;
    match version {
        TLS if body.is_empty() => Ok(Packet::Tls),
        GSS if body.is_empty() => Ok(Packet::Gss),
        CANCEL => {
            let number = take_u32(&mut body).ok_or(StartupError::Malformed)?;
            let key = body.to_vec();
            Ok(Packet::Cancel { number, key })
        }
        TLS | GSS => Err(StartupError::Malformed),
        _ if version >> 16 != 3 => Err(StartupError::Version(version)),
        _ => session(version, body).map(Packet::Session),
    }
}

fn session(asked: u32, mut body: &[u8]) -> Result<Startup, StartupError> {
    // There was never a 3.1.
    let version = if asked >= PROTOCOL_3_2 {
        PROTOCOL_3_2
    } else {
        PROTOCOL_3_0
    };
    let mut startup = Startup {
        version,
        is_negotiated: asked != version,
        protocol_options: Vec::new(),
        user: String::new(),
        database: None,
        parameters: Vec::new(),
    };
    loop {
        let name = word(&mut body)?;
        if name.is_empty() {
            break;
        }
        let value = word(&mut body)?;
        match name {
            "user" => value.clone_into(&mut startup.user),
            "database" => startup.database = Some(value.to_owned()),
            "replication" if is_no(value) => {}
            "replication" => return Err(StartupError::Replication),
            option if option.starts_with("_pq_.") => startup.protocol_options.push(option.to_owned()),
            name => startup.parameters.push((name.to_owned(), value.to_owned())),
        }
    }
    if !body.is_empty() {
        return Err(StartupError::Malformed);
    }
    if startup.user.is_empty() {
        return Err(StartupError::NoUser);
    }
    Ok(startup)
}

fn word<'b>(body: &mut &'b [u8]) -> Result<&'b str, StartupError> {
    let text = take_text(body).ok_or(StartupError::Malformed)?;
    std::str::from_utf8(text).map_err(|_| StartupError::Malformed)
}

fn is_no(value: &str) -> bool {
    ["false", "off", "no", "0"]
        .iter()
        .any(|no| value.eq_ignore_ascii_case(no))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use proptest::prelude::*;

    use super::*;

    fn packet(version: u32, words: &[&str]) -> Vec<u8> {
        let mut body = version.to_be_bytes().to_vec();
        for word in words {
            body.extend_from_slice(word.as_bytes());
            body.push(0);
        }
        body.push(0);
        body
    }

    #[test]
    fn versions_are_negotiated() {
        let asked = [PROTOCOL_3_0, 3 << 16 | 1, PROTOCOL_3_2, 3 << 16 | 9999];
        let got = asked.map(
            |version| match read(&packet(version, &["user", "kim", "_pq_.x", "1"])) {
                Ok(Packet::Session(startup)) => {
                    (startup.version, startup.is_negotiated, startup.protocol_options)
                }
                other => panic!("{other:?}"),
            },
        );
        let x = || vec!["_pq_.x".to_owned()];
        assert_eq!(
            got,
            [
                (PROTOCOL_3_0, false, x()),
                (PROTOCOL_3_0, true, x()),
                (PROTOCOL_3_2, false, x()),
                (PROTOCOL_3_2, true, x())
            ]
        );
        assert_eq!(read(&packet(2 << 16, &[])), Err(StartupError::Version(2 << 16)));
    }

    #[test]
    fn replication_in_any_spelling_is_refused() {
        for value in ["database", "true", "on", "1", "yes", ""] {
            let body = packet(PROTOCOL_3_0, &["user", "kim", "replication", value]);
            assert_eq!(read(&body), Err(StartupError::Replication), "{value}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_comes_is_read_or_refused(version in prop_oneof![Just(PROTOCOL_3_0), Just(CANCEL), any::<u32>()], rest in proptest::collection::vec(any::<u8>(), 0..60)) {
            let mut body = version.to_be_bytes().to_vec();
            body.extend(rest);
            drop(read(&body));
        }
    }
}
