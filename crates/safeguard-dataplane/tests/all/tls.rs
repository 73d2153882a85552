//! TLS in front, with other people's clients.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use safeguard_api::config::{RouterLimits, TlsFiles};
use safeguard_api::time::Span;
use safeguard_dataplane::{ListenerSettings, RouterError, RouterSettings, check_tls, run};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::town::{DEADLINE, Setup, Town};

/// A certificate for `localhost` in files of its own.
pub struct Certified {
    pub dir: tempfile::TempDir,
    pub files: TlsFiles,
    pub der: CertificateDer<'static>,
}

impl Certified {
    pub fn new() -> Certified {
        let dir = tempfile::tempdir().unwrap();
        let files = TlsFiles {
            certificate: dir.path().join("certificate.pem"),
            key: dir.path().join("key.pem"),
        };
        let der = write(&files);
        Certified { dir, files, der }
    }
}

/// Writes a new certificate and its key, one after the other as people do.
fn write(files: &TlsFiles) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    std::fs::write(&files.key, made.signing_key.serialize_pem()).unwrap();
    std::fs::write(&files.certificate, made.cert.pem()).unwrap();
    made.cert.der().clone()
}

pub async fn town_with(certified: &Certified, setup: Setup) -> Town {
    Town::with(Setup {
        tls: Some(certified.files.clone()),
        ..setup
    })
    .await
}

