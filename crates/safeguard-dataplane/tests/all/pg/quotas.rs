//! Quotas: what is sent too fast or runs beside too much is refused, and what runs too long is cancelled.

use std::time::{Duration, Instant};

use safeguard_api::Span;
use safeguard_api::config::{GuardPolicy, Mode, Quota, Quotas};

use super::town::{Town, words};
use super::wire::{Message, Wire, field, message, query, run, sync};

const USERS: &str = "CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users SELECT g, 'n' || g FROM generate_series(1, 50) g;
CREATE FUNCTION stubborn() RETURNS int LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(20); RETURN 1; EXCEPTION WHEN query_canceled THEN PERFORM pg_sleep(20); RETURN 2; END'";

/// Tries of what the clock of a busy machine may come in between.
const TRIES: usize = 50;

/// The same for agents and persons; services and migrations have none.
pub fn quotas(quota: Quota) -> GuardPolicy {
    let quotas = Quotas {
        agent: quota,
        person: quota,
        service: Quota::default(),
        migration: Quota::default(),
    };
    GuardPolicy {
        quotas,
        ..GuardPolicy::default()
    }
}

pub async fn town(quota: Quota) -> Town {
    let town = Town::new(USERS).await;
    town.set(quotas(quota), false);
    town
}

fn per_second(statements: u32) -> Quota {
    Quota {
        statements_per_second: Some(statements),
        ..Quota::default()
    }
}

fn longest(ms: u64) -> Quota {
    Quota {
        statement_longest: Some(format!("{ms}ms").parse().unwrap()),
        ..Quota::default()
    }
}

