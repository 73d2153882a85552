//! What a session may hold up: timeouts that it may not lift, and transactions in which it sends nothing.

use std::time::Duration;

use safeguard_api::Span;
use safeguard_api::config::{GuardPolicy, Mode, Quota, Quotas};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::server::ROLE;
use super::town::{LOGIN_PASSWORD, Town};
use super::wire::{Wire, bind, execute, field, message, parse, query, run, startup, sync};

const ROWS: &str =
    "CREATE TABLE users (id int PRIMARY KEY, name text); INSERT INTO users VALUES (1, 'Ann'), (2, 'Ben')";

async fn with_timeouts() -> Town {
    let town = Town::new(ROWS).await;
    let set = |name: &str, figure: &str| {
        format!(
            "ALTER ROLE {ROLE} IN DATABASE {} SET {name} = '{figure}';",
            town.database
        )
    };
    let all = [
        set("statement_timeout", "30s"),
        set("lock_timeout", "5s"),
        set("idle_in_transaction_session_timeout", "1min"),
    ];
    town.truth(&all.concat()).await;
    town
}

/// Logs in with a setting.
async fn login_with(town: &Town, user: &str, name: &str, value: &str) -> Result<Wire, String> {
    let mut stream = TcpStream::connect(town.address).await.unwrap();
    let words = ["user", user, "database", &town.database, name, value];
    tokio::io::AsyncWriteExt::write_all(&mut stream, &startup(3 << 16, &words))
        .await
        .unwrap();
    let mut wire = Wire {
        stream,
        key: Vec::new(),
    };
    let binding = postgres_protocol::authentication::sasl::ChannelBinding::unsupported();
    let heard = wire.log_in_by("SCRAM-SHA-256", LOGIN_PASSWORD, binding).await?;
    drop(heard);
    Ok(wire)
}

