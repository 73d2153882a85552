//! Who gets in, and with what.

use safeguard_dataplane::pg::verifier;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::town::{LOGIN_PASSWORD, Town};
use super::wire::{Wire, field, message, packet, query, startup};
use crate::tls::Certified;

const MINOR_NEWEST: u32 = 3 << 16 | 9999;

#[tokio::test(flavor = "multi_thread")]
async fn psql_gets_in_with_the_proxy_s_password_alone() {
    let town = Town::new("").await;
    let said = async |user: &str, password: &str, database: &str| {
        let output = town
            .psql_output(user, password, database, &["-c", "SELECT current_user, 6 * 7"])
            .await;
        String::from_utf8([output.stdout, output.stderr].concat()).unwrap()
    };
    assert_eq!(
        said("agent", LOGIN_PASSWORD, &town.database).await,
        "guarded|42\n"
    );
    let wrong = said("agent", "open sesam", &town.database).await;
    assert!(
        wrong.contains("the user, the password or the certificate is not right"),
        "{wrong}"
    );
    let nobody = said("nobody", LOGIN_PASSWORD, &town.database).await;
    assert_eq!(nobody, wrong, "whether there is such a user is not told");
    let elsewhere = said("agent", LOGIN_PASSWORD, "postgres").await;
    assert!(elsewhere.contains("in front of another database"), "{elsewhere}");
}

