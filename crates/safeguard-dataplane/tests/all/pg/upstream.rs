//! How the proxy logs in to the database: each way that PostgreSQL asks for, and what is refused.

use rcgen::date_time_ymd;
use safeguard_api::config::{Proxy, TlsFiles};
use safeguard_dataplane::pg::ProxySettings;

use super::authority::{Authority, Signed};
use super::relay::{Known, relay};
use super::server::{CERTIFICATE_ROLE, CLEARTEXT_ROLE, MD5_ROLE, PASSWORD, ROLE, TRUSTED_ROLE, server};
use super::town::Town;
use crate::tls::Certified;

/// What an agent is told that asks who the proxy is in the database.
async fn told(change: impl FnOnce(&mut ProxySettings)) -> String {
    // The server is started here, where it may take its time.
    tokio::task::spawn_blocking(server).await.unwrap();
    let town = Town::in_front_of("postgres".to_owned(), change);
    town.psql("agent", "SELECT current_user").await
}

fn ciphered(proxy: &mut Proxy) {
    proxy.upstream.tls_authority = Some(server().certificate());
}

fn shows(proxy: &mut Proxy, files: &TlsFiles) {
    ciphered(proxy);
    proxy.upstream.certificate = Some(files.certificate.clone());
    proxy.upstream.key = Some(files.key.clone());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_way_to_the_database_is_ciphered_where_it_says_whom_to_trust() {
    let ciphered = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let trusted = |proxy: &mut Proxy| proxy.upstream.tls_authority = Some(server().certificate());
    let town = Town::with("", trusted).await;
    assert_eq!(town.psql("agent", ciphered).await, "t");
    // One that is not the server's is not taken for it.
    let other = Certified::new();
    let town = Town::with("", |proxy| {
        proxy.upstream.tls_authority = Some(other.files.certificate.clone());
    })
    .await;
    let said = town.psql("agent", ciphered).await;
    assert!(said.contains("the database can not be reached"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_login_that_postgresql_asks_for_is_answered() {
    for role in [ROLE, MD5_ROLE, CLEARTEXT_ROLE, TRUSTED_ROLE] {
        for is_ciphered in [false, true] {
            let with = |password: &str| {
                let password = password.to_owned();
                told(move |settings| {
                    settings.proxy.upstream.user = role.to_owned();
                    settings.proxy.upstream.cleartext_password = true;
                    settings.password = (!password.is_empty()).then_some(password);
                    if is_ciphered {
                        ciphered(&mut settings.proxy);
                    }
                })
            };
            assert_eq!(with(PASSWORD).await, role, "{is_ciphered}");
            let (wrong, none) = (with("another").await, with("").await);
            if role == TRUSTED_ROLE {
                assert_eq!([wrong.as_str(), none.as_str()], [role; 2]);
                continue;
            }
            let expected = format!(
                "FATAL:  the database refused the session: password authentication failed for user \"{role}\""
            );
            assert!(wrong.contains(&expected), "{wrong}");
            assert!(
                none.contains("FATAL:  the database asks for a password, and none is configured"),
                "{none}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_never_sent_as_it_is_unless_that_is_allowed() {
    let told = told(|settings| settings.proxy.upstream.user = CLEARTEXT_ROLE.to_owned()).await;
    assert!(
        told.contains("which `cleartext_password` does not allow"),
        "{told}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_bound_to_the_database_s_certificate() {
    // The name of a host that the proxy trusts, and not the database: only the login itself can tell the two apart.
    let theirs = Certified::new();
    let target = Known {
        address: server().address,
        name: "127.0.0.1",
        certificate: server().certificate_der(),
    };
    let port = relay(target, &theirs).await.port();
    let through = |role: &str| {
        let (role, authority) = (role.to_owned(), theirs.files.certificate.clone());
        told(move |settings| {
            let upstream = &mut settings.proxy.upstream;
            upstream.tls_authority = Some(authority);
            (upstream.host, upstream.port, upstream.user) = ("localhost".to_owned(), port, role);
        })
    };
    assert_eq!(
        through(MD5_ROLE).await,
        MD5_ROLE,
        "what binds to nothing does not notice"
    );
    let said = through(ROLE).await;
    assert!(said.contains("SCRAM channel binding check failed"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_proves_the_proxy_s_role_to_the_database() {
    let log_in = |shown: Option<&Signed>| {
        let files = shown.map(|signed| signed.files.clone());
        told(move |settings| {
            ciphered(&mut settings.proxy);
            settings.proxy.upstream.user = CERTIFICATE_ROLE.to_owned();
            settings.password = None;
            if let Some(files) = files {
                shows(&mut settings.proxy, &files);
            }
        })
    };
    let clients = &server().clients;
    let right = clients.client(CERTIFICATE_ROLE);
    assert_eq!(log_in(Some(&right)).await, CERTIFICATE_ROLE);
    let said = log_in(None).await;
    assert!(
        said.contains("connection requires a valid client certificate"),
        "{said}"
    );
    let said = log_in(Some(&clients.client("another"))).await;
    assert!(said.contains("certificate authentication failed"), "{said}");
    let folder = tempfile::tempdir().unwrap();
    let foreign = Authority::within(folder.path()).client(CERTIFICATE_ROLE);
    let past = clients.client_with(CERTIFICATE_ROLE, |made| {
        made.not_after = date_time_ymd(2020, 1, 1);
    });
    for shown in [foreign, past] {
        let said = log_in(Some(&shown)).await;
        assert!(said.contains("FATAL:  the database can not be reached"), "{said}");
    }
}
