//! Logins that hold for minutes: whom they let in, and what becomes of their sessions.

use std::time::{Duration, Instant};

use safeguard_api::config::Mode;
use safeguard_api::credential::LiveCredential;
use safeguard_api::guard::Principal;
use safeguard_api::id::CredentialId;
use safeguard_api::{Environment, Name, Timestamp};
use safeguard_dataplane::pg::{IssuedLogin, verifier};

use super::town::{LOGIN_PASSWORD, Town};
use super::wire::{Wire, field, query};

const MINUTE: Duration = Duration::from_secs(60);

fn shop() -> Name {
    "shop".parse().unwrap()
}

/// A credential of the town's proxy, with the password that all logins have here.
fn credential(login: &str) -> LiveCredential {
    let (user, _) = login.split_once('~').unwrap();
    LiveCredential {
        id: CredentialId::new(1, 1),
        proxy: shop(),
        environment: Environment::Production,
        user: user.to_owned(),
        principal: user.parse::<Principal>().unwrap(),
        login: login.to_owned(),
        verifier: verifier(LOGIN_PASSWORD),
        expires: Timestamp(0),
    }
}

fn issue(town: &Town, credential: LiveCredential, lasts: Duration) {
    let login = IssuedLogin::new(credential, Instant::now() + lasts).unwrap();
    town.in_force.issue(&shop(), vec![login]);
}

/// The SQLSTATE and the words of what ends a session.
async fn last_word(wire: &mut Wire) -> String {
    let mut last = None;
    while let Some(message) = wire.message().await {
        last = Some(message);
    }
    let (tag, body) = last.unwrap();
    assert_eq!(tag, b'E');
    format!(
        "{} {} {}",
        field(&body, b'S'),
        field(&body, b'C'),
        field(&body, b'M')
    )
}

/// What somebody is told who is not let in.
async fn told(town: &Town, login: &str, password: &str) -> String {
    let output = town
        .psql_output(login, password, &town.database, &["-c", "SELECT 1"])
        .await;
    assert!(!output.status.success(), "{login} is let in");
    String::from_utf8(output.stderr).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issued_login_has_the_rights_of_its_user() {
    let town = Town::new("CREATE TABLE t (a int)").await;
    let nobody = told(&town, "agent~0", LOGIN_PASSWORD).await;
    assert!(
        nobody.contains("the user, the password or the certificate is not right"),
        "{nobody}"
    );
    issue(&town, credential("agent~1"), MINUTE);
    assert_eq!(
        town.psql("agent~1", "SELECT current_user, 6 * 7").await,
        "guarded|42"
    );
    let refused = town.psql("agent~1", "DELETE FROM t").await;
    assert!(refused.contains("42501"), "{refused}");
    for (login, password) in [("agent~1", "guessed"), ("agent~2", LOGIN_PASSWORD)] {
        assert_eq!(told(&town, login, password).await, nobody, "{login}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_opens_its_own_proxy_alone() {
    let town = Town::new("").await;
    let nobody = told(&town, "agent~0", LOGIN_PASSWORD).await;
    let staging = LiveCredential {
        environment: Environment::Staging,
        ..credential("agent~1")
    };
    issue(&town, staging, MINUTE);
    assert_eq!(told(&town, "agent~1", LOGIN_PASSWORD).await, nobody);
    let other: Name = "stock".parse().unwrap();
    let of_other = LiveCredential {
        proxy: other.clone(),
        ..credential("agent~2")
    };
    let login = IssuedLogin::new(of_other, Instant::now() + MINUTE).unwrap();
    town.in_force.issue(&other, vec![login]);
    assert_eq!(told(&town, "agent~2", LOGIN_PASSWORD).await, nobody);
    // As somebody else than the configuration says.
    let stronger = LiveCredential {
        principal: Principal::Migration,
        ..credential("agent~3")
    };
    issue(&town, stronger, MINUTE);
    assert_eq!(told(&town, "agent~3", LOGIN_PASSWORD).await, nobody);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_credential_ends_its_sessions_and_what_they_did_not_commit() {
    let town = Town::new("CREATE TABLE t (a int)").await;
    issue(&town, credential("service~1"), MINUTE);
    let mut idle = Wire::through(&town, "service~1").await;
    let mut busy = Wire::through(&town, "service~1").await;
    let mut lasting = Wire::through(&town, "service").await;
    assert_eq!(busy.ask(&query("BEGIN")).await, "C:BEGIN Z:T");
    assert_eq!(
        busy.ask(&query("INSERT INTO t VALUES (1)")).await,
        "C:INSERT 0 1 Z:T"
    );
    let begun = Instant::now();
    town.in_force.issue(&shop(), Vec::new());
    let revoked = "FATAL 57P01 the credential `service~1` was revoked";
    assert_eq!(last_word(&mut idle).await, revoked);
    assert_eq!(last_word(&mut busy).await, revoked);
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    let nobody = told(&town, "service~0", LOGIN_PASSWORD).await;
    assert_eq!(told(&town, "service~1", LOGIN_PASSWORD).await, nobody);
    assert_eq!(town.truth("SELECT count(*) FROM t").await, "0");
    // Nothing is left of the transaction, its lock included.
    town.truth("SET lock_timeout = '20s'; BEGIN; LOCK TABLE t; COMMIT")
        .await;
    assert!(lasting.ask(&query("SELECT 1")).await.ends_with("Z:I"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_when_a_credential_is_revoked_is_stopped() {
    // Observed, so that the statement runs in no transaction of the proxy's: nothing but a cancel holds it back.
    let town = Town::with("CREATE TABLE t (a int)", |proxy| {
        proxy.mode = Some(Mode::Observe);
    })
    .await;
    issue(&town, credential("service~1"), MINUTE);
    let mut wire = Wire::through(&town, "service~1").await;
    wire.send(&query("INSERT INTO t SELECT 1 FROM pg_sleep(20)"))
        .await;
    let database = &town.database;
    let running = format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND state = 'active' AND query LIKE 'INSERT%'"
    );
    while town.truth(&running).await == "0" {}
    town.in_force.issue(&shop(), Vec::new());
    assert!(last_word(&mut wire).await.contains("was revoked"));
    let begun = Instant::now();
    while town.truth(&running).await != "0" {
        assert!(begun.elapsed() < Duration::from_secs(10), "it still runs");
    }
    assert_eq!(town.truth("SELECT count(*) FROM t").await, "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_does_not_outlast_its_credential() {
    let town = Town::new("CREATE TABLE t (a int)").await;
    // Renewed as the server is asked again and again: nothing of that puts its end off.
    issue(&town, credential("service~1"), Duration::from_secs(3));
    let mut wire = Wire::through(&town, "service~1").await;
    issue(&town, credential("service~1"), MINUTE);
    assert!(wire.ask(&query("SELECT 1")).await.ends_with("Z:I"));
    assert_eq!(wire.ask(&query("BEGIN")).await, "C:BEGIN Z:T");
    assert_eq!(
        wire.ask(&query("INSERT INTO t VALUES (1)")).await,
        "C:INSERT 0 1 Z:T"
    );
    wire.send(&query("SELECT pg_sleep(20)")).await;
    let begun = Instant::now();
    let word = last_word(&mut wire).await;
    assert_eq!(word, "FATAL 57P01 the credential `service~1` has expired");
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    let nobody = told(&town, "service~0", LOGIN_PASSWORD).await;
    assert_eq!(told(&town, "service~1", LOGIN_PASSWORD).await, nobody);
    assert_eq!(town.truth("SELECT count(*) FROM t").await, "0");
}
