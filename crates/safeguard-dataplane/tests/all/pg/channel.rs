//! Logins that are bound to the connection they come by, and TLS however it begins.

use std::process::Command;
use std::time::{Duration, Instant};

use postgres_protocol::authentication::sasl::ChannelBinding;
use safeguard_api::config::{ProxyTls, TlsFiles};
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::relay::{Begins, Known, relay, tls};
use super::server::server;
use super::town::{LOGIN_PASSWORD, Town};
use super::wire::{Wire, packet, query};
use crate::tls::Certified;

const PLUS: &str = "SCRAM-SHA-256-PLUS";
const V3: u32 = 3 << 16;

async fn behind_tls(files: &TlsFiles) -> Town {
    Town::with("", |proxy| proxy.tls = Some(ProxyTls::from(files.clone()))).await
}

fn known(town: &Town, certified: &Certified) -> Known {
    Known {
        address: town.address,
        name: "localhost",
        certificate: certified.der.clone(),
    }
}

/// What psql says with these words of a connection string, at this port.
async fn psql_at(town: &Town, port: u16, words: &str) -> String {
    let database = format!("dbname={} sslmode=require port={port} {words}", town.database);
    let said = town
        .psql_output("agent", LOGIN_PASSWORD, &database, &["-c", "SELECT 6 * 7"])
        .await;
    String::from_utf8([said.stdout, said.stderr].concat()).unwrap()
}

async fn psql(town: &Town, words: &str) -> String {
    psql_at(town, town.address.port(), words).await
}

/// A certificate as `openssl` makes it, with these words.
fn made(folder: &std::path::Path, words: &str) -> TlsFiles {
    let files = TlsFiles {
        certificate: folder.join("made.pem"),
        key: folder.join("made.key"),
    };
    let output = Command::new("openssl")
        .args(["req", "-x509", "-nodes", "-subj", "/CN=localhost", "-days", "2"])
        .args(words.split(' '))
        .arg("-out")
        .arg(&files.certificate)
        .arg("-keyout")
        .arg(&files.key)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{words}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    files
}