async fn shown(wire: &mut Wire, name: &str) -> String {
    wire.send(&query(&format!("SHOW {name}"))).await;
    let mut shown = String::new();
    loop {
        match wire.message().await.unwrap() {
            (b'D', body) => shown = String::from_utf8(body[6..].to_vec()).unwrap(),
            (b'Z', _) => return shown,
            _ => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_timeout_is_lowered_and_never_lifted() {
    let town = with_timeouts().await;
    for user in ["agent", "service"] {
        let mut wire = Wire::through(&town, user).await;
        for (sql, heard) in [
            ("SET statement_timeout = 0", "E:42501 Z:I"),
            ("SET statement_timeout = '31s'", "E:42501 Z:I"),
            ("SELECT set_config('lock_timeout', '5001', false)", "E:42501 Z:I"),
            (
                "SET idle_in_transaction_session_timeout = '61s'; SELECT 1",
                "E:42501 Z:I",
            ),
            ("SET statement_timeout = '2s'", "C:SET Z:I"),
            ("SET statement_timeout = '30s'", "C:SET Z:I"),
            ("SET statement_timeout = '2s'", "C:SET Z:I"),
        ] {
            assert_eq!(wire.ask(&query(sql)).await, heard, "{user}: {sql}");
            if heard.starts_with('E') {
                let batch = [run(sql.split(';').next().unwrap()), sync()].concat();
                assert_eq!(wire.ask(&batch).await, heard, "{user}: {sql}");
            }
        }
        let lifting = "SET lock_timeout = '1h'";
        let named = [parse("s", lifting), bind("", "s"), execute(""), sync()].concat();
        assert_eq!(wire.ask(&named).await, "E:42501 Z:I");
        let prepare = "PREPARE s AS SELECT set_config('lock_timeout', '1h', false)";
        assert_eq!(wire.ask(&query(prepare)).await, "E:42501 Z:I");
        assert_eq!(shown(&mut wire, "statement_timeout").await, "2s");
        for back in ["RESET statement_timeout", "DISCARD ALL", "RESET ALL"] {
            assert_eq!(wire.ask(&query("SET lock_timeout = '1s'")).await, "C:SET Z:I");
            assert!(wire.ask(&query(back)).await.ends_with("Z:I"), "{back}");
            assert_eq!(shown(&mut wire, "statement_timeout").await, "30s", "{back}");
        }
        assert_eq!(shown(&mut wire, "lock_timeout").await, "5s");
    }
    let mut person = Wire::through(&town, "person").await;
    assert_eq!(person.ask(&query("SET statement_timeout = 0")).await, "C:SET Z:I");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_lifts_no_timeout_either() {
    let town = with_timeouts().await;
    for (name, value) in [
        ("statement_timeout", "0"),
        ("statement_timeout", "31s"),
        ("LOCK_TIMEOUT", "6000"),
        ("options", "-c statement_timeout=0"),
    ] {
        let refused = login_with(&town, "agent", name, value).await;
        let told = refused
            .err()
            .unwrap_or_else(|| panic!("{name} = {value} is let through"));
        assert!(told.starts_with("42501 "), "{name} = {value}: {told}");
    }
    let mut wire = login_with(&town, "agent", "statement_timeout", "10s")
        .await
        .unwrap();
    assert_eq!(shown(&mut wire, "statement_timeout").await, "10s");
    assert_eq!(shown(&mut wire, "lock_timeout").await, "5s");
    assert_eq!(
        wire.ask(&query("SET statement_timeout = '11s'")).await,
        "E:42501 Z:I"
    );
    let mut person = login_with(&town, "person", "statement_timeout", "0")
        .await
        .unwrap();
    assert_eq!(shown(&mut person, "statement_timeout").await, "0");
}

pub fn for_agents(agent: Quota) -> GuardPolicy {
    GuardPolicy {
        quotas: Quotas {
            agent,
            ..Quotas::default()
        },
        ..GuardPolicy::default()
    }
}

fn one_second() -> GuardPolicy {
    for_agents(Quota {
        idle_in_transaction_longest: Some(Span::seconds(1)),
        ..Quota::default()
    })
}

fn one_second_in_all() -> GuardPolicy {
    for_agents(Quota {
        transaction_longest: Some(Span::seconds(1)),
        ..Quota::default()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_in_which_nothing_is_sent_is_rolled_back_and_the_session_ends() {
    let town = Town::new(ROWS).await;
    town.set(one_second(), false);
    let begun = query("BEGIN; SELECT * FROM users FOR UPDATE");
    let update = "UPDATE users SET name = 'Eve' WHERE id = 1";
    let flush = message(b'H', &[]);
    for (name, sent) in [
        ("locks rows", begun.clone()),
        ("has written", [query("BEGIN"), query(update)].concat()),
        ("has failed", [query("BEGIN"), query("SELECT 1/0")].concat()),
        (
            "sends half a message",
            [begun.clone(), b"Q\0\0".to_vec()].concat(),
        ),
        ("awaits no answer", run("SELECT * FROM users FOR UPDATE")),
        ("is measured without a Sync", run(update)),
        (
            "has a Flush and no Sync",
            [run("SELECT * FROM users FOR UPDATE"), flush].concat(),
        ),
    ] {
        let mut wire = Wire::through(&town, "agent").await;
        wire.send(&sent).await;
        let error = loop {
            let (tag, body) = wire
                .message()
                .await
                .unwrap_or_else(|| panic!("{name}: no last word"));
            if tag == b'E' && field(&body, b'V') == "FATAL" {
                break body;
            }
        };
        assert_eq!(field(&error, b'C'), "25P03", "{name}");
        let said = field(&error, b'M');
        assert!(
            said.starts_with("the transaction was open and idle for ")
                && said.ends_with(" (limit 1.0 s); it is rolled back, and the session ends"),
            "{name}: {said}"
        );
        assert!(
            field(&error, b'D').starts_with("quota `idle_in_transaction_longest`, decision "),
            "{name}"
        );
        assert_eq!(wire.stream.read(&mut [0; 1]).await.unwrap(), 0, "{name}");
        // Waits for the lock where there still is one, and fails in the end.
        town.truth("SET lock_timeout = '20s'; UPDATE users SET name = 'Ann' WHERE id = 1 AND name <> 'Ann'; SELECT * FROM users FOR UPDATE")
            .await;
        let names = "SELECT string_agg(name, ' ' ORDER BY id) FROM users";
        assert_eq!(town.truth(names).await, "Ann Ben", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_works_in_a_transaction_or_has_none_or_is_observed_goes_on() {
    let town = Town::with_settings(ROWS, |settings| settings.mode = Mode::Enforce).await;
    town.set(one_second(), false);
    let mut idle = Wire::through(&town, "agent").await;
    assert_eq!(idle.ask(&query("BEGIN; COMMIT")).await, "C:BEGIN C:COMMIT Z:I");
    let mut person = Wire::through(&town, "person").await;
    assert_eq!(person.ask(&query("BEGIN")).await, "C:BEGIN Z:T");
    let observed = Town::with(ROWS, |proxy| proxy.mode = Some(Mode::Observe)).await;
    observed.set(one_second(), false);
    let mut observed = Wire::through(&observed, "agent").await;
    assert_eq!(observed.ask(&query("BEGIN")).await, "C:BEGIN Z:T");
    // More than the limit passes while the database works.
    let mut busy = Wire::through(&town, "agent").await;
    let slept = "T D C:SELECT 1 Z:T";
    assert_eq!(busy.ask(&query("BEGIN")).await, "C:BEGIN Z:T");
    assert_eq!(busy.ask(&query("SELECT pg_sleep(2)")).await, slept);
    let (last, still) = (query("SELECT 1"), "T D C:SELECT 1 Z:T");
    assert_eq!(busy.ask(&last).await, still);
    assert_eq!(person.ask(&last).await, still);
    assert_eq!(observed.ask(&last).await, still);
    assert_eq!(idle.ask(&last).await, "T D C:SELECT 1 Z:I");
}

/// Sends these, and the last of them again and again, each when the one before is answered, and returns the last word of
/// the session.
async fn last_word_while_sending(wire: &mut Wire, name: &str, sent: &[Vec<u8>], until: u8) -> Vec<u8> {
    let begun = Instant::now();
    let again = sent.last().into_iter().cycle();
    for message in sent.iter().chain(again) {
        assert!(begun.elapsed() < Duration::from_secs(30), "{name}: it goes on");
        // The session may have ended meanwhile.
        drop(tokio::io::AsyncWriteExt::write_all(&mut wire.stream, message).await);
        loop {
            let (tag, body) = wire
                .message()
                .await
                .unwrap_or_else(|| panic!("{name}: no last word"));
            if tag == b'E' && field(&body, b'V') == "FATAL" {
                return body;
            }
            if tag == until {
                break;
            }
        }
    }
    panic!("{name}: nothing is sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transaction_that_goes_on_and_on_is_rolled_back_whatever_is_sent_in_it() {
    let town = Town::new(ROWS).await;
    town.set(one_second_in_all(), false);
    let lock = "SELECT * FROM users FOR UPDATE";
    let update = "UPDATE users SET name = 'Eve' WHERE id = 1";
    let without_sync = [run(lock), message(b'H', &[])].concat();
    for (name, before, again) in [
        ("answers at once", &["BEGIN", lock, update][..], query("SELECT 1")),
        (
            "waits for each",
            &["BEGIN", lock, update],
            query("SELECT pg_sleep(0.3)"),
        ),
        (
            "runs one for ever",
            &["BEGIN", lock, update],
            query("SELECT pg_sleep(600)"),
        ),
        ("never sends a Sync", &[], without_sync),
        ("has failed", &["BEGIN", lock, "SELECT 1/0"], query("SELECT 1")),
        (
            "goes back",
            &["BEGIN", lock, "SAVEPOINT a"],
            query("ROLLBACK TO a"),
        ),
    ] {
        let mut wire = Wire::through(&town, "agent").await;
        let sent: Vec<Vec<u8>> = before.iter().map(|sql| query(sql)).chain([again]).collect();
        // Without a Sync the server is never ready.
        let until = if before.is_empty() { b'C' } else { b'Z' };
        let error = last_word_while_sending(&mut wire, name, &sent, until).await;
        assert_eq!(field(&error, b'C'), "25P04", "{name}");
        let said = field(&error, b'M');
        assert!(
            said.starts_with("the transaction was open for ")
                && said.ends_with(" (limit 1.0 s); it is rolled back, and the session ends"),
            "{name}: {said}"
        );
        assert!(
            field(&error, b'D').starts_with("quota `transaction_longest`, decision "),
            "{name}"
        );
        // Fails where somebody still holds a row, as what runs would.
        town.truth("SET lock_timeout = '20s'; SELECT * FROM users FOR UPDATE")
            .await;
        let names = "SELECT string_agg(name, ' ' ORDER BY id) FROM users";
        assert_eq!(town.truth(names).await, "Ann Ben", "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_transactions_one_after_the_other_may_take_as_long_as_they_like() {
    let town = Town::new(ROWS).await;
    town.set(one_second_in_all(), false);
    let observed = Town::with(ROWS, |proxy| proxy.mode = Some(Mode::Observe)).await;
    observed.set(one_second_in_all(), false);
    let mut ends = Wire::through(&town, "agent").await;
    let mut chains = Wire::through(&town, "agent").await;
    let mut person = Wire::through(&town, "person").await;
    let mut observed = Wire::through(&observed, "agent").await;
    for wire in [&mut ends, &mut chains, &mut person, &mut observed] {
        assert_eq!(wire.ask(&query("BEGIN")).await, "C:BEGIN Z:T");
    }
    let begun = Instant::now();
    // Three times the limit.
    while begun.elapsed() < Duration::from_secs(3) {
        // At no time is the session seen without a transaction.
        ends.send(&[query("COMMIT"), query("BEGIN"), query("SELECT pg_sleep(0.1)")].concat())
            .await;
        assert_eq!(
            ends.heard(3).await.join(" "),
            "C:COMMIT Z:I C:BEGIN Z:T T D C:SELECT 1 Z:T"
        );
        assert_eq!(chains.ask(&query("COMMIT AND CHAIN")).await, "C:COMMIT Z:T");
        assert_eq!(person.ask(&query("SELECT 1")).await, "T D C:SELECT 1 Z:T");
        assert_eq!(observed.ask(&query("SELECT 1")).await, "T D C:SELECT 1 Z:T");
    }
    // Outside of a transaction a statement has a limit of its own.
    let mut alone = Wire::through(&town, "agent").await;
    let slept = alone.ask(&query("SELECT pg_sleep(2)")).await;
    assert_eq!(slept, "T D C:SELECT 1 Z:I");
}
