//! Which server answers: another environment's is opened for nobody.

use postgres_protocol::authentication::sasl::ChannelBinding;
use safeguard_api::Environment;
use safeguard_api::config::{GuardPolicy, Mode};
use tokio::net::TcpStream;

use super::server::{ROLE, server};
use super::town::{LOGIN_PASSWORD, Town};
use super::wire::{Wire, query};

fn own_number() -> String {
    server().must("postgres", "SELECT system_identifier FROM pg_control_system()")
}

fn registered(numbers: &[(Environment, &str)]) -> GuardPolicy {
    let numbers = numbers.iter().map(|(of, number)| (*of, (*number).to_owned()));
    GuardPolicy {
        system_identifiers: numbers.collect(),
        ..GuardPolicy::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_of_another_environment_is_opened_for_nobody() {
    let own = tokio::task::spawn_blocking(own_number).await.unwrap();
    let own = own.as_str();
    let (production, staging) = (Environment::Production, Environment::Staging);
    for mode in [Mode::Enforce, Mode::Observe] {
        let town = Town::with("", |proxy| proxy.mode = Some(mode)).await;
        let told = async |numbers: &[(Environment, &str)]| {
            town.set(registered(numbers), false);
            let said = town.psql("agent", "SELECT 6 * 7").await;
            said.replace(own, "OWN")
        };
        for numbers in [
            &[][..],
            &[(production, own)],
            &[(production, own), (staging, "71")],
            // Nothing is known of production, nor of this server.
            &[(staging, "71")],
        ] {
            assert_eq!(told(numbers).await, "42", "{mode:?} {numbers:?}");
        }
        let other = "FATAL:  this proxy is of production, and the server behind it is that of staging (OWN)";
        for numbers in [&[(staging, own)][..], &[(staging, own), (production, "72")]] {
            let said = told(numbers).await;
            assert!(
                said.contains(other)
                    && said.contains("HINT:  name the server of production in `[proxies.shop.upstream]`"),
                "{mode:?}: {said}"
            );
        }
        let said = told(&[(production, "72")]).await;
        let stranger = "FATAL:  production is registered as server 72, and the one behind this proxy is OWN";
        assert!(said.contains(stranger), "{said}");
        assert!(
            said.contains("register its number in `[guard.system_identifiers]`"),
            "{said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_say_which_one_it_is_is_refused() {
    let town = Town::new("").await;
    let own = tokio::task::spawn_blocking(own_number).await.unwrap();
    town.set(registered(&[(Environment::Production, &own)]), false);
    town.truth("REVOKE EXECUTE ON FUNCTION pg_control_system() FROM PUBLIC")
        .await;
    let said = town.psql("agent", "SELECT 1").await;
    let expected = "FATAL:  the server does not say which one it is";
    assert!(said.contains(expected), "{said}");
    let grant = format!("GRANT EXECUTE ON FUNCTION pg_control_system() TO {ROLE}");
    assert!(said.contains(&grant), "{said}");
    town.truth(&grant).await;
    assert_eq!(town.psql("agent", "SELECT 1").await, "1");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_answers_in_the_server_s_place() {
    // A function of the same name in front of PostgreSQL's own, and a type of the same name as the answer's.
    let town = Town::new(
        "CREATE FUNCTION pg_control_system(OUT system_identifier bigint) LANGUAGE sql AS 'SELECT 72::bigint';
         CREATE DOMAIN text AS pg_catalog.text CHECK (false)",
    )
    .await;
    let database = town.database.clone();
    town.truth(&format!(
        "ALTER DATABASE {database} SET search_path = public, pg_catalog"
    ))
    .await;
    let answered = "SELECT system_identifier FROM pg_control_system()";
    assert_eq!(town.truth(answered).await, "72");
    town.set(registered(&[(Environment::Production, "72")]), false);
    let said = town.psql("agent", "SELECT 1").await;
    assert!(
        said.contains("production is registered as server 72, and the one behind"),
        "{said}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_sees_nothing_of_the_question() {
    let own = tokio::task::spawn_blocking(own_number).await.unwrap();
    let town = Town::new("").await;
    let log_in = async || {
        let stream = TcpStream::connect(town.address).await.unwrap();
        let mut wire = Wire::begin(stream, 3 << 16, "agent", &town.database).await;
        let binding = ChannelBinding::unsupported();
        let heard = wire.log_in_by("SCRAM-SHA-256", LOGIN_PASSWORD, binding).await;
        (heard, wire)
    };
    let (before, _) = log_in().await;
    assert!(before.as_ref().unwrap().len() > 5, "{before:?}");
    town.set(registered(&[(Environment::Production, &own)]), false);
    let (asked, mut wire) = log_in().await;
    assert_eq!(asked, before);
    assert_eq!(wire.ask(&query("SELECT 1")).await, "T D C:SELECT 1 Z:I");
    // Refused, a client hears one error after its proof, and no word of a session.
    town.set(registered(&[(Environment::Staging, &own)]), false);
    let (refused, mut wire) = log_in().await;
    assert!(refused.unwrap_err().starts_with("08001"));
    assert!(wire.message().await.is_none() && wire.key.is_empty());
}