#[tokio::test(flavor = "multi_thread")]
async fn psql_binds_its_login_whatever_has_signed_the_certificate() {
    let folder = tempfile::tempdir().unwrap();
    for words in [
        "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -sha256",
        "-newkey ec -pkeyopt ec_paramgen_curve:P-384 -sha384",
        "-newkey rsa:2048 -sha512",
        "-newkey rsa:2048 -sha224",
        // The hash of such a weak signature is not used: RFC 5929 takes SHA-256.
        "-newkey rsa:2048 -sha1",
        "-newkey rsa:2048 -sha384 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:48",
    ] {
        let town = behind_tls(&made(folder.path(), words)).await;
        for binding in ["require", "prefer", "disable"] {
            let said = psql(&town, &format!("channel_binding={binding}")).await;
            assert_eq!(said, "42\n", "{words}, {binding}");
        }
    }
    // Ed25519 names no hash. As PostgreSQL can not bind to it, it is not offered, and psql does without.
    let town = behind_tls(&made(folder.path(), "-newkey ed25519")).await;
    assert_eq!(psql(&town, "channel_binding=prefer").await, "42\n");
    let said = psql(&town, "channel_binding=require").await;
    assert!(said.contains("channel binding is required"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_read_again_is_the_one_to_bind_to() {
    let certified = Certified::new();
    let town = behind_tls(&certified.files).await;
    assert_eq!(psql(&town, "channel_binding=require").await, "42\n");
    let next = Certified::new();
    std::fs::copy(&next.files.key, &certified.files.key).unwrap();
    std::fs::copy(&next.files.certificate, &certified.files.certificate).unwrap();
    let begun = Instant::now();
    while tls(&known(&town, &next), Begins::Asking, &[]).await.is_err() {
        assert!(begun.elapsed() < Duration::from_secs(30), "it is not read again");
    }
    assert_eq!(psql(&town, "channel_binding=require").await, "42\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_in_the_middle_is_noticed() {
    let (certified, theirs) = (Certified::new(), Certified::new());
    let town = behind_tls(&certified.files).await;
    let port = relay(known(&town, &certified), &theirs).await.port();
    // It works at all: a client that binds to nothing does not notice.
    assert_eq!(psql_at(&town, port, "channel_binding=disable").await, "42\n");
    for binding in ["require", "prefer"] {
        let said = psql_at(&town, port, &format!("channel_binding={binding}")).await;
        let expected = "the client has seen another certificate than this proxy's";
        assert!(said.contains(expected), "{binding}: {said}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offer_that_was_made_smaller_on_the_way_is_noticed() {
    let certified = Certified::new();
    let town = behind_tls(&certified.files).await;
    let hash = Sha256::digest(&certified.der).to_vec();
    let log_in = async |mechanism: &str, binding| {
        let stream = tls(&known(&town, &certified), Begins::Asking, &[]).await.unwrap();
        let mut wire = Wire::begin(stream, V3, "agent", &town.database).await;
        wire.log_in_by(mechanism, LOGIN_PASSWORD, binding).await.map(drop)
    };
    let bound = || ChannelBinding::tls_server_end_point(hash.clone());
    assert_eq!(log_in(PLUS, bound()).await, Ok(()));
    // "I could bind, but you did not offer it", which the proxy did.
    let told = log_in("SCRAM-SHA-256", ChannelBinding::unrequested())
        .await
        .unwrap_err();
    assert!(told.starts_with("28000 the client was not told"), "{told}");
    assert!(log_in("SCRAM-SHA-256", bound()).await.is_err());
    assert!(log_in(PLUS, ChannelBinding::unsupported()).await.is_err());
    let other = ChannelBinding::tls_server_end_point(vec![0; 32]);
    let told = log_in(PLUS, other).await.unwrap_err();
    assert!(told.starts_with("28000 the client has seen another"), "{told}");
    // In the clear there is nothing to bind to.
    let stream = tokio::net::TcpStream::connect(town.address).await.unwrap();
    let mut wire = Wire::begin(stream, V3, "agent", &town.database).await;
    let told = wire.log_in_by(PLUS, LOGIN_PASSWORD, bound()).await.unwrap_err();
    assert!(told.starts_with("28P01"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_may_begin_at_once_when_it_says_what_it_speaks() {
    let certified = Certified::new();
    let town = behind_tls(&certified.files).await;
    let known = known(&town, &certified);
    for (begins, alpn) in [
        (Begins::AtOnce, &[&b"postgresql"[..]][..]),
        (Begins::AtOnce, &[&b"http/1.1"[..], b"postgresql"]),
        (Begins::Asking, &[b"postgresql"]),
        (Begins::Asking, &[]),
    ] {
        let stream = tls(&known, begins, alpn).await.unwrap();
        let mut wire = Wire::begin(stream, V3, "agent", &town.database).await;
        let bound = ChannelBinding::tls_server_end_point(Sha256::digest(&certified.der).to_vec());
        let logged_in = wire.log_in_by(PLUS, LOGIN_PASSWORD, bound).await;
        logged_in.unwrap();
        assert_eq!(wire.ask(&query("SELECT 1")).await, "T D C:SELECT 1 Z:I");
    }
    let stream = tls(&known, Begins::AtOnce, &[]).await.unwrap();
    let mut wire = Wire::begin(stream, V3, "agent", &town.database).await;
    let told = wire
        .log_in_by("SCRAM-SHA-256", LOGIN_PASSWORD, ChannelBinding::unsupported())
        .await
        .unwrap_err();
    assert!(told.starts_with("08P01 TLS that begins at once"), "{told}");
    assert!(tls(&known, Begins::AtOnce, &[b"h2"]).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_cancelled_through_tls_on_both_sides() {
    let certified = Certified::new();
    let town = Town::with("", |proxy| {
        proxy.tls = Some(ProxyTls::from(certified.files.clone()));
        proxy.upstream.tls_authority = Some(server().certificate());
    })
    .await;
    let known = known(&town, &certified);
    for (begins, version, key) in [(Begins::AtOnce, V3 | 2, 32), (Begins::Asking, V3, 4)] {
        let alpn: &[&[u8]] = &[b"postgresql"];
        let stream = tls(&known, begins, alpn).await.unwrap();
        let mut wire = Wire::begin(stream, version, "agent", &town.database).await;
        wire.log_in(LOGIN_PASSWORD).await;
        assert_eq!(wire.key.len(), 4 + key);
        wire.send(&query("SELECT pg_sleep(21)")).await;
        let running = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(21)%' AND pid <> pg_backend_pid()";
        while town.truth(running).await == "0" {
            tokio::task::yield_now().await;
        }
        let mut canceller = tls(&known, begins, alpn).await.unwrap();
        let body = [&(1234_u32 << 16 | 5678).to_be_bytes()[..], &wire.key].concat();
        canceller.write_all(&packet(&body)).await.unwrap();
        let mut told = Vec::new();
        canceller.read_to_end(&mut told).await.unwrap();
        assert_eq!(told, b"", "nothing is told");
        assert_eq!(wire.heard(1).await.join(" "), "T E:57014 Z:I");
    }
}