/// Connects as a client that trusts these certificates and no others.
pub async fn connect(
    town: &Town,
    trusted: &[&CertificateDer<'static>],
    alpn: &[&[u8]],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    for der in trusted {
        roots.add((*der).clone()).unwrap();
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
    let stream = TcpStream::connect(town.address).await.unwrap();
    TlsConnector::from(Arc::new(config))
        .connect("localhost".try_into().unwrap(), stream)
        .await
}

/// Asks on a connection that stays open.
async fn get(stream: &mut TlsStream<TcpStream>, path: &str) -> String {
    let request = format!("GET {path} HTTP/1.1\r\nhost: a\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut got = Vec::new();
    while !got.ends_with(b"stable") {
        assert!(
            stream.read_buf(&mut got).await.unwrap() > 0,
            "{}",
            String::from_utf8_lossy(&got)
        );
    }
    String::from_utf8(got).unwrap()
}

#[tokio::test]
async fn requests_and_bodies_go_through() {
    let certified = Certified::new();
    let town = town_with(&certified, Setup::default()).await;
    for alpn in [&[b"http/1.1" as &[u8]][..], &[]] {
        let mut stream = connect(&town, &[&certified.der], alpn).await.unwrap();
        for _ in 0..3 {
            assert!(get(&mut stream, "/").await.starts_with("HTTP/1.1 200"));
        }
        let seen = town.stable.last();
        assert!(
            seen.contains("x-forwarded-proto: https\r\n") && seen.contains("x-forwarded-for: 127.0.0.1\r\n")
        );
        let body = "x".repeat(300_000);
        let post = format!(
            "POST /echo HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        let (mut read, mut write) = tokio::io::split(stream);
        let mut got = String::new();
        let (sent, ended) = tokio::join!(write.write_all(post.as_bytes()), read.read_to_string(&mut got));
        sent.unwrap();
        ended.expect("the connection ends as TLS ends");
        assert!(got.ends_with(&format!("\r\n\r\n{body}")));
    }
}

#[tokio::test]
async fn a_connection_ends_as_tls_ends() {
    let certified = Certified::new();
    let town = town_with(&certified, Setup::default()).await;
    // The last response, and one whose end is the connection's.
    for request in [
        "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n",
        "GET /until-close HTTP/1.0\r\n\r\n",
    ] {
        let mut stream = connect(&town, &[&certified.der], &[]).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut got = String::new();
        let ended = tokio::time::timeout(DEADLINE, stream.read_to_string(&mut got))
            .await
            .unwrap();
        assert!(
            ended.is_ok() && got.starts_with("HTTP/1.1 200"),
            "{ended:?} {got}"
        );
    }
}

#[tokio::test]
async fn a_cut_response_can_be_told_from_a_whole_one() {
    let certified = Certified::new();
    let town = town_with(&certified, Setup::default()).await;
    let mut stream = connect(&town, &[&certified.der], &[]).await.unwrap();
    stream
        .write_all(b"GET /cut-chunked HTTP/1.0\r\n\r\n")
        .await
        .unwrap();
    let mut got = Vec::new();
    let ended = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut got))
        .await
        .unwrap();
    assert!(ended.is_err(), "{}", String::from_utf8_lossy(&got));
}

#[tokio::test]
async fn a_changed_certificate_is_taken_and_connections_stay() {
    let certified = Certified::new();
    let town = town_with(&certified, Setup::default()).await;
    let mut old = connect(&town, &[&certified.der], &[]).await.unwrap();
    get(&mut old, "/").await;
    let mut current = certified.der.clone();
    for round in 0..2 {
        if round == 1 {
            // What can not be used changes nothing; the one after it does.
            std::fs::write(&certified.files.certificate, "nonsense").unwrap();
        }
        let next = write(&certified.files);
        let end = tokio::time::Instant::now() + DEADLINE;
        while connect(&town, &[&next], &[]).await.is_err() {
            assert!(
                tokio::time::Instant::now() < end,
                "the new certificate is not taken"
            );
            assert!(
                connect(&town, &[&current, &next], &[]).await.is_ok(),
                "nobody is turned away"
            );
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
        current = next;
        get(&mut old, "/").await;
    }
}

#[tokio::test]
async fn tls_1_2_is_the_least() {
    let certified = Certified::new();
    let town = town_with(&certified, Setup::default()).await;
    for (version, fits) in [
        ("-tls1_3", true),
        ("-tls1_2", true),
        ("-tls1_1", false),
        ("-tls1", false),
    ] {
        let mut client = tokio::process::Command::new("openssl")
            .args([
                "s_client",
                "-connect",
                &town.address.to_string(),
                version,
                "-cipher",
                "DEFAULT@SECLEVEL=0",
            ])
            .args(["-quiet", "-no_ign_eof"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("openssl is installed");
        let mut stdin = client.stdin.take().unwrap();
        stdin
            .write_all(b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
            .await
            .ok();
        let output = tokio::time::timeout(DEADLINE, client.wait_with_output())
            .await
            .unwrap()
            .unwrap();
        let got = String::from_utf8_lossy(&output.stdout);
        assert_eq!(got.starts_with("HTTP/1.1 200"), fits, "{version}: {got}");
        drop(stdin);
    }
}

#[tokio::test]
async fn whoever_does_not_shake_hands_is_let_go() {
    let certified = Certified::new();
    let town = town_with(
        &certified,
        Setup {
            limits: RouterLimits {
                header_longest: Span(200),
                ..RouterLimits::default()
            },
            ..Setup::default()
        },
    )
    .await;
    assert_eq!(town.raw(b"").await, "");
    let plain = town.raw(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await;
    assert!(!plain.contains("HTTP/1.1 200"), "{plain}");
    assert_eq!(town.stable.requests(), [""; 0]);
}

#[tokio::test]
async fn what_can_not_be_used_is_refused_at_start() {
    let (one, other) = (Certified::new(), Certified::new());
    let files = |certificate: &Path, key: &Path| TlsFiles {
        certificate: certificate.to_owned(),
        key: key.to_owned(),
    };
    let missing = one.dir.path().join("missing.pem");
    let cases = [
        (files(&missing, &one.files.key), "cannot read `"),
        (files(&one.files.certificate, &missing), "cannot read `"),
        (files(&one.files.key, &one.files.key), "has no certificate in PEM"),
        (
            files(&one.files.certificate, &one.files.certificate),
            "has no private key in PEM",
        ),
        (
            files(&one.files.certificate, &other.files.key),
            "does not fit the certificate in",
        ),
    ];
    for (files, why) in cases {
        let error = check_tls(&files).unwrap_err();
        assert!(
            error.to_string().contains(why) && !error.hint().is_empty(),
            "{error}"
        );
        let state = tempfile::tempdir().unwrap();
        let settings = RouterSettings {
            listeners: vec![ListenerSettings {
                name: "shop.production".to_owned(),
                socket: std::net::TcpListener::bind("127.0.0.1:0").unwrap(),
                traffic: Default::default(),
                tls: Some(files),
            }],
            control: state.path().join("control"),
            state: state.path().to_owned(),
            supervisor: None,
            limits: RouterLimits::default(),
            drain_longest: DEADLINE,
            injection: None,
        };
        let refused = run(settings, std::future::pending()).await;
        assert!(matches!(refused, Err(RouterError::Tls { .. })), "{refused:?}");
    }
}