/// The next error, whole.
async fn error(wire: &mut Wire) -> Message {
    loop {
        let message = wire.message().await.unwrap();
        if message.0 == b'E' {
            return message;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_too_fast_is_refused_with_its_figure() {
    let town = town(per_second(5)).await;
    let agent = town.driver("agent").await;
    let six = "SELECT 1; SELECT 2; SELECT 3; SELECT 4; SELECT 5; SELECT 6";
    let refused = agent.batch_execute(six).await.unwrap_err();
    assert_eq!(
        words(&refused),
        "53400 would be 6 statements within a second (limit 5)"
    );
    let refused = refused.as_db_error().unwrap();
    assert!(
        refused
            .detail()
            .unwrap()
            .starts_with("quota `statements_per_second`, decision ")
    );
    assert_eq!(
        refused.hint(),
        Some("wait a second, and send fewer at a time; `[guard.quotas.agent]` has the limits")
    );
    agent.batch_execute("SELECT 1; SELECT 2").await.unwrap();
    let service = town.driver("service").await;
    service.batch_execute(six).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_of_a_login_share_the_second_and_other_logins_have_their_own() {
    let town = town(per_second(5)).await;
    let mut one = Wire::through(&town, "agent").await;
    let mut other = Wire::through(&town, "agent").await;
    let mut person = Wire::through(&town, "person").await;
    let five = query("SELECT 1; SELECT 2; SELECT 3; SELECT 4; SELECT 5");
    for (asked, refused) in [
        (query("SELECT 1"), "E:53400 Z:I"),
        ([run("SELECT 1"), sync()].concat(), "1 2 E:53400 Z:I"),
    ] {
        let mut heard = String::new();
        for _ in 0..TRIES {
            while one.ask(&five).await.starts_with('E') {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            heard = other.ask(&asked).await;
            if heard.contains("E:53400") {
                break;
            }
        }
        assert_eq!(heard, refused);
        assert_eq!(person.ask(&query("SELECT 1")).await, "T D C:SELECT 1 Z:I");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ends_a_transaction_is_never_refused() {
    let town = town(per_second(1)).await;
    let mut wire = Wire::through(&town, "agent").await;
    let both = [
        run("BEGIN"),
        run("COMMIT"),
        run("ROLLBACK"),
        sync(),
        query("COMMIT"),
        query("END"),
    ]
    .concat();
    wire.send(&both).await;
    let heard: Vec<String> = wire
        .heard(3)
        .await
        .into_iter()
        .filter(|word| word != "N")
        .collect();
    assert_eq!(
        heard.join(" "),
        "1 2 C:BEGIN 1 2 C:COMMIT 1 2 C:ROLLBACK Z:I C:COMMIT Z:I C:COMMIT Z:I"
    );
    // Within a transaction a refusal is an error like any other.
    let mut ended = String::new();
    for _ in 0..TRIES {
        while wire.ask(&query("BEGIN")).await.starts_with('E') {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let heard = wire.ask(&query("SELECT 1")).await;
        ended = wire.ask(&query("COMMIT")).await;
        if heard == "E:53400 Z:E" {
            break;
        }
    }
    assert_eq!(ended, "C:ROLLBACK Z:I");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_ends_at_what_is_refused() {
    let town = town(per_second(2)).await;
    let mut wire = Wire::through(&town, "agent").await;
    let pipeline = [
        run("CREATE TEMP TABLE made (a int)"),
        run("SELECT 1"),
        run("SELECT 2"),
        run("SELECT 3"),
        sync(),
    ]
    .concat();
    let mut heard = String::new();
    for _ in 0..TRIES {
        heard = wire.ask(&pipeline).await;
        if heard.starts_with("1 2 C:CREATE TABLE 1 2 D") && heard.contains("E:53400") {
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(heard, "1 2 C:CREATE TABLE 1 2 D C:SELECT 1 1 2 E:53400 Z:I");
    town.set(GuardPolicy::default(), false);
    assert_eq!(wire.ask(&query("SELECT * FROM made")).await, "E:42P01 Z:I");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_at_once_is_counted_over_all_sessions_of_a_login() {
    let one_at_once = Quota {
        statements_running_max: Some(1),
        ..Quota::default()
    };
    let town = town(one_at_once).await;
    let mut other = Wire::through(&town, "agent").await;
    assert_eq!(other.ask(&query("BEGIN")).await, "C:BEGIN Z:T");
    let mut busy = Wire::through(&town, "agent").await;
    busy.send(&query("SELECT pg_sleep(50), 'the busy one'")).await;
    let runs = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query LIKE '%the busy one%' AND pid <> pg_backend_pid()";
    while town.truth(runs).await == "0" {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    other.send(&query("SELECT 1")).await;
    let (_, refused) = error(&mut other).await;
    assert_eq!(
        (field(&refused, b'C'), field(&refused, b'M')),
        (
            "53400".to_owned(),
            "would be 2 statements at once (limit 1)".to_owned()
        )
    );
    assert_eq!(other.heard(1).await, ["Z:E"]);
    assert_eq!(other.ask(&query("COMMIT")).await, "C:ROLLBACK Z:I");
    assert_eq!(
        other.ask(&[run("SELECT 1"), sync()].concat()).await,
        "1 2 E:53400 Z:I"
    );
    let mut person = Wire::through(&town, "person").await;
    assert_eq!(person.ask(&query("SELECT 1")).await, "T D C:SELECT 1 Z:I");
    town.truth("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%the busy one%' AND pid <> pg_backend_pid()")
        .await;
    assert!(busy.heard(1).await.contains(&"E:57014".to_owned()));
    assert_eq!(other.ask(&query("SELECT 1")).await, "T D C:SELECT 1 Z:I");
    // A session that is gone has nothing running.
    busy.send(&query("SELECT pg_sleep(50), 'the busy one'")).await;
    while town.truth(runs).await == "0" {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    town.truth("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%the busy one%' AND pid <> pg_backend_pid()")
        .await;
    while busy.message().await.is_some() {}
    while other.ask(&query("SELECT 1")).await != "T D C:SELECT 1 Z:I" {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_while_a_statement_runs_keeps_its_place_and_its_limit_of_time() {
    let one_at_once = Quota {
        statements_running_max: Some(1),
        statement_longest: Some(Span::seconds(3)),
        ..Quota::default()
    };
    let town = town(one_at_once).await;
    let mut other = Wire::through(&town, "agent").await;
    let runs = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' AND query LIKE '%left behind%' AND pid <> pg_backend_pid()";
    for goodbye in [message(b'X', b""), Vec::new()] {
        let mut leaving = Wire::through(&town, "agent").await;
        leaving.send(&query("SELECT pg_sleep(50), 'left behind'")).await;
        while town.truth(runs).await == "0" {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        leaving.send(&goodbye).await;
        drop(leaving);
        let begun = Instant::now();
        let mut refused = 0;
        loop {
            let heard = other.ask(&query("SELECT 1")).await;
            if heard == "T D C:SELECT 1 Z:I" {
                break;
            }
            assert_eq!(heard, "E:53400 Z:I");
            refused += 1;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(refused > 0 && begun.elapsed() < Duration::from_secs(45));
        assert_eq!(town.truth(runs).await, "0");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_runs_too_long_is_cancelled_in_every_form() {
    let town = town(longest(1_000)).await;
    let agent = town.driver("agent").await;
    let begun = Instant::now();
    let cancelled = agent.batch_execute("SELECT pg_sleep(50)").await.unwrap_err();
    let told = words(&cancelled);
    assert!(
        told.starts_with("57014 the statement ran for ")
            && told.ends_with(" s (limit 1.0 s) and was cancelled"),
        "{told}"
    );
    let detail = cancelled.as_db_error().unwrap().detail().unwrap().to_owned();
    assert!(
        detail.starts_with("quota `statement_longest`, decision "),
        "{detail}"
    );
    let mut wire = Wire::through(&town, "agent").await;
    let sleep = "SELECT pg_sleep(50)";
    assert_eq!(wire.ask(&query(sleep)).await, "T E:57014 Z:I");
    assert_eq!(wire.ask(&[run(sleep), sync()].concat()).await, "1 2 E:57014 Z:I");
    assert_eq!(wire.ask(&query("BEGIN")).await, "C:BEGIN Z:T");
    assert_eq!(wire.ask(&query(sleep)).await, "T E:57014 Z:E");
    assert_eq!(wire.ask(&query("SELECT 1")).await, "E:25P02 Z:E");
    assert_eq!(wire.ask(&query("COMMIT")).await, "C:ROLLBACK Z:I");
    let pipeline = [
        run("CREATE TEMP TABLE made (a int)"),
        run(sleep),
        run("SELECT 1"),
        sync(),
        run("SELECT 2"),
        sync(),
    ]
    .concat();
    wire.send(&pipeline).await;
    assert_eq!(
        wire.heard(2).await.join(" "),
        "1 2 C:CREATE TABLE 1 2 E:57014 Z:I 1 2 D C:SELECT 1 Z:I"
    );
    assert_eq!(wire.ask(&query("SELECT * FROM made")).await, "E:42P01 Z:I");
    assert!(begun.elapsed() < Duration::from_secs(45));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_measured_is_cancelled_and_nothing_of_it_stays() {
    let town = town(longest(1_000)).await;
    let mut wire = Wire::through(&town, "person").await;
    let slow = "DELETE FROM users WHERE id = 1 AND pg_sleep(50) IS NOT NULL";
    assert_eq!(wire.ask(&query(slow)).await, "E:57014 Z:I");
    assert_eq!(wire.ask(&[run(slow), sync()].concat()).await, "1 2 E:57014 Z:I");
    // The first cancel is caught by the function; the second comes a second later.
    let begun = Instant::now();
    assert_eq!(wire.ask(&query("SELECT stubborn()")).await, "T E:57014 Z:I");
    assert!(begun.elapsed() < Duration::from_secs(19), "{:?}", begun.elapsed());
    // Rows of a COPY that do not come.
    let copy = "COPY users FROM STDIN";
    let late = [message(b'd', b"60\tlate\n"), message(b'c', b"")].concat();
    for (asked, rest) in [
        (query(copy), Vec::new()),
        ([run(copy), message(b'H', b"")].concat(), sync()),
    ] {
        wire.send(&asked).await;
        while wire.message().await.unwrap().0 != b'G' {}
        let (_, cancelled) = error(&mut wire).await;
        assert!(field(&cancelled, b'M').starts_with("the statement ran for "));
        wire.send(&[late.clone(), rest].concat()).await;
        assert_eq!(wire.heard(1).await, ["Z:I"]);
        assert_eq!(wire.ask(&query("SELECT 1")).await, "T D C:SELECT 1 Z:I");
    }
    assert_eq!(town.truth("SELECT count(*), min(id) FROM users").await, "50|1");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_statement_of_a_pipeline_has_its_own_time() {
    let town = town(longest(1_500)).await;
    let mut wire = Wire::through(&town, "agent").await;
    let nap = run("SELECT pg_sleep(0.4)");
    let heard = wire.ask(&[nap.repeat(6), sync()].concat()).await;
    assert_eq!(heard, format!("{}Z:I", "1 2 D C:SELECT 1 ".repeat(6)));
}

/// Statements that end just when they are cancelled, and one that follows at once: the cancel hits the first or none.
#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_never_hits_the_next_statement() {
    const LIMIT_MS: u64 = 400;
    let town = town(longest(LIMIT_MS)).await;
    let rounds = if std::env::var_os("SAFEGUARD_LONG").is_some() {
        200
    } else {
        15
    };
    let mut sessions = tokio::task::JoinSet::new();
    for session in 0..8_u64 {
        let mut wire = Wire::through(&town, "agent").await;
        sessions.spawn(async move {
            let (mut cancelled, mut ended) = (0, 0);
            for round in 0..rounds {
                // From 20 ms before to 10 ms after the limit, by another step each time.
                let ms = LIMIT_MS - 20 + (round * 7 + session * 4) % 31;
                let nap = format!("SELECT pg_sleep(0.{ms:03})");
                let next = "SELECT 'the next'";
                let asked = match round % 3 {
                    0 => [query(&nap), query(next)].concat(),
                    1 => [run(&nap), sync(), run(next), sync()].concat(),
                    _ => [query("BEGIN"), query(&nap), query(next), query("ROLLBACK")].concat(),
                };
                wire.send(&asked).await;
                let mut ready = if round % 3 == 2 { 4 } else { 2 };
                let mut errors = Vec::new();
                while ready > 0 {
                    let (tag, body) = wire.message().await.unwrap();
                    ready -= usize::from(tag == b'Z');
                    if tag == b'E' {
                        errors.push((field(&body, b'C'), field(&body, b'M')));
                    }
                }
                errors.retain(|(code, _)| code != "25P02");
                // The server's own words would say that a cancel came to something else than what ran too long.
                let is_own = |(code, told): &(String, String)| {
                    code == "57014" && told.starts_with("the statement ran for ")
                };
                assert!(errors.iter().all(is_own), "{nap}: {errors:?}");
                match errors.is_empty() {
                    true => ended += 1,
                    false => cancelled += 1,
                }
            }
            (cancelled, ended)
        });
    }
    let (mut cancelled, mut ended) = (0, 0);
    while let Some(counts) = sessions.join_next().await {
        let counts = counts.unwrap();
        cancelled += counts.0;
        ended += counts.1;
    }
    assert!(cancelled > 0 && ended > 0, "{cancelled} cancelled, {ended} ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn in_observe_mode_nothing_is_over_a_quota() {
    let town = Town::with(USERS, |proxy| proxy.mode = Some(Mode::Observe)).await;
    let quota = Quota {
        statements_per_second: Some(1),
        statements_running_max: Some(1),
        statement_longest: Some("100ms".parse::<Span>().unwrap()),
        rows_returned_max: Some(1),
        bytes_returned_max: Some(1_000),
        idle_in_transaction_longest: None,
        transaction_longest: None,
        cost_max: None,
    };
    town.set(quotas(quota), false);
    let mut one = Wire::through(&town, "agent").await;
    let mut other = Wire::through(&town, "agent").await;
    one.send(&query("SELECT pg_sleep(0.5)")).await;
    assert_eq!(
        other.ask(&query("SELECT id FROM users LIMIT 3; SELECT 1")).await,
        "T D D D C:SELECT 3 T D C:SELECT 1 Z:I"
    );
    assert_eq!(one.heard(1).await.join(" "), "T D C:SELECT 1 Z:I");
    let all = other
        .ask(&[run("SELECT repeat('x', 2000)"), run("SELECT 1"), sync()].concat())
        .await;
    assert_eq!(all, "1 2 D C:SELECT 1 1 2 D C:SELECT 1 Z:I");
}