/// What a first packet is answered, as tags and the SQLSTATE of an error.
async fn answered(town: &Town, packet: &[u8]) -> String {
    let mut stream = TcpStream::connect(town.address).await.unwrap();
    stream.write_all(packet).await.unwrap();
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let count = stream.read(&mut piece).await.unwrap();
        answer.extend_from_slice(&piece[..count]);
        let asks_for_password = answer.windows(5).any(|five| five == b"SCRAM");
        if count == 0 || asks_for_password || answer == b"N" {
            break;
        }
    }
    match answer.first() {
        Some(b'E') => format!("E {}", field(&answer[5..], b'C')),
        Some(&tag) => (tag as char).to_string(),
        None => "nothing".to_owned(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn first_packets_are_answered_as_postgresql_does_or_refused() {
    let town = Town::new("").await;
    let code = |low: u32| packet(&(1234 << 16 | low).to_be_bytes());
    let v3 = 3 << 16;
    for (asked, expected) in [
        (code(5679), "N"),
        (code(5680), "N"),
        (startup(v3, &["user", "agent"]), "R"),
        (startup(v3 | 2, &["user", "agent"]), "R"),
        (startup(MINOR_NEWEST, &["user", "agent"]), "v"),
        (startup(v3, &["user", "agent", "_pq_.new", "1"]), "v"),
        (startup(2 << 16, &["user", "agent"]), "E 08P01"),
        (
            startup(v3, &["user", "agent", "replication", "database"]),
            "E 08P01",
        ),
        (startup(v3, &["user", "agent", "replication", "true"]), "E 08P01"),
        (startup(v3, &["database", "x"]), "E 08P01"),
        (packet(b""), "E 08P01"),
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "E 08P01"),
        (vec![0xff; 8], "E 08P01"),
    ] {
        let shown = String::from_utf8_lossy(&asked).into_owned();
        assert_eq!(answered(&town, &asked).await, expected, "{shown:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_of_a_login_are_judged_like_statements() {
    let town = Town::new("").await;
    let log_in = async |words: &[&str]| {
        let mut stream = TcpStream::connect(town.address).await.unwrap();
        let words = [&["user", "agent", "database", &town.database], words].concat();
        stream.write_all(&startup(3 << 16, &words)).await.unwrap();
        let mut wire = Wire {
            stream,
            key: Vec::new(),
        };
        let logged_in = tokio::spawn(async move {
            wire.log_in(LOGIN_PASSWORD).await;
            wire.ask(&query("SHOW application_name")).await
        });
        logged_in.await.map_err(|error| error.is_panic())
    };
    assert!(
        log_in(&["application_name", "it's me", "TimeZone", "UTC"])
            .await
            .is_ok()
    );
    assert!(
        log_in(&["client_encoding", "'utf-8'", "options", ""])
            .await
            .is_ok()
    );
    for words in [
        ["options", "-c session_replication_role=replica"],
        ["session_replication_role", "replica"],
        ["client_encoding", "SJIS"],
        ["standard_conforming_strings", "off"],
        ["role", "postgres"],
        ["search_path", "public, pg_catalog"],
    ] {
        assert!(log_in(&words).await.is_err(), "{words:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_key_of_protocol_3_2_cancels_and_a_wrong_one_does_not() {
    let town = Town::new("").await;
    let mut stream = TcpStream::connect(town.address).await.unwrap();
    let words = ["user", "agent", "database", &town.database];
    stream.write_all(&startup(3 << 16 | 2, &words)).await.unwrap();
    let mut wire = Wire {
        stream,
        key: Vec::new(),
    };
    wire.log_in(LOGIN_PASSWORD).await;
    assert_eq!(wire.key.len(), 4 + 32);
    wire.send(&query("SELECT pg_sleep(20)")).await;
    let mut wrong = wire.key.clone();
    *wrong.last_mut().unwrap() ^= 1;
    for key in [wrong, wire.key.clone()] {
        // The statement must run before it can be cancelled.
        let running = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%pg_sleep(20)%' AND pid <> pg_backend_pid()";
        while town.truth(running).await == "0" {
            tokio::task::yield_now().await;
        }
        let mut canceller = TcpStream::connect(town.address).await.unwrap();
        let body = [&(1234_u32 << 16 | 5678).to_be_bytes()[..], &key].concat();
        canceller.write_all(&packet(&body)).await.unwrap();
        assert_eq!(canceller.read(&mut [0; 1]).await.unwrap(), 0, "nothing is told");
    }
    assert_eq!(wire.heard(1).await.join(" "), "T E:57014 Z:I");
}

#[tokio::test(flavor = "multi_thread")]
async fn tls_is_spoken_where_there_is_a_certificate() {
    let certified = Certified::new();
    let town = Town::with("", |proxy| proxy.tls = Some(certified.files.clone().into())).await;
    let database = format!("sslmode=require dbname={}", town.database);
    let output = town
        .psql_output(
            "agent",
            LOGIN_PASSWORD,
            &database,
            &["-c", "SELECT repeat('x', 300000)"],
        )
        .await;
    assert_eq!(
        output.stdout.len(),
        300_001,
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_no_more_sessions_than_the_limit() {
    let town = Town::with("", |proxy| proxy.limits.sessions_max = 1).await;
    let one = Wire::through(&town, "agent").await;
    let said = town.psql("agent", "SELECT 1").await;
    assert!(said.contains("too many sessions (limit 1)"), "{said}");
    drop(one);
    while town.psql("agent", "SELECT 1").await != "1" {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_stops_lets_a_transaction_end() {
    let town = Town::new("CREATE TABLE t (a int)").await;
    let mut idle = Wire::through(&town, "service").await;
    let mut busy = Wire::through(&town, "service").await;
    assert_eq!(busy.ask(&query("BEGIN")).await, "C:BEGIN Z:T");
    let stopping = tokio::spawn(town.stop());
    let (tag, body) = idle.message().await.unwrap();
    assert_eq!((tag, field(&body, b'C').as_str()), (b'E', "57P01"));
    assert_eq!(
        busy.ask(&query("INSERT INTO t VALUES (1)")).await,
        "C:INSERT 0 1 Z:T"
    );
    assert_eq!(busy.ask(&query("COMMIT")).await, "C:COMMIT Z:I");
    assert_eq!(busy.message().await.unwrap().0, b'E');
    stopping.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_none_ends_the_session_alone() {
    let town = Town::new("").await;
    assert!(verifier("x").starts_with("SCRAM-SHA-256$"));
    for bytes in [
        message(b'z', b"what"),
        message(b'Q', b"no zero byte"),
        message(b'P', b""),
        message(b'p', b"again"),
        vec![b'Q', 0, 0, 0, 1],
        vec![b'Q', 0xff, 0xff, 0xff, 0xff],
        message(b'd', b"rows that nobody asked for, while a query runs"),
    ] {
        let mut wire = Wire::through(&town, "agent").await;
        let first = if bytes[0] == b'd' {
            query("SELECT pg_sleep(1)")
        } else {
            Vec::new()
        };
        wire.send(&[first, bytes.clone()].concat()).await;
        let mut last = None;
        while let Some(message) = wire.message().await {
            last = Some(message);
        }
        let (tag, body) = last.unwrap();
        assert_eq!((tag, field(&body, b'C').as_str()), (b'E', "08P01"), "{bytes:?}");
    }
    assert_eq!(town.psql("agent", "SELECT 1").await, "1");
}
