//! Guessed passwords: each guess takes longer, and right ones from elsewhere do not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use postgres_protocol::authentication::sasl::ChannelBinding;
use safeguard_api::guard::Principal;
use safeguard_api::statement::Outcome;
use safeguard_dataplane::pg::Desk;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use super::town::{LOGIN_PASSWORD, Town};
use super::wire::Wire;

const WRONG: &str = "28P01 the login failed: the user, the password or the certificate is not right";

async fn from(local: &str, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(format!("{local}:0").parse().unwrap()).unwrap();
    socket.connect(to).await.unwrap()
}

/// What a login comes to, and how long that took.
async fn log_in(town: &Town, local: &str, user: &str, password: &str) -> (Result<(), String>, Duration) {
    let begun = Instant::now();
    let stream = from(local, town.address).await;
    let mut wire = Wire::begin(stream, 3 << 16, user, &town.database).await;
    let heard = wire
        .log_in_by("SCRAM-SHA-256", password, ChannelBinding::unsupported())
        .await;
    (heard.map(drop), begun.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guess_takes_longer_each_time_and_the_right_password_from_elsewhere_does_not() {
    let desk = Arc::new(Desk::new().0);
    let told = Arc::clone(&desk);
    let town = Town::with_settings("", |settings| settings.desk = Some(desk)).await;
    let least = [100, 300, 600, 1_200];
    for user in ["agent", "nobody"] {
        let local = if user == "agent" { "127.0.0.2" } else { "127.0.0.3" };
        for (guess, least) in least.into_iter().enumerate() {
            let (heard, took) = log_in(&town, local, user, &format!("guess {guess}")).await;
            assert_eq!(heard, Err(WRONG.to_owned()));
            assert!(took >= Duration::from_millis(least), "{user} {guess}: {took:?}");
        }
    }
    // The right password waits where it was guessed at, is let in, and waits no more.
    let (heard, took) = log_in(&town, "127.0.0.2", "agent", LOGIN_PASSWORD).await;
    assert_eq!(heard, Ok(()));
    assert!(took >= Duration::from_millis(800), "{took:?}");
    for local in ["127.0.0.2", "127.0.0.4"] {
        let mut took = Vec::new();
        // A busy machine may take its time once.
        for _ in 0..5 {
            let (heard, one) = log_in(&town, local, "agent", LOGIN_PASSWORD).await;
            assert_eq!(heard, Ok(()));
            took.push(one);
        }
        assert!(
            took.iter().min().unwrap() < &Duration::from_millis(700),
            "{took:?}"
        );
    }
    let batches = told.fetch();
    let decisions = &batches[0].decisions;
    assert_eq!(
        decisions.len(),
        4,
        "those of `agent`: whose `nobody` would be is not known"
    );
    for decision in decisions {
        assert_eq!(
            (decision.login.as_str(), decision.principal),
            ("agent", Principal::Agent)
        );
        assert_eq!(
            (decision.outcome, decision.sqlstate.as_deref()),
            (Outcome::Refused, Some("28P01"))
        );
    }
    let text = serde_json::to_string(&batches).unwrap();
    assert!(!text.contains("guess"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_guesses_at_once_are_refused_and_a_login_that_has_passed_is_not() {
    let town = Arc::new(Town::new("").await);
    let (heard, _) = log_in(&town, "127.0.0.5", "person", LOGIN_PASSWORD).await;
    assert_eq!(heard, Ok(()));
    let mut guessing = JoinSet::new();
    for guess in 0..60 {
        let town = Arc::clone(&town);
        let user = format!("user {}", guess % 20);
        guessing.spawn(async move { log_in(&town, "127.0.0.5", &user, "guess").await.0.unwrap_err() });
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    for _ in 0..3 {
        assert_eq!(
            log_in(&town, "127.0.0.5", "person", LOGIN_PASSWORD).await.0,
            Ok(())
        );
        assert_eq!(
            log_in(&town, "127.0.0.6", "agent", LOGIN_PASSWORD).await.0,
            Ok(())
        );
    }
    let heard = guessing.join_all().await;
    let held_up = heard
        .iter()
        .filter(|why| why.starts_with("53300 too many logins from this address"))
        .count();
    assert_eq!(
        heard.iter().filter(|why| *why == WRONG).count() + held_up,
        60,
        "{heard:?}"
    );
    assert!(held_up > 10, "{held_up}");
}
